"""Leave everything as it was: random states, the recording of autograd, buffers of modules."""

import random
import sys
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.module import register_module_forward_pre_hook
from torch.nn.parameter import is_lazy


class Undisturbed:
    """Record as autograd does by default, and put random states and buffers back at the end.

    The buffers are those of the modules that are called meanwhile, such as the running mean of a
    batch normalization, and of the module that ``f`` is a method of; the random states are those
    of the devices of the tensors; torch's is what is entered with.

    Example:
        >>> state = torch.get_rng_state()
        >>> with torch.no_grad(), Undisturbed(torch.sin, []):
        ...     recorded = torch.is_grad_enabled(), torch.rand(1)
        >>> recorded[0], torch.equal(torch.get_rng_state(), state)
        (True, True)
    """

    def __init__(self, f: Any, tensors: Sequence[Tensor]) -> None:
        self._called: set[nn.Module] = set()
        self._buffers: dict[int, tuple[Tensor, Tensor]] = {}
        owner = getattr(f, "__self__", None)
        if isinstance(owner, nn.Module):
            self._keep_buffers(owner, ())
        self._begun = RandomState(tensors)
        self._python = random.getstate()
        self._numpy_random = sys.modules.get("numpy.random")
        self._numpy = None if self._numpy_random is None else self._numpy_random.get_state()
        self._recording: list[Any] = [torch.enable_grad()]
        if torch.is_inference_mode_enabled():
            self._recording.insert(0, torch.inference_mode(False))
        if "torch._dynamo" in sys.modules:
            # What is compiled does not see the modes in which its numbers are changed.
            self._recording.append(torch.compiler.set_stance("force_eager"))

    def __enter__(self) -> "RandomState":
        for mode in self._recording:
            mode.__enter__()
        self._watch = register_module_forward_pre_hook(self._keep_buffers)
        return self._begun

    def _keep_buffers(self, module: nn.Module, _: Any) -> None:
        if module in self._called:
            return
        self._called.add(module)
        for buffer in module.buffers():
            if not is_lazy(buffer):
                self._buffers.setdefault(id(buffer), (buffer, buffer.detach().clone()))

    def __exit__(self, *error: Any) -> None:
        self._watch.remove()
        for mode in reversed(self._recording):
            mode.__exit__(*error)
        for buffer, before in self._buffers.values():
            if not torch.equal(buffer, before):
                with torch.no_grad():
                    buffer.copy_(before)
        self._begun.reset()
        random.setstate(self._python)
        if self._numpy_random is not None:
            self._numpy_random.set_state(self._numpy)


class RandomState:
    """Torch's random state as it is now, to go back to."""

    def __init__(self, tensors: Sequence[Tensor]) -> None:
        on_cuda = [torch.cuda.default_generators[device] for device in _cuda_devices(tensors)]
        self._begun = [(each, each.get_state()) for each in (torch.default_generator, *on_cuda)]

    def reset(self) -> None:
        """Go back there."""
        for generator, state in self._begun:
            generator.set_state(state)

    def moved(self) -> bool:
        """Whether random numbers were drawn since."""
        # Compared as bytes, which takes half the time of a comparison number by number.
        return any(_bytes(each.get_state()) != _bytes(state) for each, state in self._begun)


def _bytes(state: Tensor) -> bytes:
    return state.numpy().tobytes()


def _cuda_devices(tensors: Sequence[Tensor]) -> list[int]:
    return sorted({x.get_device() for x in tensors if x.is_cuda})
