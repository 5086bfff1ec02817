"""Look again, in ever dearer ways, before a gradient is called wrong: a list of looks."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from autodiff_helpers.gradients.beside import right_beside
from autodiff_helpers.gradients.comparison import ROUGH, Blame, Coarse, Comparison, Kink, Kinks
from autodiff_helpers.gradients.differences import (
    EPSILON,
    SHORT_STEP,
    Array,
    Indices,
    Mask,
    OneSidedSlopes,
    better_of,
)
from autodiff_helpers.gradients.evaluation import Behavior, same
from autodiff_helpers.gradients.function import VectorFunction
from autodiff_helpers.gradients.rules import reverse_jacobian
from autodiff_helpers.gradients.undoing import (
    SavedAsTheyWere,
    WithoutCuts,
    ZerosKeptBehindChoices,
)

# Slopes to the left and to the right that differ by less than this share are one slope.
KINK = 1e-3
# A function rounded more coarsely than this is no rounded function but one with steps.
COARSEST = 0.02
MOST_LOOKED_AT = 2000
# Rounding inside a function that does not show, in units of the last digit of the largest number.
HIDDEN_UNITS = 16
ALMOST_ZERO = 1e-8
# Step sizes, relative to an input, from the least that double precision knows to a rather long one.
STEPS = 10.0 ** np.arange(-15.5, 0.0, 0.5)


def look_closer(function: VectorFunction, comparison: Comparison) -> Comparison:
    """Gather evidence until the comparison is settled, or all has been looked at."""
    for look in LOOKS:
        if comparison.settled:
            break
        comparison = look(function, comparison)
    return comparison


def with_other_steps(function: VectorFunction, comparison: Comparison) -> Comparison:
    """Differentiate once more in both ways, with nothing taken for granted."""
    if comparison.matches.all():
        return comparison
    function.doubt()
    analytic = comparison.analytic
    if comparison.source == "autograd":
        analytic = by_autograd(function, comparison.behavior, in_doubt=True)
    numeric = function.differences.second_opinion(comparison.numeric)
    return comparison.seen(analytic=analytic, numeric=numeric)


def by_autograd(function: VectorFunction, behavior: Behavior, *, in_doubt: bool = False) -> Array:
    """The Jacobian by autograd; nan where it refuses a function that changes its input."""
    try:
        return reverse_jacobian(function, in_doubt=in_doubt)
    except RuntimeError:
        if behavior.change is None:
            raise
        return np.full((len(function.value), len(function.x)), np.nan)


def called_again(function: VectorFunction, comparison: Comparison) -> Comparison:
    """See whether the function gives the same value for the same input."""
    if comparison.behavior.repeats is not None:
        return comparison
    behavior = comparison.behavior._replace(repeats=function.repeats())
    return comparison.seen(behavior=behavior)


def as_far_as_steps_are_noticed(function: VectorFunction, comparison: Comparison) -> Comparison:
    """Ask no more of a difference than what numbers as large as those that go in can show.

    An output that does not notice a step at all, such as the loss of a sure answer, may be rounded
    inside: 1 + 1e-18 is 1. Where the answer is so small that this would hide it, the difference
    proves nothing.
    """
    if comparison.agrees.all():
        return comparison
    x, value = np.abs(comparison.point.x), np.abs(comparison.point.value)
    largest = max(1.0, x.max(initial=0.0), value.max(initial=0.0))
    rounding = HIDDEN_UNITS * comparison.epsilon * largest
    hidden = rounding / (SHORT_STEP * function.differences.longer * np.maximum(x, 1.0))
    analytic, numeric = comparison.analytic, comparison.numeric
    unnoticed = ~comparison.agrees & (numeric.values == 0) & (np.abs(analytic) <= hidden)
    errors = np.where(unnoticed, np.maximum(numeric.errors, hidden), numeric.errors)
    return comparison.seen(numeric=numeric._replace(errors=errors))


def in_its_own_precision(function: VectorFunction, comparison: Comparison) -> Comparison:
    """Judge a function that is rounded inside by what it can do, and note how coarse it is."""
    if not comparison.doubtful.any():
        return comparison
    row, column = comparison.worst(comparison.doubtful)
    step = _least_step(function, row, column)
    slopes = comparison.analytic[row, column], comparison.numeric.values[row, column]
    change = step * max(map(abs, slopes))
    largest = max(abs(function.value[row]), np.abs(function.x).max())
    if change == 0 or change >= COARSEST * largest:
        return comparison
    epsilon = float(change / largest)
    if epsilon > 100 * comparison.epsilon:
        coarser = replace(function.differences, epsilon=epsilon, seen=function.seen)
        numeric = coarser.central()
        return comparison.seen(numeric=numeric, epsilon=epsilon, coarse=Coarse(column, step))
    # An output may be small beside the inputs and yet be made of numbers as large as they are.
    noisier = replace(function.differences, noise=change).central()
    better = better_of(comparison.numeric, noisier)
    # No more exact than it seemed before.
    errors = np.maximum.reduce([better.errors, noisier.errors, comparison.numeric.errors])
    return comparison.seen(numeric=better._replace(errors=errors))


def _least_step(function: VectorFunction, row: int, column: int) -> float:
    """The shortest step that one output notices, or 0 where it notices nearly all of them."""
    size = max(abs(function.x[column]), 1.0)
    steps = STEPS * size
    points = np.tile(function.x, (2 * len(steps), 1))
    points[:, column] += np.concatenate([steps, -steps])
    values = function.evaluate(points)[:, row].reshape(2, -1)
    noticed = steps[(values != function.value[row]).all(axis=0)]
    if not len(noticed) or noticed[0] < 10 * EPSILON * size:
        return 0.0
    return float(noticed[0])


def from_both_sides(function: VectorFunction, comparison: Comparison) -> Comparison:
    """Excuse an answer between the two slopes of a kink, and note where it is."""
    doubtful = ~comparison.agrees | comparison.unproved | comparison.numeric.bent
    columns = np.flatnonzero(doubtful.any(axis=0))[:MOST_LOOKED_AT]
    if not len(columns):
        return comparison
    differences = replace(function.differences, epsilon=comparison.epsilon)
    noise = differences.measured_noise(comparison.numeric.values, columns)
    slopes = replace(differences, noise=noise).to_both_sides(columns)
    comparison = _with_slopes_on_this_side(comparison, columns, slopes)
    return comparison.seen(kinks=_kinks(comparison, columns, slopes, doubtful[:, columns]))


def _with_slopes_on_this_side(
    comparison: Comparison, columns: Indices, slopes: OneSidedSlopes
) -> Comparison:
    """Use slopes from a far smaller scale where there is a kink close by."""
    middle = (slopes.left + slopes.right) / 2
    better = slopes.near & (slopes.errors <= 10 * ROUGH * np.abs(middle))
    if not better.any():
        return comparison
    values, errors = comparison.numeric.values.copy(), comparison.numeric.errors.copy()
    values[:, columns] = np.where(better, middle, values[:, columns])
    errors[:, columns] = np.where(better, slopes.errors, errors[:, columns])
    return comparison.seen(numeric=comparison.numeric._replace(values=values, errors=errors))


def _kinks(
    comparison: Comparison, columns: Indices, slopes: OneSidedSlopes, doubtful: Mask
) -> Kinks | None:
    """The kinks, jumps and ends among some columns of the Jacobian, and how good the answers are.

    All masks here have a column for each of these.
    """
    low, high = np.fmin(slopes.left, slopes.right), np.fmax(slopes.left, slopes.right)
    size = np.maximum(np.abs(low), np.abs(high))
    # Beside the end of its domain a function ends as well, at a distance that is not nothing.
    x = comparison.point.x[columns]
    at_end = (x == 0) | (np.abs(x) > ALMOST_ZERO)
    edge = doubtful & (np.isnan(slopes.left) ^ np.isnan(slopes.right)) & at_end
    apart = high - low > max(KINK, comparison.tolerance) * size + 30 * slopes.errors
    jumps = slopes.jumps & doubtful
    found = edge | (doubtful & apart) | jumps
    if not found.any():
        return None
    analytic, numeric = comparison.analytic[:, columns], comparison.numeric.values[:, columns]
    tolerance = comparison.tolerance * size + 10 * slopes.errors
    between = (analytic >= low - tolerance) & (analytic <= high + tolerance) & ~jumps
    differs = np.abs(analytic - numeric) > ROUGH * np.maximum(np.abs(analytic), np.abs(numeric))
    outside = found & ~between & ~comparison.agrees[:, columns]
    # One to speak of: the first that is no answer, or else the first of all.
    row, index = (int(each[0]) for each in np.nonzero(outside if outside.any() else found))
    kink = Kink(
        row,
        int(columns[index]),
        "jump" if jumps[row, index] else "edge" if edge[row, index] else "kink",
        float(slopes.left[row, index]),
        float(slopes.right[row, index]),
        float(10 * slopes.errors[row, index]),
        bool((jumps & differs)[row, index] if jumps[row, index] else outside.any()),
    )
    excused, broken = np.zeros_like(comparison.matches), np.zeros_like(comparison.matches)
    excused[:, columns] = found & between
    broken[:, columns] = jumps & differs
    return Kinks(excused, broken, kink)


def beside(function: VectorFunction, comparison: Comparison) -> Comparison:
    """Excuse an answer where several kinks meet, if it is right beside that point."""
    return right_beside(function, comparison, reverse_jacobian)


def without_zeros_times_infinity(function: VectorFunction, comparison: Comparison) -> Comparison:
    """See whether nan comes from what a choice such as ``torch.where`` leaves out."""
    undefined = np.isnan(comparison.analytic)
    if comparison.source != "autograd" or comparison.misbehaves or not undefined.any():
        return comparison
    with ZerosKeptBehindChoices(function.recording.outputs) as kept:
        analytic = by_autograd(function, comparison.behavior, in_doubt=True)
    if np.isfinite(analytic[undefined]).all():
        return comparison.seen(blame=Blame("left out", kept.choices))
    return comparison


def without_what_is_to_blame(function: VectorFunction, comparison: Comparison) -> Comparison:
    """See whether a call such as ``detach()`` is to blame: without it the gradient is right."""
    fatal = comparison.kinks is not None and comparison.kinks.shown.outside
    if comparison.source != "autograd" or fatal or comparison.agrees.all():
        return comparison
    for undo in (SavedAsTheyWere(), WithoutCuts()):
        try:
            other = function.recorded_within(undo)
            analytic = reverse_jacobian(other, in_doubt=True)
        except Exception:
            continue  # it needs what the cut gave it, whatever it says
        # A number that was only printed or noted down changes nothing when it is another one.
        blame = undo.blame_for_numbers
        if same(other.value, function.value, 100 * comparison.epsilon):
            right = comparison.seen(analytic=analytic).agrees.all()
            blame = undo.blame if right else None
        if blame is not None:
            return comparison.seen(blame=blame)
    return comparison


Look = Callable[[VectorFunction, Comparison], Comparison]

LOOKS: tuple[Look, ...] = (
    with_other_steps,
    without_zeros_times_infinity,
    called_again,
    as_far_as_steps_are_noticed,
    in_its_own_precision,
    from_both_sides,
    beside,
    without_what_is_to_blame,
)
