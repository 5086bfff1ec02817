"""Which notebooks are chapters: all but those that stand beside the chapters."""

from languages import NOTEBOOKS

BESIDE = {"gallery", "glossary", "index", "mixed-exercises"}
CHAPTERS = [path for path in sorted(NOTEBOOKS.glob("*.ipynb")) if path.stem not in BESIDE]
