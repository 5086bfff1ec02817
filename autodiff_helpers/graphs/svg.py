"""Write the picture of a graph as SVG, some ten times faster and smaller than matplotlib does."""

import math
from xml.sax.saxutils import escape, quoteattr

from autodiff_helpers.graphs.sheet import ARROW_WIDTH, CORNER, Line, Shape, Sheet, Words
from autodiff_helpers.rounding import coordinate
from autodiff_helpers.theme import with_dark_theme

# From the tip of an arrow back, and to each side, in points.
HEAD_LENGTH, HEAD_WIDTH = 7.0, 2.8
MONOSPACE = "'DejaVu Sans Mono', monospace"


def write_svg(sheet: Sheet, title: str, text: str) -> str:
    """Write a picture as SVG, in which text stays text, with its title and all that it says.

    Example:
        >>> sheet = Sheet((20.0, 10.0), "#ffffff", ["serif"], [])
        >>> write_svg(sheet, "Nothing.", "").split("<style")[0]
        '<svg class="autodiff-picture" xmlns="http://www.w3.org/2000/svg" width="20pt" \
height="10pt" viewBox="0 0 20 10" role="img" font-family="serif" \
text-anchor="middle"><title>Nothing.</title><desc></desc>'
    """
    width, height = map(coordinate, sheet.size)
    fonts = quoteattr(", ".join(sheet.families))
    svg = "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}pt" height="{height}pt" '
            f'viewBox="0 0 {width} {height}" role="img" font-family={fonts} text-anchor="middle">'
            f"<title>{escape(title)}</title><desc>{escape(text)}</desc>"
            f'<rect width="100%" height="100%" fill="{sheet.ground}"/>',
            *(_element(mark, sheet.size[1]) for mark in sheet.marks),
            "</svg>",
        ]
    )
    return with_dark_theme(svg, sheet.ground)


def _element(mark: Words | Shape | Line, height: float) -> str:
    """One mark; SVG counts from the top, the sheet from the bottom."""
    identifier = f' id="{mark.identifier}"' if mark.identifier else ""
    if isinstance(mark, Words):
        x, y = (
            coordinate(mark.center[0]),
            coordinate(height - mark.center[1] + 0.36 * mark.font.size),
        )
        bold = ' font-weight="bold"' if mark.font.bold else ""
        family = f' font-family="{MONOSPACE}"' if mark.font.monospace else ""
        return (
            f'<text x="{x}" y="{y}" font-size="{coordinate(mark.font.size)}"{bold}{family} '
            f'fill="{mark.font.color}" xml:space="preserve"{identifier}>{escape(mark.text)}</text>'
        )
    if isinstance(mark, Shape):
        return _outline(mark, height, identifier)
    return _arrow(mark, height, identifier)


def _outline(shape: Shape, height: float, identifier: str) -> str:
    x, y = shape.center[0], height - shape.center[1]
    width, length = shape.size
    dashes = f' stroke-dasharray="{coordinate(4 * shape.width)} 2"' if shape.dashed else ""
    look = f'fill="{shape.face}" stroke="{shape.edge}" stroke-width="{coordinate(shape.width)}"'
    if shape.is_ellipse:
        cx, cy, rx, ry = map(coordinate, (x, y, width / 2, length / 2))
        place = f'<ellipse cx="{cx}" cy="{cy}" rx="{rx}" ry="{ry}"'
    else:
        left, top, w, h = map(coordinate, (x - width / 2, y - length / 2, width, length))
        place = f'<rect x="{left}" y="{top}" width="{w}" height="{h}" rx="{CORNER}"'
    return f"{place} {look}{dashes}{identifier}/>"


def _arrow(line: Line, height: float, identifier: str) -> str:
    points = [(x, height - y) for x, y in line.points]
    *curve, (end_x, end_y), (tip_x, tip_y) = points
    start, bends = curve[0], [*curve[1:], (end_x, end_y)]
    length = math.hypot(tip_x - end_x, tip_y - end_y)
    along_x, along_y = (tip_x - end_x) / length, (tip_y - end_y) / length
    base_x, base_y = tip_x - HEAD_LENGTH * along_x, tip_y - HEAD_LENGTH * along_y
    side_x, side_y = -HEAD_WIDTH * along_y, HEAD_WIDTH * along_x
    head = [(tip_x, tip_y), (base_x + side_x, base_y + side_y), (base_x - side_x, base_y - side_y)]
    dashes = ' stroke-dasharray="5 2"' if line.dashed else ""
    return (
        f'<g stroke="{line.color}" stroke-width="{ARROW_WIDTH}"{identifier}>'
        f'<path d="M{_pairs([start])}C{_pairs(bends)}L{_pairs([(base_x, base_y)])}" '
        f'fill="none"{dashes}/>'
        f'<path d="M{_pairs(head)}Z" fill="{line.color}" stroke-linejoin="round"/></g>'
    )


def _pairs(points: list[tuple[float, float]]) -> str:
    return " ".join(f"{coordinate(x)},{coordinate(y)}" for x, y in points)
