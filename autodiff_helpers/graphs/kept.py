"""What autograd kept of an operation for the backward pass."""

import re
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any

import torch
from torch import Tensor


def kept(function: Any, name: str | None) -> Any:
    """What autograd keeps of an operation under a name: a number, a tensor, or several of them.

    It is None where nothing is kept, where ``backward()`` has freed it, where it was changed in
    place since, and where reading it would run code of the user's.
    """
    try:
        if _has_hooks(getattr(function, f"_raw_saved_{name}", ())):
            return None
        return _signed(getattr(function, f"_saved_{name}", None))
    except RuntimeError:
        return None


def order_of_norm(function: Any) -> Any:
    """Which norm it is; one kind of functions keeps it as ``ord``, the other as ``p``."""
    return kept(function, "p") if kept(function, "ord") is None else kept(function, "ord")


def why_unreadable(function: Any) -> str:
    """Why what an operation had kept cannot be read, in torch's words: freed, or changed since."""
    try:
        list(_kept_tensors(function))
    except RuntimeError as error:
        return str(error)
    return ""


def readable(function: Any) -> list[Tensor]:
    """Every tensor that autograd kept of an operation, if they can be read."""
    try:
        return list(_kept_tensors(function))
    except RuntimeError:
        return []


def _kept_tensors(function: Any) -> Iterator[Tensor]:
    kind: Any = type(function)
    for raw_name, name in _names_of_kept(kind):
        if _has_hooks(getattr(function, raw_name)):
            continue
        found = getattr(function, name)
        several = found if isinstance(found, tuple | list) else [found]
        yield from (each for each in several if isinstance(each, Tensor))


def ask_again(function: Any, gradients: Sequence[Tensor | None]) -> tuple[Tensor | None, ...]:
    """What a backward function makes of some gradients, without hooks; empty if it must not run.

    It must not where it would run code of the user's: a function written in Python, or hooks on
    the tensors that are kept.
    """
    kind: Any = type(function)
    is_torchs = re.search(r"Backward\d+$", kind.__name__)
    if not is_torchs or not gradients or any(each is None for each in gradients):
        return ()
    if any(_has_hooks(getattr(function, raw_name)) for raw_name, _ in _names_of_kept(kind)):
        return ()
    with torch.no_grad():
        passed = function(*gradients)
    return passed if isinstance(passed, tuple) else (passed,)


def results_of(function: Any) -> Sequence[Any]:
    """The shape, the dtype and the device of each result of an operation."""
    return getattr(function, "_input_metadata")  # type: ignore[no-any-return]  # noqa: B009


def _has_hooks(raw: Any) -> bool:
    several = raw if isinstance(raw, tuple | list) else [raw]
    return any(getattr(each, "unpack_hook", None) is not None for each in several)


def _signed(found: Any) -> Any:
    """A number as it was given: autograd gives a negative one out as a huge one."""
    if isinstance(found, tuple):
        return tuple(map(_signed, found))
    is_huge = type(found) is int and found >= 2**63
    return found - 2**64 if is_huge else found


@cache
def _names_of_kept(kind: Any) -> list[tuple[str, str]]:
    """How a kind of operation calls the tensors it keeps: as they are, and as they are given out.

    A function written in Python gives them out as ``saved_tensors``.
    """
    raw = [name for name in dir(kind) if name.startswith("_raw_saved_")]
    given = [name.removeprefix("_raw") for name in raw]
    return [
        (one, "saved_tensors" if one == "_raw_saved_tensors" else other)
        for one, other in zip(raw, given, strict=True)
    ]
