"""Look right beside a point where several kinks meet: there the function has one derivative.

At such a point, where numbers are equal or all are 0, the slopes by single inputs do not tell what
an answer is worth: that of a median of equal numbers is 0 to both sides of each of them. Autograd
gives what each operation chooses. If it is right beside the point, and the derivatives there differ
from those at the point by as much as its answer does, then that is one of several right ones.
"""

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from autodiff_helpers.gradients.comparison import ROUGH, SAFETY, Blame, Comparison, Kink, Kinks
from autodiff_helpers.gradients.differences import (
    EPSILON,
    Array,
    Differences,
    Mask,
    OneSidedSlopes,
)
from autodiff_helpers.gradients.function import VectorFunction

# How far beside, in proportion to each number: near, so that a smooth function hardly changes, and
# so far that its change there is many times as large, while that at a kink is the same.
NEAR = 3e-5
FAR = 1e-3
SAME = 0.3
# Where kinks are the cause, derivatives differ by at least this share of what the answer is off.
SHARE = 0.1
EXACT = 1e-5
STEPS = 10.0 ** -np.arange(2, 6)
POINTS = 3
# What rounding left of a 0 is one.
NOTHING = 1e-12


def right_beside(
    function: VectorFunction,
    comparison: Comparison,
    by_autograd: Callable[[VectorFunction], Array],
) -> Comparison:
    """Excuse what is wrong here and right beside, if kinks are the cause; else note that it is."""
    kinks = comparison.kinks
    # What is wrong on the smallest scale is not excused on a larger one.
    wrong = ~comparison.agrees & np.logical_not(comparison.changes_close_by)
    # In coarse numbers there are no points so near.
    if not wrong.any() or comparison.misbehaves or function.epsilon > EPSILON:
        return comparison
    here = np.nan_to_num(comparison.numeric.values)
    off = np.where(wrong, np.abs(comparison.analytic - here), 0.0)
    scales = _scales(function)
    jacobians: list[Array] = []
    right = np.asarray(wrong.any(axis=1))
    for moved in points_beside(function):
        jacobians.append(by_autograd(moved))
        if len(jacobians) < POINTS:
            right &= _is_right(moved, jacobians[-1], off, scales)
        if not right.any():
            return comparison
    if len(jacobians) < POINTS:
        return comparison
    jumps = np.zeros_like(wrong) if kinks is None else kinks.jumps
    rows = right & _has_kinks(comparison, jacobians, off) & ~jumps.any(axis=1)
    chosen_by_torch = comparison.source == "autograd" and not function.own_rules
    if not chosen_by_torch:
        # It must be a choice that can be made.
        rows &= _may_be_chosen(function, comparison, jacobians)
    excused = wrong & rows[:, None]
    if not excused.any():
        here_only = chosen_by_torch and not wrong[~right].any()
        return comparison.seen(blame=Blame("here only")) if here_only else comparison
    row, column = comparison.worst(excused)
    shown = Kink(row, column, "tie", np.nan, np.nan, 0.0, outside=False)
    if kinks is not None:
        excused |= kinks.excused
        if kinks.shown.outside and not excused[kinks.shown.row, kinks.shown.column]:
            shown = kinks.shown
    return comparison.seen(kinks=Kinks(excused, jumps, shown))


def points_beside(function: VectorFunction) -> Iterator[VectorFunction]:
    """The function near the point, to both sides, and farther away, where it has values."""
    shift = _scales(function) * _spread(len(function.x))
    for distance in (NEAR, -NEAR, FAR):
        try:
            point = function.seen(np.array([function.x + distance * shift]))[0]
            moved = function.moved_to(point)
        except Exception:
            return  # it has no value there
        yield moved


def changed_at_once(here: Array, off: Array | float, others: Sequence[Array]) -> Mask:
    """Where numbers near the point differ from those at it as much as farther away.

    And by what may be the cause of what an answer is off.
    """
    *near, far = (np.abs(each - here) for each in others)
    change = np.maximum.reduce(near)
    return np.asarray((change >= SHARE * off) & (change >= SAME * far))


def _is_right(function: VectorFunction, jacobian: Array, off: Array, scales: Array) -> Mask:
    """For each output, whether its derivative in a direction is autograd's, at two steps.

    The direction is by the inputs for which an answer at the point was off. Where other kinks are
    near only short steps show it, and where rounding is large only long ones.
    """
    direction = NEAR * scales * _spread(len(function.x))[::-1] * off.any(axis=0)
    terms = jacobian * direction
    allowed = EXACT * np.linalg.norm(terms, axis=1)
    # What was off would show.
    allowed = np.minimum(allowed, SHARE * np.linalg.norm(off * direction, axis=1))
    along = _along(function, direction)
    slopes = np.array([(along(step) - along(-step)) / (2 * step) for step in STEPS])
    close = np.abs(slopes - terms.sum(axis=1)) <= allowed
    return np.asarray((close[1:] & close[:-1]).any(axis=0))


def _along(function: VectorFunction, direction: Array) -> Callable[[float], Array]:
    """The function along a line through its point."""
    return lambda step: function.evaluate((function.x + step * direction)[None])[0]


def _has_kinks(comparison: Comparison, jacobians: Sequence[Array], off: Array) -> Mask:
    """For each output, whether its derivatives change at once by as much as the answer is off."""
    here = np.nan_to_num(comparison.numeric.values)
    most = off.max(axis=1, keepdims=True)
    changed = changed_at_once(here, most, jacobians) & (comparison.noise <= most)
    return np.asarray(changed.any(axis=1))


def _may_be_chosen(
    function: VectorFunction, comparison: Comparison, jacobians: Sequence[Array]
) -> Mask:
    """For each output, whether an answer lies between what derivatives there are.

    And where all numbers may grow by the same without a kink, it must be right for that.
    """
    here, answer = np.nan_to_num(comparison.numeric.values), comparison.analytic
    around = np.concatenate([here, *jacobians], axis=1)
    size = np.abs(around).max(axis=1)
    low, high = (np.minimum(around.min(axis=1), 0.0), np.maximum(around.max(axis=1), 0.0))
    # A derivative beside the point is not quite the one at it, unless the function is straight.
    near, _, far = jacobians
    bend = SAFETY * NEAR / FAR * np.abs(far - near).max(axis=1)
    unsure = np.maximum(comparison.tolerance * size, np.minimum(bend, ROUGH * size))
    between = (answer.min(axis=1) >= low - unsure) & (answer.max(axis=1) <= high + unsure)
    left, right, unsure = _slopes_of_growth(function)
    whole = answer @ _scales(function)
    low, high = np.fmin(left, right) - unsure, np.fmax(left, right) + unsure
    return np.asarray(between & (whole >= low) & (whole <= high))


def possible_all_at_once(
    function: VectorFunction, comparison: Comparison, slopes: OneSidedSlopes
) -> Comparison:
    """Excuse no answer at kinks that is possible for each input alone, but not for all of them.

    All numbers grow in proportion. Where kinks have nothing to do with each other, the slope is
    the sum of those by each input, and then each answer stands for itself; so does what torch's
    own operations choose.
    """
    kinks = comparison.kinks
    own_choice = comparison.source != "autograd" or bool(function.own_rules)
    if kinks is None or kinks.shown.outside or not own_choice or function.epsilon > EPSILON:
        return comparison
    scales = _scales(function)
    left, right, unsure = _slopes_of_growth(function)
    unsure += SAFETY * (slopes.errors @ scales)
    apart = np.abs(slopes.left @ scales - left) + np.abs(slopes.right @ scales - right)
    whole = comparison.analytic @ scales
    outside = np.maximum(np.fmin(left, right) - whole, whole - np.fmax(left, right)) > unsure
    rows = outside & (apart > unsure) & kinks.excused.any(axis=1)
    if not rows.any():
        return comparison
    row = int(rows.argmax())
    shown = kinks.shown._replace(
        row=row,
        column=int(kinks.excused[row].argmax()),
        kind="sum",
        left=float(left[row]),
        right=float(right[row]),
        unsure=float(unsure[row]),
        outside=True,
    )
    excused = kinks.excused & ~rows[:, None]
    return comparison.seen(kinks=Kinks(excused, kinks.jumps, shown))


def _slopes_of_growth(function: VectorFunction) -> tuple[Array, Array, Array]:
    """For each output, its slopes where all numbers shrink and grow in proportion, and an error."""
    along = _along(function, _scales(function))
    line = Differences(
        lambda steps: np.array([along(step) for step in steps[:, 0]]),
        np.zeros(1),
        function.value,
        epsilon=function.epsilon,
    )
    slopes = line.to_both_sides(np.array([0]))
    left, right, errors = slopes.left[:, 0], slopes.right[:, 0], slopes.errors[:, 0]
    return left, right, ROUGH * np.maximum(np.abs(left), np.abs(right)) + SAFETY * errors


def _scales(function: VectorFunction) -> Array:
    """How large each number is, or for a 0 those beside it, or 1."""
    scales = np.abs(function.x)
    for piece in function.pieces:
        part = scales[piece.start : piece.stop]
        part[part <= NOTHING * part.max(initial=0.0)] = part.max(initial=0.0) or 1.0
    return scales


def _spread(count: int) -> Array:
    """Numbers between 0.5 and 1, as far apart from each other as can be."""
    return np.asarray(0.5 + 0.5 * (np.arange(1, count + 1) * (np.sqrt(1.25) - 0.5) % 1.0))
