"""Grade what students handed in, and write a table and a page of feedback for each of them.

Give it the folder with a folder, or a zip, for each student. Each notebook runs in a process of
its own, with limits, and never sees what is right: see ``tools/grading/``.
"""

import csv
import os
import shutil
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import nbformat
from grading import sandbox
from grading.collect import HandedIn, collect
from grading.course import Course, sources
from grading.judge import id_of, is_test, judge, to_run
from grading.words import words
from hand_out import CLASS
from languages import ROOT

Row = dict[str, Any]

# What no submission may look into: solutions, and what others handed in.
OURS = [each for each in ROOT.iterdir() if each.name not in ("autodiff_helpers", ".venv")]

EXPECTED = "it needs a folder, or a zip, for each student, with the notebooks that came back"


def grade(folder: Path, into: Path, seconds: float = sandbox.SECONDS_A_CELL) -> list[Row]:
    """Grade a folder of submissions; put the table and the pages where the last ones were."""
    with tempfile.TemporaryDirectory() as scratch:
        course = Course(Path(scratch, "course"))
        handed_in, left_out = collect(folder, list(sources()), Path(scratch, "unpacked"))
        print(*left_out, sep="\n", end="\n" if left_out else "")
        if not handed_in:
            sys.exit(f"There is nothing to grade in {folder}: {EXPECTED}.")
        rows = rows_of(course, handed_in, seconds, [*OURS, folder, Path(scratch)])
        graded = Path(scratch, "graded")
        graded.mkdir()
        write_table(rows, graded / "grades.csv")
        for page in sorted(course.root.glob("feedback/*/*/*.html")):
            student, name = page.parts[-3:-1]
            shutil.copy(page, graded / f"{student}.{name}.html")
        shutil.rmtree(into, ignore_errors=True)
        shutil.copytree(graded, into)
    return rows


def rows_of(
    course: Course, handed_in: list[HandedIn], seconds: float, closed: list[Path]
) -> list[Row]:
    """Run all notebooks side by side, then let nbgrader write down what they earned."""
    released = {name: course.release(name) for name in {each.assignment for each in handed_in}}
    ours = [with_our_cells(course, each) for each in handed_in]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        ran = list(pool.map(lambda each: each and sandbox.run(to_run(each), closed, seconds), ours))
    rows = []
    for each, notebook, outcome in zip(handed_in, ours, ran, strict=True):
        language, _ = sources()[each.assignment]
        if notebook is None:
            rows.append(row_of(each, released[each.assignment], {}, words(language)["unreadable"]))
            continue
        untouched = untouched_in(notebook, released[each.assignment])
        judge(notebook, outcome, untouched, language, seconds)
        notebook.metadata.update(language=language, words=words(language))
        points = course.grade(each.assignment, each.student, notebook)
        rows.append(row_of(each, released[each.assignment], points, what_happened(notebook)))
    for name in released:
        if (course.root / "autograded").exists():
            course.feedback(name)
    return rows


def with_our_cells(course: Course, handed_in: HandedIn) -> nbformat.NotebookNode | None:
    """A student's notebook as it is run, or None where there is none that nbgrader understands."""
    if handed_in.notebook is None:
        return None
    try:
        return course.with_our_cells(handed_in.assignment, handed_in.notebook)
    except Exception as error:
        print(f"{handed_in.student}, {handed_in.assignment}: nbgrader cannot use it: {error}")
        return None


def untouched_in(notebook: nbformat.NotebookNode, released: nbformat.NotebookNode) -> set[str]:
    """The cells for answers that are as they were handed out."""
    before = {id_of(released, number): cell.source for number, cell in enumerate(released.cells)}
    return {
        id_of(notebook, number)
        for number, cell in enumerate(notebook.cells)
        if before.get(id_of(notebook, number)) == cell.source
    }


def what_happened(notebook: nbformat.NotebookNode) -> str:
    """Why each exercise that earned nothing earned nothing."""
    tests = [cell for cell in notebook.cells if is_test(cell) and cell.metadata.nbgrader.points]
    said = [
        f"{number}: {cell.outputs[0].evalue}"
        for number, cell in enumerate(tests, start=1)
        if cell.outputs[0].output_type == "error"
    ]
    return " ".join(said)


def row_of(
    handed_in: HandedIn, released: nbformat.NotebookNode, points: dict[str, float], happened: str
) -> Row:
    """A line of the table."""
    tests = [cell.metadata.nbgrader for cell in released.cells if is_test(cell)]
    tests = [test for test in tests if test.points]
    earned = [points.get(test.grade_id, 0) for test in tests]
    return {
        "student": handed_in.student,
        "assignment": handed_in.assignment,
        "points": f"{sum(earned):g}",
        "of": f"{sum(test.points for test in tests):g}",
        **{str(number): f"{each:g}" for number, each in enumerate(earned, start=1)},
        "what happened": happened,
    }


def write_table(rows: list[Row], path: Path) -> None:
    """Write the table, with the mark by which Excel knows that it is Unicode."""
    most = max((len(row) - 5 for row in rows), default=0)
    exercises = [str(number) for number in range(1, most + 1)]
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        names = ["student", "assignment", "points", "of", *exercises, "what happened"]
        table = csv.DictWriter(file, names)
        table.writeheader()
        table.writerows(rows)


def main(name: str) -> None:
    """Grade a folder, and say where the table is."""
    if not Path(name).is_dir():
        sys.exit(f"{name} is no folder: {EXPECTED}. Unpack what Moodle gives you first.")
    rows = grade(Path(name), CLASS / "graded")
    students = len({row["student"] for row in rows})
    print(f"{len(rows)} notebooks of {students} students are graded.")
    table = CLASS / "graded" / "grades.csv"
    print(f"The table is {table.relative_to(ROOT)}, and beside it is a page for each of them.")


if __name__ == "__main__":
    main(*sys.argv[1:])
