"""How numbers are printed: to the last decimal place that is certain, so that noise never shows."""

import math

# Digits that are shown where an answer is only roughly known.
ROUGHLY = 1e-3


def rounded(value: float, tolerance: float) -> str:
    """A number, which may be off by ``tolerance``, to its last certain decimal place.

    Example:
        >>> rounded(0.30000000004, tolerance=1e-6), rounded(-1e-12, tolerance=1e-6)
        ('0.3', '0')
        >>> [rounded(0.0009765625 + noise, tolerance=1e-9) for noise in (-1e-15, 1e-15)]
        ['0.000976562', '0.000976562']
    """
    if not math.isfinite(value):
        return str(value)
    decimals = -math.ceil(math.log10(tolerance))
    # Rounded twice, so that noise does not decide how a number like 0.0009765625 is rounded;
    # zero is added to turn -0.0 into 0.0.
    return f"{round(round(value, decimals + 3), decimals) + 0.0:.10g}"


def in_certain_digits(value: float, noise: float, precision: float) -> str:
    """A number to as many digits as the noise leaves certain: all that are asked for, few, or one.

    Example:
        >>> [in_certain_digits(2 / 3, noise, 1e-6) for noise in (1e-9, 1e-5, 1e-2, 1.0)]
        ['0.666667', '0.667', '0.7', '0']
    """
    if abs(value) <= noise:
        return "0"
    for asked in (precision, ROUGHLY):
        if 10 * noise <= asked * abs(value):
            return rounded(value, asked * abs(value))
    return rounded(value, abs(value) / 10)


def in_five_digits(value: float, unsure: float = 1e-12) -> str:
    """A number to five digits, and as 0 what rounding may have left of a zero.

    Example:
        >>> in_five_digits(2 / 3), in_five_digits(-1e-13)
        ('0.66667', '0')
    """
    return f"{0.0 if abs(value) <= unsure else value:.5g}"


def as_fraction(factor: float, unsure: float) -> str:
    """A number as a simple fraction, or to as many digits as are certain.

    Example:
        >>> as_fraction(0.3333333, 1e-6), as_fraction(0.321, 1e-6)
        ('1/3', '0.321')
    """
    from fractions import Fraction  # seldom needed, and slow to load

    fraction = Fraction(factor).limit_denominator(12)
    near = fraction != 0 and abs(factor - float(fraction)) <= unsure
    return str(fraction) if near else rounded(factor, unsure)
