"""Spare the ``.grad`` of tensors with ``retain_grad()``, of which autograd tells nobody."""

import gc
from contextlib import suppress
from typing import Any

from torch import Tensor, ops
from torch.utils._python_dispatch import TorchDispatchMode, _pop_mode


class SparedGradients(TorchDispatchMode):
    """Note what autograd may write into a ``.grad`` while this is active, and take it back.

    Autograd gives a tensor with ``retain_grad()`` a copy of the gradient that arrives there, or
    the sum of that and what the tensor had before.
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._before: dict[int, tuple[Tensor, Tensor | None]] = {}

    def __torch_dispatch__(self, function: Any, _: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = function(*args, **(kwargs or {}))
        if function is ops.aten.clone.default:
            self._before[id(result)] = result, None
        elif function is ops.aten.add.Tensor:
            self._before[id(result)] = result, args[0]
        return result

    def pause(self) -> None:
        """Look away until autograd comes to its next function: to be called by a hook.

        Autograd begins each function with the modes that were active when it was called. Where
        one is active, some functions do not look for errors.
        """
        _pop_mode()

    def __exit__(self, *error: Any) -> None:
        super().__exit__(*error)  # type: ignore[no-untyped-call]
        if self._before:
            # The copies do not tell whose they are, so all objects there are have to be looked at.
            for each in gc.get_objects():
                if issubclass(type(each), Tensor):
                    self._take_back_from(each)

    def _take_back_from(self, tensor: Tensor) -> None:
        with suppress(RuntimeError):  # a view that was changed in place since
            while tensor.retains_grad and id(tensor.grad) in self._before:
                _, tensor.grad = self._before[id(tensor.grad)]
