"""What is written of an operation: its sign, with what autograd keeps of it filled in."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from autodiff_helpers.graphs.kept import kept, order_of_norm, results_of
from autodiff_helpers.rounding import significant
from autodiff_helpers.words import say, say_marked

# More places than this are not written out.
MOST_PLACES = 6
# A place that is left open in a slice.
_OPEN = 2**63 - 1


def label_of(function: Any, sign: str) -> str:
    """The sign of a backward function, with its Python numbers, its dims, its shape and so on.

    Example:
        >>> import torch
        >>> x = torch.ones(3, 4, requires_grad=True)
        >>> label_of((x**3).grad_fn, "^ {exponent}"), label_of(x[:, 2:].grad_fn, "{place}")
        ('^ 3', '[:, 2:]')
    """
    return sign.format_map(_Fields(function))


def with_number(sign: str, number: complex | None, is_first: bool) -> str:
    """The sign of an arithmetic operation, with one operand that is a plain number, or unknown.

    Example:
        >>> with_number("÷", 7.0, is_first=True), with_number("−", None, is_first=False)
        ('7 ÷', '− constant')
    """
    words = _constant() if number is None else significant(number)
    return f"{words} {sign}" if is_first else f"{sign} {words}"


class _Fields(dict[str, str]):
    """The fields of a sign, or of a rule, each read when it is asked for."""

    def __init__(self, function: Any) -> None:
        super().__init__()
        self._function = function

    def __missing__(self, name: str) -> str:
        read = _READERS.get(name)
        return read(self._function) if read else _written(kept(self._function, name))


def rule_of(function: Any, phrase: str, formula: str) -> str:
    """The rule of a backward function in words, with its formula, and its numbers in both."""
    fields = _Fields(function)
    fields["formula"] = formula.format_map(fields)
    return say_marked(phrase, fields)


def _written(found: Any) -> str:
    if isinstance(found, tuple):
        return f"[{', '.join(map(_written, found))}]"
    return _constant() if found is None else significant(found)


def _constant(_: Any = None) -> str:
    return say("constant")


def _dim(function: Any) -> str:
    """The dimensions, where an operation was given any."""
    found = kept(function, "dim") if kept(function, "dims") is None else kept(function, "dims")
    several = found if isinstance(found, tuple) else (found,)
    return "" if found in (None, ()) else f" dim {', '.join(map(str, several))}"


def _place(function: Any) -> str:
    """What was taken, in brackets as in Python; of a derivative's derivative, what was put in."""
    dim, shape, index = (kept(function, name) for name in ("dim", "self_sym_sizes", "index"))
    shape = results_of(function)[0].shape if shape is None else shape
    if index is None:
        start, end, step = (kept(function, name) for name in ("start", "end", "step"))
        stride = "" if step == 1 else f":{step}"
        index = f"{start or ''}:{'' if end == _OPEN else end}{stride}"
    return f"[{':, ' * (dim % len(shape))}{index}]"


def _indices(function: Any) -> str:
    """The places that were taken, where these are few."""
    found = [kept(function, name) for name in ("indices", "index")]
    several = next((each for each in found if each is not None), None)
    if several is None:
        return "[…]"
    return f"[{', '.join(map(_places, several if isinstance(several, tuple) else (several,)))}]"


def _places(indices: Tensor | None) -> str:
    if indices is None:
        return ":"
    if indices.dtype == torch.bool:
        return say("mask")
    if indices.ndim > 1 or indices.numel() > MOST_PLACES:
        return say("places")
    try:
        return str(indices.tolist())
    except RuntimeError:  # a tensor without numbers, or one inside torch.func
        return say("places")


def _limits(function: Any) -> str:
    least, most = kept(function, "min"), kept(function, "max")
    if most is None:
        return f" ≥ {_written(least)}"
    return f" ≤ {_written(most)}" if least is None else f" {_written(least)} … {_written(most)}"


def _order(function: Any) -> str:
    order = order_of_norm(function)
    return "" if order == 2 else f" {_written(order)}"


def _factor(function: Any, name: str) -> str:
    """A factor as the user gave it, if it is not 1."""
    found = kept(function, name)
    return "" if found == 1 else f"{_written(found)} × "


_READERS: dict[str, Callable[[Any], str]] = {
    "beta times": lambda function: _factor(function, "beta"),
    "constant": _constant,
    "dim": _dim,
    "dims": lambda function: f" dim {kept(function, 'dim0')}, {kept(function, 'dim1')}",
    "dtype": lambda function: str(results_of(function)[0].dtype).removeprefix("torch."),
    "indices": _indices,
    "limits": _limits,
    "norm": lambda function: _written(order_of_norm(function)),
    "order": _order,
    "place": _place,
    "rounding": lambda function: f" {kept(function, 'rounding_mode')}",
    "shape": lambda function: str(list(results_of(function)[0].shape)),
    "value times": lambda function: _factor(function, "value"),
    "times alpha": lambda function: f" {_factor(function, 'alpha')}".rstrip(),
}
