"""Tensors in tuples, lists and dicts: the way to each, and the same nest with something else."""

from collections.abc import Callable
from copy import copy
from typing import Any

# The keys that lead from a nest to something in it, such as (1, "loss"); none where it is alone.
Path = tuple[Any, ...]

# As a tuple of classes, which isinstance looks through faster than a union.
NESTS = (tuple, list, dict)


def leaves_of(nest: Any, path: Path = ()) -> list[tuple[Path, Any]]:
    """Everything in a nest that is no tuple, list or dict itself, each after the way to it.

    Example:
        >>> leaves_of((2, {"h": [3, None]}))
        [((0,), 2), ((1, 'h', 0), 3), ((1, 'h', 1), None)]
    """
    if not isinstance(nest, NESTS):
        return [(path, nest)]
    parts = nest.items() if isinstance(nest, dict) else enumerate(nest)
    return [leaf for key, part in parts for leaf in leaves_of(part, (*path, key))]


def at(nest: Any, path: Path) -> Any:
    """What a way leads to."""
    for key in path:
        nest = nest[key]
    return nest


def replaced(nest: Any, change: Callable[[Path], Any], path: Path = ()) -> Any:
    """The same nest with other leaves, made from the way to each.

    Example:
        >>> replaced((2, {"h": [3, None]}), len)
        (1, {'h': [3, 3]})
    """
    if not isinstance(nest, NESTS):
        return change(path)
    if isinstance(nest, dict):
        other = copy(nest)
        for key, part in nest.items():
            other[key] = replaced(part, change, (*path, key))
        return other
    parts = [replaced(part, change, (*path, key)) for key, part in enumerate(nest)]
    if hasattr(nest, "_fields"):  # a named tuple
        return type(nest)(*parts)
    return parts if isinstance(nest, list) else tuple(parts)


def way(path: Path) -> str:
    """How a way is written behind a name.

    Example:
        >>> way((1, "loss"))
        "[1]['loss']"
    """
    return "".join(f"[{key!r}]" for key in path)


def bare(nest: Any) -> Any:
    """The same nest as tuples and dicts, with nothing in it.

    Example:
        >>> bare([2, {"h": [3, None]}])
        (None, {'h': (None, None)})
    """
    if isinstance(nest, dict):
        return {key: bare(part) for key, part in nest.items()}
    return tuple(map(bare, nest)) if isinstance(nest, tuple | list) else None
