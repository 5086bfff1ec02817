"""Draw the picture of a graph with matplotlib, in its own figure or in axes of the caller's."""

from dataclasses import dataclass
from typing import Any, cast

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.font_manager import font_family_aliases, fontManager
from matplotlib.patches import Ellipse, FancyArrowPatch, FancyBboxPatch, Patch
from matplotlib.path import Path
from matplotlib.transforms import Affine2D, Transform

from autodiff_helpers.graphs.layout import POINTS_PER_INCH
from autodiff_helpers.graphs.sheet import ARROW_WIDTH, CORNER, Line, Shape, Sheet, Words


def draw(sheet: Sheet, axes: Axes | None = None) -> Figure:
    """Draw a picture in axes, made smaller if need be, or in a new figure that fits.

    Example:
        >>> from autodiff_helpers.graphs.sheet import Font
        >>> words = Words((20.0, 10.0), "x", Font(10, "black"))
        >>> draw(Sheet((40.0, 20.0), "white", ["serif"], [words])).texts[0].get_text()
        'x'
    """
    width, height = sheet.size
    # Matplotlib would complain of each font that is not installed, for every word.
    known = {*fontManager.get_font_names(), *font_family_aliases}
    families = [family for family in sheet.families if family in known]
    if axes is None:
        inches = width / POINTS_PER_INCH, height / POINTS_PER_INCH
        figure = Figure(figsize=inches, facecolor=sheet.ground)
        # Straight into the figure, because axes would take as long as all the rest.
        inch = Affine2D().scale(1 / POINTS_PER_INCH)
        pen = _Pen(figure, inch + figure.dpi_scale_trans, 1.0, families)
    else:
        figure = cast("Figure", axes.get_figure(root=True))
        point = figure.dpi / POINTS_PER_INCH
        given_width, given_height = axes.bbox.width / point, axes.bbox.height / point
        scale = min(1.0, given_width / width, given_height / height)
        # What is left is shared, so that the picture stands in the middle.
        left, below = (given_width / scale - width) / 2, (given_height / scale - height) / 2
        axes.set_axis_off()
        axes.set_xlim(-left, width + left)
        axes.set_ylim(-below, height + below)
        pen = _Pen(axes, axes.transData, scale, families)
    for mark in sheet.marks:
        if isinstance(mark, Words):
            pen.write(mark)
        elif isinstance(mark, Shape):
            pen.outline(mark)
        else:
            pen.arrow(mark)
    return figure


@dataclass(frozen=True)
class _Pen:
    """Draws in a figure or in axes."""

    canvas: Figure | Axes
    points: Transform
    """From points on the sheet to places on the canvas."""
    scale: float
    """How much smaller everything is, to fit into the axes."""
    families: list[str]

    def write(self, words: Words) -> None:
        self.canvas.text(
            *words.center,
            words.text,
            gid=words.identifier or None,
            transform=self.points,
            size=words.font.size * self.scale,
            weight="bold" if words.font.bold else "normal",
            family="monospace" if words.font.monospace else self.families,
            color=words.font.color,
            ha="center",
            va="center_baseline",
            parse_math=False,
        )

    def outline(self, shape: Shape) -> None:
        style: dict[str, Any] = {
            "facecolor": shape.face,
            "edgecolor": shape.edge,
            "linewidth": shape.width * self.scale,
            "linestyle": "--" if shape.dashed else "-",
            "transform": self.points,
            "gid": shape.identifier or None,
        }
        (x, y), (width, height) = shape.center, shape.size
        patch: Patch
        if shape.is_ellipse:
            patch = Ellipse((x, y), width, height, **style)
        else:
            corner = x - width / 2, y - height / 2
            look = f"round,pad=0,rounding_size={CORNER}"
            patch = FancyBboxPatch(corner, width, height, boxstyle=look, **style)
        self.canvas.add_artist(patch)

    def arrow(self, line: Line) -> None:
        *curve, tip = line.points
        codes = [Path.MOVETO] + [Path.CURVE4] * (len(curve) - 1) + [Path.LINETO]
        self.canvas.add_artist(
            FancyArrowPatch(
                path=Path([*curve, tip], codes),
                arrowstyle="-|>",
                mutation_scale=9 * self.scale,
                color=line.color,
                linestyle="--" if line.dashed else "-",
                lw=ARROW_WIDTH * self.scale,
                transform=self.points,
                gid=line.identifier,
                shrinkA=0,
                shrinkB=0,
            )
        )
