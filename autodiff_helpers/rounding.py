"""How numbers are printed: to the last decimal place that is certain, so that noise never shows."""

import math
from collections.abc import Sequence
from functools import lru_cache

from torch._tensor_str import PRINT_OPTS

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


def in_differing_digits(
    one: tuple[float, float], other: tuple[float, float], precision: float
) -> tuple[str, str]:
    """Two numbers, each with its noise, to as many certain digits as it takes to tell them apart.

    Example:
        >>> in_differing_digits((2.0, 1e-12), (1.0, 0.02), 1e-6)
        ('2', '1')
        >>> in_differing_digits((0.9938, 0.02), (0.9648, 0.02), 1e-6)
        ('1', '0.96')
    """
    apart = abs(one[0] - other[0])
    texts = []
    for value, noise in (one, other):
        text = in_certain_digits(value, noise, precision)
        if math.isfinite(apart) and abs(float(text) - value) > apart / 4:
            decimals = -math.floor(math.log10(apart / 2))
            text = f"{round(value, decimals) + 0.0:.15g}"
        texts.append(text)
    return texts[0], texts[1]


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


def significant(number: complex, digits: int = 6) -> str:
    """A number to so many digits, without zeros at its end; a whole one stays whole.

    Example:
        >>> significant(1000003.0), significant(1 / 3, digits=3)
        ('1000003', '0.333')
    """
    if isinstance(number, int | float) and number % 1 == 0 and abs(number) < 1e15:
        return f"{number:.0f}"
    return f"{number:.{digits}g}"


def in_few_digits(numbers: Sequence[float]) -> list[str]:
    """Numbers of one curve to four digits, and as 0 what rounding may have left of a zero.

    Example:
        >>> in_few_digits([1e-17, 2 / 3, 10.0])
        ['0', '0.6667', '10']
    """
    largest = max((abs(number) for number in numbers if math.isfinite(number)), default=0.0)
    return [
        "0" if abs(number) <= 1e-12 * largest else rounded(number, 1e-4 * abs(number))
        for number in numbers
    ]


def magnitude(error: float) -> str:
    """How large an error is, to one digit.

    Example:
        >>> magnitude(0.00123), magnitude(0.0), magnitude(math.nan)
        ('1e-03', '0', '–')
    """
    if math.isnan(error):
        return "–"
    return f"{error:.0e}" if error else "0"


# The places and sizes in a picture repeat.
@lru_cache(2**12)
def coordinate(length: float) -> str:
    """A length in a picture to two decimals, without zeros at its end.

    Example:
        >>> coordinate(12.0), coordinate(-0.125)
        ('12', '-0.12')
    """
    return f"{length:.2f}".rstrip("0").rstrip(".")


def as_torch_prints(numbers: Sequence[complex]) -> list[str]:
    """The numbers of a tensor as torch prints them, in some hundredth of the time that it takes.

    Example:
        >>> as_torch_prints([2.0, 3.0]), as_torch_prints([0.5, 3.0]), as_torch_prints([1, True])
        (['2.', '3.'], ['0.5000', '3.0000'], ['1', 'True'])
    """
    if any(isinstance(number, complex) for number in numbers):
        parts = [(number.real, number.imag) for number in numbers]
        real, imaginary = map(_floats_as_torch_prints, zip(*parts, strict=True))
        signed = [part if part.startswith("-") else f"+{part}" for part in imaginary]
        return [f"{one}{other}j" for one, other in zip(real, signed, strict=True)]
    if any(isinstance(number, float) for number in numbers):
        return _floats_as_torch_prints([number.real for number in numbers])
    return [str(number) for number in numbers]


def _floats_as_torch_prints(numbers: Sequence[float]) -> list[str]:
    """All of them whole with a point, or all with decimals, or all with powers of ten."""
    sizes = [abs(number) for number in numbers if number and math.isfinite(number)]
    precision = PRINT_OPTS.precision
    if sizes and _has_powers_of_ten(sizes):
        return [f"{number:.{precision}e}" for number in numbers]
    if all(size.is_integer() for size in sizes):
        return [f"{number:.0f}" + ("." if math.isfinite(number) else "") for number in numbers]
    return [f"{number:.{precision}f}" for number in numbers]


def _has_powers_of_ten(sizes: Sequence[float]) -> bool:
    if PRINT_OPTS.sci_mode is not None:
        return PRINT_OPTS.sci_mode
    smallest, largest = min(sizes), max(sizes)
    return largest / smallest > 1000 or largest > 1e8 or smallest < 1e-4
