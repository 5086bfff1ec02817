"""The table of the derivatives: what stands in its rows, and to how many digits."""

import numpy as np

from autodiff_helpers.gradients.comparison import ROUGH, Comparison, Source
from autodiff_helpers.rounding import in_certain_digits, in_differing_digits
from autodiff_helpers.words import say

# Where nothing better is known, a number below this may be what rounding left of a zero.
NOTHING = 1e-9
# So much of the largest derivative may be what rounding left of a zero.
RESIDUE = 1e-12


def table_head(source: Source) -> list[str]:
    """What stands above the columns of the table."""
    return [say("derivative"), source_name(source), say("numeric"), say("agree")]


def table_row(comparison: Comparison, row: int, column: int) -> list[str]:
    """One derivative in the table: its name, both values, and whether they agree."""
    analytic, numeric = printed(comparison, row, column)
    numeric_value = comparison.numeric.values[row, column]
    judged = say("yes") if comparison.agrees[row, column] else say("NO")
    known = not np.isnan(numeric_value)
    kinks = comparison.kinks
    if kinks is not None and kinks.excused[row, column]:
        judged = say("kink")
    elif kinks is not None and kinks.jumps[row, column]:
        judged, known = say("jump"), False
    elif comparison.agrees[row, column] and comparison.unproved[row, column]:
        judged, numeric = say("unsure"), "?"
    if not known:
        numeric = say("none")
    if not known or numeric == "?":
        value = float(comparison.analytic[row, column])
        analytic = in_certain_digits(value, NOTHING, ROUGH)
    return [comparison.point.names.derivative(row, column), analytic, numeric, judged]


def source_name(source: Source) -> str:
    """What the derivatives by rule are called."""
    if source == "autograd":
        return say("autograd")
    return say("expected") if source == "expected" else say("forward mode")


def printed(comparison: Comparison, row: int, column: int) -> tuple[str, str]:
    """One derivative by rule and by central differences, to as many digits as are certain."""
    noise = comparison.noise_to_print(row, column)
    analytic = float(comparison.analytic[row, column])
    numeric = float(comparison.numeric.values[row, column])
    precision = comparison.precision
    if comparison.agrees[row, column]:
        return (
            in_certain_digits(analytic, noise, precision),
            in_certain_digits(numeric, noise, precision),
        )
    # The one by rule is exact but for rounding; one digit more where there is a difference to see.
    rounding = RESIDUE * max(float(comparison.scale.max()), abs(numeric))
    return in_differing_digits((analytic, rounding), (numeric, noise), precision / 10)
