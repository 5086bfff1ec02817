"""A Jacobian found in two ways, side by side: where the two agree, and how they are printed."""

from functools import cached_property
from typing import Any

import numpy as np

from autodiff_helpers.gradients.differences import EPSILON, Array, Mask, NumericJacobian
from autodiff_helpers.gradients.function import VectorFunction
from autodiff_helpers.rounding import rounded

# Autograd in float64 is good to about fifteen digits, a gradient worked out by hand in float32 to
# about seven: six are asked for, with respect to the derivative itself.
RELATIVE_TOLERANCE = 1e-6
# The estimated error of a central difference may be too low by this factor.
SAFETY = 5
# Rounding in autograd, in units of the last digit of the largest derivative.
ROUNDING_UNITS = 100
# Where nothing better is known, a number below this may be what rounding left of a zero.
NOTHING = 1e-9
# A central difference above this is something, even where it is as rough as it is large.
SOMETHING = 1e-6
# An error beyond this share of the largest derivative proves nothing.
ROUGH = 1e-3


class Comparison:
    """The Jacobian of a function by rule and by central differences, each of shape ``(m, n)``.

    Args:
        function: the function.
        analytic: its Jacobian by rule.
        numeric: the same by central differences.
        source: where ``analytic`` comes from: ``"autograd"``, ``"forward mode"`` or ``"expected"``.
        asked: how exact the values are asked to be, relative to the derivative.
        epsilon: how far values of the function are rounded, relative to their size.
        excused: where the function has no derivative, but the answer is as good as any.
        jumps: where the function has no derivative, and no answer is any good.

    Example:
        >>> import torch
        >>> from autodiff_helpers.gradients.differences import central_differences
        >>> x = torch.tensor([1.0, 2.0], requires_grad=True)
        >>> square = VectorFunction(torch.square, [x], double=True)
        >>> numeric = central_differences(square, square.place, square.value)
        >>> Comparison(square, np.diag([2.0, 5.0]), numeric, "expected").agrees
        array([[ True,  True],
               [ True, False]])
    """

    def __init__(
        self,
        function: VectorFunction,
        analytic: Array,
        numeric: NumericJacobian,
        source: str,
        asked: float = RELATIVE_TOLERANCE,
        epsilon: float = EPSILON,
        excused: Mask | None = None,
        jumps: Mask | None = None,
    ) -> None:
        self.function, self.analytic, self.numeric = function, analytic, numeric
        self.source, self.asked, self.epsilon = source, asked, epsilon
        self.tolerance = max(asked, epsilon**0.5)
        self._excused, self._jumps = excused, jumps

    @cached_property
    def plain(self) -> bool:
        """Whether every derivative matches so well that nothing is left to look at.

        It takes less time to see than ``matches``, and is enough for most functions.
        """
        values, errors, bent = self.numeric
        close = np.abs(self.analytic - values) + SAFETY * errors
        # Where a value is too large for a number, an infinite error is no match.
        plain = (close <= self.tolerance * np.abs(values)) & np.isfinite(close)
        if not plain.all():
            plain |= (values == 0) & (self.analytic == 0) & np.isfinite(errors)
        return bool(plain.all()) and not bent.any()

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
    def excused(self) -> Mask:
        """Where the function has no derivative, but the answer is as good as any."""
        return np.zeros_like(self.matches) if self._excused is None else self._excused

    @cached_property
    def jumps(self) -> Mask:
        """Where the function has no derivative, and no answer is any good."""
        return np.zeros_like(self.matches) if self._jumps is None else self._jumps

    @cached_property
    def agrees(self) -> Mask:
        """Where the two values match, or need not."""
        return (self.matches | self.excused) & ~self.jumps

    def rougher_than(self, share: float) -> Mask:
        """Where the noise is more than a share of the derivative, or of its output's largest one.

        Args:
            share: the share.

        Returns:
            A mask of shape ``(m, n)``.
        """
        sizes = np.abs(self.numeric.values)
        # Where all is zero but for the noise, there is nothing to take a share of.
        something = sizes > np.minimum(self.noise, SOMETHING)
        size = np.maximum(np.where(something, sizes, 0.0), self.scale)
        return np.asarray((size > 0) & (self.noise > share * size))

    @property
    def unproved(self) -> Mask:
        """Where the central difference is too rough to prove anything."""
        return self.rougher_than(ROUGH)

    def changed(self, **changes: Any) -> "Comparison":
        """The same with something else, and without what was known of kinks and jumps.

        Args:
            changes: arguments of ``Comparison`` with new values.

        Returns:
            A new comparison.
        """
        names = ("function", "analytic", "numeric", "source", "asked", "epsilon")
        return Comparison(**({name: getattr(self, name) for name in names} | changes))

    def worst(self, where: Mask) -> tuple[int, int]:
        """The first of the largest differences, so that rounding does not choose between equals.

        Args:
            where: the derivatives to look at, as a mask of shape ``(m, n)``; not empty.

        Returns:
            Its row and column.
        """
        with np.errstate(invalid="ignore"):
            difference = np.abs(self.analytic - self.numeric.values)
        difference = np.where(np.isfinite(difference), difference, np.inf)
        difference = np.where(where, difference, -1.0)
        place = np.flatnonzero(difference.ravel() >= 0.99 * difference.max())[0]
        row, column = np.unravel_index(place, difference.shape)
        return int(row), int(column)

    def name(self, row: int, column: int) -> str:
        """The name of one derivative, such as ``∂f[0]/∂x[1]``."""
        return self.function.derivative_name(row, column)

    def printed(self, row: int, column: int) -> tuple[str, str]:
        """One derivative by rule and by central differences, to as many digits as are certain."""
        agrees = bool(self.agrees[row, column])
        noise = float(self.noise[row, column])
        if agrees:  # what is nothing beside the largest derivative, or beside the inputs
            largest = max(float(self.scale.max()), float(np.abs(self.function.place).max()) / 100)
            noise = max(noise, 1e-12 * largest)
        precision = self.tolerance if agrees else self.tolerance / 10
        analytic, numeric = (
            _printed(float(value), noise, precision)
            for value in (self.analytic[row, column], self.numeric.values[row, column])
        )
        return analytic, numeric

    def table_row(self, row: int, column: int) -> list[str]:
        """One derivative as a row of the table: its name, both values, and whether they agree."""
        analytic, numeric = self.printed(row, column)
        verdict = "yes" if self.agrees[row, column] else "NO"
        if self.excused[row, column]:
            verdict = "kink"
        elif self.jumps[row, column]:
            numeric, verdict = "none", "jump"
        elif verdict == "yes" and self.unproved[row, column]:
            numeric, verdict = "?", "unsure"
        if np.isnan(self.numeric.values[row, column]):
            numeric = "none"
        if numeric in ("none", "?"):
            analytic = _printed(float(self.analytic[row, column]), NOTHING, ROUGH)
        return [self.name(row, column), analytic, numeric, verdict]


def _printed(value: float, noise: float, precision: float) -> str:
    """The number, to as many digits as are certain; one more where there is a difference to see."""
    if abs(value) <= noise:
        return "0"
    for asked in (precision, ROUGH):
        if 10 * noise <= asked * abs(value):
            return rounded(value, asked * abs(value))
    return rounded(value, abs(value) / 10)
