"""Leave everything as it was: random states, the recording of autograd, buffers of modules."""

import random
import sys
from collections.abc import Sequence
from contextlib import suppress
from types import FunctionType
from typing import Any

import torch
from torch import Tensor, nn


class Undisturbed:
    """Record as autograd does by default, and put every random state back at the end.

    So are the buffers of modules that a function uses, such as the running mean of a batch
    normalization, where these can be found: in its closure, as its ``self``, or as a global name.

    Args:
        f: the function.
        tensors: their devices are those whose random state counts.

    Example:
        >>> state = torch.get_rng_state()
        >>> with torch.no_grad(), Undisturbed(torch.sin, []):
        ...     recorded = torch.is_grad_enabled(), torch.rand(1)
        >>> recorded[0], torch.equal(torch.get_rng_state(), state)
        (True, True)
    """

    def __init__(self, f: Any, tensors: Sequence[Tensor]) -> None:
        self._buffers = [(x, x.detach().clone()) for m in _modules_of(f) for x in m.buffers()]
        self._torch = RandomState(tensors)
        self._python = random.getstate()
        self._numpy_random = sys.modules.get("numpy.random")
        self._numpy = None if self._numpy_random is None else self._numpy_random.get_state()
        self._recording: list[Any] = [torch.enable_grad()]
        if torch.is_inference_mode_enabled():
            self._recording.insert(0, torch.inference_mode(False))

    def __enter__(self) -> None:
        for mode in self._recording:
            mode.__enter__()

    def __exit__(self, *error: Any) -> None:
        for mode in reversed(self._recording):
            mode.__exit__(*error)
        for buffer, before in self._buffers:
            if not torch.equal(buffer, before):
                with torch.no_grad():
                    buffer.copy_(before)
        self._torch.reset()
        random.setstate(self._python)
        if self._numpy_random is not None:
            self._numpy_random.set_state(self._numpy)


class RandomState:
    """Torch's random state at the beginning of a check, to which every call goes back."""

    def __init__(self, tensors: Sequence[Tensor]) -> None:
        self.held = True
        on_cuda = [torch.cuda.default_generators[device] for device in _cuda_devices(tensors)]
        self._begun = [(each, each.get_state()) for each in (torch.default_generator, *on_cuda)]

    def reset(self) -> None:
        """Go back there, unless this is switched off."""
        if not self.held:
            return
        for generator, state in self._begun:
            generator.set_state(state)

    def moved(self) -> bool:
        """Whether random numbers were drawn since."""
        # Compared as bytes, which takes half the time of a comparison number by number.
        return any(_bytes(each.get_state()) != _bytes(state) for each, state in self._begun)


def _bytes(state: Tensor) -> bytes:
    return state.numpy().tobytes()


def _modules_of(f: Any) -> list[nn.Module]:
    """The modules that a function written in Python refers to."""
    found = [getattr(f, "__self__", None)]
    f = getattr(f, "__func__", f)
    if isinstance(f, FunctionType):
        found += [f.__globals__.get(name) for name in f.__code__.co_names]
        for cell in f.__closure__ or ():
            with suppress(ValueError):  # nothing was put there yet
                found.append(cell.cell_contents)
    return [each for each in found if isinstance(each, nn.Module)]


def _cuda_devices(tensors: Sequence[Tensor]) -> list[int]:
    return sorted({x.get_device() for x in tensors if x.is_cuda})
