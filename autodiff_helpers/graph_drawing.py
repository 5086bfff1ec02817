"""Draw a computational graph with matplotlib, in its own figure or in axes of the caller's."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any, cast
from unicodedata import east_asian_width

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.patches import Ellipse, FancyArrowPatch, FancyBboxPatch, Patch
from matplotlib.path import Path
from matplotlib.textpath import text_to_path
from matplotlib.transforms import Affine2D, Transform

from autodiff_helpers.graph import Graph, Node
from autodiff_helpers.graph_layout import POINTS_PER_INCH, Arrow, Box, Point, Size, lay_out

MARGIN = 8.0
USUAL_FONT_SIZE = 10.0
# A ground is dark when its red, green and blue together are less than this.
DARK = 1.5

_INK, _GREY, _RED, _ORANGE = "#1f2937", "#6b7280", "#b91c1c", "#9a3412"
# The same beside arrows on a dark ground.
_LIGHT = {_GREY: "#9ca3af", _RED: "#fca5a5", _ORANGE: "#fdba74"}


@dataclass(frozen=True)
class _Look:
    face: str
    edge: str
    width: float
    line: str = "-"


# Fill, outline width and line style differ too: the picture survives a black-and-white printout.
_LOOKS = {
    "leaf": _Look("#dbeafe", "#1d4ed8", 2.0),
    "intermediate": _Look("#ffffff", _INK, 1.0),
    "constant": _Look("#f3f4f6", _GREY, 1.2, "--"),
    "output": _Look("#dcfce7", "#15803d", 2.0),
    "operation": _Look("#fff7ed", _INK, 1.0),
}


@dataclass(frozen=True)
class _Font:
    size: float
    color: str
    weight: str = "normal"
    family: str | None = None


_NAME = _Font(11, _INK, weight="bold")
_DETAIL = _Font(9, _INK, family="monospace")
_SMALL = _Font(7.5, "#4b5563")
_FLOW = _Font(9, _ORANGE, family="monospace")
_CUT = _Font(9, _RED)


def draw(graph: Graph, axes: Axes | None = None, left_to_right: bool = False) -> Figure:
    """Draw a graph.

    Fonts follow matplotlib's settings ``font.family`` and ``font.size``, the arrows
    ``text.color``, and a figure of its own ``figure.facecolor``.

    Args:
        graph: the graph.
        axes: where to draw it, made smaller if need be; without it, in a new figure that fits.
        left_to_right: whether the leaves are at the left instead of at the top.

    Returns:
        The figure.

    Example:
        >>> draw(Graph((Node("leaf", "x", "1."),), (0,))).texts[0].get_text()
        'x'
    """
    zoom = mpl.rcParams["font.size"] / USUAL_FONT_SIZE
    layout = lay_out(
        graph,
        lambda place, again: _node_size(graph, place, again, zoom),
        lambda label: _label_size(label, zoom),
        left_to_right,
    )
    legend = _legend(graph, left_to_right)
    rows = [_text_size(text, _SMALL, zoom) for text in legend]
    width = max(layout.size[0], *(row[0] for row in rows)) + 2 * MARGIN
    below = sum(row[1] for row in rows) + 2 * MARGIN
    height = layout.size[1] + below + MARGIN
    left = (width - layout.size[0]) / 2
    if axes is None:
        inches = width / POINTS_PER_INCH, height / POINTS_PER_INCH
        figure = Figure(figsize=inches, facecolor=mpl.rcParams["figure.facecolor"])
        # Straight into the figure, because axes would take as long as all the rest.
        points = Affine2D().translate(left, below).scale(1 / POINTS_PER_INCH)
        pen = _Pen(figure, points + figure.dpi_scale_trans, zoom, 1.0)
    else:
        figure = cast("Figure", axes.get_figure(root=True))
        point = figure.dpi / POINTS_PER_INCH
        given_width, given_height = axes.bbox.width / point, axes.bbox.height / point
        scale = min(1.0, given_width / width, given_height / height)
        # What is left is shared, so that the picture stands in the middle.
        left += (given_width / scale - width) / 2
        below += (given_height / scale - height) / 2
        axes.set_axis_off()
        axes.set_xlim(-left, given_width / scale - left)
        axes.set_ylim(-below, given_height / scale - below)
        pen = _Pen(axes, axes.transData, zoom, scale)
    for number, arrow in enumerate(layout.arrows):
        pen.arrow(arrow, number)
    for box in layout.boxes:
        pen.box(graph, box)
    top = -MARGIN
    for text, row in zip(legend, rows, strict=True):
        pen.text((layout.size[0] / 2, top - row[1] / 2), text, _SMALL, mpl.rcParams["text.color"])
        top -= row[1]
    return figure


def _legend(graph: Graph, left_to_right: bool) -> list[str]:
    way = "to the right" if left_to_right else "downwards"
    back = "back to the left" if left_to_right else "back up"
    what = "Gradients, in orange," if any(node.gradient for node in graph.nodes) else "Gradients"
    lines = [f"Arrows show what ran, {way}.", f"{what} flow {back}, along solid ones only."]
    return lines if graph.note is None else [*lines, graph.note]


def _rows(graph: Graph, place: int, again: bool) -> list[tuple[str, _Font]]:
    """The lines of text in a node, from top to bottom."""
    node = graph.nodes[place]
    if again:
        return [(node.label, _NAME), ("as above", _SMALL)]
    if node.kind == "operation":
        rows = [(node.sign, _NAME), (node.detail, _SMALL)]
    else:
        rows = [(node.label, _NAME), (node.detail, _DETAIL)]
    if node.role is not None:
        rows.append((node.role, _SMALL))
    gradient = graph.gradient_at(place)
    return [*rows, (f"gradient {gradient}", _FLOW)] if gradient else rows


def _node_size(graph: Graph, place: int, again: bool, zoom: float) -> Size:
    sizes = [_text_size(*row, zoom) for row in _rows(graph, place, again)]
    width = max(width for width, _ in sizes)
    height = sum(height for _, height in sizes)
    if graph.nodes[place].kind == "operation":
        # An ellipse around a rectangle is larger than it by the square root of two; the
        # corners of two centred lines are empty, so a little less will do.
        wide, high = (1.25, 1.25) if len(sizes) == 2 else (1.32, 1.42)
        return wide * width + 8, high * height + 4
    return max(width + 20, 54), height + 10


def _label_size(label: str, zoom: float) -> Size:
    # With some room to the arrow; scissors come from another font, and are wider than measured.
    width, height = _text_size(label, _FLOW, zoom)
    return width + 16, height + 2


# Many nodes say the same.
@lru_cache(2**12)
def _text_size(text: str, font: _Font, zoom: float) -> Size:
    size = font.size * zoom
    properties = FontProperties(family=font.family, size=size, weight=font.weight)
    # matplotlib's own fonts know no Chinese; such a character is as wide as it is high.
    wide = [character for character in text if east_asian_width(character) in "WF"]
    narrow = "".join(character for character in text if character not in wide)
    width, _, _ = text_to_path.get_text_width_height_descent(narrow, properties, ismath=False)
    return width + len(wide) * size, 1.35 * size


@dataclass(frozen=True)
class _Pen:
    """Draws in a figure or in axes, a little smaller or larger than usual."""

    canvas: Figure | Axes
    points: Transform
    """From points, as in dot's layout, to places on the canvas."""
    zoom: float
    """How much larger the fonts are than usual, and everything with them."""
    scale: float
    """How much smaller everything is, to fit into the axes."""

    def text(
        self,
        place: Point,
        text: str,
        font: _Font,
        color: str | None = None,
        gid: str | None = None,
    ) -> None:
        self.canvas.text(
            *place,
            text,
            gid=gid,
            transform=self.points,
            size=font.size * self.zoom * self.scale,
            weight=font.weight,
            family=font.family,
            color=color or font.color,
            ha="center",
            va="center_baseline",
            parse_math=False,
        )

    def box(self, graph: Graph, box: Box) -> None:
        node = graph.nodes[box.node]
        look = _LOOKS[node.kind]
        x, y = box.center
        width, height = _node_size(graph, box.node, box.again, self.zoom)
        shape = _outline(
            node,
            (x, y),
            (width, height),
            facecolor=look.face,
            edgecolor=look.edge,
            linewidth=look.width * self.scale * (0.5 if box.again else 1.0),
            linestyle=look.line,
            transform=self.points,
            gid=None if box.again else f"node-{box.node}",
        )
        self.canvas.add_artist(shape)
        rows = _rows(graph, box.node, box.again)
        heights = [_text_size(*row, self.zoom)[1] for row in rows]
        top = y + sum(heights) / 2
        for (text, font), row_height in zip(rows, heights, strict=True):
            gid = f"gradient-{box.node}" if font is _FLOW else None
            self.text((x, top - row_height / 2), text, font, gid=gid)
            top -= row_height

    def arrow(self, arrow: Arrow, number: int) -> None:
        *curve, tip = arrow.points
        codes = [Path.MOVETO] + [Path.CURVE4] * (len(curve) - 1) + [Path.LINETO]
        usual = mpl.rcParams["text.color"]
        color, line = {"cut": (_RED, "--"), "constant": (_GREY, "--")}.get(
            arrow.edge.kind, (usual, "-")
        )
        font = _CUT if arrow.edge.kind == "cut" else _FLOW
        label = font.color
        if sum(to_rgb(self.canvas.get_facecolor())) < DARK:
            color, label = _LIGHT.get(color, color), _LIGHT[label]
        self.canvas.add_artist(
            FancyArrowPatch(
                path=Path([*curve, tip], codes),
                arrowstyle="-|>",
                mutation_scale=9 * self.scale,
                color=color,
                linestyle=line,
                lw=1.3 * self.scale,
                transform=self.points,
                gid=f"arrow-{number}",
                shrinkA=0,
                shrinkB=0,
            )
        )
        if arrow.label_center is not None:
            self.text(arrow.label_center, arrow.edge.label, font, label, gid=f"label-{number}")


def _outline(node: Node, center: Point, size: Size, **style: Any) -> Patch:
    if node.kind == "operation":
        return Ellipse(center, *size, **style)
    corner = center[0] - size[0] / 2, center[1] - size[1] / 2
    return FancyBboxPatch(corner, *size, boxstyle="round,pad=0,rounding_size=4", **style)
