"""What plot_graph and step_backward refuse, each in one sentence that says what to do."""

from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

from torch import Tensor, nn

from autodiff_helpers.graphs.names import can_be_read
from autodiff_helpers.words import printable, say


def demand_recorded(asked: str, outputs: Sequence[Any]) -> None:
    """Refuse what is no tensor, and a tensor for which autograd recorded nothing."""
    if not outputs:
        raise TypeError(
            say("{asked} got no tensor; give it the result to explain: {asked}(y).", asked=asked)
        )
    for output in outputs:
        if not isinstance(output, Tensor):
            _refuse(asked, output)
        if not can_be_read(output):
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


def _refuse(asked: str, output: object) -> NoReturn:
    """Say what to do instead with something that is no tensor."""
    kind = type(output).__name__
    if isinstance(output, Mapping):
        sentence = say(
            "{asked} got a {kind}; expected the tensors in it: {asked}(*outputs.values()), or one "
            "of them, {asked}(outputs[key]).",
            asked=asked,
            kind=kind,
        )
    elif isinstance(output, Sequence) and not isinstance(output, str | bytes):
        sentence = say(
            "{asked} got a {kind}; expected a tensor: put a star before it, {asked}(*outputs), or "
            "give it one of them, {asked}(outputs[0]).",
            asked=asked,
            kind=kind,
        )
    elif isinstance(output, nn.Module):
        sentence = say(
            "{asked} got a {kind}, a model that was not called; give it what the model makes of an "
            "input: {asked}(model(x)).",
            asked=asked,
            kind=kind,
        )
    elif callable(output):
        sentence = say(
            "{asked} got a {kind} that was not called; expected a tensor: put parentheses after "
            "it, as in {asked}(y.sum()).",
            asked=asked,
            kind=kind,
        )
    else:
        sentence = say(
            "{asked} got a {kind}; expected a tensor computed from one with requires_grad=True. "
            "Pass the tensor itself, not .item(), float() or .numpy() of it.",
            asked=asked,
            kind=kind,
        )
    raise TypeError(sentence)


def demand_names(asked: str, names: Mapping[str, Any]) -> None:
    """Refuse a name that cannot be printed, or that is given to no tensor."""
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
