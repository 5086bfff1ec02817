"""The languages of the tutorial, as browsers name them, and the folder of each one's notebooks."""

from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
NOTEBOOKS = ROOT / "notebooks"

# The first is the one that the others are translated from.
LANGUAGES = {"en": NOTEBOOKS, "zh-TW": NOTEBOOKS / "zh-TW"}
# And of its exercises for a class.
EXERCISES = {"en": ROOT / "exercises", "zh-TW": ROOT / "exercises" / "zh-TW"}
ORIGINAL, *TRANSLATIONS = LANGUAGES
# What each calls itself.
NAMES = {"en": "English", "zh-TW": "繁體中文"}


def notebooks() -> list[Path]:
    """Every notebook in every language."""
    return [path for folder in LANGUAGES.values() for path in sorted(folder.glob("*.ipynb"))]
