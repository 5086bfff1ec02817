"""Where boxes and the arrows between them go: the work of Graphviz's dot. Knows no drawing."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import pygraphviz

POINTS_PER_INCH = 72

Point = tuple[float, float]
Size = tuple[float, float]


class Outline(NamedTuple):
    """A box, or an ellipse, that needs a place; its size is in points."""

    is_ellipse: bool
    size: Size


class Link(NamedTuple):
    """What leads from one box to another, each told by its number, with room for a label."""

    start: int
    end: int
    label_size: Size | None = None


class Way(NamedTuple):
    """An arrow on its way, in points."""

    points: list[Point]
    """Cubic Bézier curves, then the tip."""
    label_center: Point | None


@dataclass(frozen=True)
class Layout:
    """Everything at its place; the origin is at the lower left."""

    size: Size
    centers: list[Point]
    ways: list[Way]


def lay_out(
    outlines: Sequence[Outline], links: Sequence[Link], left_to_right: bool = False
) -> Layout:
    """Find a place for every box and a way for every arrow.

    Example:
        >>> layout = lay_out([Outline(False, (40.0, 20.0))] * 2, [Link(0, 1)])
        >>> (_, upper), (_, lower) = layout.centers
        >>> upper > lower
        True
    """
    lines = [
        f"{number} [shape={'ellipse' if is_ellipse else 'box'}, "
        f"width={width / POINTS_PER_INCH:.4f}, height={height / POINTS_PER_INCH:.4f}]"
        for number, (is_ellipse, (width, height)) in enumerate(outlines)
    ]
    lines += [
        f"{start} -> {end} [key={number}{_room(label_size)}]"
        for number, (start, end, label_size) in enumerate(links)
    ]
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
    found = {int(way.name): way.attr for way in dot.edges_iter()}
    ways = [
        Way(
            _spline(found[number]["pos"]),
            None if link.label_size is None else _point(found[number]["lp"]),
        )
        for number, link in enumerate(links)
    ]
    return Layout((width, height), [centers[number] for number in range(len(outlines))], ways)


def _room(size: Size | None) -> str:
    """A label of this size for dot, with nothing in it."""
    if size is None:
        return ""
    width, height = map(round, size)
    return (
        f', label=<<TABLE FIXEDSIZE="TRUE" WIDTH="{width}" HEIGHT="{height}" BORDER="0">'
        "<TR><TD></TD></TR></TABLE>>"
    )


def _spline(position: str) -> list[Point]:
    """The points of dot's ``e,x,y x0,y0 x1,y1 …``: cubic Béziers, then the tip of the arrow."""
    tip, *points = position.removeprefix("e,").split()
    return [_point(each) for each in [*points, tip]]


def _point(position: str) -> Point:
    x, _, y = position.partition(",")
    return float(x), float(y)
