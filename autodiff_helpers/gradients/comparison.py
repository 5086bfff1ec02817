"""A Jacobian found in two ways, side by side, with all that was seen on the way: the evidence."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Literal, NamedTuple

import numpy as np

from autodiff_helpers.gradients.differences import EPSILON, Array, Mask, NumericJacobian
from autodiff_helpers.gradients.evaluation import UNSUSPECTED, Behavior
from autodiff_helpers.gradients.pieces import Names, Piece

# Autograd in float64 is good to about fifteen digits, a gradient worked out by hand in float32 to
# about seven: six are asked for, with respect to the derivative itself.
RELATIVE_TOLERANCE = 1e-6
# The estimated error of a central difference may be too low by this factor.
SAFETY = 5
# Rounding in autograd, in units of the last digit of the largest derivative.
ROUNDING_UNITS = 100
# A central difference above this is something, even where it is as rough as it is large.
SOMETHING = 1e-6
# An error beyond this share of the largest derivative proves nothing.
ROUGH = 1e-3

Source = Literal["autograd", "forward mode", "expected"]


class Point(NamedTuple):
    """Where a function is differentiated."""

    names: Names
    pieces: Sequence[Piece]
    """Where each input lies in the vector of them all."""
    x: Array
    """The inputs, of shape ``(n,)``."""
    value: Array
    """The outputs there, of shape ``(m,)``."""


class Kink(NamedTuple):
    """A place where a function has no derivative."""

    row: int
    column: int
    kind: Literal["kink", "jump", "edge", "tie", "sum"]
    """A tie is a place where several kinks meet, which slopes by single inputs do not show; a sum
    is one where answers that are possible alone are not possible together."""
    left: float
    """The slope to the left; nan where the function has no value there."""
    right: float
    """The slope to the right."""
    unsure: float
    """How far the slopes may be off."""
    outside: bool
    """Whether the answer is none of the slopes and not between them, or one at a jump."""


class Kinks(NamedTuple):
    """Where a function has no derivative, each mask of shape ``(m, n)``."""

    excused: Mask
    """Where the answer is as good as any."""
    jumps: Mask
    """Where no answer is any good."""
    shown: Kink
    """The one to speak of."""


class Coarse(NamedTuple):
    """A function that does not notice when one of its inputs changes by less than a step."""

    column: int
    step: float


class Blame(NamedTuple):
    """What was proved to keep a gradient from being right."""

    kind: Literal["cut", "numbers", "kept back", "overwritten", "left out", "here only"]
    """Calls that cut off, or turn a tensor into numbers that matter; arguments that keep a gradient
    back; a saved tensor that was overwritten; nan from what a choice left out; something that is so
    at this point only."""
    calls: Sequence[str] = ()


@dataclass(frozen=True)
class Comparison:
    """The Jacobian of a function by rule and by central differences, each of shape ``(m, n)``."""

    point: Point
    analytic: Array
    """The Jacobian by rule."""
    numeric: NumericJacobian
    """The same by central differences."""
    source: Source
    """Where the one by rule comes from."""
    asked: float = RELATIVE_TOLERANCE
    """How exact its values are asked to be, relative to the derivative."""
    epsilon: float = EPSILON
    """How far values of the function are rounded, relative to their size."""
    behavior: Behavior = UNSUSPECTED
    changes_close_by: Mask | bool = False
    """Where a derivative is another one on a far smaller scale than the usual."""
    kinks: Kinks | None = None
    coarse: Coarse | None = None
    blame: Blame | None = None

    @cached_property
    def precision(self) -> float:
        """How exact the two can be, relative to the derivative."""
        return max(self.asked, math.sqrt(self.epsilon))

    @cached_property
    def tolerance(self) -> float:
        """How far the two may differ, relative to the derivative."""
        return max(self.precision, self.behavior.tolerance)

    @cached_property
    def plain(self) -> bool:
        """Whether every derivative matches so well that nothing is left to look at.

        It takes less time to see than ``matches``, and is enough for most functions.
        """
        values, errors, bends = self.numeric
        close = np.abs(self.analytic - values) + SAFETY * errors
        # Where a value is too large for a number, an infinite error is no match.
        plain = (close <= self.tolerance * np.abs(values)) & np.isfinite(close)
        if not plain.all():
            plain |= (values == 0) & (self.analytic == 0) & np.isfinite(errors)
        return bool(plain.all()) and not bends.any()

    @cached_property
    def scale(self) -> Array:
        """For each output the size of its largest derivative by rule, of shape ``(m, 1)``."""
        sizes = np.abs(self.analytic)
        if not np.isfinite(sizes).all():
            sizes = np.where(np.isfinite(sizes), sizes, 0.0)
        return np.asarray(sizes.max(axis=1, keepdims=True, initial=0.0))

    @cached_property
    def noise(self) -> Array:
        """How far each central difference may be off."""
        rounding = min(ROUNDING_UNITS * self.epsilon, self.tolerance)
        everywhere = 4 * self.epsilon * self.scale.max(initial=0.0)
        return np.asarray(SAFETY * self.numeric.errors + rounding * self.scale + everywhere)

    @cached_property
    def matches(self) -> Mask:
        """Where the two values differ by no more than they may."""
        difference = np.abs(self.analytic - self.numeric.values)
        allowed = self.noise + self.tolerance * np.abs(self.numeric.values)
        return np.asarray((difference <= allowed) & np.isfinite(self.numeric.errors))

    @cached_property
    def agrees(self) -> Mask:
        """Where the two values match, or need not."""
        if self.kinks is None:
            return self.matches
        return (self.matches | self.kinks.excused) & ~self.kinks.jumps

    @cached_property
    def doubtful(self) -> Mask:
        """Where they do not agree, or the central difference is rough."""
        return ~self.agrees | self.rougher_than(10 * self.tolerance)

    @cached_property
    def unproved(self) -> Mask:
        """Where the central difference is too rough to prove anything."""
        return self.rougher_than(ROUGH)

    @property
    def misbehaves(self) -> bool:
        """Whether the function is none that could be checked."""
        repeats = self.behavior.repeats
        return repeats is False or (repeats is True and self.behavior.change is not None)

    @property
    def defined(self) -> bool:
        """Whether the function and its derivatives by rule are numbers."""
        return bool(np.isfinite(self.point.value).all() and np.isfinite(self.analytic).all())

    @property
    def settled(self) -> bool:
        """Whether nothing is left to look at."""
        if self.behavior.repeats is not None:
            return self.misbehaves or not self.defined
        if self.behavior.random or self.behavior.change is not None:
            return False
        return self.plain or not (self.doubtful.any() or self.numeric.bent.any())

    def rougher_than(self, share: float) -> Mask:
        """Where the noise is more than a share of the derivative, or of its output's largest one.

        The mask is of shape ``(m, n)``.
        """
        sizes = np.abs(self.numeric.values)
        # Where all is zero but for the noise, there is nothing to take a share of.
        something = sizes > np.minimum(self.noise, SOMETHING)
        size = np.maximum(np.where(something, sizes, 0.0), self.scale)
        return np.asarray((size > 0) & (self.noise > share * size))

    def seen(self, **evidence: Any) -> "Comparison":
        """The same with more evidence."""
        return replace(self, **evidence)

    def worst(self, where: Mask) -> tuple[int, int]:
        """The row and column of the first of the largest differences, among those in a mask.

        The first, so that rounding does not choose between equals.
        """
        with np.errstate(invalid="ignore"):
            difference = np.abs(self.analytic - self.numeric.values)
        difference = np.where(np.isfinite(difference), difference, np.inf)
        difference = np.where(where, difference, -1.0)
        first = np.flatnonzero(difference.ravel() >= 0.99 * difference.max())[0]
        row, column = np.unravel_index(first, difference.shape)
        return int(row), int(column)

    def noise_to_print(self, row: int, column: int) -> float:
        """How far one derivative may be off as far as its digits go."""
        noise = float(self.noise[row, column])
        if self.agrees[row, column]:
            # What is nothing beside the largest derivative, or beside the inputs.
            largest = max(float(self.scale.max()), float(np.abs(self.point.x).max()) / 100)
            noise = max(noise, 1e-12 * largest)
        return noise
