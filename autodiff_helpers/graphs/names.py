"""The caller's names for tensors: what he wrote in the call, his variables, and what is in them."""

import ast
import linecache
import sysconfig
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from inspect import CO_VARARGS, CO_VARKEYWORDS
from itertools import islice
from types import FrameType, ModuleType
from typing import Any

from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from autodiff_helpers.words import printable

# How deep tensors are looked for in lists, dicts and objects, and in how many things at each depth.
DEEPEST = 4
MOST_THINGS = 1000
_LIBRARIES = tuple(sysconfig.get_paths()[name] for name in ("stdlib", "purelib", "platlib"))


def named_tensors(
    outputs: Sequence[Tensor], names: Mapping[str, Any], frame: FrameType | None
) -> dict[str, Tensor]:
    """The tensors that the caller of a function can name, by these names, the best ones first.

    First come the names that he gave, then what he wrote in the call, then his variables from the
    inside out. What a function calls its arguments comes last: outside they have a better name.

    Example:
        >>> import torch
        >>> x = torch.ones(1)
        >>> list(named_tensors([], {"params": {"w": x}}, None))
        ['params["w"]']
    """
    named: dict[str, Tensor] = {}
    for found in (_within(names), _in_scope(None if frame is None else frame.f_back, outputs)):
        for name, tensor in found:
            named.setdefault(name, tensor)
    return named


def can_be_read(tensor: Tensor) -> bool:
    """Whether a tensor has a shape, and autograd knows its origin; some views have lost it."""
    try:
        return not is_lazy(tensor) and (tensor.grad_fn is None or tensor.requires_grad)
    except RuntimeError:
        return False


def _in_scope(caller: FrameType | None, outputs: Sequence[Tensor]) -> Iterator[tuple[str, Tensor]]:
    """What the caller can name, and whoever called him, but not functions of a library."""
    arguments: list[Mapping[str, Any]] = []
    frame = caller
    while caller is not None and frame is not None:
        if frame is caller or not frame.f_code.co_filename.startswith(_LIBRARIES):
            scope: dict[str, Any] = dict(frame.f_locals)
            own = {name: scope.pop(name) for name in _arguments_of(frame) if name in scope}
            if frame is caller:
                yield from _written_in_the_call(frame, scope, outputs)
            yield from _within(_usable(scope))
            arguments.append(own)
        frame = None if frame.f_code.co_name == "<module>" else frame.f_back
    for each in arguments:
        yield from _within(_usable(each))
    yield from _within(_usable({} if caller is None else caller.f_globals))


def _usable(scope: Mapping[str, Any]) -> dict[str, Any]:
    """Not the names that IPython (_12, Out) and pytest (@py_assert1) give to results."""
    return {
        name: scope[name]
        for name in scope
        if name.isidentifier() and not name.startswith("_") and name not in ("In", "Out")
    }


def _arguments_of(frame: FrameType) -> tuple[str, ...]:
    """The names of the arguments of a function, with those of ``*args`` and ``**kwargs``."""
    code = frame.f_code
    collected = sum(bool(code.co_flags & each) for each in (CO_VARARGS, CO_VARKEYWORDS))
    return code.co_varnames[: code.co_argcount + code.co_kwonlyargcount + collected]


def _written_in_the_call(
    caller: FrameType, scope: Mapping[str, Any], outputs: Sequence[Tensor]
) -> Iterator[tuple[str, Tensor]]:
    """The outputs by those names that stand in the call: one of several that a tensor has."""
    for name in _names_in_the_call(caller):
        for output in outputs:
            if scope.get(name) is output:
                yield name, output


def _names_in_the_call(caller: FrameType) -> list[str]:
    positions = list(caller.f_code.co_positions())
    first, last, start, end = positions[caller.f_lasti // 2]
    lines = linecache.getlines(caller.f_code.co_filename, caller.f_globals)
    if first is None or last is None or len(lines) < last:
        return []
    here = [line.encode() for line in lines[first - 1 : last]]
    here[-1] = here[-1][:end]
    here[0] = here[0][start:]
    try:
        call = ast.parse(b"".join(here).decode(), mode="eval").body
    except (SyntaxError, UnicodeDecodeError):
        return []
    written = call.args if isinstance(call, ast.Call) else []
    return [each.id for each in written if isinstance(each, ast.Name)]


def _within(scope: Mapping[str, Any]) -> Iterator[tuple[str, Tensor]]:
    """The tensors in some variables: parameters of modules first, then those farther inside."""
    level = dict(scope)
    seen: set[int] = set()
    for name, value in level.items():
        yield from _of_a_module(name, value)
    for _ in range(DEEPEST):
        for name, value in level.items():
            if _is_a(value, Tensor) and can_be_read(value):
                yield name, value
        further = [(name, value) for name, value in level.items() if id(value) not in seen]
        seen |= {id(value) for _, value in further}
        elements = (each for name, value in further for each in _elements(name, value))
        level = dict(islice(elements, MOST_THINGS))
        for name, value in level.items():
            yield from _of_a_module(name, value)


def _of_a_module(name: str, value: Any) -> Iterator[tuple[str, Tensor]]:
    """The parameters and buffers of a module by their dotted names, if it is built and intact."""
    if not _is_a(value, nn.Module):
        return
    with suppress(Exception):  # it is the user's, and may be broken
        for path, tensor in [*value.named_parameters(), *value.named_buffers()]:
            if can_be_read(tensor):
                yield f"{name}.{path}", tensor


def _elements(name: str, value: Any) -> Iterator[tuple[str, Any]]:
    """What is in a list, a tuple, a dict or an object, by the names that Python has for it."""
    if _is_a(value, dict):
        for key, each in list(dict.items(value)):
            if type(key) in (str, int):
                written = f'"{key}"' if type(key) is str else str(key)
                yield printable(f"{name}[{written}]"), each
    elif _is_a(value, list) or _is_a(value, tuple):
        for number, each in enumerate(islice(value, MOST_THINGS)):
            yield f"{name}[{number}]", each
    elif not _is_a(value, Tensor) and not _is_a(value, type) and not _is_a(value, ModuleType):
        for key, each in _attributes(value).items():
            if not key.startswith("_"):
                yield f"{name}.{key}", each


def _attributes(value: Any) -> dict[str, Any]:
    try:
        found: dict[str, Any] = object.__getattribute__(value, "__dict__")
    except AttributeError:
        return {}
    return dict(found)


def _is_a(value: Any, kind: type) -> bool:
    """Whether it is of a kind, without asking it: a proxy may claim anything, or fail."""
    return issubclass(type(value), kind)
