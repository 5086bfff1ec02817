"""What autograd kept of an operation for the backward pass."""

from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any

from torch import Tensor


def kept_operand(function: Any, names: Sequence[str | None], operand: int) -> Tensor | None:
    """One of the operands that autograd keeps under some names, where it can be read."""
    name = names[operand] if operand < len(names) else None
    # Where the user has hooks on saved tensors, reading one would run their code.
    raw = getattr(function, f"_raw_saved_{name}", None)
    if raw is None or raw.unpack_hook is not None:
        return None
    try:
        kept: Tensor | None = getattr(function, f"_saved_{name}")
    except RuntimeError:  # backward() has freed it, or it was changed in place since
        return None
    return kept


def is_freed(function: Any) -> bool:
    """Whether ``backward()`` has freed what an operation had kept."""
    try:
        list(kept_tensors(function))
    except RuntimeError as error:
        return "already been freed" in str(error)
    return False


def kept_tensors(function: Any) -> Iterator[Tensor]:
    """Every tensor that autograd kept of an operation and that can be read."""
    kind: Any = type(function)
    for raw_name, name in _names_of_kept(kind):
        raw = getattr(function, raw_name)
        several = isinstance(raw, tuple | list)
        # Where the user has hooks on saved tensors, reading one would run their code.
        if any(getattr(each, "unpack_hook", None) for each in (raw if several else [raw])):
            continue
        kept = getattr(function, name)
        yield from (each for each in (kept if several else [kept]) if isinstance(each, Tensor))


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
