"""Derivatives by differences: extrapolated central ones, and slopes to both sides. Knows no torch.

Points where a function has no value give nan, which is never chosen. To silence what numpy says
of these numbers is up to the caller.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np

Array = np.ndarray[Any, np.dtype[np.float64]]
Mask = np.ndarray[Any, np.dtype[np.bool_]]
Indices = np.ndarray[Any, np.dtype[np.intp]]

EPSILON = float(np.finfo(np.float64).eps)

# Steps are for numbers up to 1 in size, in proportion for larger ones, and odd, so that they do
# not lead to places like 0 where functions like to be special. Two short steps are enough for
# nearly every derivative; those that they leave unsure start again from a longer one.
SHORT_STEP = 1.0371e-4
LONG_STEP = 1.0371e-3
# Short enough for what is beside a kink, and long enough to see a slope.
KINK_STEP = 1.0371e-5
NEARER = 1e-4
# For a second opinion all steps are another bit shorter, and the noise is measured.
OTHER_STEP = 0.437
NOISE_POINTS = 16
# Each further step is smaller by a factor that is no whole number, so that no periodic function
# looks the same at all steps.
RATIO = 3.7
TWO_STEPS = np.array([[1.0], [1.0 / RATIO]])
MOST_STEPS = 20
MOST_EXTRAPOLATIONS = 4
# When the estimated relative error is below this, no further step is taken.
GOOD_ENOUGH = 3e-8
# Nor when it is below this, where one derivative stands for many.
BEST = 1e-12
# An estimated relative error below this is no accident.
PLAUSIBLE = 1e-3
# Rounding below this share of the largest derivative does not matter.
ROUNDED_ENOUGH = 1e-7
# The slopes on both sides of a kink keep this share of their difference when the step shrinks;
# those of a smooth function come together with it.
KEPT = 0.6

# Points evaluated in one call hold about this many numbers, so that they fit into the cache.
NUMBERS_AT_ONCE = 2**18

# A point among this many is evaluated in the way that is taken for many.
FEW = 16

# From points of shape (batch, n) to values of shape (batch, m).
Batched = Callable[[Array], Array]


class NumericJacobian(NamedTuple):
    """A Jacobian found by evaluating the function only."""

    values: Array
    """The derivatives, of shape ``(m, n)``."""
    errors: Array
    """For each derivative an estimate of how far it may be off; infinite where none was found."""
    bent: Mask
    """Whether the slopes to the left and to the right seem to differ, however small the step."""


class OneSidedSlopes(NamedTuple):
    """The slopes of a function to both sides of a point, each of shape ``(m, k)``."""

    left: Array
    right: Array
    errors: Array
    """How far the two may be off."""
    jumps: Mask
    """Where the function changes by as much however short the step."""
    near: Mask
    """Where the two differ on the usual scale only: these are the slopes on a far smaller one."""


@dataclass(frozen=True)
class Differences:
    r"""The derivatives of a function from a vector to a vector, from its values around a point.

    For every element :math:`x_j` the central difference is

    .. math:: D(h) = \frac{f(x + h e_j) - f(x - h e_j)}{2h}

    with smaller and smaller step sizes :math:`h`, extrapolated to :math:`h = 0` as Richardson
    does, until the estimated error is small or rounding takes over. The error estimate is that
    of Ridders: C. J. F. Ridders, Accurate computation of F'(x) and F'(x)F''(x), Advances in
    Engineering Software 4 (1982).

    Example:
        >>> def cubes(points):
        ...     return (points**3).sum(axis=1, keepdims=True)
        >>> jacobian = Differences(cubes, np.array([1.0, 2.0, 3.0]), np.array([36.0])).central()
        >>> jacobian.values.round(9)
        array([[ 3., 12., 27.]])
        >>> bool((jacobian.errors < 1e-6).all())
        True
    """

    f: Batched
    """The function at many points at once, ``(batch, n)`` to ``(batch, m)``."""
    x: Array
    """The evaluation point, of shape ``(n,)``."""
    value: Array
    """The function there, of shape ``(m,)``."""
    epsilon: float = EPSILON
    """How far values of the function are rounded, relative to their size."""
    noise: Array | float = 0.0
    """How far they are off besides, of shape ``(m,)``."""
    seen: Batched | None = None
    """Gives the points as the function sees them, where it rounds them first."""

    def central(self, shrink: float = 1.0) -> NumericJacobian:
        """The Jacobian by central differences, all short step sizes times a factor."""
        if not len(self.x) or not len(self.value):
            nothing = np.zeros((len(self.value), len(self.x)))
            return NumericJacobian(nothing, nothing, nothing.astype(bool))
        longer = shrink * self.longer
        best, errors, rounding, bent = self._from_two_steps(longer * SHORT_STEP)
        unsure = _unsure(best, errors, rounding)
        if len(unsure):
            errors[np.isnan(errors)] = np.inf
            sizes = np.abs(best)
            scale = np.where(errors < PLAUSIBLE * sizes, sizes, 0.0).max(axis=0)
            again, error = self._from_many_steps(unsure, longer**1.25 * LONG_STEP, scale)
            _take_closer(best, errors, unsure, again, error)
            # For tiny inputs even the shortest of these steps may be too long.
            tiny = unsure[(np.abs(self.x[unsure]) < LONG_STEP) & (self.x[unsure] != 0)]
            tiny = tiny[~(errors[tiny] <= PLAUSIBLE * np.abs(best[tiny])).all(axis=1)]
            if len(tiny):
                step = shrink * LONG_STEP
                again, error = self._from_many_steps(tiny, step, scale, relative=True)
                _take_closer(best, errors, tiny, again, error)
        return NumericJacobian(best.T, errors.T, bent.T)

    def second_opinion(self, first: NumericJacobian) -> NumericJacobian:
        """The Jacobian once more, with other step sizes and a measured rounding error.

        Of both it is the better one for each derivative, no more exact than the two agree.
        """
        measured = replace(self, noise=self.measured_noise(first.values))
        one, other = (measured.central(shrink) for shrink in (1.0, OTHER_STEP))
        values, errors, _ = better_of(one, other)
        if self.epsilon > EPSILON:
            # Steps this long may reach over kinks beside the point. Then any number between the
            # slopes to both sides may be the derivative.
            errors = np.fmax(errors, self._gaps(SHORT_STEP * self.longer) / 2)
        return NumericJacobian(values, errors, first.bent)

    def measured_noise(self, jacobian: Array, elements: Indices | None = None) -> Array:
        """How far values are off a straight line, over a distance with no bend.

        All elements of the point move together, or ``k`` of them one by one: the largest distance
        for each output, of shape ``(m,)`` or ``(k, m)``.
        """
        # Far enough to meet other roundings, and too near for the function to bend.
        distance = self.epsilon**0.6 * np.abs(self.x)
        if elements is None:
            shifts = (2 * _scattered(NOISE_POINTS, len(self.x)) - 1) * distance
        else:
            shifts = np.zeros((NOISE_POINTS // 2, len(elements), len(self.x)))
            shares = 0.1 + 0.9 * _scattered(*shifts.shape[:2])
            shifts[:, np.arange(len(elements)), elements] = shares * distance[elements]
            shifts = np.concatenate(shifts)
        points = self.x + np.concatenate((shifts, -shifts))
        slopes = np.nan_to_num(jacobian, posinf=0.0, neginf=0.0)
        expected = self.value + (points - self.x) @ slopes.T
        off = np.nan_to_num(self.f(points) - expected, posinf=0.0, neginf=0.0)
        if elements is None:
            return np.asarray(np.abs(off).max(axis=0))
        # What lies on a line on each side is no noise, be it the slope there or a jump.
        off = off.reshape(2, NOISE_POINTS // 2, len(elements), len(self.value))
        shares = (shares - shares.mean(axis=0))[:, :, None]
        off -= shares * (shares * off).sum(axis=1, keepdims=True) / (shares**2).sum(axis=0)
        return np.asarray((off.max(axis=1) - off.min(axis=1)).max(axis=0))

    def to_both_sides(self, elements: Indices) -> OneSidedSlopes:
        r"""The one-sided derivatives by some elements, where left and right may differ.

        The slopes :math:`(f(x \pm h e_j) - f(x)) / (\pm h)` are taken for three step sizes and
        extrapolated; where the function has no value on a side, they are nan there.
        """
        step = KINK_STEP * self.longer
        found = self._to_both_sides(elements, step)
        if self.epsilon > EPSILON:
            return found
        # A kink, or a jump, is there on a far smaller scale too; if not, it is only near.
        nearer = self._to_both_sides(elements, NEARER * step)
        gaps = np.abs(found.right - found.left), np.abs(nearer.right - nearer.left)
        sizes = np.maximum(np.abs(found.right), np.abs(found.left))
        near = (gaps[0] > PLAUSIBLE * sizes + 30 * found.errors) & (gaps[1] < 0.5 * gaps[0])
        left, right = (
            np.where(near, close, far)
            for close, far in ((nearer.left, found.left), (nearer.right, found.right))
        )
        errors = np.where(near, nearer.errors, found.errors)
        return OneSidedSlopes(left, right, errors, found.jumps & nearer.jumps, near)

    def to_most_digits(self) -> tuple[Array, Array]:
        """The slopes by the first element of the point, as exact as can be, and their errors.

        Example:
            >>> (slope,), (error,) = Differences(np.sin, np.zeros(1), np.zeros(1)).to_most_digits()
            >>> bool(abs(slope - 1.0) < error < 1e-11)
            True
        """
        slopes, errors = self._from_many_steps(
            np.array([0]),
            self.longer * LONG_STEP,
            np.zeros(1),
            good_enough=BEST,
            plausible=BEST,
        )
        return slopes[0], errors[0]

    @property
    def longer(self) -> float:
        """How much longer the steps are for coarser numbers, to make the error the least."""
        return float((self.epsilon / EPSILON) ** 0.2)

    def _from_two_steps(self, step: float) -> tuple[Array, Array, Array, Mask]:
        """The derivatives from two steps, their errors, how much of these is rounding, and bends.

        A bend is where the slopes to the left and to the right seem to differ.
        """
        sizes = np.abs(self.x)
        steps = step * np.maximum(sizes, 1.0)
        noise = self._noise(self.value)
        # To see a bend takes more: intermediate numbers may be as large as the inputs.
        visible = 16 * np.maximum(noise, 2 * self.epsilon * sizes.max())
        parts = [
            self._part_from_two_steps(part, steps[part], noise, visible)
            for part in self._parts(len(self.x), calls=4)
        ]
        if len(parts) == 1:
            return parts[0]
        best, errors, rounding, bent = map(np.concatenate, zip(*parts, strict=True))
        return best, errors, rounding, bent

    def _part_from_two_steps(
        self, part: slice, steps: Array, noise: Array, visible: Array
    ) -> tuple[Array, Array, Array, Mask]:
        elements = np.arange(part.start, part.stop)
        upper, lower, width = self._both_sides(elements, steps * TWO_STEPS)
        first, second = (upper - lower) / width
        best = second + (second - first) / (RATIO**2 - 1)
        rounding = noise / width[1]
        # The bend of a smooth function shrinks faster with the step than that of a kink.
        longer_bend, bend = np.abs(upper + lower - 2 * self.value)
        bent = bend > np.maximum(visible, KEPT / RATIO * longer_bend)
        return best, np.abs(best - first) + rounding, rounding, bent

    def _from_many_steps(
        self,
        elements: Indices,
        step: float,
        scale: Array,
        *,
        relative: bool = False,
        good_enough: float = GOOD_ENOUGH,
        plausible: float = PLAUSIBLE,
    ) -> tuple[Array, Array]:
        """The derivatives from as many steps as it takes, and their errors."""
        best = np.zeros((len(elements), len(self.value)))
        errors = np.full_like(best, np.inf)
        for part in self._parts(len(elements), calls=2):
            unsure = np.arange(part.start, part.stop)
            steps = self._steps(elements[unsure], step, relative)
            rows: list[Array] = []
            for _ in range(MOST_STEPS):
                (upper,), (lower,), (width,) = self._both_sides(elements[unsure], steps[None])
                slopes = (upper - lower) / width
                rounding = self._noise(np.maximum(np.abs(upper), np.abs(lower))) / width
                newest = _extrapolate(slopes, rows)
                values, error = _better(
                    best[unsure], errors[unsure], rows, newest, rounding, plausible
                )
                best[unsure], errors[unsure] = values, error
                # At the next step, rounding alone would be more than the error is now.
                done = error <= RATIO * rounding
                done |= error <= good_enough * np.maximum(np.abs(values), scale)
                # Where values are too large for a number, nothing is known yet.
                done &= np.isfinite(error)
                remaining = ~done.all(axis=1)
                unsure, rows = unsure[remaining], [row[remaining] for row in newest]
                steps = steps[remaining] / RATIO
                if not len(unsure):
                    break
        return best, errors

    def _gaps(self, step: float) -> Array:
        """By how much the slopes to both sides differ, besides what shrinks with the step."""
        every = np.arange(len(self.x))
        steps = self._steps(every, step) / np.array([[1], [2], [4], [8]])
        upper, lower, width = self._both_sides(every, steps)
        gaps = (upper + lower - 2 * self.value) / (width / 2)
        return np.asarray(np.abs(2 * gaps[1:] - gaps[:-1]).max(axis=0).T)

    def _to_both_sides(self, elements: Indices, step: float) -> OneSidedSlopes:
        """The slopes to the left and to the right, from three steps each."""
        longest = self._steps(elements, step)
        upper, lower, width = self._both_sides(elements, longest / np.array([[1], [2], [4]]))
        # Once more, because a function may be rounded in another way for many points at once.
        value = self.f(np.repeat(self.x[None], FEW, axis=0))[0]
        rounding = 4 * self._noise(self.value)
        sides = []
        for side, sign in ((upper, 1), (lower, -1)):
            changes = side - value
            slopes = sign * changes / (width / 2)
            first, second = 2 * slopes[1:] - slopes[:-1]
            best = (4 * second - first) / 3
            error = np.abs(best - second) + 2 * rounding / width[2]
            jump = np.abs(changes[2])
            stays = np.abs(changes[0] - changes[2]) < 0.01 * jump
            sides.append((best.T, error.T, (stays & (jump > rounding)).T))
        (right, right_error, right_jumps), (left, left_error, left_jumps) = sides
        errors = np.fmax(right_error, left_error)
        jumps = left_jumps | right_jumps
        return OneSidedSlopes(left, right, errors, jumps, np.zeros_like(jumps))

    def _both_sides(self, elements: Indices, steps: Array) -> tuple[Array, Array, Array]:
        """The values above and below each element, and how far apart the two places are.

        All of shape ``(steps, elements, m)``, for some steps of each element.
        """
        many, count = steps.shape
        x = self.x[elements]
        places = np.array((x + steps, x - steps))
        points = np.empty((2, many, count, len(self.x)))
        points[:] = self.x
        rows = np.arange(count)
        points[:, :, rows, elements] = places
        points = points.reshape(2 * many * count, len(self.x))
        if self.seen is not None:
            points = self.seen(points)
            places = points.reshape(2, many, count, len(self.x))[:, :, rows, elements]
        upper, lower = self.f(points).reshape(2, many, count, len(self.value))
        return upper, lower, (places[0] - places[1])[:, :, None]

    def _steps(self, elements: Indices, step: float, relative: bool = False) -> Array:
        return np.asarray(step * np.maximum(np.abs(self.x[elements]), 0.0 if relative else 1.0))

    def _noise(self, values: Array) -> Array:
        """How far the difference of two values may be off by rounding."""
        return np.asarray(2 * self.epsilon * np.abs(values) + 2 * self.noise)

    def _parts(self, count: int, calls: int) -> list[slice]:
        """The elements in parts for which all calls of the function fit into the cache."""
        length = max(len(self.x), len(self.value))
        at_once = max(1, NUMBERS_AT_ONCE // (calls * length))
        return [slice(i, min(i + at_once, count)) for i in range(0, count, at_once)]


def better_of(one: NumericJacobian, other: NumericJacobian) -> NumericJacobian:
    """The better of two estimates for each derivative, no more exact than the two agree."""
    values = np.where(other.errors < one.errors, other.values, one.values)
    apart = np.abs(other.values - one.values)
    # Where only one of them found anything, it stands alone.
    apart[~np.isfinite(one.errors + other.errors)] = 0.0
    errors = np.maximum(np.minimum(one.errors, other.errors), apart)
    return NumericJacobian(values, errors, one.bent)


def _unsure(values: Array, errors: Array, rounding: Array) -> Indices:
    """The elements with a derivative that is not known well enough from two steps."""
    sizes = np.abs(values)
    # Less, not equal: where values are too large for a number, size and error are both infinite.
    settled = errors < np.maximum(GOOD_ENOUGH * sizes, 1.01 * rounding)
    if settled.all():
        return np.arange(0)
    scale = np.where(errors < PLAUSIBLE * sizes, sizes, 0.0).max(axis=0)
    settled |= errors <= GOOD_ENOUGH * scale
    # Where rounding is most of the error, it must be small beside the gradient.
    settled |= (errors <= 2 * rounding) & (rounding <= ROUNDED_ENOUGH * scale)
    return np.flatnonzero(~settled.all(axis=1))


def _take_closer(best: Array, errors: Array, elements: Indices, again: Array, error: Array) -> None:
    closer = error < errors[elements]
    best[elements] = np.where(closer, again, best[elements])
    errors[elements] = np.where(closer, error, errors[elements])


def _scattered(rows: int, columns: int) -> Array:
    """Numbers between 0 and 1 all over the place, always the same, in this shape.

    They are multiples of the golden ratio. Loading numpy's random numbers would make every later
    check slower, because it keeps their state.
    """
    multiples = np.outer(np.arange(1, rows + 1), np.arange(1, columns + 1))
    return np.asarray(multiples * (np.sqrt(1.25) - 0.5) % 1.0)


def _extrapolate(derivatives: Array, rows: list[Array]) -> list[Array]:
    """The next line of Neville's table: the plain derivatives, then better and better ones."""
    newest = [derivatives]
    for order, older in enumerate(rows[:MOST_EXTRAPOLATIONS], start=1):
        power = RATIO ** (2 * order)
        newest.append((power * newest[-1] - older) / (power - 1))
    return newest


def _better(
    best: Array,
    errors: Array,
    rows: list[Array],
    newest: list[Array],
    rounding: Array,
    plausible_error: float,
) -> tuple[Array, Array]:
    """The estimate with the smallest error: the one so far, or one on the newest line."""
    if not rows:
        return newest[0], errors
    # The smaller step may contradict what was best so far. If that was plausible, rounding has
    # taken over and it stays as it is; if not, it only seemed good because the step was too long.
    contradiction = np.abs(best - newest[0]) - 2 * np.abs(newest[0] - newest[1]) - 2 * rounding
    contradicted = contradiction > errors
    plausible = errors < plausible_error * np.abs(best)
    errors = np.where(contradicted & ~plausible, contradiction, errors)
    for order in range(1, len(newest)):
        estimate = newest[order]
        error = rounding + np.maximum(
            np.abs(estimate - newest[order - 1]), np.abs(estimate - rows[order - 1])
        )
        # A comparison with nan is false: such an estimate is never taken.
        closer = (error < errors) & ~(contradicted & plausible)
        best = np.where(closer, estimate, best)
        errors = np.where(closer, error, errors)
    return best, errors
