"""The picture of a computational graph: laid out by Graphviz's dot, drawn by matplotlib."""

import inspect
from dataclasses import dataclass
from types import FrameType
from typing import Any
from unicodedata import east_asian_width

import pygraphviz
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.patches import Ellipse, FancyArrowPatch, FancyBboxPatch, Patch
from matplotlib.path import Path
from matplotlib.textpath import text_to_path
from torch import Tensor

from autodiff_helpers.graph import Graph, Node, record_graph
from autodiff_helpers.picture import Picture

POINTS_PER_INCH = 72
MARGIN = 8.0
LEGEND = "Arrows show what ran, downwards. Gradients flow back, along solid ones only."

_INK, _GREY, _RED = "#1f2937", "#6b7280", "#b91c1c"


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
_NAME: dict[str, Any] = {"size": 11, "weight": "bold", "color": _INK}
_DETAIL: dict[str, Any] = {"size": 9, "family": "monospace", "color": _INK}
_SMALL: dict[str, Any] = {"size": 7.5, "color": "#4b5563"}


class GraphPlot(Picture):
    """The computational graph of some tensors, as a picture and as a text tree.

    A notebook shows the picture; ``print`` and ``str`` give the tree.

    Example:
        >>> import torch
        >>> x = torch.tensor(3.0, requires_grad=True)
        >>> plot = plot_graph(x * x)
        >>> plot.title
        'Computational graph of the output from x: 1 operation.'
    """


def plot_graph(*outputs: Tensor, **names: Tensor) -> GraphPlot:
    """Draw the computational graph that autograd recorded for some tensors.

    A leaf is a blue box, a named tensor in between a white one, a constant a dashed grey one,
    an output a green one; an operation is an ellipse with its mathematical sign and PyTorch's
    name for it. A red dashed line with scissors leads from a tensor to its detached copy, where
    autograd kept that copy for the backward pass: so draw before you call ``backward()``. Nothing
    is computed and nothing is changed.

    Args:
        outputs: the tensors whose graph to draw, of any shape and dtype.
        names: names for tensors, as in ``plot_graph(z, x=weight)``. Other tensors go by the
            names of the variables that hold them where ``plot_graph`` is called.

    Returns:
        The picture.

    Raises:
        TypeError: if there is no output, or one is not a tensor.
        ValueError: if autograd recorded nothing for an output, or a name cannot be printed.

    Example:
        >>> import torch
        >>> x = torch.arange(4.0, requires_grad=True)
        >>> y = 2 * torch.dot(x, x)
        >>> print(plot_graph(y))
        y: 28.  (output)
        └─ × 2  MulBackward0
           └─ ·  DotBackward0
              ├─ x: [0., 1., 2., 3.]  (leaf)
              └─ x, as above
    """
    if not outputs:
        raise TypeError("plot_graph got no tensor; give it the result to explain: plot_graph(y).")
    for output in outputs:
        _demand_recorded(output)
    for name, tensor in names.items():
        if not name or not name.isprintable():
            raise ValueError(
                f"plot_graph got the name {name!r}; expected one that can be printed on a line."
            )
        if not isinstance(tensor, Tensor):
            raise TypeError(
                f"plot_graph got {name}={tensor!r}, a {type(tensor).__name__}; a keyword gives a "
                f"tensor its name, as in plot_graph(y, {name}=x)."
            )
    found = _tensors_in_scope(inspect.currentframe())
    found = {name: tensor for name, tensor in found.items() if name not in names}
    graph = record_graph(outputs, names | found)
    return GraphPlot(_draw(graph), text=str(graph), title=graph.summary())


def _demand_recorded(output: Any) -> None:
    if not isinstance(output, Tensor):
        raise TypeError(
            f"plot_graph got a {type(output).__name__}; expected a tensor computed from one with "
            "requires_grad=True. Pass the tensor itself, not .item(), float() or .numpy() of it."
        )
    if not output.requires_grad:
        raise ValueError(
            "plot_graph got a tensor for which autograd recorded nothing (its requires_grad is "
            "False); compute it from a tensor with requires_grad=True, outside torch.no_grad() "
            "and without detach()."
        )


def _tensors_in_scope(frame: FrameType | None) -> dict[str, Tensor]:
    """The tensors in the variables of whoever called the function of this frame."""
    caller = frame.f_back if frame is not None else None
    if caller is None:
        return {}
    tensors: dict[str, Tensor] = {}
    for scope in (caller.f_locals, caller.f_globals):
        for name, value in scope.items():
            # Not the names that IPython (_12) and pytest (@py_assert1) give to results.
            usable = name.isidentifier() and not name.startswith("_")
            if usable and isinstance(value, Tensor) and _can_be_read(value):
                tensors.setdefault(name, value)
    return tensors


def _can_be_read(tensor: Tensor) -> bool:
    """Whether autograd still knows where it came from; a view changed in place may not."""
    try:
        return tensor.grad_fn is None or tensor.requires_grad
    except RuntimeError:
        return False


def _draw(graph: Graph) -> Figure:
    layout = _lay_out(graph)
    width = max(layout.width, _text_size(LEGEND, _SMALL)[0]) + 2 * MARGIN
    height = layout.height + _text_size(LEGEND, _SMALL)[1] + 3 * MARGIN
    figure = Figure(figsize=(width / POINTS_PER_INCH, height / POINTS_PER_INCH), facecolor="white")
    # One unit of these axes is one point, as in dot's layout.
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_axis_off()
    left = (width - layout.width) / 2
    axes.set_xlim(-left, width - left)
    axes.set_ylim(-height + layout.height + MARGIN, layout.height + MARGIN)
    for edge in layout.edges:
        _draw_edge(axes, edge)
    for node, position in zip(graph.nodes, layout.positions, strict=True):
        _draw_node(axes, node, *position)
    axes.text(layout.width / 2, -2 * MARGIN, LEGEND, ha="center", va="center", **_SMALL)
    return figure


@dataclass(frozen=True)
class _Edge:
    kind: str
    points: list[tuple[float, float]]


@dataclass(frozen=True)
class _Layout:
    width: float
    height: float
    positions: list[tuple[float, float]]
    edges: list[_Edge]


def _lay_out(graph: Graph) -> _Layout:
    # Without a limit (nslimit) dot takes minutes over some hundred operations side by side.
    dot = pygraphviz.AGraph(
        directed=True, strict=False, rankdir="TB", nodesep=0.35, ranksep=0.35, nslimit=1
    )
    for place, node in enumerate(graph.nodes):
        width, height = _node_size(node)
        dot.add_node(
            place,
            shape="ellipse" if node.kind == "operation" else "box",
            fixedsize=True,
            width=width / POINTS_PER_INCH,
            height=height / POINTS_PER_INCH,
            label="",
        )
    kinds: dict[str, str] = {}
    for place, node in enumerate(graph.nodes):
        sources: list[tuple[int, str]] = [
            (source, graph.nodes[source].kind) for source in node.inputs
        ]
        if node.cut_from is not None:
            sources.append((node.cut_from, "cut"))
        for source, kind in sources:
            key = str(len(kinds))
            kinds[key] = kind
            dot.add_edge(source, place, key=key, minlen=2 if kind == "cut" else 1)
    # pygraphviz 2.0.4 crashes when one graph is laid out and then drawn: only positions are read.
    dot.layout(prog="dot")
    _, _, width, height = _numbers(dot.graph_attr["bb"])
    positions = [_numbers(dot.get_node(place).attr["pos"]) for place in range(len(graph.nodes))]
    edges = [
        _Edge(kinds[key], _spline(dot.get_edge(source, target, key).attr["pos"]))
        for source, target, key in dot.edges(keys=True)
    ]
    return _Layout(width, height, [(x, y) for x, y in positions], edges)


def _spline(position: str) -> list[tuple[float, float]]:
    """The points of dot's ``e,x,y x0,y0 x1,y1 …``: cubic Béziers, then the tip of the arrow."""
    tip, *points = position.removeprefix("e,").split()
    return [(x, y) for x, y in map(_numbers, [*points, tip])]


def _numbers(position: str) -> list[float]:
    return [float(number) for number in position.split(",")]


def _rows(node: Node) -> list[tuple[str, dict[str, Any]]]:
    """The lines of text in a node, from top to bottom, with their style."""
    if node.kind == "operation":
        return [(node.sign, _NAME), (node.detail, _SMALL)]
    rows = [(node.label, _NAME), (node.detail, _DETAIL)]
    return rows if node.role is None else [*rows, (node.role, _SMALL)]


def _node_size(node: Node) -> tuple[float, float]:
    sizes = [_text_size(text, style) for text, style in _rows(node)]
    width = max(width for width, _ in sizes)
    height = sum(height for _, height in sizes)
    if node.kind == "operation":
        # An ellipse around a rectangle is larger than it by the square root of two; the
        # corners of centred text are empty, so a little less will do.
        return 1.25 * width + 8, 1.25 * height + 4
    return max(width + 20, 54), height + 10


def _text_size(text: str, style: dict[str, Any]) -> tuple[float, float]:
    font = FontProperties(
        family=style.get("family"), size=style["size"], weight=style.get("weight")
    )
    # matplotlib's own fonts know no Chinese; such a character is as wide as it is high.
    wide = [character for character in text if east_asian_width(character) in "WF"]
    narrow = "".join(character for character in text if character not in wide)
    width, _, _ = text_to_path.get_text_width_height_descent(narrow, font, ismath=False)
    return width + len(wide) * style["size"], 1.35 * style["size"]


def _draw_node(axes: Axes, node: Node, x: float, y: float) -> None:
    look = _LOOKS[node.kind]
    width, height = _node_size(node)
    style: dict[str, Any] = {
        "facecolor": look.face,
        "edgecolor": look.edge,
        "lw": look.width,
        "ls": look.line,
    }
    shape: Patch
    if node.kind == "operation":
        shape = Ellipse((x, y), width, height, **style)
    else:
        corner = (x - width / 2, y - height / 2)
        shape = FancyBboxPatch(
            corner, width, height, boxstyle="round,pad=0,rounding_size=4", **style
        )
    axes.add_patch(shape)
    rows = _rows(node)
    top = y + sum(_text_size(*row)[1] for row in rows) / 2
    for text, font in rows:
        row_height = _text_size(text, font)[1]
        axes.text(
            x,
            top - row_height / 2,
            text,
            ha="center",
            va="center_baseline",
            parse_math=False,
            **font,
        )
        top -= row_height


def _draw_edge(axes: Axes, edge: _Edge) -> None:
    *curve, tip = edge.points
    codes = [Path.MOVETO] + [Path.CURVE4] * (len(curve) - 1) + [Path.LINETO]
    color, line = {"cut": (_RED, "--"), "constant": (_GREY, "--")}.get(edge.kind, (_INK, "-"))
    axes.add_patch(
        FancyArrowPatch(
            path=Path([*curve, tip], codes),
            arrowstyle="-|>",
            mutation_scale=9,
            color=color,
            linestyle=line,
            lw=1.3,
            shrinkA=0,
            shrinkB=0,
        )
    )
    if edge.kind == "cut":
        x, y = curve[len(curve) // 2]
        axes.text(
            x,
            y,
            "✂ detach",
            ha="center",
            va="center_baseline",
            size=9,
            color=_RED,
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 1.5},
        )
