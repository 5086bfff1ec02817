"""Make what a class is given: a zip of exercises without solutions, and a quiz for Moodle."""

import sys
import tempfile
import zipfile
from pathlib import Path

import nbformat
from grading.course import Course, sources
from languages import LANGUAGES, ORIGINAL, ROOT
from quick_checks import gift

CLASS = ROOT / "class"
# A zip is the same bytes on every day.
LONG_AGO = (1980, 1, 1, 0, 0, 0)


def make(into: Path) -> list[Path]:
    """Write a zip and a quiz for each language; return their places."""
    with tempfile.TemporaryDirectory() as folder:
        course = Course(Path(folder))
        released = {name: course.release(name) for name in sources()}
    into.mkdir(exist_ok=True)
    zips = [zipped(into, language, released) for language in LANGUAGES]
    return [*zips, *(quiz(into, language) for language in LANGUAGES)]


def named(into: Path, name: str, language: str, kind: str) -> Path:
    """The place of a file in one language."""
    return into / (f"{name}.{kind}" if language == ORIGINAL else f"{name}.{language}.{kind}")


def quiz(into: Path, language: str) -> Path:
    """Write the quick checks of all chapters for Moodle."""
    path = named(into, "quick-checks", language, "gift")
    chapters = map(gift, sorted(LANGUAGES[language].glob("*.ipynb")))
    path.write_text("\n".join(filter(None, chapters)), encoding="utf-8")
    return path


def zipped(into: Path, language: str, released: dict[str, nbformat.NotebookNode]) -> Path:
    """Write the students' versions in one language."""
    path = named(into, "exercises", language, "zip")
    unfinished = path.with_suffix(".part")
    with zipfile.ZipFile(unfinished, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, (its_language, _) in sources().items():
            if its_language == language:
                entry = zipfile.ZipInfo(f"{name}.ipynb", LONG_AGO)
                archive.writestr(entry, nbformat.writes(released[name]) + "\n")
    return unfinished.replace(path)


if __name__ == "__main__":
    for made in make(CLASS):
        sys.stdout.write(f"{made.relative_to(ROOT)} is ready to hand out.\n")
