"""The backward pass, step by step: a picture that a browser plays."""

import inspect
import json
import warnings
from collections import defaultdict
from collections.abc import Iterator
from html import escape
from importlib.resources import files
from typing import Any

from torch import Tensor, nn

from autodiff_helpers.graphs.graph import Graph, Node
from autodiff_helpers.graphs.numbering import numbered
from autodiff_helpers.graphs.record import graph_of
from autodiff_helpers.graphs.sheet import arrange, arrow_id, gradient_id, label_id, node_id
from autodiff_helpers.graphs.svg import write_svg
from autodiff_helpers.rounding import coordinate
from autodiff_helpers.words import listed, one_by_one, say

# More steps than this are too many to go through.
MANY_STEPS = 500


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
        self._graph = numbered(graph, graph.order)
        self.steps = _captions(self._graph)

    def __repr__(self) -> str:
        return "\n".join(f"{number}. {step}" for number, step in enumerate(self.steps))

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        return {"text/plain": repr(self), "text/html": self._html()}

    def _html(self) -> str:
        title = say("The backward pass, step by step. {summary}", summary=self._graph.summary())
        sheet = arrange(self._graph)
        svg = write_svg(sheet, title, str(self._graph))
        captions = "".join(
            f'<li value="{number}">{escape(step)}</li>' for number, step in enumerate(self.steps)
        )
        # Without a script there is no player: the steps in words and the picture of the last one
        # wait until somebody asks for them. A page that is not trusted keeps <img>, but tears all
        # words out of an <svg>.
        at_once = say("Every step at once")
        return (
            f'<div class="autodiff-steps" style="--wide: {coordinate(sheet.size[0])}pt" '
            f'data-shown-from="{_attribute(_shown_from(self._graph))}" '
            f'data-words="{_attribute(_words())}">'
            f"<style>\n{_file('steps.css')}</style>"
            f"<details><summary>{at_once}</summary><ol>{captions}</ol>"
            f'<img alt="{escape(title)}" src="{escape(_address(svg))}"></details>'
            f"<script>{_file('steps.js')}</script></div>"
        )


def _words() -> dict[str, str]:
    """What the player says, besides its captions."""
    return {
        "controls": say("Steps of the backward pass"),
        "previous": say("Previous"),
        "next": say("Next"),
        "play": say("Play"),
        "pause": say("Pause"),
        "picture": say("The graph, to scroll"),
    }


def _attribute(data: object) -> str:
    """Data as the value of an attribute, to be read by the script."""
    return escape(json.dumps(data, ensure_ascii=False, separators=(",", ":")))


def _address(svg: str) -> str:
    """The address of a picture that is all there, with what means something encoded.

    A page that is not trusted drops an address in which it sees the end of a style or a title.
    """
    meaning = {ord(sign): f"%{ord(sign):02X}" for sign in "%#<\n"}
    return "data:image/svg+xml," + svg.translate(meaning)


def _file(name: str) -> str:
    """A file that stands beside this one."""
    return files("autodiff_helpers.graphs").joinpath(name).read_text("utf-8")


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
    steps = BackwardSteps(graph_of((output,), names, inspect.currentframe(), gradients=True))
    if len(steps.steps) > MANY_STEPS:
        warnings.warn(
            say(
                "step_backward has {count:,} steps to show; for fewer give it a tensor from "
                "earlier in the computation, or a smaller model.",
                count=len(steps.steps),
            ),
            stacklevel=2,
        )
    return steps


def _captions(graph: Graph) -> list[str]:
    (output,) = (graph.nodes[place] for place in graph.outputs)
    start = say(
        "Start: the gradient at {name} is {gradient}.",
        name=_name(output),
        gradient=_before_a_stop(output.arrives),
    )
    done = say("Done: {statements}.", statements=_before_a_stop(one_by_one(_totals(graph))))
    return [start, *[_caption(graph, place) for place in graph.order], done]


def _caption(graph: Graph, place: int) -> str:
    node = graph.nodes[place]
    return say(
        "{name} gets {gradient}. It passes on {passed}.",
        name=_name(node),
        gradient=_before_a_stop(node.arrives),
        passed=_before_a_stop(one_by_one(_what_is_passed(graph, node))),
    )


def _what_is_passed(graph: Graph, node: Node) -> Iterator[str]:
    """Each rule, with what goes to which input by it."""
    by_rule = defaultdict[str, list[str]](list)
    for source, passed in zip(node.inputs, node.passed, strict=True):
        if passed.gradient:
            gradient, name = passed.product or passed.gradient, _name(graph.nodes[source])
            by_rule[passed.rule].append(say("{gradient} to {name}", gradient=gradient, name=name))
    for rule, gradients in by_rule.items():
        if node.times > 1:
            rule = say("{rule}, {count} times in a row", rule=rule, count=node.times)
        yield say("{rule}: {passed}", rule=rule, passed=listed(gradients))


def _totals(graph: Graph) -> list[str]:
    """The gradient of each leaf, as the sum of what it got."""
    return [
        say("the gradient of {name} is {gradient}", name=_name(node), gradient=node.arrives)
        for node in graph.nodes
        if node.kind == "leaf" and node.gradient
    ]


def _shown_from(graph: Graph) -> dict[str, int]:
    """From which step on each part of the picture is shown."""
    steps = {place: number for number, place in enumerate(graph.order, start=1)}
    shown = {node_id(place): step for place, step in steps.items()}
    complete = dict.fromkeys(graph.outputs, 0)
    for number, edge in enumerate(graph.edges):
        # An edge to an operation is used when that works, one to its result just before that.
        step = steps.get(edge.target, steps.get(edge.source))
        if step is None or not graph.nodes[edge.source].gradient:
            continue
        shown[arrow_id(number)] = step
        if edge.label:
            shown[label_id(number)] = step
        if edge.target in steps:
            complete[edge.source] = max(complete.get(edge.source, 0), step)
    shown |= {
        gradient_id(place): complete[place]
        for place in range(len(graph.nodes))
        if graph.gradient_at(place)
    }
    return shown


def _name(node: Node) -> str:
    if node.kind == "operation":
        return say("{sign} ({function})", sign=node.name, function=node.detail)
    return node.in_a_sentence


def _before_a_stop(words: str) -> str:
    """Words at the end of a sentence: the point of a number such as 2. is its full stop."""
    return words.removesuffix(".")
