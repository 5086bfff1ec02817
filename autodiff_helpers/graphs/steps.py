"""The backward pass, step by step: a picture that a browser plays."""

import inspect
import json
from html import escape
from importlib.resources import files
from typing import Any

from torch import Tensor, nn

from autodiff_helpers.graphs.graph import Graph, Node
from autodiff_helpers.graphs.names import graph_of
from autodiff_helpers.graphs.sheet import arrange
from autodiff_helpers.graphs.svg import write_svg

# What an operation passes back, by PyTorch's name for it.
_TIMES_THE_OTHER = "the gradient times the other factor"
_AS_IT_IS = "the gradient as it is"
_MATRIX = "the gradient times the other matrix, transposed"
_MOVED = "the same numbers, each to where it came from"
_RULES = {
    "Abs": "the gradient times the sign of its input",
    "Add": _AS_IT_IS,
    "Addmm": _MATRIX,
    "Bmm": _MATRIX,
    "Clone": _AS_IT_IS,
    "Cos": "the gradient times −sin of its input",
    "Div": "the gradient divided by the divisor; to the divisor, times −quotient as well",
    "Dot": _TIMES_THE_OTHER,
    "Exp": "the gradient times its own result",
    "Log": "the gradient divided by its input",
    "Mean": "the gradient divided by the number of elements, to each of them",
    "Mm": _MATRIX,
    "Mul": _TIMES_THE_OTHER,
    "Mv": _MATRIX,
    "Neg": "the gradient with a minus",
    "Pow": "the gradient times the exponent times the base to one power less",
    "Relu": "the gradient where its input is positive, 0 elsewhere",
    "Reshape": _MOVED,
    "Sigmoid": "the gradient times s (1 − s), where s is its own result",
    "Sin": "the gradient times cos of its input",
    "Sqrt": "the gradient divided by twice its own result",
    "Sub": "the gradient as it is, with a minus to what was subtracted",
    "Sum": "the gradient, to each element",
    "T": _MOVED,
    "Tanh": "the gradient times 1 − t², where t is its own result",
    "Transpose": _MOVED,
    "View": _MOVED,
}
_UNKNOWN = "the gradient times its local derivative"

_STYLE = """
.autodiff-steps svg {max-width: 100%; height: auto}
.autodiff-steps .later {opacity: 0.25}
.autodiff-steps text.later {visibility: hidden}
.autodiff-steps :is(ellipse, rect).now, .autodiff-steps .now path {
  stroke: #c2410c; stroke-width: 3
}
.autodiff-steps ol {min-height: 2.5em; margin-bottom: 0}
.autodiff-steps button {margin-right: 0.5em}
"""


class BackwardSteps:
    """The steps of a backward pass; a notebook shows a player for them.

    Attributes:
        steps: what happens in each step, in words.

    Example:
        >>> import torch
        >>> x = torch.tensor(3.0, requires_grad=True)
        >>> step_backward(x * 2).steps[0]
        'Start: the gradient at the output is 1.'
    """

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self.steps = _captions(graph)

    def __repr__(self) -> str:
        return "\n".join(f"{number}. {step}" for number, step in enumerate(self.steps))

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        return {"text/plain": repr(self), "text/html": self._html()}

    def _html(self) -> str:
        title = f"The backward pass, step by step. {self._graph.summary()}"
        svg = write_svg(arrange(self._graph), title, str(self._graph))
        script = files("autodiff_helpers.graphs").joinpath("steps.js").read_text("utf-8")
        shown_from = json.dumps(_shown_from(self._graph), separators=(",", ":"))
        captions = "".join(
            f'<li value="{number}">{escape(step)}</li>' for number, step in enumerate(self.steps)
        )
        # Without a script all is there at once: the whole picture, and every step in words.
        return (
            f'<div class="autodiff-steps" data-steps="{escape(shown_from)}">'
            f"<style>{_STYLE}</style>"
            '<div hidden role="group" aria-label="Steps of the backward pass">'
            '<button type="button">Previous</button><button type="button">Next</button>'
            '<button type="button">Play</button></div>'
            f'<ol aria-live="polite">{captions}</ol>'
            f"{svg}<script>{script}</script></div>"
        )


def step_backward(output: Tensor, **names: Tensor | nn.Module) -> BackwardSteps:
    """Walk back through the graph of a tensor, one operation after the other.

    In a notebook, or on a page made from one, it is a player with buttons. Each step lights up
    the operation at work and says which gradient arrives, what the operation does with it, what
    it passes on, and how this adds up where a tensor was used several times. Nothing is changed:
    no ``.grad``, no graph, no hook.

    Args:
        output: the tensor to start from, of any shape, with a 1 for each of its elements.
        names: names for tensors, as for ``plot_graph``.

    Returns:
        The steps; printed, they are a list.

    Raises:
        TypeError: if the output is not a tensor, or a name is given to something else.
        ValueError: if autograd recorded nothing for the output, or ``backward()`` has freed it.

    Example:
        >>> import torch
        >>> x = torch.tensor(3.0, requires_grad=True)
        >>> y = x + x
        >>> step_backward(y)
        0. Start: the gradient at y is 1.
        1. + (AddBackward0) gets 1. It passes on the gradient as it is: 1. to x, 1. to x.
        2. Done: the gradient of x is 1. + 1. = 2.
    """
    return BackwardSteps(graph_of((output,), names, inspect.currentframe(), gradients=True))


def _captions(graph: Graph) -> list[str]:
    starts = [_name(graph.nodes[place]) for place in graph.outputs]
    (start,) = (graph.nodes[place].gradient for place in graph.outputs)
    return [
        _sentence(f"Start: the gradient at {starts[0]} is {start}"),
        *[_caption(graph, place) for place in graph.order],
        _sentence("Done: " + "; ".join(_totals(graph))),
    ]


def _caption(graph: Graph, place: int) -> str:
    node = graph.nodes[place]
    rule = _RULES.get(node.detail.rstrip("0123456789").removesuffix("Backward"), _UNKNOWN)
    if node.times > 1:
        rule += f", {node.times} times in a row"
    passed = [
        f"{gradient} to {_name(graph.nodes[source])}"
        for source, gradient in zip(node.inputs, node.passed, strict=True)
        if gradient
    ]
    gets = _sentence(f"{_name(node)} gets {node.gradient}")
    return _sentence(f"{gets} It passes on {rule}: {', '.join(passed)}")


def _totals(graph: Graph) -> list[str]:
    """The gradient of each leaf, as the sum of what it got."""
    totals = []
    for place, node in enumerate(graph.nodes):
        if node.kind != "leaf" or not node.gradient:
            continue
        parts = [
            gradient
            for user in graph.order
            for source, gradient in zip(
                graph.nodes[user].inputs, graph.nodes[user].passed, strict=True
            )
            if source == place and gradient
        ]
        adding = f"{' + '.join(parts)} = " if len(parts) > 1 else ""
        totals.append(f"the gradient of {_name(node)} is {adding}{node.gradient}")
    return totals


def _shown_from(graph: Graph) -> dict[str, int]:
    """From which step on each part of the picture is shown."""
    steps = {place: number for number, place in enumerate(graph.order, start=1)}
    shown = {f"node-{place}": step for place, step in steps.items()}
    complete = dict.fromkeys(graph.outputs, 0)
    for number, edge in enumerate(graph.edges()):
        # An edge to an operation is used when that works, one to its result just before that.
        step = steps.get(edge.target, steps.get(edge.source))
        if step is None or not graph.nodes[edge.source].gradient:
            continue
        shown[f"arrow-{number}"] = step
        if edge.label:
            shown[f"label-{number}"] = step
        if edge.target in steps:
            complete[edge.source] = max(complete.get(edge.source, 0), step)
    shown |= {
        f"gradient-{place}": complete[place]
        for place in range(len(graph.nodes))
        if graph.gradient_at(place)
    }
    return shown


def _name(node: Node) -> str:
    if node.kind == "operation":
        return f"{node.label} ({node.detail})"
    return f"the {node.kind}" if node.label == node.kind else node.label


def _sentence(words: str) -> str:
    return words if words.endswith(".") else f"{words}."
