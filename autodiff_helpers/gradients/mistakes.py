"""What the wrong derivatives of a gradient have in common: a sign, a factor, an order."""

from typing import Literal, NamedTuple

import numpy as np

from autodiff_helpers.gradients.comparison import Comparison
from autodiff_helpers.gradients.differences import Array, Mask
from autodiff_helpers.gradients.pieces import Piece, piece_at
from autodiff_helpers.rounding import as_fraction, rounded

Rule = Literal[
    "cut",
    "needed",
    "unmoved",
    "unmoved at all",
    "exchanged",
    "same",
    "diagonal",
    "sign",
    "twice",
    "factor",
    "transposed",
    "permuted",
    "offset",
]


class Mistake(NamedTuple):
    """What wrong derivatives have in common."""

    rule: Rule | None
    amount: str = ""
    """The factor or the offset, to the digits that are certain."""
    alone: Literal["input", "output"] | None = None
    """Whether all of them are by one element of the input, or all of one of the output."""
    other: int = 0
    """An element of the input with which this one is exchanged."""


def common_mistake(comparison: Comparison, column: int) -> Mistake:
    """What the wrong derivatives by one input have in common, that of the worst of all."""
    pieces = comparison.point.pieces
    piece = piece_at(pieces, column)
    pattern = _pattern(comparison, piece)
    alone = pattern.alone() if pattern.wrong.size > 1 else None
    for other in pieces:
        if other is not piece and pattern.is_exchanged_with(_pattern(comparison, other)):
            return Mistake("exchanged", other=other.start)
    rule = pattern.missing(
        expected=comparison.source == "expected", whole=comparison.point.names.whole
    )
    amount = ""
    if rule is None:
        rule, amount = pattern.scaled()
    if rule == "twice" and (comparison.agrees & (comparison.analytic != 0)).any():
        rule, amount = "factor", "2"  # nothing was added up, or not everywhere
    if rule is None and alone is None:
        rule, amount = pattern.moved()
    return Mistake(rule, amount, alone)


def _pattern(comparison: Comparison, piece: Piece) -> "_Pattern":
    block = slice(piece.start, piece.stop)
    analytic, numeric = comparison.analytic[:, block], comparison.numeric.values[:, block]
    tolerance = comparison.noise[:, block] + 10 * comparison.precision * np.maximum(
        np.abs(analytic), np.abs(numeric)
    )
    return _Pattern(analytic, numeric, tolerance, ~comparison.agrees[:, block], piece.shape)


class _Pattern(NamedTuple):
    """Two matrices, and rules that may lead from the right one to the wrong one.

    A rule is found only where it cannot be an accident.
    """

    analytic: Array
    numeric: Array
    tolerance: Array
    wrong: Mask
    shape: tuple[int, ...]

    def alone(self) -> Literal["input", "output"] | None:
        """Whether one element is wrong and the others, which count, are right."""
        if not (~self.wrong & (np.abs(self.numeric) > self.tolerance)).any():
            return None
        if self.wrong.any(axis=0).sum() == 1 and self.wrong.shape[1] > 1:
            return "input"
        if self.wrong.any(axis=1).sum() == 1 and self.wrong.shape[0] > 1:
            return "output"
        return None

    def is_exchanged_with(self, other: "_Pattern") -> bool:
        """Whether each of two inputs has the right gradient of the other one."""
        if self.shape != other.shape or not (self.wrong.any() and other.wrong.any()):
            return False
        if self.scaled()[0] == other.scaled()[0] == "sign":  # as those of a - b, exchanged or not
            return False
        tolerance = np.maximum(self.tolerance, other.tolerance)
        return bool(
            (np.abs(self.analytic - other.numeric) <= tolerance).all()
            and (np.abs(other.analytic - self.numeric) <= tolerance).all()
        )

    def missing(self, expected: bool, whole: bool) -> Rule | None:
        """Whether zeros stand where there should be none, or the other way round.

        What is expected by hand is no way that could be cut off; and of a part of an input nobody
        knows whether the rest is cut off as well.
        """
        zero = not self.analytic[self.wrong].any()
        if zero and self._is_diagonal():
            return "diagonal"
        if self._is_the_same_in_all_rows():
            return "same"
        if expected:
            return "needed" if zero else None
        if not self.analytic.any():
            return "cut" if whole else None
        if not self.numeric[:, self.wrong.any(axis=0)].any():
            return "unmoved" if self.numeric.any() or not whole else "unmoved at all"
        return None

    def scaled(self) -> tuple[Rule | None, str]:
        """Whether the wrong ones are the right ones times something."""
        found = self._factor()
        if found is None:
            return None, ""
        factor, unsure = found
        if factor == -1:
            return "sign", ""
        if factor == 2:
            return "twice", ""
        amount = as_fraction(factor, unsure)
        # Of one number alone, any other is a multiple.
        accident = self.wrong.sum() == 1 and "." in amount
        return (None, "") if accident or amount in ("0", "1") else ("factor", amount)

    def moved(self) -> tuple[Rule | None, str]:
        """Whether the right ones are there in other places, or all off by one amount."""
        if not self.analytic[self.wrong].any():
            return None, ""
        if self._is_transposed():
            return "transposed", ""
        if self._is_permuted():
            return "permuted", ""
        offset = self._offset()
        return (None, "") if offset is None else ("offset", offset)

    def _is_diagonal(self) -> bool:
        """Whether all is right on the diagonal of a square, and there is nothing beside it."""
        m, n = self.analytic.shape
        on_it = np.eye(m, n, dtype=bool)
        return m == n > 1 and not self.wrong[on_it].any() and not self.analytic[~on_it].any()

    def _is_the_same_in_all_rows(self) -> bool:
        same, should_be = (
            bool((np.abs(rows - rows[:1]) <= self.tolerance).all())
            for rows in (self.analytic, self.numeric)
        )
        everywhere = bool(self.wrong.any(axis=1).all()) and min(self.wrong.shape) > 1
        return same and not should_be and everywhere and bool(self.analytic.any())

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
        # Zeros and ones are the same numbers wherever they stand.
        if self._different(self.numeric[self.wrong & (self.numeric != 0)]) < 2:
            return False
        differences = np.abs(self.analytic.ravel()[analytic] - self.numeric.ravel()[numeric])
        tolerance = self.tolerance.ravel()
        return bool((differences <= np.maximum(tolerance[analytic], tolerance[numeric])).all())

    def _offset(self) -> str | None:
        """The amount by which all are off, to the digits that are certain."""
        if not self.wrong.all() or self._different(self.numeric) < 3:
            return None
        difference = self.analytic - self.numeric
        offset = float(np.median(difference))
        spread = np.abs(difference - offset)
        if not (spread <= self.tolerance).all():
            return None
        return rounded(offset, max(1e-4 * abs(offset), float(spread.max())))

    def _different(self, numbers: Array) -> int:
        """How many different numbers there are."""
        return np.unique(np.round(numbers / self.tolerance.max())).size

    def _is(self, other: Array, tolerance: Array) -> bool:
        return bool((np.abs(self.analytic - other) <= np.maximum(self.tolerance, tolerance)).all())
