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
# A derivative is looked at on ever smaller scales: the smallest at 0, where any number is far from
# the next one, and how much slopes may differ on neighbouring ones.
CLOSEST = 1e-42
STEADY = 0.1
CLOSE_STEPS = 3
# Rounding inside a function that does not show, in units of the last digit of the largest number.
HIDDEN_UNITS = 16
# For a second opinion all steps are another bit shorter, and the noise is measured.
OTHER_STEP = 0.437
NOISE_POINTS = 16
# Each further step is smaller by a factor that is no whole number, so that no periodic function
# looks the same at all steps.
RATIO = 3.7
# So many points an element take two steps, and three to both sides with one far shorter.
CENTRAL = 4
ONE_SIDED = 8
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
    bends: Array
    """How far values lie off a line where the slopes to the left and to the right seem to differ,
    however small the step, or else 0."""

    @property
    def bent(self) -> Mask:
        """Whether the slopes to the left and to the right seem to differ."""
        return np.asarray(self.bends > 0)


class Slopes(NamedTuple):
    """The slopes of one output to both sides of one element."""

    left: float
    right: float
    error: float
    """How far the two may be off."""


class OneSidedSlopes(NamedTuple):
    """The slopes of a function to both sides of a point, each of shape ``(m, n)``."""

    left: Array
    right: Array
    errors: Array
    """How far the two may be off."""
    jumps: Mask
    """Where the function changes by as much however short the step."""
    near: Mask
    """Where the two differ on the usual scale only: these are the slopes on a far smaller one."""

    def among(self, elements: Indices, central: NumericJacobian) -> "OneSidedSlopes":
        """Those by some elements among all, with central differences for the rest."""
        left, right, errors = np.array([central.values, central.values, central.errors])
        jumps, near = np.zeros((2, *central.values.shape), dtype=bool)
        again = OneSidedSlopes(left, right, errors, jumps, near)
        for each, new in zip(again, self, strict=True):
            each[:, elements] = new
        return again

    def replaced(self, place: tuple[int, int], close: Slopes | None) -> "OneSidedSlopes":
        """The same with what was seen of one output and one element on a far smaller scale."""
        if close is None:
            return self
        left, right, errors = np.array([self.left, self.right, self.errors])
        change = max(abs(close.left - left[place]), abs(close.right - right[place]))
        jumps, near = np.array([self.jumps, self.near])
        near[place] |= not change <= close.error + errors[place]
        jumps[place] = False
        left[place], right[place], errors[place] = close
        return OneSidedSlopes(left, right, errors, jumps, near)


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

    def central(self) -> NumericJacobian:
        """The Jacobian by central differences: two steps, and more where these are not enough.

        Where the slopes to both sides seem to differ, more steps would not help.
        """
        every = np.arange(len(self.x))
        if not len(self.x) or not len(self.value):
            nothing = np.zeros((len(self.value), len(self.x)))
            return NumericJacobian(nothing, nothing, nothing)
        best, errors, rounding, bends = self._from_two_steps(every, self.longer * SHORT_STEP)
        unsure = _unsure(best, errors, rounding)
        errors[np.isnan(errors)] = np.inf
        found = NumericJacobian(best.T, errors.T, bends.T)
        straight = ~np.asarray(found.bent.any(axis=0))
        return self.with_more_steps(found, unsure[straight[unsure]])

    def with_more_steps(
        self, found: NumericJacobian, elements: Indices, shrink: float = 1.0
    ) -> NumericJacobian:
        """The Jacobian with as many steps as it takes for some elements, times a factor."""
        if not len(elements):
            return found
        best, errors = found.values.T.copy(), found.errors.T.copy()
        sizes = np.abs(best)
        scale = np.where(errors < PLAUSIBLE * sizes, sizes, 0.0).max(axis=0)
        longer = shrink * self.longer
        again, error = self._from_many_steps(elements, longer**1.25 * LONG_STEP, scale)
        _take_closer(best, errors, elements, again, error)
        # For tiny inputs even the shortest of these steps may be too long.
        tiny = elements[(np.abs(self.x[elements]) < LONG_STEP) & (self.x[elements] != 0)]
        tiny = tiny[~(errors[tiny] <= PLAUSIBLE * np.abs(best[tiny])).all(axis=1)]
        if len(tiny):
            again, error = self._from_many_steps(tiny, shrink * LONG_STEP, scale, relative=True)
            _take_closer(best, errors, tiny, again, error)
        return NumericJacobian(best.T, errors.T, found.bends)

    def second_opinion(self, first: NumericJacobian, elements: Indices) -> NumericJacobian:
        """The derivatives by some elements once more, with steps of another length.

        Of both it is the better one for each, no more exact than the two agree.
        """
        if not len(elements):
            return first
        one = self._with_steps_for_noise(first, elements)
        best, errors, rounding, _ = self._from_two_steps(
            elements, OTHER_STEP * self.longer * SHORT_STEP
        )
        errors[np.isnan(errors)] = np.inf
        other = NumericJacobian(one.values.copy(), one.errors.copy(), one.bends)
        other.values[:, elements], other.errors[:, elements] = best.T, errors.T
        unsure = elements[_unsure(best, errors, rounding)]
        values, errors, bends = better_of(one, self.with_more_steps(other, unsure, OTHER_STEP))
        if self.epsilon > EPSILON:
            # Steps this long may reach over kinks beside the point. Then any number between the
            # slopes to both sides may be the derivative.
            errors = np.fmax(errors, self._gaps(SHORT_STEP * self.longer) / 2)
        return NumericJacobian(values, errors, bends)

    def _with_steps_for_noise(self, found: NumericJacobian, elements: Indices) -> NumericJacobian:
        """The same with longer steps where more than rounding asks for them."""
        rounding = 2 * self.epsilon * np.abs(self.value) / self._shortest_width[elements, None]
        best, errors = found.values.T[elements], found.errors.T[elements]
        return self.with_more_steps(found, elements[_unsure(best, errors, rounding)])

    def doubted(self, first: NumericJacobian) -> NumericJacobian:
        """What was found before noise was known of, with what it may have done."""
        noise = 2 * self.noise * np.ones(len(self.value))
        off = noise[:, None] / self._shortest_width
        bends = np.where(first.bends > self._visible[:, None], first.bends, 0.0)
        return NumericJacobian(first.values, first.errors + off, bends)

    @property
    def _shortest_width(self) -> Array:
        """How far apart the values of the shorter of two steps are, by each element."""
        steps = self._steps(np.arange(len(self.x)), self.longer * SHORT_STEP)
        return np.asarray(2 * steps / RATIO)

    def with_measured_noise(self, jacobian: Array | None = None) -> "Differences":
        """The same, with the noise of its values: how far they are off a line, with no bend.

        All elements move together. The line is the one with these slopes, or where none are given
        the best one to each side, which leaves out a kink and a jump at the point.
        """
        # Far enough to meet other roundings, and too near for the function to bend.
        distance = self.epsilon**0.6 * np.abs(self.x)
        direction = (0.5 + 0.5 * _scattered(len(self.x))) * distance
        direction[1::2] *= -1
        # Too near, the rounding of the point itself would be all there is.
        shares = (0.1 + 0.9 * _scattered(NOISE_POINTS))[:, None]
        moves = np.array([shares, -shares]) * direction
        values = self.f((self.x + moves).reshape(-1, len(self.x)))
        off = values.reshape(2, NOISE_POINTS, len(self.value)) - self.value
        if jacobian is None:
            shares -= shares.mean()
            off -= shares * (shares * off).sum(axis=1, keepdims=True) / (shares**2).sum()
            off -= (off.max(axis=1, keepdims=True) + off.min(axis=1, keepdims=True)) / 2
        else:
            off -= moves @ np.nan_to_num(jacobian, posinf=0.0, neginf=0.0).T
        noise = np.nan_to_num(np.abs(off), posinf=0.0).max(axis=(0, 1))
        return replace(self, noise=np.maximum(self.noise, noise))

    def to_both_sides(self, elements: Indices) -> OneSidedSlopes:
        r"""The one-sided derivatives by some elements, where left and right may differ.

        The slopes :math:`(f(x \pm h e_j) - f(x)) / (\pm h)` are taken for three step sizes and
        extrapolated; where the function has no value on a side, they are nan there.
        """
        if not len(elements):
            nothing = np.zeros((len(self.value), 0))
            nowhere = nothing.astype(bool)
            return OneSidedSlopes(nothing, nothing, nothing, nowhere, nowhere)
        found = self._to_both_sides(elements, KINK_STEP * self.longer)
        return self._nearer(elements, found) if self.epsilon == EPSILON else found

    def _nearer(self, elements: Indices, found: OneSidedSlopes) -> OneSidedSlopes:
        """The slopes on a far smaller scale, where a kink or a jump is not there as well."""
        steps = self._steps(elements, NEARER * KINK_STEP)
        upper, lower, width = (each[0] for each in self._both_sides(elements, steps[None]))
        right, left = (
            2 * change.T / width.T for change in (upper - self.value, self.value - lower)
        )
        rounding = 8 * self._noise(self.value)[:, None] / width.T
        gap, close_gap = np.abs(found.right - found.left), np.abs(right - left)
        sizes = np.maximum(np.abs(found.right), np.abs(found.left))
        apart = (gap > PLAUSIBLE * sizes + 30 * found.errors) | found.jumps
        near = apart & (close_gap < 0.5 * gap)
        return OneSidedSlopes(
            np.where(near, left, found.left),
            np.where(near, right, found.right),
            np.where(near, close_gap + rounding, found.errors),
            found.jumps & ~near,
            near,
        )

    def close_up(self, row: int, element: int) -> Slopes | None:
        """One derivative on the smallest scale that shows it, or None where none does."""
        elements = np.array([element])
        steps = self._close_steps(element)
        upper, lower, _ = self._both_sides(elements, steps[:, None])
        upper, lower = upper[:, 0, row], lower[:, 0, row]
        slopes = np.array([self.value[row] - lower, upper - self.value[row]]) / steps
        seen = 2 * self.epsilon * np.fmax(np.abs(upper), np.abs(lower))
        run = _on_the_smallest_scale(slopes, seen / steps, self.hidden / steps)
        if run is None:
            return None
        slopes, steps = slopes[:, run], steps[run]
        noise = np.where((slopes == 0).all(axis=0), self.hidden, 4 * seen[run]) / steps
        left, right, error = _extrapolated(slopes, noise)
        if abs(right - left) > 10 * error + PLAUSIBLE * max(abs(left), abs(right)):
            return Slopes(left, right, error)
        # It is smooth on this scale, so that central differences are better.
        longest = float(steps[0] / max(abs(self.x[element]), 1.0))
        values, errors = self._from_many_steps(elements, longest, np.zeros(1))
        middle, error = float(values[0, row]), max(float(errors[0, row]), float(noise[0]))
        return Slopes(middle, middle, error)

    @property
    def hidden(self) -> float:
        """How far values may be off by rounding that does not show in them."""
        largest = max(1.0, np.abs(self.x).max(), np.abs(self.value).max())
        return float(HIDDEN_UNITS * self.epsilon * largest)

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

    def _close_steps(self, element: int) -> Array:
        """Step sizes from the usual ones down to the smallest, each a number of last digits."""
        x = abs(float(self.x[element]))
        digit = float(np.spacing(x)) if x else CLOSEST
        longest = KINK_STEP * max(x, 1.0)
        count = int(np.log(longest / (2 * digit)) / np.log(RATIO)) + 1
        steps = longest * RATIO ** -np.arange(count, dtype=float)
        return np.asarray(np.round(steps / digit) * digit if x else steps)

    @property
    def longer(self) -> float:
        """How much longer the steps are for coarser numbers, to make the error the least."""
        return float((self.epsilon / EPSILON) ** 0.2)

    def _from_two_steps(self, elements: Indices, step: float) -> tuple[Array, Array, Array, Array]:
        """The derivatives from two steps, their errors, how much of these is rounding, and bends.

        A bend is how far values lie off a line where the slopes to both sides seem to differ.
        """
        parts = [
            self._part_from_two_steps(elements[part], step)
            for part in self._parts(len(elements), calls=CENTRAL)
        ]
        if len(parts) == 1:
            return parts[0]
        best, errors, rounding, bends = map(np.concatenate, zip(*parts, strict=True))
        return best, errors, rounding, bends

    def _part_from_two_steps(
        self, elements: Indices, step: float
    ) -> tuple[Array, Array, Array, Array]:
        steps = self._steps(elements, step)
        upper, lower, width = self._both_sides(elements, steps * TWO_STEPS)
        first, second = (upper - lower) / width
        best = second + (second - first) / (RATIO**2 - 1)
        rounding = self._noise(self.value) / width[1]
        # The bend of a smooth function shrinks faster with the step than that of a kink.
        longer_bend, bend = np.abs(upper + lower - 2 * self.value)
        bent = bend > KEPT / RATIO * longer_bend
        if bent.any():
            bent &= bend > self._visible
        return best, np.abs(best - first) + rounding, rounding, np.where(bent, bend, 0.0)

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

    @property
    def _visible(self) -> Array:
        """How far values must lie off a line to be seen: numbers inside may be as large as x."""
        largest = 2 * self.epsilon * np.abs(self.x).max()
        return np.asarray(16 * np.maximum(self._noise(self.value), largest))

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
    return NumericJacobian(values, errors, one.bends)


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


def _on_the_smallest_scale(slopes: Array, noise: Array, hidden: Array) -> slice | None:
    """Where slopes to both sides are steady: the run of steps with the smallest ones.

    A slope is known where it is well above the noise. One of 0 may be what rounding hides, and is
    known where that would be nothing beside slopes on a larger scale.
    """
    shown = np.abs(slopes) > 32 * noise
    largest = np.where(shown, np.abs(slopes), 0.0).max()
    known = (shown | ((slopes == 0) & (hidden <= STEADY**2 * largest))).all(axis=0)
    sizes = np.abs(slopes)
    steady = np.abs(np.diff(slopes)) <= STEADY * np.maximum(sizes[:, 1:], sizes[:, :-1])
    together = known[1:] & known[:-1] & steady.all(axis=0)
    last = len(together)
    while last:
        first = last
        while first and together[first - 1]:
            first -= 1
        if last - first >= CLOSE_STEPS - 1:
            return slice(first, last + 1)
        last = first - 1 if first == last else first
    return None


def _extrapolated(slopes: Array, noise: Array) -> tuple[float, float, float]:
    """Slopes to both sides, of shape ``(2, steps)``, for a step of 0, and their error."""
    change = np.diff(slopes) / (RATIO - 1)
    errors = np.abs(change).max(axis=0) + noise[1:]
    index = int(errors.argmin())
    left, right = slopes[:, index + 1] + change[:, index]
    return float(left), float(right), float(errors[index])


def _scattered(count: int) -> Array:
    """Numbers between 0 and 1 all over the place, always the same.

    They are multiples of the golden ratio. Loading numpy's random numbers would make every later
    check slower, because it keeps their state.
    """
    return np.asarray(np.arange(1, count + 1) * (np.sqrt(1.25) - 0.5) % 1.0)


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
