"""Find what students handed in: a folder, or a zip, for each; or what Moodle makes of a class."""

import re
import shutil
import zipfile
import zlib
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
    """What every student handed in, and a sentence on everything that is left out."""
    found: dict[tuple[str, str], Path] = {}
    left_out = []
    for place in sorted(folder.iterdir()):
        if place.is_file() and place.suffix != ".zip":
            if place.suffix == ".ipynb":
                left_out.append(f"{place.name} is in no student's folder, and is left out.")
            continue
        student = OF_MOODLE.sub("", place.stem if place.suffix == ".zip" else place.name)
        paths, torn = notebooks_of(place, unpacked / place.name)
        left_out += [f"{student}: {name} is no zip that can be read." for name in torn]
        for path in paths:
            if assignment := assignment_of(path, assignments):
                found[student, assignment] = path
            else:
                left_out.append(f"{student}: {path.name} is none of our assignments.")
        if not paths:
            left_out.append(f"{student}: no notebook was found.")
    handed_in = [HandedIn(*whose, read(path)) for whose, path in sorted(found.items())]
    return handed_in, left_out


def notebooks_of(place: Path, unpacked: Path) -> tuple[list[Path], list[str]]:
    """The notebooks in a folder or a zip, the one that was changed last at the end; and bad zips.

    Of two files for one assignment the last one counts.
    """
    folders, torn = [place], []
    for number, path in enumerate([place] if place.is_file() else sorted(place.rglob("*.zip"))):
        try:
            folders.append(unzip(path, unpacked / str(number)))
        except (zipfile.BadZipFile, zlib.error, RuntimeError, OSError):
            torn.append(path.name)
    paths = [path for folder in folders for path in folder.rglob("*.ipynb")]
    # What JupyterLab keeps for itself, and what macOS puts beside each file in a zip.
    kept = [
        path
        for path in paths
        if ".ipynb_checkpoints" not in path.parts and not path.name.startswith("._")
    ]
    return sorted(kept, key=lambda each: each.stat().st_mtime), torn


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
