"""What stands where in the picture of a graph, how large and in which color. Draws nothing."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, NamedTuple
from unicodedata import east_asian_width

import matplotlib as mpl
from matplotlib.colors import to_hex, to_rgb
from matplotlib.font_manager import FontProperties
from matplotlib.textpath import text_to_path

from autodiff_helpers.graphs.graph import Graph
from autodiff_helpers.graphs.layout import Arrow, Box, Point, Size, lay_out

MARGIN = 8.0
# The width of an arrow, and how round the corner of a box is, in points.
ARROW_WIDTH = 1.3
CORNER = 4
USUAL_FONT_SIZE = 10.0
# A ground is dark when its red, green and blue together are less than this.
DARK = 1.5

_INK, _GREY, _RED, _ORANGE = "#1f2937", "#6b7280", "#b91c1c", "#9a3412"
# The same beside arrows on a dark ground.
_LIGHT = {_GREY: "#9ca3af", _RED: "#fca5a5", _ORANGE: "#fdba74"}


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
_FLOW = Font(9, _ORANGE, monospace=True)
_CUT = Font(9, _RED)


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


@dataclass(frozen=True)
class _Look:
    face: str
    edge: str
    width: float
    dashed: bool = False


# Fill, outline width and line style differ too: the picture survives a black-and-white printout.
_LOOKS = {
    "leaf": _Look("#dbeafe", "#1d4ed8", 2.0),
    "intermediate": _Look("#ffffff", _INK, 1.0),
    "constant": _Look("#f3f4f6", _GREY, 1.2, dashed=True),
    "output": _Look("#dcfce7", "#15803d", 2.0),
    "operation": _Look("#fff7ed", _INK, 1.0),
}


def arrange(graph: Graph, left_to_right: bool = False) -> Sheet:
    """Say where everything in the picture of a graph goes, and how it looks.

    Fonts follow matplotlib's settings ``font.family`` and ``font.size``, the arrows
    ``text.color``, and the ground ``figure.facecolor``.

    Args:
        graph: the graph.
        left_to_right: whether the leaves are at the left instead of at the top.

    Returns:
        The sheet.

    Example:
        >>> from autodiff_helpers.graphs.graph import Node
        >>> sheet = arrange(Graph((Node("leaf", "x", "1."),), (0,)))
        >>> [mark.text for mark in sheet.marks if isinstance(mark, Words)][:3]
        ['x', '1.', 'leaf']
    """
    zoom = mpl.rcParams["font.size"] / USUAL_FONT_SIZE
    ink, ground = (to_hex(mpl.rcParams[name]) for name in ("text.color", "figure.facecolor"))
    setter = _Setter(graph, zoom, ink, sum(to_rgb(ground)) < DARK)
    layout = lay_out(graph, setter.node_size, setter.label_size, left_to_right)
    legend = [(text, setter.text_size(text, _SMALL)) for text in _legend(graph, left_to_right)]
    width = max(layout.size[0], *(size[0] for _, size in legend)) + 2 * MARGIN
    below = sum(size[1] for _, size in legend) + 2 * MARGIN
    left = (width - layout.size[0]) / 2

    def moved(point: Point) -> Point:
        return point[0] + left, point[1] + below

    marks: list[Words | Shape | Line] = []
    for number, arrow in enumerate(layout.arrows):
        marks += setter.arrow(arrow, number, moved)
    for box in layout.boxes:
        marks += setter.box(box, moved(box.center))
    top = below - MARGIN
    for text, (_, height) in legend:
        marks.append(setter.words((width / 2, top - height / 2), text, _SMALL, ink))
        top -= height
    size = width, layout.size[1] + below + MARGIN
    return Sheet(size, ground, _families(), marks)


def _families() -> list[str]:
    settings: Any = mpl.rcParams
    families: list[str] = []
    for family in settings["font.family"]:
        # A generic family, such as sans-serif, stands for a list of fonts.
        families += [*settings.get(f"font.{family}", [])[:3], family]
    return families


def _legend(graph: Graph, left_to_right: bool) -> list[str]:
    way = "to the right" if left_to_right else "downwards"
    back = "back to the left" if left_to_right else "back up"
    what = "Gradients, in orange," if any(node.gradient for node in graph.nodes) else "Gradients"
    lines = [f"Arrows show what ran, {way}.", f"{what} flow {back}, along solid ones only."]
    return lines if graph.note is None else [*lines, graph.note]


@dataclass(frozen=True)
class _Setter:
    """Sets nodes and arrows, somewhat larger or smaller than usual."""

    graph: Graph
    zoom: float
    """How much larger the fonts are than usual, and everything with them."""
    ink: str
    is_dark: bool

    def words(
        self, center: Point, text: str, font: Font, color: str = "", identifier: str = ""
    ) -> Words:
        return Words(center, text, _as_set(font, self.zoom, color or font.color), identifier)

    def box(self, box: Box, center: Point) -> Iterator[Words | Shape]:
        node = self.graph.nodes[box.node]
        look = _LOOKS[node.kind]
        yield Shape(
            node.kind == "operation",
            center,
            self.node_size(box.node, box.again),
            look.face,
            look.edge,
            look.width * (0.5 if box.again else 1.0),
            look.dashed,
            "" if box.again else f"node-{box.node}",
        )
        rows = self._rows(box.node, box.again)
        heights = [self.text_size(*row)[1] for row in rows]
        top = center[1] + sum(heights) / 2
        for (text, font), height in zip(rows, heights, strict=True):
            identifier = f"gradient-{box.node}" if font is _FLOW else ""
            yield self.words((center[0], top - height / 2), text, font, identifier=identifier)
            top -= height

    def arrow(
        self, arrow: Arrow, number: int, moved: Callable[[Point], Point]
    ) -> Iterator[Words | Line]:
        kind, label = arrow.edge.kind, arrow.edge.label
        color = {"cut": _RED, "constant": _GREY}.get(kind, self.ink)
        font = _CUT if kind == "cut" else _FLOW
        beside = font.color
        if self.is_dark:
            color, beside = _LIGHT.get(color, color), _LIGHT[beside]
        dashed = kind in ("cut", "constant")
        yield Line([moved(point) for point in arrow.points], color, dashed, f"arrow-{number}")
        if arrow.label_center is not None:
            yield self.words(moved(arrow.label_center), label, font, beside, f"label-{number}")

    def _rows(self, place: int, again: bool) -> list[tuple[str, Font]]:
        """The lines of text in a node, from top to bottom."""
        node = self.graph.nodes[place]
        if again:
            return [(node.label, _NAME), ("as above", _SMALL)]
        if node.kind == "operation":
            rows = [(node.sign, _NAME), (node.detail, _SMALL)]
        else:
            rows = [(node.label, _NAME), (node.detail, _DETAIL)]
        if node.role is not None:
            rows.append((node.role, _SMALL))
        gradient = self.graph.gradient_at(place)
        return [*rows, (f"gradient {gradient}", _FLOW)] if gradient else rows

    def node_size(self, place: int, again: bool) -> Size:
        sizes = [self.text_size(*row) for row in self._rows(place, again)]
        width = max(width for width, _ in sizes)
        height = sum(height for _, height in sizes)
        if self.graph.nodes[place].kind == "operation":
            # An ellipse around a rectangle is larger than it by the square root of two; the
            # corners of two centred lines are empty, so a little less will do.
            wide, high = (1.25, 1.25) if len(sizes) == 2 else (1.32, 1.42)
            return wide * width + 8, high * height + 4
        return max(width + 20, 54), height + 10

    def label_size(self, label: str) -> Size:
        # With some room to the arrow; scissors come from another font, wider than measured.
        width, height = self.text_size(label, _FLOW)
        return width + 16, height + 2

    def text_size(self, text: str, font: Font) -> Size:
        families = ("monospace",) if font.monospace else tuple(mpl.rcParams["font.family"])
        return _text_size(text, font.size * self.zoom, font.bold, families)


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
