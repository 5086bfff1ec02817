"""How numbers are printed: to the last decimal place that is certain, so that noise never shows."""

import math


def rounded(value: float, tolerance: float) -> str:
    """Write a number to the last decimal place that is certain.

    Args:
        value: the number.
        tolerance: how far the number may be off; greater than 0.

    Returns:
        The shortest text of the rounded number, at most ten digits.

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
