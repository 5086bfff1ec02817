"""A computational graph as plain data: nodes with names, values and gradients. Knows no drawing."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, NamedTuple
from unicodedata import category

Kind = Literal["leaf", "constant", "operation", "intermediate", "output"]

# Deeper than this the text tree goes on from the margin, so that its size stays in proportion.
DEEPEST = 30


@dataclass(frozen=True)
class Node:
    """One tensor, or one operation, of a computational graph."""

    kind: Kind
    label: str
    """The tensor's name, or the operation's mathematical sign."""
    detail: str
    """The tensor's values or shape, or PyTorch's name for the operation."""
    inputs: tuple[int, ...] = ()
    """The places in ``Graph.nodes`` of what this node was computed from, in order."""
    cut_from: int | None = None
    """For a detached constant: the place of the tensor that it was detached from."""
    times: int = 1
    """How often the operation ran, one run feeding the next."""
    gradient: str = ""
    """The gradient that arrives here on the way back; empty where it is not known."""
    passed: tuple[str, ...] = ()
    """What an operation passes back to each of its inputs."""

    def __str__(self) -> str:
        if self.kind == "operation":
            return f"{self.sign}  {self.detail}"
        return f"{self.label}: {self.detail}" + ("" if self.role is None else f"  ({self.role})")

    @property
    def sign(self) -> str:
        """The label of an operation with its count: ``× 2, 11 times``."""
        return self.label if self.times == 1 else f"{self.label}, {self.times} times"

    @property
    def role(self) -> str | None:
        """What a tensor is in the graph, where there is more to say than that it has a name."""
        named = self.label != self.kind
        return self.kind if named and self.kind in ("leaf", "constant", "output") else None


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
        return "\n".join(self._lines())

    @property
    def note(self) -> str | None:
        """What there is to say about the graph as a whole."""
        if not self.freed:
            return None
        return "backward() has freed this graph: the values it had kept are gone."

    @cached_property
    def _receipts(self) -> Counter[int]:
        """From how many sides each node receives a gradient."""
        return Counter(
            source
            for node in self.nodes
            for source, gradient in zip(node.inputs, node.passed, strict=False)
            if gradient
        )

    @cached_property
    def under_tensors(self) -> frozenset[int]:
        """The operations whose result is a tensor with a node of its own."""
        tensors = [node for node in self.nodes if node.kind != "operation"]
        return frozenset(source for node in tensors for source in node.inputs)

    def gradient_at(self, place: int) -> str:
        """The gradient to write at a node; that of an operation stands at its result, if named."""
        return "" if place in self.under_tensors else self.nodes[place].gradient

    def received(self, place: int, operand: int) -> str:
        """What an operation passes back along one edge, where the input gets more than that."""
        node = self.nodes[place]
        several = bool(node.passed) and self._receipts[node.inputs[operand]] > 1
        return node.passed[operand] if several else ""

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

    def _lines(self) -> Iterator[str]:
        written: set[int] = set()
        continued: dict[int, int] = {}
        stack = [(output, "", "", "") for output in reversed(self.outputs)]
        later: list[int] = []
        while stack or later:
            if not stack:
                place = later.pop(0)
                stack.append((place, f"[{continued[place]}] ", "", ""))
            place, branch, indent, received = stack.pop()
            node = self.nodes[place]
            got = f"  receives {received}" if received else ""
            if place in written:
                yield f"{branch}{node.label if node.role else node.sign}, as above{got}"
                continue
            if len(indent) > 3 * DEEPEST and node.inputs:
                if place not in continued:
                    continued[place] = len(continued) + 1
                    later.append(place)
                yield f"{branch}{node.label or node.sign}, see [{continued[place]}]{got}"
                continue
            written.add(place)
            gradient = self.gradient_at(place)
            yield f"{branch}{node}{got}" + (f"  gradient {gradient}" if gradient else "")
            if node.cut_from is not None:
                stack.append((node.cut_from, f"{indent}└✂ cut from ", f"{indent}   ", ""))
            for operand, source in reversed(list(enumerate(node.inputs))):
                received = self.received(place, operand)
                if operand == len(node.inputs) - 1:
                    stack.append((source, f"{indent}└─ ", f"{indent}   ", received))
                else:
                    stack.append((source, f"{indent}├─ ", f"{indent}│  ", received))
        if self.note:
            yield self.note

    def summary(self) -> str:
        """Say in one sentence what the graph holds, for someone who does not see its picture.

        Returns:
            The sentence.

        Example:
            >>> x = Node("leaf", "x", "3.")
            >>> square = Node("operation", "×", "MulBackward0", inputs=(0, 0))
            >>> Graph((x, square, Node("output", "output", "9.", inputs=(1,))), (2,)).summary()
            'Computational graph of the output from x: 1 operation.'
        """
        outputs = [_in_words(self.nodes[place]) for place in self.outputs]
        operations = sum(node.times for node in self.nodes if node.kind == "operation")
        leaves = [_in_words(node) for node in self.nodes if node.kind == "leaf"]
        cuts = [
            f"{_in_words(node)} is cut off from {_in_words(self.nodes[node.cut_from])}"
            for node in self.nodes
            if node.cut_from is not None
        ]
        sentence = (
            f"Computational graph of {_listed(outputs)} from {_listed(leaves)}: "
            f"{operations} operation{'' if operations == 1 else 's'}"
        )
        about = f" {self.note}" if self.note else ""
        return "; ".join([sentence, *cuts]) + "." + about


def printable(name: str) -> str:
    r"""A name without characters that would break a line, or the file of a picture.

    Args:
        name: any text.

    Returns:
        The name, with a question mark for each of these.

    Example:
        >>> printable("two\nlines")
        'two?lines'
    """
    if name.isprintable():
        return name
    broken = ("Cc", "Cs", "Zl", "Zp")
    return "".join("?" if category(each) in broken else each for each in name)


def _in_words(node: Node) -> str:
    return f"the {node.kind}" if node.label == node.kind else node.label


def _listed(names: list[str]) -> str:
    return names[0] if len(names) == 1 else ", ".join(names[:-1]) + " and " + names[-1]
