"""A walk over what autograd recorded: the backward functions, from the outputs to the leaves."""

from collections.abc import Iterator, Sequence
from typing import Any

from torch import Tensor


def functions_of(outputs: Sequence[Tensor]) -> Iterator[Any]:
    """Every backward function that autograd recorded for some tensors, each once.

    Example:
        >>> import torch
        >>> x = torch.ones(2, requires_grad=True)
        >>> [type(function).__name__ for function in functions_of([(x * x).sum()])]
        ['SumBackward0', 'MulBackward0', 'AccumulateGrad']
    """
    seen: set[Any] = set()
    unread = [output.grad_fn for output in reversed(outputs)]
    while unread:
        function = unread.pop()
        if function is None or function in seen:
            continue
        seen.add(function)
        yield function
        unread += [source for source, _ in reversed(function.next_functions)]


def is_leaf(function: Any) -> bool:
    """Whether a backward function stands for a leaf: it only adds to that one's ``.grad``."""
    return type(function).__name__ == "AccumulateGrad"
