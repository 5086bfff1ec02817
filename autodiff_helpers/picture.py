"""A matplotlib figure that a notebook shows as SVG, together with what it shows in words."""

import io
import re
import warnings
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.sax.saxutils import escape

import matplotlib as mpl
from matplotlib.colors import to_hex

from autodiff_helpers.theme import CLASS, with_dark_theme
from autodiff_helpers.words import say

# A graph is shown without one, for it takes long to load.
if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Okabe and Ito's blue and vermilion, which color-blind readers can tell apart.
BLUE, VERMILION = "#0072b2", "#d55e00"
# Pixels of a PNG, for each inch and altogether: a huge picture would not fit into the memory.
DPI = 144
MOST_PIXELS = 5e7
# No date, so that the same picture is the same bytes.
_WITHOUT_DATE: dict[str, dict[str, str | None]] = {
    "svg": {"Date": None},
    "png": {},
    "pdf": {"CreationDate": None},
}
_MISSING = re.compile(r"Glyph (\d+) .*missing from font")


class Picture:
    """A figure and its content in words, so that a test can prove what the picture shows.

    Args:
        figure: the matplotlib figure.
        text: everything the picture says, as plain text.
        title: what the picture is, in one sentence; used as its alternative text.

    Example:
        >>> from matplotlib.figure import Figure
        >>> picture = Picture(Figure(), text="nothing yet", title="An empty figure.")
        >>> print(picture)
        nothing yet
    """

    def __init__(self, figure: "Figure", text: str, title: str) -> None:
        self._figure = figure
        self.text = text
        self.title = title

    def __repr__(self) -> str:
        return self.text

    @property
    def figure(self) -> "Figure":
        """The matplotlib figure."""
        return self._figure

    @property
    def svg(self) -> str:
        """The picture as SVG, the same bytes on every run, with its words in it."""
        return self._render("svg").decode()

    def _repr_mimebundle_(self, **_: Any) -> tuple[dict[str, str], dict[str, dict[str, str]]]:
        data = {"text/plain": self.text, "image/svg+xml": self.svg}
        return data, {"image/svg+xml": {"alt": self.title}}

    def save(self, path: str | Path) -> None:
        """Write the picture to a file; the ending of its name chooses the format.

        Args:
            path: a file name that ends in ``.svg``, ``.png`` or ``.pdf``.

        Raises:
            ValueError: if the name ends in anything else.

        Example:
            >>> from matplotlib.figure import Figure
            >>> Picture(Figure(), text="", title="").save("picture.gif")
            Traceback (most recent call last):
            ValueError: save got 'picture.gif'; the name must end in .svg, .png or .pdf.
        """
        kind = Path(path).suffix.lower().removeprefix(".")
        if kind not in _WITHOUT_DATE:
            raise ValueError(
                say("save got {path!r}; the name must end in .svg, .png or .pdf.", path=str(path))
            )
        # Rendered before the file is opened: a failure leaves no half-written file behind.
        content = self.svg.encode() if kind == "svg" else self._render(kind)
        Path(path).write_bytes(content)

    def _render(self, kind: str) -> bytes:
        from autodiff_helpers.fonts import with_chinese

        buffer = io.BytesIO()
        # Text stays text, so that it can be searched, read aloud and set in the reader's fonts;
        # with a fixed salt the names inside the file are the same every time.
        with (
            mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": "autodiff_helpers"}),
            # In an SVG the reader's own fonts step in where matplotlib's lack a character.
            nullcontext() if kind == "svg" else with_chinese(self.figure),
            warnings.catch_warnings(record=True) as caught,
        ):
            warnings.simplefilter("always")
            width, height = self.figure.get_size_inches()
            dpi = min(DPI, (MOST_PIXELS / (width * height)) ** 0.5)
            self.figure.savefig(buffer, format=kind, dpi=dpi, metadata=_WITHOUT_DATE[kind])
        for each in caught:
            if not _MISSING.match(str(each.message)):
                warnings.warn_explicit(each.message, each.category, each.filename, each.lineno)
        if kind == "svg":
            return self._described(buffer.getvalue())
        _warn_of_missing_characters(caught)
        return buffer.getvalue()

    def _described(self, svg: bytes) -> bytes:
        # matplotlib writes no <desc>, and a screen reader needs both elements to come first.
        words = f"<title>{escape(self.title)}</title><desc>{escape(self.text)}</desc>"
        head, metadata, rest = svg.decode().partition(" <metadata>")
        head = head.replace("<svg ", '<svg role="img" ', 1)
        # Its one rule for all that is drawn must not reach the other pictures of a page.
        rest = rest.replace("*{", f".{CLASS} *{{", 1)
        # A mark has the color of the place where it is used, which a style sheet can reach.
        rest = re.sub(r'(<path id="m[^>]*style=")stroke: #\w+(; )?', r"\1", rest)
        ground = to_hex(self.figure.get_facecolor())
        return with_dark_theme(f"{head} {words}\n{metadata}{rest}", ground).encode()


def _warn_of_missing_characters(caught: Sequence[warnings.WarningMessage]) -> None:
    """Say once, and not for each of them, which characters no font has."""
    found = [_MISSING.match(str(each.message)) for each in caught]
    if missing := sorted({chr(int(each[1])) for each in found if each}):
        warnings.warn(
            say(
                "no font here has {characters}, so empty boxes stand in their place; save the "
                "picture as .svg, or install a font such as Noto Sans CJK, delete matplotlib's "
                "list of fonts in {folder} and start Python anew.",
                characters="".join(missing),
                folder=mpl.get_cachedir(),
            ),
            stacklevel=4,
        )
