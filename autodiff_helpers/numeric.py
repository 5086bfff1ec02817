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

    def shifted(index: int, step: float) -> tuple[Tensor, float]:
        moved = x.clone(memory_format=torch.contiguous_format)
        moved.view(-1)[index] += step
        return f(*before, moved, *after), moved.view(-1)[index].item()

    output = f(*inputs)
    columns = []
    largest = max(1.0, _largest(output), _largest(x))
    for index, value in enumerate(x.flatten().tolist()):
        step = RELATIVE_STEP * max(1.0, abs(value))
        upper, right = shifted(index, step)
        lower, left = shifted(index, -step)
        # right - left is the step that float64 really took; 2 * step is the one asked for.
        columns.append((upper - lower) / (right - left))
        largest = max(largest, _largest(upper), _largest(lower))
    if columns:
        values = torch.stack(columns, dim=-1).reshape(output.shape + x.shape)
    else:
        values = x.new_zeros(output.shape + x.shape)
    return NumericJacobian(values, rounding=10 * EPSILON * largest / RELATIVE_STEP)


def _largest(tensor: Tensor) -> float:
    finite = tensor[tensor.isfinite()].abs()
    return finite.max().item() if finite.numel() else 0.0
