"""Bring the notebooks, without their outputs, into ``my-notebooks/``, where a reader works.

What is there is never overwritten. A notebook that is new since then is added; one that was changed
is put beside the reader's, under a name that says so. With the word ``fresh``, the whole folder is
first put away under the day's name.
"""

import filecmp
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from datetime import date
from itertools import chain, count
from pathlib import Path

import nbformat
from in_step import STAMP
from ipykernel.ipkernel import IPythonKernel
from languages import LANGUAGES, NOTEBOOKS, ORIGINAL, ROOT
from made_cells import without_made_cells

MINE = "my-notebooks"

# What each notebook was when it was brought, so that a later change of it is noticed.
AS_BROUGHT = ".as-brought"


def bring(originals: Path, root: Path, today: date) -> list[str]:
    """Bring what is new or changed into the reader's folder, and say in sentences what was done."""
    mine = root / MINE
    with tempfile.TemporaryDirectory(dir=root, prefix=f".{MINE}-") as folder:
        staged = Path(folder, MINE)
        stage(originals, staged)
        if not mine.exists():
            staged.rename(mine)
            return [f"{MINE} is made: a copy of the notebooks in which you can change everything."]
        return list(bring_changes(staged, mine, today))


def stage(originals: Path, staged: Path) -> None:
    """Write the whole folder as it would be if it were made now."""
    for path in sorted(originals.rglob("*")):
        place = path.relative_to(originals)
        if path.is_dir() or any(part.startswith(".") for part in place.parts):
            continue
        target, record = staged / place, staged / AS_BROUGHT / place
        for file in (target, record):
            file.parent.mkdir(parents=True, exist_ok=True)
        if path.suffix == ".ipynb":
            write_without_outputs(path, target, record)
        else:
            shutil.copy(path, target)
            shutil.copy(path, record)


def write_without_outputs(path: Path, target: Path, record: Path) -> None:
    """Write a notebook to work in, and a record of it that is the same with every Python."""
    notebook = nbformat.read(path, as_version=4)
    notebook.cells = without_made_cells(notebook)
    for cell in notebook.cells:
        cell.metadata.pop(STAMP, None)
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    nbformat.write(notebook, record)
    # JupyterLab writes this into a notebook that it opens, which would then count as changed.
    notebook.metadata.language_info = IPythonKernel.language_info
    nbformat.write(notebook, target)


def bring_changes(staged: Path, mine: Path, today: date) -> Iterator[str]:
    """Put what the reader does not have yet beside what he has; overwrite nothing."""
    for new in sorted((staged / AS_BROUGHT).rglob("*")):
        place = new.relative_to(staged / AS_BROUGHT)
        old, target = mine / AS_BROUGHT / place, mine / place
        if new.is_dir() or (
            target.exists() and old.exists() and filecmp.cmp(old, new, shallow=False)
        ):
            continue
        free = target
        if target.exists():
            free = free_name(target.with_name(f"{target.stem}-new-{today}{target.suffix}"))
            yield f"{place} was changed: the new one is beside yours, as {free.name}."
        else:
            yield f"{place} is new in {MINE}."
        for file in (free, old):
            file.parent.mkdir(parents=True, exist_ok=True)
        (staged / place).rename(free)
        os.replace(new, old)


def free_name(path: Path) -> Path:
    """This path, or with a number in its name if there is something already."""
    numbered = (path.with_name(f"{path.stem}-{number}{path.suffix}") for number in count(2))
    return next(each for each in chain([path], numbered) if not each.exists())


def put_away(root: Path, today: date) -> list[str]:
    """Give the reader's folder, if there is one, the name of the day; say so in a sentence."""
    mine = root / MINE
    if not mine.exists():
        return []
    away = free_name(mine.with_name(f"{MINE}-{today}"))
    try:
        mine.rename(away)
    except PermissionError:
        raise SystemExit(
            f"{MINE} is in use and cannot be put away: close JupyterLab and try again."
        ) from None
    return [f"What you had is in {away.name} now."]


def first_page(language: str = ORIGINAL) -> str:
    """The contents in a language, as a path in the reader's folder."""
    if language not in LANGUAGES:
        known = " or ".join(LANGUAGES)
        raise SystemExit(f"There is no edition in {language!r}; choose {known}.")
    folder = LANGUAGES[language].relative_to(NOTEBOOKS)
    return Path(MINE, folder, "index.ipynb").as_posix()


def main(fresh: bool = False) -> None:
    """Do it here and today, and print what was done."""
    done = put_away(ROOT, date.today()) if fresh else []
    for sentence in done + bring(NOTEBOOKS, ROOT, date.today()):
        print(sentence)


if __name__ == "__main__":
    main(fresh=sys.argv[1:] == ["fresh"])
