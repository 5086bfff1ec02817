"""Pages in step, which carry a stamp in a comment at their end; and the names of their headings."""

import json
import re
from pathlib import Path

from languages import ORIGINAL, ROOT, TRANSLATIONS

COMMENT = re.compile(r"\n<!-- in step: (.*) -->\n\Z")


def anchor(heading: str) -> str:
    """What JupyterLab calls a heading in a link to it; the site does the same."""
    return heading.replace(" ", "-")


def translated_pages() -> list[tuple[str, Path, Path]]:
    """Every translated page: its language, the original, and itself."""
    docs = ROOT / "docs"
    pages = [(each, ROOT / "README.md", ROOT / f"README.{each}.md") for each in TRANSLATIONS]
    for language in TRANSLATIONS:
        for path in sorted((docs / language).rglob("*.md")):
            pages.append((language, docs / ORIGINAL / path.relative_to(docs / language), path))
    return pages


def text_of(path: Path) -> str:
    """A page without its stamp."""
    return COMMENT.sub("", path.read_text(encoding="utf-8"))


def stamp_in(path: Path) -> dict[str, str] | None:
    """The stamp of a page, if it has one."""
    found = COMMENT.search(path.read_text(encoding="utf-8"))
    return json.loads(found[1]) if found else None


def write_stamp(path: Path, stamp: dict[str, str]) -> None:
    """Put a stamp at the end of a page, in place of an older one."""
    text = f"{text_of(path)}\n<!-- in step: {json.dumps(stamp)} -->\n"
    path.write_text(text, encoding="utf-8", newline="\n")
