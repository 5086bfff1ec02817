"""What the wrong derivatives of a gradient have in common."""

from typing import NamedTuple

import numpy as np

from autodiff_helpers.gradients.comparison import Comparison
from autodiff_helpers.gradients.cuts import WithoutCuts
from autodiff_helpers.gradients.differences import Array, Mask
from autodiff_helpers.gradients.function import VectorFunction, same
from autodiff_helpers.gradients.pieces import flat, piece_at
from autodiff_helpers.gradients.rules import reverse_jacobian
from autodiff_helpers.rounding import rounded


def common_mistake(comparison: Comparison, row: int, column: int) -> str | None:
    """Say what the wrong derivatives have in common, and what to look at.

    Args:
        comparison: the Jacobian by rule and by central differences.
        row: the row of the one that is most wrong.
        column: its column.

    Returns:
        The mistake in words, or ``None`` where they have nothing in common.

    Example:
        >>> import torch
        >>> from autodiff_helpers.gradients.differences import central_differences
        >>> x = torch.tensor([1.0, 2.0], requires_grad=True)
        >>> function = VectorFunction(torch.square, [x], double=True)
        >>> numeric = central_differences(function, function.place, function.value)
        >>> comparison = Comparison(function, -numeric.values, numeric, "expected")
        >>> common_mistake(comparison, 1, 1)
        'the sign is wrong: look for a missing or extra minus'
    """
    function = comparison.function
    piece = piece_at(function.pieces, column)
    block = slice(piece.start, piece.stop)
    name = function.input_names[piece.position]
    wrong = ~comparison.agrees[:, block]
    analytic, numeric = comparison.analytic[:, block], comparison.numeric.values[:, block]
    tolerance = comparison.noise[:, block] + 10 * comparison.tolerance * np.maximum(
        np.abs(analytic), np.abs(numeric)
    )
    pattern = _Pattern(analytic, numeric, tolerance, wrong, piece.shape)
    if comparison.source == "autograd":
        cut = _cut(comparison)
        if cut is not None:
            return cut
    alone = _alone(function, pattern, row, column)
    cut_off = (
        f"the way from {function.name} back to {name} is cut off there: look for detach(), .data, "
        "item(), no_grad() and for a backward step that returns nothing"
        if comparison.source != "expected"
        else "the function does depend on this input"
    )
    reason = None
    if pattern.is_zero():
        reason = cut_off
    elif (found := pattern.factor()) is not None:
        factor, unsure = found
        if factor == -1:
            reason = "the sign is wrong: look for a missing or extra minus"
        elif factor == 2:
            reason = "it is twice the right one: look for something that is added twice"
        else:
            reason = (
                f"it is {_as_fraction(factor, unsure)} times the right one, a constant factor: "
                "look for a factor that is missing or too many"
            )
    if alone and wrong.size > 1:
        return f"{alone}, {reason}" if reason else f"{alone}: look at how this one is treated"
    if reason is not None:
        return reason
    if pattern.is_transposed():
        return (
            "it is the right one, transposed: look for a missing transpose (.T), or for the "
            "Jacobian where its transpose is needed"
        )
    if pattern.is_permuted():
        return (
            "the numbers are right but in the wrong places (permuted): look at the order of "
            "indices, and at reshape, flip and permute"
        )
    offset = pattern.offset()
    if offset is not None:
        return (
            f"every wrong one is off by the same amount, {offset} (an additive offset): look "
            "for a constant that is added on the way back"
        )
    return None


def _cut(comparison: Comparison) -> str | None:
    """Whether a call such as ``detach()`` is to blame: without it the gradient is right."""
    cuts = WithoutCuts()
    function = comparison.function
    try:
        uncut = function.recorded_within(cuts)
        analytic = reverse_jacobian(uncut)
    except Exception:
        return None  # it needs what the cut gave it, whatever it says
    if not cuts.undone and not cuts.left:
        return None
    calls = " and ".join(cuts.undone)
    repaired = comparison.changed(
        analytic=analytic, excused=comparison.excused, jumps=comparison.jumps
    )
    if cuts.undone and repaired.agrees.all():
        return (
            f"{calls} cuts the function off from its input, in whole or in part: without that the "
            "gradient is right"
        )
    # A number that was only printed or noted down changes nothing when it is another one.
    if cuts.left and not same(flat(uncut.recorded).detach().cpu().numpy(), function.value):
        return (
            f"{' and '.join(cuts.left)} cuts the function off from its input, in whole or in "
            "part: what leaves torch is a constant for autograd, so compute it with tensors"
        )
    return None


class _Pattern(NamedTuple):
    """Two matrices, and rules that may lead from the right one to the wrong one."""

    analytic: Array
    numeric: Array
    tolerance: Array
    wrong: Mask
    shape: tuple[int, ...]

    def is_zero(self) -> bool:
        return not self.analytic[self.wrong].any()

    def factor(self) -> tuple[float, float] | None:
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

    def is_transposed(self) -> bool:
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

    def is_permuted(self) -> bool:
        analytic, numeric = (np.argsort(each, axis=None) for each in self[:2])
        if self.analytic.size == 1:
            return False
        differences = np.abs(self.analytic.ravel()[analytic] - self.numeric.ravel()[numeric])
        tolerance = self.tolerance.ravel()
        return bool((differences <= np.maximum(tolerance[analytic], tolerance[numeric])).all())

    def offset(self) -> str | None:
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


def _alone(function: VectorFunction, pattern: _Pattern, row: int, column: int) -> str | None:
    """Say so where one element is wrong and the others, which count, are right."""
    wrong = pattern.wrong
    if not (~wrong & (np.abs(pattern.numeric) > pattern.tolerance)).any():
        return None
    if wrong.any(axis=0).sum() == 1 and wrong.shape[1] > 1:
        which = f"by one element, {function.input_name(column)},"
    elif wrong.any(axis=1).sum() == 1 and wrong.shape[0] > 1:
        which = f"of one element, {function.output_name(row)},"
    else:
        return None
    return f"of all derivatives only those {which} are wrong"


def _as_fraction(factor: float, unsure: float) -> str:
    """A factor as a simple fraction, or to as many digits as are certain."""
    from fractions import Fraction  # seldom needed, and slow to load

    fraction = Fraction(factor).limit_denominator(12)
    near = fraction != 0 and abs(factor - float(fraction)) <= unsure
    return str(fraction) if near else rounded(factor, unsure)
