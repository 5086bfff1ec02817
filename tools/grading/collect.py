"""Find what students handed in: a folder, or a zip, for each; or what Moodle makes of a class."""

import re
import shutil
import zipfile
from pathlib import Path
from typing import NamedTuple

import nbformat
from nbformat import NotebookNode

# Moodle calls the folder of a student "name_number_assignsubmission_file".
OF_MOODLE = re.compile(r"_\d+_assignsubmission_file_?$")
MOST_BYTES = 20_000_000


class HandedIn(NamedTuple):
    """One notebook of one student."""

    student: str
    assignment: str
    notebook: NotebookNode | None
    """None where the file is no notebook that can be read."""


def collect(
    folder: Path, assignments: list[str], unpacked: Path
) -> tuple[list[HandedIn], list[str]]:
    """What every student handed in, and the files that are no assignment of ours."""
    found: dict[tuple[str, str], Path] = {}
    strangers = []
    for place in sorted(folder.iterdir()):
        student = OF_MOODLE.sub("", place.stem if place.suffix == ".zip" else place.name)
        if place.suffix == ".zip":
            place = unzip(place, unpacked / student)
        if place.is_dir():
            # Of two files for one assignment the one that was changed last counts.
            for path in sorted(place.rglob("*.ipynb"), key=lambda each: each.stat().st_mtime):
                if ".ipynb_checkpoints" in path.parts:
                    continue
                if assignment := assignment_of(path, assignments):
                    found[student, assignment] = path
                else:
                    strangers.append(f"{student}: {path.name}")
    handed_in = [HandedIn(*whose, read(path)) for whose, path in sorted(found.items())]
    return handed_in, strangers


def assignment_of(path: Path, assignments: list[str]) -> str | None:
    """Which assignment a file is, although a browser may have written " (1)" behind its name."""
    fitting = [
        name for name in assignments if re.fullmatch(rf"{re.escape(name)}\W*\d*\W*", path.stem)
    ]
    return max(fitting, key=len, default=None)


def unzip(path: Path, target: Path) -> Path:
    """Unpack the notebooks of an archive, unless they are too large."""
    target.mkdir(parents=True)
    with zipfile.ZipFile(path) as archive:
        for number, entry in enumerate(archive.infolist()):
            if entry.filename.endswith(".ipynb") and entry.file_size <= MOST_BYTES:
                place = target / str(number) / Path(entry.filename).name
                place.parent.mkdir()
                with archive.open(entry) as packed, place.open("wb") as file:
                    shutil.copyfileobj(packed, file)
    return target


def read(path: Path) -> NotebookNode | None:
    """A notebook, if it is one."""
    try:
        if path.stat().st_size > MOST_BYTES:
            return None
        notebook = nbformat.read(path, as_version=4)
        nbformat.validate(notebook)
    except (ValueError, OSError, nbformat.ValidationError, RecursionError, AttributeError):
        return None
    return notebook
