"""Whether a gradient is right, and if it is not, why, in one sentence."""

import math
from typing import NamedTuple

import numpy as np

from autodiff_helpers.gradients.comparison import ROUGH, Comparison
from autodiff_helpers.gradients.differences import (
    EPSILON,
    Array,
    Indices,
    Mask,
    better_of,
    central_differences,
    measured_noise,
    one_sided_slopes,
)
from autodiff_helpers.gradients.function import VectorFunction
from autodiff_helpers.gradients.mistakes import common_mistake
from autodiff_helpers.gradients.pieces import flat

# Slopes to the left and to the right that differ by less than this share are one slope.
KINK = 1e-3
# A function rounded more coarsely than this is no rounded function but one with steps.
COARSEST = 0.02
MOST_LOOKED_AT = 2000
MOST_ROWS = 50
ALMOST_ZERO = 1e-8


# Steps, relative to an input, from the least that double precision knows to a rather long one.
STEPS = 10.0 ** np.arange(-15.5, 0.0, 0.5)


def diagnose(comparison: Comparison) -> tuple[Comparison, bool, str]:
    """Say whether the gradient is right, and if it is not, why.

    Args:
        comparison: the Jacobian by rule and by central differences.

    Returns:
        The comparison as it was judged in the end, the verdict, and one sentence.
    """
    function = comparison.function
    odd = bool(function.changed) or function.random
    if not odd and comparison.plain:
        return comparison, True, _right(comparison.analytic.size)
    odd |= bool(comparison.numeric.bent.any())
    rough = comparison.rougher_than(10 * comparison.tolerance)
    if not odd and comparison.matches.all() and not rough.any():
        return comparison, True, _not_wrong(comparison)
    sentence = misbehaviour(function) or _undefined(comparison)
    if sentence is not None:
        return comparison, False, sentence
    comparison, rounding = _with_its_own_precision(comparison)
    comparison, kink = _kink(comparison)
    if kink is not None and kink.fatal:
        return comparison, False, kink.sentence
    right = bool(comparison.agrees.all())
    if not right:
        sentence = _wrong(comparison)
    else:
        sentence = kink.sentence if kink is not None else rounding or _not_wrong(comparison)
    if function.random:
        sentence = (
            f"{sentence[:-1]}; the function is random (two calls differ), so every call was given "
            "the same random numbers."
        )
    return comparison, right, sentence


def _not_wrong(comparison: Comparison) -> str:
    largest = comparison.scale.max(initial=0.0)
    finite = comparison.noise[np.isfinite(comparison.noise)]
    noise = float(finite.max(initial=0.0))
    if 0 < ROUGH * largest < noise:
        # In steps of a thousand, because the noise itself is another one on every machine.
        bound = 1000.0 ** math.ceil(math.log(noise, 1000))
        return (
            "The precision is too low for a proof: no difference was found, but central "
            f"differences prove this only to within {bound:g}: the gradient is too small for "
            "them, or the function is rounded too much."
        )
    return _right(comparison.analytic.size)


def _right(count: int) -> str:
    if count == 0:
        return "The gradient is right: there is nothing to compare, for lack of any number."
    if count == 1:
        return "The gradient is right: the derivative agrees with its central difference."
    which = "both" if count == 2 else f"all {count}"
    return f"The gradient is right: {which} derivatives agree with their central differences."


def misbehaviour(function: VectorFunction) -> str | None:
    """Say why a function is none that could be checked, if that is so.

    Args:
        function: the function, already recorded.

    Returns:
        One sentence, or ``None``.
    """
    if not function.repeats():
        return (
            f"The function is random: two calls of {function.name} with the same input differ, "
            "and they still do when torch's random numbers are the same; look for a generator of "
            "its own, a counter or a clock, and make it give one value for one input."
        )
    if not function.changed:
        return None
    piece, before, after = function.changed[0]
    was, is_now = flat([before]), flat([after])
    place = int((was != is_now).nonzero()[0])
    name = function.input_names[piece.position]
    return (
        f"The function changes its input {name} in place: "
        f"{function.input_name(piece.start + place)} is {was[place].item():.6g} before the call "
        f"and {is_now[place].item():.6g} after it; look for methods that end in _, for += and for "
        f".data, and let the function make a new tensor instead, such as {name}.clone()."
    )


def _undefined(comparison: Comparison) -> str | None:
    function = comparison.function
    value = function.value
    if not np.isfinite(value).all():
        row = int(np.flatnonzero(~np.isfinite(value))[0])
        return (
            f"The gradient is undefined: {function.output_name(row)} itself is {value[row]:g} at "
            "this point; look for a division by zero, or a log or root outside its domain."
        )
    undefined = ~np.isfinite(comparison.analytic)
    if not undefined.any():
        return None
    row, column = (int(each[0]) for each in np.nonzero(undefined))
    return (
        f"The gradient is undefined: {_who(comparison)} {comparison.analytic[row, column]:g} for "
        f"{comparison.name(row, column)} at {_point(comparison, column)}; look for a division "
        "by zero, a root or a log of 0, or a power of 0 on the way back."
    )


def _with_its_own_precision(comparison: Comparison) -> tuple[Comparison, str | None]:
    """Judge a function that is rounded inside by what it can do, and say how coarse it is."""
    function = comparison.function
    doubtful = ~comparison.agrees | comparison.rougher_than(10 * comparison.tolerance)
    if not doubtful.any():
        return comparison, None
    row, column = comparison.worst(doubtful)
    step, change = _least_change(comparison, row, column)
    largest = max(abs(function.value[row]), np.abs(function.place).max())
    if largest > 0 and 100 * comparison.epsilon < change / largest < COARSEST:
        numeric = central_differences(
            function,
            function.place,
            function.value,
            epsilon=float(change / largest),
            seen=function.seen,
        )
        return comparison.changed(numeric=numeric, epsilon=float(change / largest)), (
            "The precision is too low for more than this: no difference was found, but the "
            f"function does not notice when {function.input_name(column)} changes by less than "
            f"about {10.0 ** round(math.log10(step)):g}; look for float(), half() or other "
            "conversions to fewer digits inside it."
        )
    # An output may be small beside the inputs and yet be made of numbers as large as they are.
    noise = np.zeros_like(function.value)
    for row in np.flatnonzero(doubtful.any(axis=1))[:MOST_ROWS]:
        worst = comparison.worst(doubtful & (np.arange(len(noise)) == row)[:, None])
        _, change = _least_change(comparison, *worst)
        if change < 2 * abs(function.value[row]):
            noise[row] = change
    if not noise.any():
        return comparison, None
    numeric = central_differences(
        function,
        function.place,
        function.value,
        epsilon=comparison.epsilon,
        noise=noise,
        seen=function.seen,
    )
    # No more exact than it seemed before.
    better = better_of(comparison.numeric, numeric)
    errors = np.maximum.reduce([better.errors, numeric.errors, comparison.numeric.errors])
    return comparison.changed(numeric=better._replace(errors=errors)), None


def _least_change(comparison: Comparison, row: int, column: int) -> tuple[float, float]:
    """The shortest step that one output notices, and by how much it should change with it."""
    function = comparison.function
    size = max(abs(function.place[column]), 1.0)
    steps = STEPS * size
    points = np.tile(function.place, (2 * len(steps), 1))
    points[:, column] += np.concatenate([steps, -steps])
    values = function(points)[:, row].reshape(2, -1)
    noticed = steps[(values != function.value[row]).all(axis=0)]
    if not len(noticed) or noticed[0] < 10 * EPSILON * size:
        return 0.0, 0.0
    slopes = comparison.analytic[row, column], comparison.numeric.values[row, column]
    return float(noticed[0]), float(noticed[0] * max(map(abs, slopes)))


class _Kink(NamedTuple):
    sentence: str
    fatal: bool


def _kink(comparison: Comparison) -> tuple[Comparison, _Kink | None]:
    """Excuse an answer between the two slopes of a kink, and say where the kink is."""
    function = comparison.function
    doubtful = ~comparison.agrees | comparison.unproved | comparison.numeric.bent
    columns = np.flatnonzero(doubtful.any(axis=0))[:MOST_LOOKED_AT]
    if not len(columns):
        return comparison, None
    here = function.place, function.value
    noise = measured_noise(
        function,
        *here,
        comparison.numeric.values,
        epsilon=comparison.epsilon,
        elements=columns,
    )
    left, right, errors, jumps, near = one_sided_slopes(
        function, *here, columns, epsilon=comparison.epsilon, noise=noise
    )
    comparison = _with_slopes_on_this_side(comparison, columns, (left + right) / 2, errors, near)
    low, high = np.fmin(left, right), np.fmax(left, right)
    size = np.maximum(np.abs(low), np.abs(high))
    doubtful = doubtful[:, columns]
    # Beside the end of its domain a function ends as well, at a distance that is not nothing.
    at_end = (function.place[columns] == 0) | (np.abs(function.place[columns]) > ALMOST_ZERO)
    edge = doubtful & (np.isnan(left) ^ np.isnan(right)) & at_end
    kink = doubtful & (high - low > max(KINK, comparison.tolerance) * size + 30 * errors)
    jumps &= doubtful
    found = edge | kink | jumps
    if not found.any():
        return comparison, None
    analytic = comparison.analytic[:, columns]
    tolerance = comparison.tolerance * size + 10 * errors
    between = (analytic >= low - tolerance) & (analytic <= high + tolerance) & ~jumps
    excused = np.zeros_like(comparison.agrees)
    excused[:, columns] = found & between
    outside = found & ~between & ~comparison.agrees[:, columns]
    row, place = (int(each[0]) for each in np.nonzero(outside if outside.any() else found))
    column = int(columns[place])
    where = f"{function.output_name(row)} at {_point(comparison, column)}"
    answer = f"{_who(comparison)} {_short(analytic[row, place])}"
    unsure = float(10 * errors[row, place])
    slopes = _short(left[row, place], unsure), _short(right[row, place], unsure)
    broken = np.zeros_like(comparison.agrees)
    numeric = comparison.numeric.values[:, columns]
    apart = np.abs(analytic - numeric) > ROUGH * np.maximum(np.abs(analytic), np.abs(numeric))
    broken[:, columns] = jumps & apart
    comparison = comparison.changed(excused=excused, jumps=broken)
    if jumps[row, place]:
        return comparison, _Kink(
            f"The function is not differentiable here: {where} jumps, so there is no derivative; "
            f"{answer}; check it at another point.",
            fatal=bool(broken[row, column]),
        )
    if edge[row, place]:
        side, slope = ("right", slopes[1]) if np.isnan(left[row, place]) else ("left", slopes[0])
        sentence = (
            f"The function ends here: {where} has a value to the {side} only, and the slope {slope}"
        )
    else:
        sentence = (
            f"The function is not differentiable here: {where} has a kink, with the slope "
            f"{slopes[0]} to the left and {slopes[1]} to the right"
        )
    judged = (
        "which is none of the two and not between them."
        if outside.any()
        else "which is as right as an answer can be here."
    )
    return comparison, _Kink(f"{sentence}; {answer}, {judged}", bool(outside.any()))


def _with_slopes_on_this_side(
    comparison: Comparison, columns: Indices, slopes: Array, errors: Array, near: Mask
) -> Comparison:
    """Use slopes from a far smaller scale where there is a kink close by."""
    better = near & (errors <= 10 * ROUGH * np.abs(slopes))
    if not better.any():
        return comparison
    values, their_errors = comparison.numeric.values.copy(), comparison.numeric.errors.copy()
    values[:, columns] = np.where(better, slopes, values[:, columns])
    their_errors[:, columns] = np.where(better, errors, their_errors[:, columns])
    numeric = comparison.numeric._replace(values=values, errors=their_errors)
    return comparison.changed(numeric=numeric)


def _wrong(comparison: Comparison) -> str:
    wrong = ~comparison.agrees
    row, column = comparison.worst(wrong)
    analytic, numeric = comparison.printed(row, column)
    count = comparison.analytic.size
    where = f" in {wrong.sum()} of {count} derivatives" if count > 1 else ""
    sentence = (
        f"The gradient is wrong{where}: {_who(comparison)} {analytic} for "
        f"{comparison.name(row, column)}, central differences say {numeric}"
    )
    reason = common_mistake(comparison, row, column)
    return f"{sentence}; {reason}." if reason else f"{sentence}."


def _who(comparison: Comparison) -> str:
    return {
        "autograd": "autograd says",
        "forward mode": "autograd in forward mode says",
        "expected": "you expected",
    }[comparison.source]


def _point(comparison: Comparison, column: int) -> str:
    function = comparison.function
    return f"{function.input_name(column)} = {_short(function.place[column])}"


def _short(value: float, unsure: float = 1e-12) -> str:
    """A number to five digits, and as 0 what rounding may have left of a zero."""
    return f"{0.0 if abs(value) <= unsure else value:.5g}"
