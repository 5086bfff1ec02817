"""What the wrong derivatives of a gradient have in common: a sign, a factor, an order."""

from typing import Literal, NamedTuple

import numpy as np

from autodiff_helpers.gradients.comparison import Comparison
from autodiff_helpers.gradients.differences import Array, Mask
from autodiff_helpers.gradients.pieces import piece_at
from autodiff_helpers.rounding import as_fraction, rounded

Rule = Literal["zero", "sign", "twice", "factor", "transposed", "permuted", "offset"]


class Mistake(NamedTuple):
    """What wrong derivatives have in common."""

    rule: Rule | None
    amount: str = ""
    """The factor or the offset, to the digits that are certain."""
    alone: Literal["input", "output"] | None = None
    """Whether all of them are by one element of the input, or all of one of the output."""


def common_mistake(comparison: Comparison, column: int) -> Mistake:
    """What the wrong derivatives by one input have in common, that of the worst of all."""
    piece = piece_at(comparison.point.pieces, column)
    block = slice(piece.start, piece.stop)
    wrong = ~comparison.agrees[:, block]
    analytic, numeric = comparison.analytic[:, block], comparison.numeric.values[:, block]
    tolerance = comparison.noise[:, block] + 10 * comparison.tolerance * np.maximum(
        np.abs(analytic), np.abs(numeric)
    )
    pattern = _Pattern(analytic, numeric, tolerance, wrong, piece.shape)
    alone = pattern.alone()
    rule, amount = pattern.scaled()
    if rule is None and alone is None:
        rule, amount = pattern.moved()
    return Mistake(rule, amount, alone if wrong.size > 1 else None)


class _Pattern(NamedTuple):
    """Two matrices, and rules that may lead from the right one to the wrong one."""

    analytic: Array
    numeric: Array
    tolerance: Array
    wrong: Mask
    shape: tuple[int, ...]

    def scaled(self) -> tuple[Rule | None, str]:
        """Whether the wrong ones are the right ones times something."""
        if not self.analytic[self.wrong].any():
            return "zero", ""
        found = self._factor()
        if found is None:
            return None, ""
        factor, unsure = found
        if factor == -1:
            return "sign", ""
        if factor == 2:
            return "twice", ""
        amount = as_fraction(factor, unsure)
        # What cannot be told from 1 is no reason.
        return (None, "") if amount == "1" else ("factor", amount)

    def moved(self) -> tuple[Rule | None, str]:
        """Whether the right ones are there in other places, or all off by one amount."""
        if self._is_transposed():
            return "transposed", ""
        if self._is_permuted():
            return "permuted", ""
        offset = self._offset()
        return (None, "") if offset is None else ("offset", offset)

    def alone(self) -> Literal["input", "output"] | None:
        """Whether one element is wrong and the others, which count, are right."""
        if not (~self.wrong & (np.abs(self.numeric) > self.tolerance)).any():
            return None
        if self.wrong.any(axis=0).sum() == 1 and self.wrong.shape[1] > 1:
            return "input"
        if self.wrong.any(axis=1).sum() == 1 and self.wrong.shape[0] > 1:
            return "output"
        return None

    def _factor(self) -> tuple[float, float] | None:
        """The factor, and how sure it is."""
        analytic, numeric = self.analytic[self.wrong], self.numeric[self.wrong]
        tolerance = self.tolerance[self.wrong]
        largest = np.abs(numeric).argmax()
        if not abs(numeric[largest]) > 10 * tolerance[largest]:
            return None
        unsure = float(tolerance[largest] / abs(numeric[largest]))
        factor = float(analytic[largest] / numeric[largest])
        # The error of a central difference counts once more, as much as the factor is larger.
        if (np.abs(analytic - factor * numeric) > max(1.0, abs(factor)) * tolerance).any():
            return None
        for simple in (-1.0, 2.0):
            if abs(factor - simple) <= 2e-4:
                return simple, unsure
        return factor, unsure

    def _is_transposed(self) -> bool:
        m, n = self.analytic.shape
        if m == n and self._is(self.numeric.T, self.tolerance.T):
            return True
        if len(self.shape) < 2:
            return False
        numeric, tolerance = (
            each.reshape(m, *self.shape).swapaxes(-1, -2).reshape(m, n)
            for each in (self.numeric, self.tolerance)
        )
        return self._is(numeric, tolerance)

    def _is_permuted(self) -> bool:
        analytic, numeric = (np.argsort(each, axis=None) for each in self[:2])
        if self.analytic.size == 1:
            return False
        differences = np.abs(self.analytic.ravel()[analytic] - self.numeric.ravel()[numeric])
        tolerance = self.tolerance.ravel()
        return bool((differences <= np.maximum(tolerance[analytic], tolerance[numeric])).all())

    def _offset(self) -> str | None:
        """The amount by which all are off, to the digits that are certain."""
        difference = (self.analytic - self.numeric)[self.wrong]
        if len(difference) == 1:
            return None
        offset = float(np.median(difference))
        spread = np.abs(difference - offset)
        if offset == 0 or not (spread <= self.tolerance[self.wrong]).all():
            return None
        return rounded(offset, max(1e-4 * abs(offset), float(spread.max())))

    def _is(self, other: Array, tolerance: Array) -> bool:
        return bool((np.abs(self.analytic - other) <= np.maximum(self.tolerance, tolerance)).all())
