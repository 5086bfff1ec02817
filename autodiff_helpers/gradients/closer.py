"""Look again, in ever dearer ways, before a gradient is called wrong: a list of looks."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Literal

import numpy as np

from autodiff_helpers.gradients.beside import possible_all_at_once, right_beside
from autodiff_helpers.gradients.comparison import (
    ROUGH,
    SAFETY,
    SOMETHING,
    Blame,
    Coarse,
    Comparison,
    Kink,
    Kinks,
)
from autodiff_helpers.gradients.differences import (
    CENTRAL,
    EPSILON,
    ONE_SIDED,
    SHORT_STEP,
    Array,
    Mask,
    NumericJacobian,
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
MOST_CLOSE_UPS = 32
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
    comparison = comparison.seen(analytic=analytic)
    differences = function.differences.with_measured_noise(comparison.numeric.values)
    numeric = differences.doubted(comparison.numeric)
    # Where slopes to both sides differ, steps of another length are no better.
    columns = np.flatnonzero((~comparison.matches & ~numeric.bent).any(axis=0))
    function.caller.progress.expect(CENTRAL * len(columns))
    return comparison.seen(numeric=differences.second_opinion(numeric, columns))


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
    differences = replace(function.differences, epsilon=comparison.epsilon)
    steps = SHORT_STEP * function.differences.longer * np.maximum(np.abs(function.x), 1.0)
    hidden = differences.hidden / steps
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
    function.caller.progress.expect(CENTRAL * len(function.x))
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
    """Excuse an answer between the two slopes of a kink, and note where it is.

    What would be said is looked at on ever smaller scales, until it stands.
    """
    exact = replace(function.differences, epsilon=comparison.epsilon)
    differences, numeric = exact.with_measured_noise(), comparison.numeric
    some = np.maximum(ROUGH * np.abs(numeric.values), SOMETHING)
    rough = ~comparison.agrees & ~(numeric.errors <= some)
    doubtful = comparison.unproved | numeric.bent | rough
    columns = np.flatnonzero(doubtful.any(axis=0))[:MOST_LOOKED_AT]
    function.caller.progress.expect(ONE_SIDED * len(columns))
    slopes = differences.to_both_sides(columns).among(columns, numeric)
    # Where they only seemed to differ, central differences are better.
    broken = np.logical_or.reduce(_breaks(comparison, slopes)) | slopes.near
    smooth = np.flatnonzero(numeric.bent.any(axis=0) & ~broken.any(axis=0))
    comparison = comparison.seen(numeric=differences.with_more_steps(numeric, smooth))
    looked_at: set[tuple[int, int]] = set()
    while True:
        judged = _with_slopes(comparison, slopes)
        in_question = (each for each in _in_question(judged, slopes) if each not in looked_at)
        place = next(in_question, None)
        if place is None or len(looked_at) == MOST_CLOSE_UPS or function.epsilon > EPSILON:
            return possible_all_at_once(function, judged, slopes)
        looked_at.add(place)
        # Noise was measured farther away than this is.
        slopes = slopes.replaced(place, exact.close_up(*place))


def _breaks(comparison: Comparison, slopes: OneSidedSlopes) -> tuple[Mask, Mask, Mask]:
    """Where the function ends, where its slopes to both sides differ, and where it jumps."""
    low, high = np.fmin(slopes.left, slopes.right), np.fmax(slopes.left, slopes.right)
    size = np.maximum(np.abs(low), np.abs(high))
    # Beside the end of its domain a function ends as well, at a distance that is not nothing.
    x = np.abs(comparison.point.x)
    ends = (np.isnan(slopes.left) ^ np.isnan(slopes.right)) & ((x == 0) | (x > ALMOST_ZERO))
    apart = high - low > max(KINK, comparison.tolerance) * size + 30 * slopes.errors
    return ends, apart, slopes.jumps


def _with_slopes(comparison: Comparison, slopes: OneSidedSlopes) -> Comparison:
    """Use slopes from a far smaller scale where there is a kink close by, and note those here."""
    values, errors, bends = comparison.numeric
    middle = (slopes.left + slopes.right) / 2
    near, known = slopes.near, slopes.errors <= 10 * ROUGH * _size(comparison, slopes)
    apart = np.abs(middle - values)
    better = near & known & ((apart > SAFETY * (slopes.errors + errors)) | (slopes.errors < errors))
    # What was seen on the usual scale is no derivative, even where it is not known which one is.
    errors = np.where(near & ~known, np.fmax(errors, apart + slopes.errors), errors)
    values, errors = np.where(better, middle, values), np.where(better, slopes.errors, errors)
    numeric = NumericJacobian(values, errors, bends)
    comparison = comparison.seen(numeric=numeric, changes_close_by=near)
    return comparison.seen(kinks=_kinks(comparison, slopes))


def _size(comparison: Comparison, slopes: OneSidedSlopes) -> Array:
    """How large each derivative is, by rule or by its slopes."""
    return np.fmax(np.abs(slopes.left + slopes.right) / 2, np.abs(comparison.analytic))


def _in_question(comparison: Comparison, slopes: OneSidedSlopes) -> Iterator[tuple[int, int]]:
    """What would be spoken of, and what is not known well enough."""
    if comparison.kinks is not None:
        yield comparison.kinks.shown.row, comparison.kinks.shown.column
    if not comparison.agrees.all():
        yield comparison.worst(~comparison.agrees)
    rough = slopes.errors > ROUGH / SAFETY * _size(comparison, slopes)
    for row, column in np.argwhere(slopes.near & rough):
        yield int(row), int(column)


def _kinks(comparison: Comparison, slopes: OneSidedSlopes) -> Kinks | None:
    """The kinks, jumps and ends of the function, and how good the answers are there."""
    doubtful = ~comparison.matches | comparison.unproved | comparison.numeric.bent
    ends, kinks, jumps = (each & doubtful for each in _breaks(comparison, slopes))
    found = ends | kinks | jumps
    if not found.any():
        return None
    low, high = np.fmin(slopes.left, slopes.right), np.fmax(slopes.left, slopes.right)
    tolerance = comparison.tolerance * np.maximum(np.abs(low), np.abs(high)) + 10 * slopes.errors
    analytic, numeric = comparison.analytic, comparison.numeric.values
    between = (analytic >= low - tolerance) & (analytic <= high + tolerance) & ~jumps
    differs = np.abs(analytic - numeric) > ROUGH * np.maximum(np.abs(analytic), np.abs(numeric))
    outside = found & ~between & ~comparison.matches | jumps & differs
    # One to speak of: the first that is no answer, or else the first of all.
    row, column = (int(each[0]) for each in np.nonzero(outside if outside.any() else found))
    kind: Literal["kink", "jump", "edge"] = "kink"
    if jumps[row, column]:
        kind = "jump"
    elif ends[row, column]:
        kind = "edge"
    shown = Kink(
        row,
        column,
        kind,
        float(slopes.left[row, column]),
        float(slopes.right[row, column]),
        float(10 * slopes.errors[row, column]),
        bool(outside[row, column]),
    )
    return Kinks(found & between, jumps & differs, shown)


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
