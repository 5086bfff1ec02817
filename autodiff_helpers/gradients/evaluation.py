"""Evaluate a function at many points at once, although it may hold branches.

What ``torch.func.vmap`` does, without its wrapping, which takes longer than a small function.
"""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch._C._functorch import (
    _add_batch_dim,
    _remove_batch_dim,
    _vmap_decrement_nesting,
    _vmap_increment_nesting,
    get_unwrapped,
    is_batchedtensor,
)
from torch.overrides import TorchFunctionMode

Call = Callable[[Sequence[Tensor]], Sequence[Tensor]]

# Points that take other branches than the rest are evaluated one by one where they are few, or
# when the points have been parted this often.
FEW_POINTS = 12
MOST_BRANCHES = 20


def evaluate_batch(call: Call, inputs: Sequence[Tensor]) -> list[Tensor]:
    """Call a function once for a batch of inputs.

    Args:
        call: the function; it cannot take branches that depend on its inputs.
        inputs: each of shape ``(batch, *shape)``.

    Returns:
        Its outputs, each with the batch first.

    Example:
        >>> evaluate_batch(lambda xs: [xs[0].sum()], [torch.tensor([[1.0, 2.0], [3.0, 4.0]])])
        [tensor([3., 7.])]
    """
    count = inputs[0].shape[0]
    level = _vmap_increment_nesting(count, "same")
    try:
        outputs = call([_add_batch_dim(x, 0, level) for x in inputs])
        return [_remove_batch_dim(output, level, count, 0) for output in outputs]
    finally:
        _vmap_decrement_nesting()


def evaluate_branches(
    call: Call,
    inputs: Sequence[Tensor],
    branches: int = MOST_BRANCHES,
) -> list[Tensor]:
    """Call a function for a batch of inputs, with all those of one branch at a time.

    A batch cannot take an ``if`` both ways. Where its points disagree on one, those that say yes
    and those that say no are evaluated apart.

    Args:
        call: the function, for a batch as for one point.
        inputs: each of shape ``(batch, *shape)``.
        branches: how often the points may still be parted.

    Returns:
        Its outputs, each with the batch first.

    Example:
        >>> def size(xs):
        ...     (x,) = xs
        ...     return [x if x.sum() > 0 else -x]
        >>> evaluate_branches(size, [torch.linspace(-1, 1, 26)])[0][:3]
        tensor([1.0000, 0.9200, 0.8400])
    """
    count = inputs[0].shape[0]
    if count < FEW_POINTS or branches == 0:
        points = zip(*[x.unbind() for x in inputs], strict=True)
        outputs = zip(*[call([x.clone() for x in point]) for point in points], strict=True)
        return [torch.stack(values) for values in outputs]
    try:
        with _Branching():
            return evaluate_batch(call, inputs)
    except _DisagreementError as disagreement:
        yes = disagreement.yes
    sides = [
        evaluate_branches(call, [x[side] for x in inputs], branches - 1) for side in (yes, ~yes)
    ]
    joined = []
    for parts in zip(*sides, strict=True):
        whole = parts[0].new_empty(count, *parts[0].shape[1:])
        whole[yes], whole[~yes] = parts
        joined.append(whole)
    return joined


class _DisagreementError(Exception):
    """Points of one batch want to take a branch in different ways."""

    def __init__(self, yes: Tensor) -> None:
        super().__init__()
        self.yes = yes


class _Branching(TorchFunctionMode):
    """Lets a batched function ask for a truth value or a whole number, if all points agree."""

    _ASKS = (torch.Tensor.__bool__, torch.Tensor.__int__, torch.Tensor.__index__, torch.Tensor.item)

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        if func not in self._ASKS:
            return func(*args, **(kwargs or {}))
        (tensor,) = args
        if func is torch.Tensor.__bool__ and tensor.numel() == 1:
            tensor = tensor != 0
        if tensor.is_floating_point() or tensor.is_complex() or tensor.numel() != 1:
            return func(*args)
        values = tensor
        if is_batchedtensor(tensor):
            values = get_unwrapped(tensor).reshape(-1)
            yes = values == values[0]
            if not yes.all():
                raise _DisagreementError(yes)
            values = values[0]
        return func(values)
