"""What an exercise says to its usual wrong answers: it names the mistake and gives nothing away."""

import ast
import re
from pathlib import Path

import nbformat
import pytest
from chapters import CHAPTERS
from made_cells import without_made_cells
from wrong_answers import WRONG

FOLDER = Path(__file__).resolve().parents[2] / "notebooks"
PAGES = {path.stem: nbformat.read(path, as_version=4) for path in FOLDER.glob("*.ipynb")}
NUMBER = re.compile(r"^\*\*(\d)\.\*\*", re.M)


def exercises(page):
    """The code cell of each exercise of a page, by its number."""
    pairs = zip(page.cells, page.cells[1:], strict=False)
    found = [(NUMBER.findall(text.source), code) for text, code in pairs]
    return {int(numbers[0]): code.source for numbers, code in found if numbers}


EXERCISES = {
    (name, number): source
    for name, page in PAGES.items()
    for number, source in exercises(page).items()
}


def what_it_sets(statement):
    """What a statement gives a name to; of a loop, that it is one."""
    if isinstance(statement, ast.Assign):
        return ast.unparse(statement.targets[0])
    return getattr(statement, "name", type(statement).__name__)


def hint(name, number, wrong):
    """What the cell of an exercise shows when one statement is written like this."""
    (wrong,) = ast.parse(wrong).body
    *statements, check = ast.parse(EXERCISES[name, number]).body
    places = [i for i, line in enumerate(statements) if what_it_sets(line) == what_it_sets(wrong)]
    statements[places[-1]] = wrong
    names = {}
    _, imports, *_ = without_made_cells(PAGES[name])
    exec(imports.source, names)
    try:
        exec("\n".join(map(ast.unparse, statements)), names)
    except AssertionError as wrong_value:
        return str(wrong_value)
    return eval(ast.unparse(check), names)


@pytest.mark.parametrize("name", [path.stem for path in CHAPTERS])
def test_a_chapter_has_exercises_of_three_grades(name):
    text = "\n".join(cell.source for cell in PAGES[name].cells if cell.cell_type == "markdown")
    (end,) = re.findall(r"^## Try it$(.*?)(?=^## )", text, re.M | re.S)
    grades = re.split(r"^### .+$", end, flags=re.M)[1:]
    assert len(grades) == 3
    assert all(len(NUMBER.findall(grade)) >= 2 for grade in grades)
    numbers = [int(number) for number in NUMBER.findall(text)]
    assert numbers == list(range(1, len(numbers) + 1))


def test_every_exercise_answers_with_a_hint_and_its_wrong_answers_are_known():
    assert all(source.rstrip().endswith(").hint()") for source in EXERCISES.values())
    assert {(name, number) for name, number, _, _ in WRONG} == set(EXERCISES)


@pytest.mark.parametrize(("name", "number", "wrong", "words"), WRONG)
def test_a_hint_names_the_mistake_and_gives_nothing_away(name, number, wrong, words):
    shown = hint(name, number, wrong)
    assert words in shown
    assert re.findall(r"\d", re.sub(r"\[[\d, ]*\]", "", shown)) == []
