"""Dark pages: what each color of a picture becomes there, in one style block of its SVG."""

import re

WHITE = "#ffffff"
# On paper, and on a page in its light theme; then in its dark theme.
DARK = {
    WHITE: "#141414",
    "#000000": "#e5e7eb",
    # What is written and drawn
    "#1f2937": "#f3f4f6",
    "#4b5563": "#d1d5db",
    "#6b7280": "#9ca3af",
    "#b91c1c": "#ff7b72",
    "#7e22ce": "#d8b4fe",
    "#0f766e": "#5eead4",
    # Boxes: their outlines and what they are filled with
    "#1d4ed8": "#60a5fa",
    "#15803d": "#4ade80",
    "#dbeafe": "#172554",
    "#dcfce7": "#052e16",
    "#f3f4f6": "#262626",
    "#fff7ed": "#2a2118",
    # Curves, with their zero and their grid
    "#0072b2": "#56b4e9",
    "#d55e00": "#ff9248",
    "#9ca3af": "#6b7280",
    "#e5e7eb": "#374151",
    "#fde68a": "#5c4508",
}
CLASS = "autodiff-picture"
# A picture that is a page or a file of its own, or stands in <img>, is asked for one of the two
# themes; one that stands in a page's own text has that page's theme, as far as the page says so:
# JupyterLab, VS Code and Furo do it in words of their own.
_WHICH = (
    "svg:root{color-scheme:light dark}"
    "body:is([data-jp-theme-light=false],[data-theme=dark],.vscode-dark) [class^=autodiff]"
    "{color-scheme:dark}"
    "@media(prefers-color-scheme:dark)"
    "{body[data-theme=auto] [class^=autodiff]{color-scheme:dark}}"
)
_HEX = re.compile(r'(fill|stroke)(: |=")(#[0-9a-f]{6})\b')


def with_dark_theme(svg: str, ground: str) -> str:
    """A picture that is dark on a dark page, unless its ground is of the user's own choice.

    What knows no style block, and browsers from before 2024, show it in its own, light colors.

    Example:
        >>> svg = '<svg width="1"><title>One.</title><desc></desc><rect fill="#ffffff"/></svg>'
        >>> dark = with_dark_theme(svg, ground="#ffffff")
        >>> print(dark[dark.rindex("}.") + 1 :])
        .autodiff-picture [fill="#ffffff"]{fill:light-dark(#ffffff,#141414)}
        </style><rect fill="#ffffff"/></svg>
        >>> "<style>" in with_dark_theme(svg, ground="#123456")
        False
    """
    classed = svg.replace("<svg ", f'<svg class="{CLASS}" ', 1)
    if ground != WHITE:
        return classed
    # What says nothing of its color is black.
    rules = [_WHICH, f".{CLASS}{{fill:{_both('#000000')}}}"]
    for name, between, color in sorted(set(_HEX.findall(svg))):
        if color in DARK:
            # matplotlib writes style attributes, which only !important overrules.
            place, rank = (
                (f'[style*="{name}: {color}"]', "!important")
                if between == ": "
                else (f'[{name}="{color}"]', "")
            )
            rules.append(f".{CLASS} {place}{{{name}:{_both(color)}{rank}}}")
    style = f"<style>{''.join(rules)}\n</style>"
    return classed.replace("</desc>", f"</desc>{style}", 1)


def _both(color: str) -> str:
    return f"light-dark({color},{DARK[color]})"
