"""Compute in double precision what a function would compute in less."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

_GRAD = Tensor.grad.__get__  # type: ignore[union-attr]
# These give a lower precision on purpose.
_CONVERSIONS = {
    Tensor.to,
    Tensor.type,
    Tensor.float,
    Tensor.half,
    Tensor.bfloat16,
}
# These draw other numbers in another precision.
_DRAWS = {
    torch.rand_like,
    torch.randn_like,
    torch.bernoulli,
    torch.normal,
    Tensor.bernoulli,
    Tensor.normal_,
    Tensor.uniform_,
}


class InDouble(TorchFunctionMode):
    """While this is active, tensors of lower precision take part as double precision ones.

    So a function can be evaluated in float64 although it uses float32 weights. What it makes is
    made in float64. What comes from outside is lifted once, and from then on the lifted one stands
    for it: what is written to it is read again, and the one outside stays as it is. Random numbers
    are those that are drawn in the precision that the function was written for.

    Example:
        >>> weight = torch.ones(2)
        >>> with InDouble():
        ...     y = torch.dot(weight, torch.ones(2, dtype=torch.float64))
        ...     weight[0] = 5
        ...     z = weight.sum()
        >>> y.dtype, z, weight
        (torch.float64, tensor(6., dtype=torch.float64), tensor([1., 1.]))
    """

    def __init__(self, own: torch.dtype = torch.float32) -> None:
        super().__init__()
        self._own = own
        # Whether the function makes something of lower precision on purpose.
        self.lowers = False
        # Each tensor from outside and the one that stands for it, by its id; anew each time.
        self._stand_ins: list[dict[int, tuple[Tensor, Tensor]]] = []
        self._left: dict[int, tuple[Tensor, Tensor]] = {}

    def __enter__(self) -> "InDouble":
        self._stand_ins.append({})
        super().__enter__()  # type: ignore[no-untyped-call]
        return self

    def __exit__(self, *error: Any) -> None:
        super().__exit__(*error)  # type: ignore[no-untyped-call]
        self._left = self._stand_ins.pop()

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        kwargs = kwargs or {}
        lifted = _each(args, self._stand_in), _each(kwargs, self._stand_in)
        if func == _GRAD and not lifted[0][0].is_leaf:
            return func(*args)
        if func in _DRAWS:
            return self._drawn(func, *lifted)
        result = func(*lifted[0], **lifted[1])
        if func in _CONVERSIONS:
            self.lowers |= isinstance(result, Tensor) and _is_lower(result)
            return result
        return _each(result, _made)

    def written(self, returned: Any) -> Any:
        """What a function returned at last, or what stands for it where that was written to."""
        left, self._left = self._left, {}

        def read(tensor: Tensor) -> Tensor:
            if id(tensor) not in left:
                return tensor
            _, stand_in = left[id(tensor)]
            recorded = stand_in.requires_grad and not tensor.requires_grad
            return stand_in if recorded or not torch.equal(stand_in, doubled(tensor)) else tensor

        return _each(returned, read)

    def _stand_in(self, tensor: Tensor) -> Tensor:
        if not _is_lower(tensor):
            return tensor
        known = self._stand_ins[-1]
        if id(tensor) not in known:
            # Kept as well, so that no other tensor gets its id.
            known[id(tensor)] = (tensor, doubled(tensor))
        return known[id(tensor)][1]

    def _drawn(self, func: Any, args: Any, kwargs: Any) -> Any:
        """Random numbers as the function would draw them in its own precision."""

        def lower(tensor: Tensor) -> Tensor:
            return tensor.to(self._own) if tensor.dtype == torch.float64 else tensor

        drawn = func(*_each(args, lower), **_each(kwargs, lower))
        in_place = func in (Tensor.normal_, Tensor.uniform_)
        return args[0].copy_(drawn) if in_place else _each(drawn, _made)


def doubled(value: Any) -> Any:
    """A tensor in double precision, or a list, tuple or dict of such; anything else as it is.

    Example:
        >>> doubled([torch.ones(1), torch.tensor(1)])
        [tensor([1.], dtype=torch.float64), tensor(1)]
    """
    return _each(value, _doubled)


def _doubled(tensor: Tensor) -> Tensor:
    if not _is_lower(tensor):
        return tensor
    return tensor.to(torch.complex128 if tensor.is_complex() else torch.float64)


def _made(tensor: Tensor) -> Tensor:
    """A tensor as if it had been made in double precision: a leaf is a leaf."""
    if tensor.requires_grad and tensor.is_leaf and _is_lower(tensor):
        return _doubled(tensor.detach()).requires_grad_()
    return _doubled(tensor)


def _is_lower(tensor: Tensor) -> bool:
    if tensor.is_floating_point():
        return tensor.dtype != torch.float64
    return tensor.is_complex() and tensor.dtype != torch.complex128


def _each(value: Any, change: Callable[[Tensor], Tensor]) -> Any:
    """A tensor, or a list, tuple or dict of such, each of them changed; anything else as it is."""
    if isinstance(value, Tensor):
        return change(value)
    if type(value) in (list, tuple):
        return type(value)(_each(each, change) for each in value)
    if type(value) is dict:
        return {name: _each(each, change) for name, each in value.items()}
    return value
