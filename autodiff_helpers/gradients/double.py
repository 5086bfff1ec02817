"""Compute in double precision what a function would compute in less."""

from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

# These ask for something about a tensor, or convert it on purpose.
_LEFT_ALONE = {
    Tensor.to,
    Tensor.type,
    Tensor.float,
    Tensor.half,
    Tensor.bfloat16,
    Tensor.requires_grad_,
    Tensor.backward,
}


class InDouble(TorchFunctionMode):
    """While this is active, tensors of lower precision take part as double precision ones.

    So a function can be evaluated in float64 although it uses float32 weights.

    Example:
        >>> weight = torch.ones(2)
        >>> with InDouble():
        ...     y = torch.dot(weight, torch.ones(2, dtype=torch.float64))
        >>> y.dtype
        torch.float64
    """

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        kwargs = kwargs or {}
        if func in _LEFT_ALONE or getattr(func, "__name__", "") in ("__get__", "__set__"):
            return func(*args, **kwargs)
        kwargs = {name: doubled(value) for name, value in kwargs.items()}
        return func(*[doubled(value) for value in args], **kwargs)


def doubled(value: Any) -> Any:
    """A tensor in double precision, or a list or tuple of such; anything else as it is.

    Example:
        >>> doubled([torch.ones(1), torch.tensor(1)])
        [tensor([1.], dtype=torch.float64), tensor(1)]
    """
    if isinstance(value, Tensor):
        if value.is_floating_point() and value.dtype != torch.float64:
            return value.double()
        if value.is_complex() and value.dtype != torch.complex128:
            return value.to(torch.complex128)
    elif type(value) in (list, tuple):
        return type(value)(doubled(each) for each in value)
    return value
