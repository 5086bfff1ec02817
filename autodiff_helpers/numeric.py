"""Numerical differentiation by extrapolated central differences. Knows no autograd."""

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

EPSILON = torch.finfo(torch.float64).eps

# The first step is 0.001 for numbers up to 1 in size and in proportion for larger ones, and odd,
# so that it does not lead to places like 0 where functions like to be special.
FIRST_STEP = 1.0371e-3
# Each further step is smaller by a factor that is no whole number, so that no periodic function
# looks the same at all steps.
RATIO = 3.7
MOST_STEPS = 20
MOST_EXTRAPOLATIONS = 4
# When the estimated relative error is below this, no further step is taken.
GOOD_ENOUGH = 1e-8
# An estimated relative error below this is no accident.
PLAUSIBLE = 1e-3


class NumericJacobian(NamedTuple):
    """A Jacobian found by evaluating the function only."""

    values: Tensor
    """The derivatives, of shape ``output.shape + input.shape`` and dtype float64."""
    errors: Tensor
    """For each derivative an estimate of how far it may be off; infinite where none was found."""


def central_differences(
    f: Callable[..., Tensor], inputs: Sequence[Tensor], position: int
) -> NumericJacobian:
    r"""Differentiate ``f`` with respect to one of its inputs by central differences.

    For every element :math:`x_i` of that input it computes

    .. math:: D(h) = \frac{f(x + h e_i) - f(x - h e_i)}{2h}

    with smaller and smaller steps :math:`h`, and extrapolates to :math:`h = 0` as Richardson
    does, until the estimated error is small or rounding takes over. The error estimate is that
    of Ridders: C. J. F. Ridders, Accurate computation of F'(x) and F'(x)F''(x), Advances in
    Engineering Software 4 (1982).

    Args:
        f: a function of ``inputs`` that returns one tensor of dtype float64.
        inputs: the arguments of ``f``; the one at ``position`` has dtype float64. None is changed.
        position: the index in ``inputs`` of the one to differentiate with respect to.

    Returns:
        The Jacobian and the estimated error of each of its elements.

    Example:
        >>> import torch
        >>> x = torch.tensor([1.0, 2.0, 3.0], dtype=torch.float64)
        >>> jacobian = central_differences(lambda x: (x**3).sum(), [x], 0)
        >>> jacobian.values.round(decimals=9)
        tensor([ 3., 12., 27.], dtype=torch.float64)
        >>> bool((jacobian.errors < 1e-9).all())
        True
    """
    before, after = list(inputs[:position]), list(inputs[position + 1 :])
    x = inputs[position]

    def moved(index: int, step: float) -> Tensor:
        x_moved = x.clone(memory_format=torch.contiguous_format)
        x_moved.view(-1)[index] += step
        return f(*before, x_moved, *after).reshape(-1)

    output = f(*inputs)
    best = x.new_zeros(output.numel(), x.numel())
    errors = torch.full_like(best, math.inf)
    steps = FIRST_STEP * x.flatten().abs().clamp(min=1.0)
    unsure = torch.arange(x.numel(), device=x.device)
    rows: list[Tensor] = []
    for _ in range(MOST_STEPS):
        if not len(unsure):
            break
        h = steps[unsure]
        upper, lower = (
            torch.stack([moved(i, sign * steps[i].item()) for i in unsure.tolist()], dim=-1)
            for sign in (1, -1)
        )
        # The function may round at its own size, or at the size of the numbers it starts from.
        size = torch.maximum(upper.abs(), lower.abs()).clamp(min=largest(x))
        rounding = 2 * EPSILON * size / h
        newest = _extrapolate((upper - lower) / (2 * h), rows)
        values, error = _better(best[:, unsure], errors[:, unsure], rows, newest, rounding)
        best[:, unsure], errors[:, unsure] = values, error
        settled = (error <= GOOD_ENOUGH * values.abs()) | (error <= rounding)
        remaining = ~settled.all(dim=0)
        unsure, rows = unsure[remaining], [row[:, remaining] for row in newest]
        steps /= RATIO
    shape = output.shape + x.shape
    return NumericJacobian(best.reshape(shape), errors.reshape(shape))


def largest(tensor: Tensor) -> Tensor:
    """The size of the largest finite element, or 0 where there is none.

    Args:
        tensor: of any shape and a floating dtype.

    Returns:
        The size, of shape ``()``.

    Example:
        >>> import torch
        >>> largest(torch.tensor([1.0, -3.0, torch.nan]))
        tensor(3.)
    """
    sizes = tensor[tensor.isfinite()].abs()
    return torch.cat([sizes, sizes.new_zeros(1)]).max()


def _extrapolate(derivatives: Tensor, rows: list[Tensor]) -> list[Tensor]:
    """The next line of Neville's table: the plain derivatives, then better and better ones.

    Args:
        derivatives: the central differences at the newest step.
        rows: the line of the table before.
    """
    newest = [derivatives]
    for order, older in enumerate(rows[:MOST_EXTRAPOLATIONS], start=1):
        power = RATIO ** (2 * order)
        newest.append((power * newest[-1] - older) / (power - 1))
    return newest


def _better(
    best: Tensor,
    errors: Tensor,
    rows: list[Tensor],
    newest: list[Tensor],
    rounding: Tensor,
) -> tuple[Tensor, Tensor]:
    """The estimate with the smallest error: the one so far, or one on the newest line."""
    if not rows:
        return newest[0], errors
    # The smaller step may contradict what was best so far. If that was plausible, rounding has
    # taken over and it stays as it is; if not, it only seemed good because the step was too long.
    contradiction = (best - newest[0]).abs() - 2 * (newest[0] - newest[1]).abs() - 2 * rounding
    contradicted = contradiction > errors
    plausible = errors < PLAUSIBLE * best.abs()
    errors = torch.where(contradicted & ~plausible, contradiction, errors)
    for order in range(1, len(newest)):
        estimate = newest[order]
        error = rounding + torch.maximum(
            (estimate - newest[order - 1]).abs(), (estimate - rows[order - 1]).abs()
        )
        # A comparison with nan is false: such an estimate is never taken.
        closer = (error < errors) & ~(contradicted & plausible)
        best = torch.where(closer, estimate, best)
        errors = torch.where(closer, error, errors)
    return best, errors
