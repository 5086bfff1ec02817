"""What stands where in the picture of a graph, how large and in which color. Draws nothing."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, NamedTuple
from unicodedata import east_asian_width

import matplotlib as mpl
from matplotlib.colors import to_hex, to_rgb
from matplotlib.font_manager import FontProperties
from matplotlib.textpath import text_to_path

from autodiff_helpers.graphs.graph import Edge, Graph, Kind, Part
from autodiff_helpers.graphs.layout import Link, Outline, Point, Size, Way, lay_out
from autodiff_helpers.theme import DARK
from autodiff_helpers.words import say

MARGIN = 8.0
# The width of an arrow, and how round the corner of a box is, in points.
ARROW_WIDTH = 1.3
CORNER = 4
USUAL_FONT_SIZE = 10.0
# In a graph of more edges than this a leaf, or anything that is used often, is repeated beside
# each of its uses: arrows all across the picture are of no help, and dot takes minutes to find a
# way for them.
MANY_EDGES = 150
MANY_USES = 4
# A ground is dark when its red, green and blue together are less than this.
DARKEST = 1.5

# Purple and red are far apart for the color-blind as well.
_INK, _GREY, _RED, _PURPLE, _TEAL = "#1f2937", "#6b7280", "#b91c1c", "#7e22ce", "#0f766e"


@dataclass(frozen=True)
class Font:
    """How some words are set; the size is in points."""

    size: float
    color: str
    bold: bool = False
    monospace: bool = False


_NAME = Font(11, _INK, bold=True)
_DETAIL = Font(9, _INK, monospace=True)
_SMALL = Font(7.5, "#4b5563")
_FLOW = Font(9, _PURPLE, monospace=True)
_CUT = Font(9, _RED)
_FONTS: dict[Part, Font] = {
    "name": _NAME,
    "detail": _DETAIL,
    "role": _SMALL,
    "tangent": Font(9, _TEAL, monospace=True),
    "gradient": _FLOW,
}


class Words(NamedTuple):
    """A line of text."""

    center: Point
    text: str
    font: Font
    identifier: str = ""


class Shape(NamedTuple):
    """The outline of a node: an ellipse, or a box with round corners."""

    is_ellipse: bool
    center: Point
    size: Size
    face: str
    edge: str
    width: float
    dashed: bool
    identifier: str


class Line(NamedTuple):
    """An arrow."""

    points: list[Point]
    """Cubic Bézier curves, then the tip."""
    color: str
    dashed: bool
    identifier: str


@dataclass(frozen=True)
class Sheet:
    """A whole picture: everything on it, in the order in which it is to be drawn.

    One unit is a point; the origin is at the lower left.
    """

    size: Size
    ground: str
    families: list[str]
    """The fonts for text that is not set in a monospace one, the best first."""
    marks: list[Words | Shape | Line]


class _Look(NamedTuple):
    face: str
    edge: str
    width: float
    dashed: bool = False


# Fill, outline width and line style differ too: the picture survives a black-and-white printout.
_LOOKS: dict[Kind, _Look] = {
    "leaf": _Look("#dbeafe", "#1d4ed8", 2.0),
    "intermediate": _Look("#ffffff", _INK, 1.0),
    "constant": _Look("#f3f4f6", _GREY, 1.2, dashed=True),
    "output": _Look("#dcfce7", "#15803d", 2.0),
    "operation": _Look("#fff7ed", _INK, 1.0),
}


# The parts of a picture go by these names, so that a player can find them.


def node_id(place: int) -> str:
    """The name of the outline of a node."""
    return f"node-{place}"


def gradient_id(place: int) -> str:
    """The name of the gradient that is written in a node."""
    return f"gradient-{place}"


def arrow_id(number: int) -> str:
    """The name of the arrow of an edge."""
    return f"arrow-{number}"


def label_id(number: int) -> str:
    """The name of what is written beside the arrow of an edge."""
    return f"label-{number}"


def arrange(graph: Graph, left_to_right: bool = False) -> Sheet:
    """Say where everything in the picture of a graph goes, and how it looks.

    Fonts follow matplotlib's settings ``font.family`` and ``font.size``, the arrows
    ``text.color``, and the ground ``figure.facecolor``.

    Example:
        >>> from autodiff_helpers.graphs.graph import Node
        >>> sheet = arrange(Graph((Node("leaf", "x", "1."),), (0,)))
        >>> [mark.text for mark in sheet.marks if isinstance(mark, Words)][:3]
        ['x', '1.', 'leaf']
    """
    ground = to_hex(mpl.rcParams["figure.facecolor"])
    setter = _Setter(
        zoom=mpl.rcParams["font.size"] / USUAL_FONT_SIZE,
        ink=to_hex(mpl.rcParams["text.color"]),
        is_dark=sum(to_rgb(ground)) < DARKEST,
        usual=tuple(mpl.rcParams["font.family"]),
    )
    legend = _legend(graph, left_to_right)
    edges = graph.edges
    boxes, starts = _boxes(graph, edges)
    blocks = [setter.block(graph, box) for box in boxes]
    links = [
        Link(start, edge.target, setter.label_size(edge.label) if edge.label else None)
        for start, edge in zip(starts, edges, strict=True)
    ]
    layout = lay_out([block.outline for block in blocks], links, left_to_right)
    below_it = [setter.row(text, _SMALL) for text in legend]
    width = max(layout.size[0], *(row.size[0] for row in below_it)) + 2 * MARGIN
    below = sum(row.size[1] for row in below_it) + 2 * MARGIN
    moved = (width - layout.size[0]) / 2, below
    marks: list[Words | Shape | Line] = []
    for number, (edge, way) in enumerate(zip(edges, layout.ways, strict=True)):
        marks += setter.arrow(edge, way, number, moved)
    for box, block, center in zip(boxes, blocks, layout.centers, strict=True):
        marks += setter.box(graph, box, block, _moved(center, moved))
    marks += setter.lines(below_it, (width / 2, below - MARGIN), setter.ink)
    size = width, layout.size[1] + below + MARGIN
    return Sheet(size, ground, _families(), marks)


def _moved(point: Point, by: Point) -> Point:
    return point[0] + by[0], point[1] + by[1]


class _Box(NamedTuple):
    node: int
    """The place of the node in the graph."""
    again: bool
    """Whether the node is only repeated here."""


def _boxes(graph: Graph, edges: Sequence[Edge]) -> tuple[list[_Box], list[int]]:
    """The boxes to draw, first one for each node, and in which of them each edge begins."""
    boxes = [_Box(place, False) for place in range(len(graph.nodes))]
    starts = [edge.source for edge in edges]
    if len(edges) > MANY_EDGES:
        uses = Counter(starts)
        used: set[int] = set()
        heights = _heights(graph, edges)
        # The highest use comes first: the whole box stands there, and the others below it.
        for number in sorted(range(len(edges)), key=lambda number: -heights[edges[number].target]):
            source, kind = edges[number].source, edges[number].kind
            alone = kind in ("leaf", "constant") or uses[source] > MANY_USES
            if alone and source in used:
                starts[number] = len(boxes)
                boxes.append(_Box(source, True))
            used.add(source)
    return boxes, starts


def _heights(graph: Graph, edges: Sequence[Edge]) -> list[int]:
    """How many steps it is from each node to an end of the graph, on the longest way."""
    heights = [0] * len(graph.nodes)
    sources = defaultdict[int, list[int]](list)
    for edge in edges:
        sources[edge.target].append(edge.source)
    leaving = Counter(edge.source for edge in edges)
    ready = [place for place in range(len(graph.nodes)) if not leaving[place]]
    while ready:
        place = ready.pop()
        for source in sources[place]:
            heights[source] = max(heights[source], heights[place] + 1)
            leaving[source] -= 1
            if not leaving[source]:
                ready.append(source)
    return heights


def _families() -> list[str]:
    settings: Any = mpl.rcParams
    families: list[str] = []
    for family in settings["font.family"]:
        # A generic family, such as sans-serif, stands for a list of fonts.
        families += [*settings.get(f"font.{family}", [])[:3], family]
    return families


def _legend(graph: Graph, left_to_right: bool) -> list[str]:
    colored = any(node.gradient for node in graph.nodes)
    if left_to_right:
        ran = say("Arrows show what ran, to the right.")
        plain = say("Gradients flow back to the left, along solid ones only.")
        purple = say("Gradients, in purple, flow back to the left, along solid ones only.")
    else:
        ran = say("Arrows show what ran, downwards.")
        plain = say("Gradients flow back up, along solid ones only.")
        purple = say("Gradients, in purple, flow back up, along solid ones only.")
    lines = [ran, purple if colored else plain]
    if any(node.tangent for node in graph.nodes):
        lines.insert(1, say("Tangents, in teal, go the same way."))
    return [*lines, *filter(None, [graph.note])]


class _Row(NamedTuple):
    """A line of text that has no place yet."""

    text: str
    font: Font
    size: Size
    identifier: str


class _Block(NamedTuple):
    """What is written in a box, from top to bottom, and the outline that fits around it."""

    rows: list[_Row]
    outline: Outline


@dataclass(frozen=True)
class _Setter:
    """Sets nodes and arrows, somewhat larger or smaller than usual."""

    zoom: float
    """How much larger the fonts are than usual, and everything with them."""
    ink: str
    is_dark: bool
    usual: tuple[str, ...]
    """The fonts for text that is not set in a monospace one."""

    def row(self, text: str, font: Font, identifier: str = "") -> _Row:
        families = ("monospace",) if font.monospace else self.usual
        size = _text_size(text, font.size * self.zoom, font.bold, families)
        return _Row(text, font, size, identifier)

    def block(self, graph: Graph, box: _Box) -> _Block:
        """What is to be written in a box, measured."""
        node = graph.nodes[box.node]
        is_ellipse = node.kind == "operation"
        if box.again:
            rows = [self.row(node.name, _NAME), self.row(say("as above"), _SMALL)]
        else:
            rows = [
                self.row(
                    text,
                    _SMALL if is_ellipse and part == "detail" else _FONTS[part],
                    gradient_id(box.node) if part == "gradient" else "",
                )
                for part, text in graph.words[box.node].items()
            ]
        width = max(row.size[0] for row in rows)
        height = sum(row.size[1] for row in rows)
        if not is_ellipse:
            return _Block(rows, Outline(False, (max(width + 20, 54), height + 10)))
        # An ellipse around a rectangle is larger than it by the square root of two; the
        # corners of two centred lines are empty, so a little less will do.
        wide, high = (1.25, 1.25) if len(rows) == 2 else (1.32, 1.42)
        return _Block(rows, Outline(True, (wide * width + 8, high * height + 4)))

    def box(self, graph: Graph, box: _Box, block: _Block, center: Point) -> Iterator[Words | Shape]:
        look = _LOOKS[graph.nodes[box.node].kind]
        yield Shape(
            block.outline.is_ellipse,
            center,
            block.outline.size,
            look.face,
            look.edge,
            look.width * (0.5 if box.again else 1.0),
            look.dashed,
            "" if box.again else node_id(box.node),
        )
        height = sum(row.size[1] for row in block.rows)
        yield from self.lines(block.rows, (center[0], center[1] + height / 2))

    def lines(self, rows: Sequence[_Row], top: Point, color: str = "") -> Iterator[Words]:
        """Lines of text, one below the other."""
        x, y = top
        for text, font, (_, height), identifier in rows:
            set_font = _as_set(font, self.zoom, color or font.color)
            yield Words((x, y - height / 2), text, set_font, identifier)
            y -= height

    def arrow(self, edge: Edge, way: Way, number: int, by: Point) -> Iterator[Words | Line]:
        color = {"cut": _RED, "constant": _GREY}.get(edge.kind)
        font = _CUT if edge.kind == "cut" else _FLOW
        beside = font.color
        if self.is_dark:
            color, beside = color and DARK[color], DARK[beside]
        dashed = edge.kind in ("cut", "constant")
        points = [_moved(point, by) for point in way.points]
        yield Line(points, color or self.ink, dashed, arrow_id(number))
        if way.label_center is not None:
            center = _moved(way.label_center, by)
            yield Words(center, edge.label, _as_set(font, self.zoom, beside), label_id(number))

    def label_size(self, label: str) -> Size:
        # With some room to the arrow; scissors come from another font, wider than measured.
        width, height = self.row(label, _FLOW).size
        return width + 16, height + 2


@lru_cache(64)
def _as_set(font: Font, zoom: float, color: str) -> Font:
    return replace(font, size=font.size * zoom, color=color)


# Many nodes say the same.
@lru_cache(2**12)
def _text_size(text: str, size: float, bold: bool, families: tuple[str, ...]) -> Size:
    weight = "bold" if bold else "normal"
    properties = FontProperties(family=list(families), size=size, weight=weight)
    # matplotlib's own fonts know no Chinese; such a character is as wide as it is high.
    wide = [character for character in text if east_asian_width(character) in "WF"]
    narrow = "".join(character for character in text if character not in wide)
    width, _, _ = text_to_path.get_text_width_height_descent(narrow, properties, ismath=False)
    return width + len(wide) * size, 1.35 * size
