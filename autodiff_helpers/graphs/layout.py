"""Where boxes and the arrows between them go: the work of Graphviz's dot. Knows no drawing."""

from collections import Counter
from collections.abc import Iterator, Sequence
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
    arrive = Counter(link.end for link in links)
    sides = [height if left_to_right else width for _, (width, height) in outlines]
    # So many that their places would be narrower than a point come as dot likes it.
    ordered = {end for end, count in arrive.items() if 1 < count <= sides[end] - 2}
    lines = []
    for number, (is_ellipse, size) in enumerate(outlines):
        count = arrive[number] if number in ordered else 0
        lines.append(_box(number, is_ellipse, size, count, left_to_right))
    lines += _arrows(links, ordered, "w" if left_to_right else "n")
    direction = "LR" if left_to_right else "TB"
    dot = pygraphviz.AGraph(
        f"digraph {{ rankdir={direction}; nodesep=0.35; ranksep=0.35; "
        f'node [fixedsize=true, label="", margin=0]; {"; ".join(lines)} }}'
    )
    # pygraphviz 2.0.4 crashes when one graph is laid out and then drawn: only positions are read.
    dot.layout(prog="dot")
    *_, width, height = map(float, dot.graph_attr["bb"].split(","))
    centers = {int(node): _point(node.attr["pos"]) for node in dot.nodes_iter()}
    found = {int(way.name): way.attr for way in dot.edges_iter()}
    ways = []
    for number, (start, end, label_size) in enumerate(links):
        first, *curve, tip = _spline(found[number]["pos"])
        if start in ordered and outlines[start].is_ellipse:
            first = _at_the_rim(first, centers[start], outlines[start], left_to_right)
        if end in ordered and outlines[end].is_ellipse:
            tip = _at_the_rim(tip, centers[end], outlines[end], left_to_right)
        label_center = None if label_size is None else _point(found[number]["lp"])
        ways.append(Way([first, *curve, tip], label_center))
    return Layout((width, height), [centers[number] for number in range(len(outlines))], ways)


def _box(number: int, is_ellipse: bool, size: Size, places: int, left_to_right: bool) -> str:
    """A box for dot, with places for arrows side by side if there are to be any."""
    width, height = (length / POINTS_PER_INCH for length in size)
    shape, label = "ellipse" if is_ellipse else "box", ""
    if places:
        shape, label = "box", f", label=<{_places(places, size, left_to_right)}>"
    return f"{number} [shape={shape}, width={width:.4f}, height={height:.4f}{label}]"


def _places(count: int, size: Size, left_to_right: bool) -> str:
    """A table a little smaller than its box, without words: dot need not look for fonts."""
    width, height = (int(length) - 1 for length in size)
    if left_to_right:
        height //= count
    else:
        width //= count
    cell = f'FIXEDSIZE="TRUE" WIDTH="{width}" HEIGHT="{height}"'
    cells = [f'<TD PORT="{place}" {cell}></TD>' for place in range(count)]
    rows = ("</TR><TR>" if left_to_right else "").join(cells)
    look = 'BORDER="0" CELLBORDER="0" CELLSPACING="0" CELLPADDING="0"'
    return f"<TABLE {look}><TR>{rows}</TR></TABLE>"


def _arrows(links: Sequence[Link], ordered: set[int], side: str) -> Iterator[str]:
    """The arrows for dot; those that arrive at one box keep their order.

    The only one of several that comes from something computed is to be straight: a long chain in
    which each step takes a leaf as well would drift to one side otherwise.
    """
    ends = {link.end for link in links}
    computed = Counter(link.end for link in links if link.start in ends)
    arrived = Counter[int]()
    for number, (start, end, label_size) in enumerate(links):
        target, weight = str(end), 1
        if end in ordered:
            target = f"{end}:{arrived[end]}:{side}"
            weight = 3 if start in ends and computed[end] == 1 else 1
        arrived[end] += 1
        yield f"{start} -> {target} [key={number}, weight={weight}{_room(label_size)}]"


def _at_the_rim(met: Point, center: Point, outline: Outline, left_to_right: bool) -> Point:
    """Where an arrow meets an ellipse, which dot takes for the rectangle around it."""
    along, across = (0, 1) if left_to_right else (1, 0)
    half = [length / 2 for length in outline.size]
    aside = min(max((met[across] - center[across]) / half[across], -1.0), 1.0)
    side = 1 if met[along] > center[along] else -1
    rim = center[along] + side * half[along] * (1 - aside**2) ** 0.5
    place = center[across] + aside * half[across]
    return (rim, place) if left_to_right else (place, rim)


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
