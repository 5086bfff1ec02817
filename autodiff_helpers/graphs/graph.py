"""A computational graph as plain data: nodes with names, values and gradients. Knows no drawing."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, NamedTuple

from autodiff_helpers.words import all_of, mark, one_by_one, say, say_how_many, say_marked

Kind = Literal["leaf", "constant", "operation", "intermediate", "output"]
_WORDS = {
    "leaf": mark("leaf"),
    "constant": mark("constant"),
    "operation": mark("operation"),
    "intermediate": mark("intermediate"),
    "output": mark("output"),
}
_THE_ONE = {
    "leaf": mark("the leaf"),
    "constant": mark("the constant"),
    "intermediate": mark("the intermediate"),
    "output": mark("the output"),
}

# Deeper than this the text tree goes on from the margin, so that its size stays in proportion.
DEEPEST = 30


class Passed(NamedTuple):
    """What an operation passes back to one of its operands."""

    gradient: str = ""
    """Empty if it passes nothing."""
    rule: str = ""
    """In words, what makes this of the gradient that arrived."""
    product: str = ""
    """Where both are plain numbers: how this one is computed."""


@dataclass(frozen=True)
class Node:
    """One tensor, or one operation, of a computational graph."""

    kind: Kind
    label: str
    """The tensor's name, if it has one, or the operation's mathematical sign."""
    detail: str
    """The tensor's values or shape, or PyTorch's name for the operation."""
    inputs: tuple[int, ...] = ()
    """The places in ``Graph.nodes`` of what this node was computed from, in order."""
    cut_from: int | None = None
    """For a detached constant: the place of the tensor that it was detached from."""
    number: int = 0
    """What tells it from others of the same name; 0 if it needs no number."""
    shares_with: str = ""
    """For a constant: the name of a tensor that shares its memory, where no cut is known."""
    times: int = 1
    """How often the operation ran, one run feeding the next."""
    gradient: str = ""
    """The gradient that arrives here on the way back; empty where it is not known."""
    arrives: str = ""
    """The same as a sum, where it came along several arrows, and with what a hook made of it."""
    tangent: str = ""
    """How fast it grows with the leaf that was asked for; empty where none was."""
    passed: tuple[Passed, ...] = ()
    """What an operation passes back to each of its inputs."""

    @property
    def name(self) -> str:
        """What it is called; a tensor without a name is called what it is."""
        name = self.label or say_marked(_WORDS[self.kind])
        if self.times > 1:
            name = say("{sign}, {count} times", sign=name, count=self.times)
        if not self.number:
            return name
        if self.kind == "operation":
            return say("{sign} #{number}", sign=name, number=self.number)
        return say("{kind} {number}", kind=name, number=self.number)

    @property
    def in_a_sentence(self) -> str:
        """What a tensor is called in a sentence."""
        return self.name if self.label or self.number else say_marked(_THE_ONE[self.kind])


Part = Literal["name", "detail", "role", "tangent", "gradient"]


# What flows forwards, and what flows back.
_FLOWING: tuple[Part, Part] = ("tangent", "gradient")


class Edge(NamedTuple):
    """What leads from one node to another."""

    source: int
    target: int
    kind: str
    """The kind of the node it comes from, or ``"cut"``."""
    label: str
    """What is written beside it: what flows back along it, or what cuts it."""


@dataclass(frozen=True)
class Graph:
    """The computational graph of some tensors; ``str`` draws it as a text tree.

    The tree starts at the outputs and goes back to the leaves, one line a node. A node that is
    used more than once is written out once; later lines point to it with "as above".
    """

    nodes: tuple[Node, ...]
    outputs: tuple[int, ...]
    freed: bool = False
    """Whether ``backward()`` has freed what autograd had kept."""
    order: tuple[int, ...] = ()
    """The operations in the order in which gradients went back through them, where these are
    known."""

    def __str__(self) -> str:
        return "\n".join([*_tree(self), *filter(None, [self.note])])

    @property
    def note(self) -> str:
        """What there is to say about the graph as a whole."""
        if not self.freed:
            return ""
        return say("backward() has freed this graph: the values it had kept are gone.")

    @cached_property
    def words(self) -> list[dict[Part, str]]:
        """What there is to say about each node, from top to bottom."""
        roles = {kind: say_marked(_WORDS[kind]) for kind in ("leaf", "constant", "output")}
        return [self._words_of(place, roles) for place in range(len(self.nodes))]

    def _words_of(self, place: int, roles: Mapping[str, str]) -> dict[Part, str]:
        node = self.nodes[place]
        words: dict[Part, str] = {"name": node.name, "detail": node.detail}
        if node.label and node.kind in roles:
            words["role"] = roles[node.kind]
        if node.shares_with:
            words["role"] = say("constant, shares its memory with {other}", other=node.shares_with)
        if node.tangent and place not in self.under_tensors:
            words["tangent"] = say("tangent {tangent}", tangent=node.tangent)
        if gradient := self.gradient_at(place):
            words["gradient"] = say("gradient {gradient}", gradient=gradient)
        return words

    @cached_property
    def _receipts(self) -> Counter[int]:
        """From how many sides each node receives a gradient."""
        return Counter(
            source
            for node in self.nodes
            for source, passed in zip(node.inputs, node.passed, strict=False)
            if passed.gradient
        )

    @cached_property
    def under_tensors(self) -> frozenset[int]:
        """The operations whose result is a tensor with a node of its own."""
        tensors = [node for node in self.nodes if node.kind != "operation"]
        return frozenset(source for node in tensors for source in node.inputs)

    def gradient_at(self, place: int) -> str:
        """The gradient to write at a node; that of an operation stands at its result, if named."""
        gradient = self.nodes[place].gradient
        return "" if gradient and place in self.under_tensors else gradient

    def received(self, place: int, operand: int) -> str:
        """What an operation passes back along one edge, where the input gets more than that."""
        node = self.nodes[place]
        several = bool(node.passed) and self._receipts[node.inputs[operand]] > 1
        return node.passed[operand].gradient if several else ""

    @cached_property
    def edges(self) -> list[Edge]:
        """What leads from one node to another, in a fixed order."""
        edges = []
        for place, node in enumerate(self.nodes):
            for operand, source in enumerate(node.inputs):
                label = self.received(place, operand)
                edges.append(Edge(source, place, self.nodes[source].kind, label))
            if node.cut_from is not None:
                edges.append(Edge(node.cut_from, place, "cut", "✂ detach"))
        return edges

    def summary(self) -> str:
        """What the graph holds, in one sentence for someone who does not see its picture.

        Example:
            >>> x = Node("leaf", "x", "3.")
            >>> square = Node("operation", "×", "MulBackward0", inputs=(0, 0))
            >>> Graph((x, square, Node("output", "", "9.", inputs=(1,))), (2,)).summary()
            'Computational graph of the output from x: 1 operation.'
        """
        note = self.note
        outputs = [self.nodes[place].in_a_sentence for place in self.outputs]
        leaves = [node.in_a_sentence for node in self.nodes if node.kind == "leaf"]
        cuts = [
            say(
                "{part} is cut off from {whole}",
                part=node.in_a_sentence,
                whole=self.nodes[node.cut_from].in_a_sentence,
            )
            for node in self.nodes
            if node.cut_from is not None
        ]
        whole = say_how_many(
            "Computational graph of {outputs} from {leaves}: {count} operation",
            "Computational graph of {outputs} from {leaves}: {count} operations",
            sum(node.times for node in self.nodes if node.kind == "operation"),
            outputs=all_of(outputs),
            leaves=all_of(leaves),
        )
        sentence = say("{statements}.", statements=one_by_one([whole, *cuts]))
        return say("{summary} {note}", summary=sentence, note=note) if note else sentence


class _Branch(NamedTuple):
    """A node that is still to be written into the tree."""

    place: int
    before: str = ""
    """What stands before it in its line."""
    indent: str = ""
    """What stands before all that it was computed from."""
    received: str = ""
    is_cut: bool = False


def _tree(graph: Graph) -> Iterator[str]:
    """The lines of the text tree, made with a list of branches, so that depth is no limit."""
    written: set[int] = set()
    continued: dict[int, int] = {}
    later: list[int] = []
    branches = [_Branch(output) for output in reversed(graph.outputs)]
    while branches or later:
        if not branches:
            place = later.pop(0)
            branches.append(_Branch(place, f"[{continued[place]}] "))
        branch = branches.pop()
        place = branch.place
        node, name = graph.nodes[place], graph.words[place]["name"]
        if place in written:
            yield _line(branch, say("{name}, as above", name=name))
        elif len(branch.indent) > 3 * DEEPEST and node.inputs:
            if place not in continued:
                continued[place] = len(continued) + 1
                later.append(place)
            yield _line(
                branch, say("{name}, see [{number}]", name=node.name, number=continued[place])
            )
        else:
            written.add(place)
            yield _line(branch, *_written_out(graph, place))
            branches += reversed(_branches(graph, place, branch.indent))


def _line(branch: _Branch, words: str, *more: str) -> str:
    """One line of the tree; what flows back along the branch comes before the gradient."""
    phrases = [say("cut from {tensor}", tensor=words) if branch.is_cut else words]
    if branch.received:
        phrases.append(say("receives {gradient}", gradient=branch.received))
    return branch.before + "  ".join([*phrases, *more])


def _written_out(graph: Graph, place: int) -> list[str]:
    """What a line of the tree says of a node that was not written before."""
    words = graph.words[place]
    is_operation = graph.nodes[place].kind == "operation"
    line = f"{words['name']}{'  ' if is_operation else ': '}{words['detail']}"
    if "role" in words:
        line = f"{line}  ({words['role']})"
    return [line, *(words[part] for part in _FLOWING if part in words)]


def _branches(graph: Graph, place: int, indent: str) -> list[_Branch]:
    """What a node was computed from, or cut off from, in the order in which it is written."""
    node = graph.nodes[place]
    last = len(node.inputs) - 1
    branches = [
        _Branch(
            source,
            f"{indent}{'└─' if operand == last else '├─'} ",
            f"{indent}{' ' if operand == last else '│'}  ",
            graph.received(place, operand),
        )
        for operand, source in enumerate(node.inputs)
    ]
    if node.cut_from is not None:
        branches.append(_Branch(node.cut_from, f"{indent}└✂ ", f"{indent}   ", is_cut=True))
    return branches
