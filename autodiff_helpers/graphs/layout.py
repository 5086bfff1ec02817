"""Where the nodes and arrows of a graph go: the work of Graphviz's dot. Knows no drawing."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import pygraphviz

from autodiff_helpers.graphs.graph import Edge, Graph

POINTS_PER_INCH = 72
# In a graph of more edges than this a leaf, or anything that is used often, is repeated beside
# each of its uses: arrows all across the picture are of no help, and dot takes minutes to find a
# way for them.
MANY_EDGES = 150
MANY_USES = 4

Point = tuple[float, float]
Size = tuple[float, float]


class Box(NamedTuple):
    """A node at its place, in points."""

    node: int
    """The place of the node in the graph."""
    again: bool
    """Whether the node is only repeated here."""
    center: Point


class Arrow(NamedTuple):
    """An edge of the graph on its way, in points."""

    edge: Edge
    points: list[Point]
    """Cubic Bézier curves, then the tip."""
    label_center: Point | None


@dataclass(frozen=True)
class Layout:
    """Everything at its place; the origin is at the lower left."""

    size: Size
    boxes: list[Box]
    arrows: list[Arrow]


def lay_out(
    graph: Graph,
    size_of_node: Callable[[int, bool], Size],
    size_of_label: Callable[[str], Size],
    left_to_right: bool = False,
) -> Layout:
    """Find a place for every node and a way for every arrow.

    Args:
        graph: the graph.
        size_of_node: the width and height in points of a node, given its place in the graph and
            whether it is only repeated.
        size_of_label: the same for what is written beside an arrow.
        left_to_right: whether the leaves are at the left instead of at the top.

    Returns:
        The layout.

    Example:
        >>> from autodiff_helpers.graphs.graph import Node
        >>> graph = Graph((Node("leaf", "x", "1."), Node("output", "y", "1.", (0,))), (1,))
        >>> layout = lay_out(graph, lambda node, again: (40.0, 20.0), lambda label: (20.0, 10.0))
        >>> [(arrow.edge.source, arrow.edge.target) for arrow in layout.arrows]
        [(0, 1)]
    """
    boxes: list[tuple[int, bool]] = []
    lines: list[str] = []

    def add_box(place: int, again: bool) -> int:
        width, height = (length / POINTS_PER_INCH for length in size_of_node(place, again))
        shape = "ellipse" if graph.nodes[place].kind == "operation" else "box"
        lines.append(f"{len(boxes)} [shape={shape}, width={width:.4f}, height={height:.4f}]")
        boxes.append((place, again))
        return len(boxes) - 1

    # Each node has the number of its place in the graph; those that are repeated follow.
    for place in range(len(graph.nodes)):
        add_box(place, False)
    edges = graph.edges()
    repeats = len(edges) > MANY_EDGES
    uses = Counter(edge.source for edge in edges)
    used: set[int] = set()
    for number, edge in enumerate(edges):
        start = edge.source
        alone = edge.kind in ("leaf", "constant") or uses[edge.source] > MANY_USES
        if repeats and edge.source in used and alone:
            start = add_box(edge.source, True)
        used.add(edge.source)
        space = f", label={_empty(size_of_label(edge.label))}" if edge.label else ""
        lines.append(f"{start} -> {edge.target} [key={number}{space}]")
    # Without a limit (nslimit) dot takes minutes over some hundred operations side by side.
    direction = "LR" if left_to_right else "TB"
    dot = pygraphviz.AGraph(
        f"digraph {{ rankdir={direction}; nodesep=0.35; ranksep=0.35; nslimit=1; "
        f'node [fixedsize=true, label=""]; {"; ".join(lines)} }}'
    )
    # pygraphviz 2.0.4 crashes when one graph is laid out and then drawn: only positions are read.
    dot.layout(prog="dot")
    *_, width, height = map(float, dot.graph_attr["bb"].split(","))
    centers = {int(node): _point(node.attr["pos"]) for node in dot.nodes_iter()}
    ways = {int(way.name): way.attr for way in dot.edges_iter()}
    arrows = [
        Arrow(
            edge,
            _spline(ways[number]["pos"]),
            _point(ways[number]["lp"]) if edge.label else None,
        )
        for number, edge in enumerate(edges)
    ]
    return Layout(
        (width, height),
        [Box(*box, centers[number]) for number, box in enumerate(boxes)],
        arrows,
    )


def _empty(size: Size) -> str:
    """A label of this size for dot, with nothing in it."""
    width, height = map(round, size)
    return (
        f'<<TABLE FIXEDSIZE="TRUE" WIDTH="{width}" HEIGHT="{height}" BORDER="0">'
        "<TR><TD></TD></TR></TABLE>>"
    )


def _spline(position: str) -> list[Point]:
    """The points of dot's ``e,x,y x0,y0 x1,y1 …``: cubic Béziers, then the tip of the arrow."""
    tip, *points = position.removeprefix("e,").split()
    return [_point(each) for each in [*points, tip]]


def _point(position: str) -> Point:
    x, _, y = position.partition(",")
    return float(x), float(y)
