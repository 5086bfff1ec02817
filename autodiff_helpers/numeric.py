"""Numerical differentiation by central differences. Knows no autograd."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

EPSILON = torch.finfo(torch.float64).eps

# The step that balances the two errors of a central difference, truncation (about h²) and
# round-off (about eps / h), is near the cube root of eps: Nocedal and Wright, Numerical
# Optimization, 2nd edition, section 8.1.
RELATIVE_STEP = EPSILON ** (1 / 3)


class NumericJacobian(NamedTuple):
    """A Jacobian found by evaluating the function only."""

    values: Tensor
    """The derivatives, of shape ``output.shape + input.shape`` and dtype float64."""
    rounding: float
    """How far rounding in float64 alone may have moved any of the values."""


def central_differences(
    f: Callable[..., Tensor], inputs: Sequence[Tensor], position: int
) -> NumericJacobian:
    r"""Differentiate ``f`` with respect to one of its inputs by central differences.

    For every element :math:`x_i` of that input it computes

    .. math:: \frac{f(x + h e_i) - f(x - h e_i)}{2h},
              \qquad h = \sqrt[3]{\varepsilon} \, \max(1, |x_i|)

    The step is the same whatever ``f`` is, so ``f`` has to be nearly straight on the scale of
    :math:`10^{-5}`; the square of the step times a sixth of the third derivative is the error.

    Args:
        f: a function of ``inputs`` that returns one tensor.
        inputs: the arguments of ``f``; the one at ``position`` has dtype float64. None is changed.
        position: the index in ``inputs`` of the one to differentiate with respect to.

    Returns:
        The Jacobian and a bound on its rounding error.

    Example:
        >>> import torch
        >>> x = torch.tensor([1.0, 2.0, 3.0], dtype=torch.float64)
        >>> jacobian = central_differences(lambda x: (x * x).sum(), [x], 0)
        >>> jacobian.values.round(decimals=6)
        tensor([2., 4., 6.], dtype=torch.float64)
    """
    before, after = list(inputs[:position]), list(inputs[position + 1 :])
    x = inputs[position]

    def moved(index: int, step: float) -> Tensor:
        x_moved = x.clone(memory_format=torch.contiguous_format)
        x_moved.view(-1)[index] += step
        return f(*before, x_moved, *after)

    output = f(*inputs)
    values = x.new_zeros(output.shape + x.shape)
    columns = values.view(*output.shape, x.numel())
    for index, value in enumerate(x.flatten().tolist()):
        step = RELATIVE_STEP * max(1.0, abs(value))
        columns[..., index] = (moved(index, step) - moved(index, -step)) / (2 * step)
    rounding = 10 * EPSILON * max(1.0, _largest(output), _largest(x)) / RELATIVE_STEP
    return NumericJacobian(values, rounding)


def _largest(tensor: Tensor) -> float:
    finite = tensor[tensor.isfinite()].abs()
    return finite.max().item() if finite.numel() else 0.0
