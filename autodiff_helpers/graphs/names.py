"""The graph of some tensors by the names that the caller has for them."""

from collections.abc import Iterator, Mapping, Sequence
from types import FrameType
from typing import Any

from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from autodiff_helpers.graphs.fold import folded
from autodiff_helpers.graphs.graph import Graph
from autodiff_helpers.graphs.record import record_graph
from autodiff_helpers.words import printable, say


def graph_of(
    outputs: Sequence[Any],
    names: Mapping[str, Any],
    frame: FrameType | None,
    *,
    gradients: bool = False,
    unfold: bool = False,
) -> Graph:
    """The graph of some tensors, with the names of whoever called the function of a frame.

    Example:
        >>> import torch
        >>> x = torch.tensor(3.0, requires_grad=True)
        >>> print(graph_of([x + 1], {}, None).nodes[1].label)
        + constant
    """
    asked = "plot_graph" if frame is None else frame.f_code.co_name
    _demand_recorded(asked, outputs)
    _demand_names(asked, names)
    named = dict(_tensors(names))
    for name, tensor in _tensors_in_scope(None if frame is None else frame.f_back):
        named.setdefault(name, tensor)
    graph = record_graph(outputs, named, gradients=gradients)
    return graph if unfold else folded(graph)


def _demand_recorded(asked: str, outputs: Sequence[Any]) -> None:
    if not outputs:
        raise TypeError(
            say("{asked} got no tensor; give it the result to explain: {asked}(y).", asked=asked)
        )
    for output in outputs:
        if not isinstance(output, Tensor):
            raise TypeError(
                say(
                    "{asked} got a {type}; expected a tensor computed from one with "
                    "requires_grad=True. Pass the tensor itself, not .item(), float() or .numpy() "
                    "of it.",
                    asked=asked,
                    type=type(output).__name__,
                )
            )
        if not _can_be_read(output):
            raise ValueError(
                say(
                    "{asked} got a tensor of unknown origin: a view of something that was changed "
                    "in place since, or a parameter that has no shape yet; compute it again.",
                    asked=asked,
                )
            )
        if not output.requires_grad:
            raise ValueError(
                say(
                    "{asked} got a tensor for which autograd recorded nothing (its requires_grad "
                    "is False); compute it from a tensor with requires_grad=True, outside "
                    "torch.no_grad() and without detach().",
                    asked=asked,
                )
            )


def _demand_names(asked: str, names: Mapping[str, Any]) -> None:
    for name, value in names.items():
        if not name or printable(name) != name:
            raise ValueError(
                say(
                    "{asked} got the name {name!r}; expected one that can be printed on a line.",
                    asked=asked,
                    name=name,
                )
            )
        if not isinstance(value, Tensor | nn.Module):
            raise TypeError(
                say(
                    "{asked} got {name}={value!r}, a {type}; a keyword gives a tensor its name, "
                    "as in {asked}(y, {name}=x).",
                    asked=asked,
                    name=name,
                    value=value,
                    type=type(value).__name__,
                )
            )


def _tensors(scope: Mapping[str, Any]) -> Iterator[tuple[str, Tensor]]:
    """The tensors in some variables, then the parameters and buffers of the modules in them."""
    for name, value in scope.items():
        if isinstance(value, Tensor) and _can_be_read(value):
            yield name, value
    for name, value in scope.items():
        # Not one that is still being built.
        if isinstance(value, nn.Module) and "_parameters" in vars(value):
            for path, tensor in [*value.named_parameters(), *value.named_buffers()]:
                if _can_be_read(tensor):
                    yield f"{name}.{path}", tensor


def _tensors_in_scope(caller: FrameType | None) -> Iterator[tuple[str, Tensor]]:
    """The tensors that the caller can name, its own before the global ones."""
    for scope in () if caller is None else (caller.f_locals, caller.f_globals):
        # Not the names that IPython (_12) and pytest (@py_assert1) give to results.
        usable = (name for name in scope if name.isidentifier() and not name.startswith("_"))
        yield from _tensors({name: scope[name] for name in usable})


def _can_be_read(tensor: Tensor) -> bool:
    """Whether a tensor has a shape, and autograd knows its origin; some views have lost it."""
    try:
        return not is_lazy(tensor) and (tensor.grad_fn is None or tensor.requires_grad)
    except RuntimeError:
        return False
