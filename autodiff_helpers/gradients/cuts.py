"""Find the calls that cut a function off from its inputs, by undoing them."""

from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

# What cuts a tensor off, and the name that a reader knows it by.
_CUTS = {
    Tensor.detach: "detach()",
    Tensor.detach_: "detach_()",
    Tensor.data.__get__: ".data",  # type: ignore[attr-defined]
    Tensor.item: "item()",
    Tensor.numpy: "numpy()",
    Tensor.tolist: "tolist()",
    Tensor.__float__: "float()",
    Tensor.__array__: "numpy",
    torch.tensor: "torch.tensor()",
    torch.as_tensor: "torch.as_tensor()",
}


class WithoutCuts(TorchFunctionMode):
    """While this is active, a tensor that would be cut off stays connected.

    ``detach()``, ``.data``, ``.item()``, ``torch.tensor(x)`` and ``torch.no_grad()`` do nothing.
    What turns a tensor into something that is no tensor cannot be undone; it gives slightly
    different numbers instead, so that it shows whether they matter.

    Example:
        >>> x = torch.tensor(3.0, requires_grad=True)
        >>> with WithoutCuts() as cuts:
        ...     y = x.detach() * x
        >>> torch.autograd.grad(y, x)
        (tensor(6.),)
        >>> cuts.undone, cuts.left
        (['detach()'], [])
    """

    def __init__(self) -> None:
        super().__init__()
        self.undone: list[str] = []
        self.left: list[str] = []

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        switched = getattr(func, "__name__", "") == "_set_grad_enabled"
        if switched and torch.is_grad_enabled() and not args[0]:
            self._note(self.undone, "torch.no_grad()")
            return None
        recorded = torch.is_grad_enabled() and args and isinstance(args[0], Tensor)
        if func not in _CUTS or not recorded or not args[0].requires_grad:
            return func(*args, **(kwargs or {}))
        if func in (Tensor.numpy, Tensor.tolist, Tensor.__float__, Tensor.__array__):
            self._note(self.left, _CUTS[func])
            # Other numbers, so that it shows whether they matter.
            moved = args[0].detach() * 1.001 + 0.001
            return func(moved, *args[1:], **(kwargs or {}))
        self._note(self.undone, _CUTS[func])
        # A copy, so that changing it in place does not change the original.
        return args[0].clone()

    def _note(self, calls: list[str], name: str) -> None:
        if name not in calls:
            calls.append(name)
