"""A class hands in: a table for the teacher, a page for each student, and nothing given away."""

import csv
import re
import zipfile

import hand_out
import nbformat
import pytest
from grade import grade
from grading import course
from in_step import STAMP
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

SECRET = "4711"
SAME = """\
import torch
from autodiff_helpers import check_gradient
### BEGIN HIDDEN TESTS
def same(asked, right):
    torch.testing.assert_close(torch.as_tensor(asked), torch.as_tensor(right), check_dtype=False)
### END HIDDEN TESTS"""
NUMBER = """\
answer = 0
### BEGIN SOLUTION
answer = 12  # 4711
### END SOLUTION"""
NUMBER_TEST = """\
x = torch.tensor(3.0, requires_grad=True)
check_gradient(lambda x: 2 * x**2, x, expected=answer).hint()
### BEGIN HIDDEN TESTS
secret = 4711
same(answer, 12)
### END HIDDEN TESTS"""
FUNCTION = """\
def f(x):
    y = 0 * x
    ### BEGIN SOLUTION
    y = x**2  # 4711
    ### END SOLUTION
    return y.sum()"""
FUNCTION_TEST = """\
check_gradient(f, torch.tensor([1.0, 2.0], requires_grad=True)).hint()
### BEGIN HIDDEN TESTS
x = torch.tensor([3.0, -4.0], requires_grad=True)
same(f(x), 25)
same(torch.autograd.grad(f(x), x)[0], [6, -8])
### END HIDDEN TESTS"""


def cell(kind, name, source, points=0):
    new = new_markdown_cell if kind == "text" else new_code_cell
    ours = {"grade": kind == "test", "solution": kind == "answer", "locked": kind != "answer"}
    ours |= {"grade_id": name, "schema_version": 3, "task": False, "points": points}
    return new(source, id=name, metadata={"nbgrader": ours, STAMP: {"en": "0", "zh-TW": "1"}})


def assignment(title, language):
    chosen = f"from autodiff_helpers import set_language\nset_language({language!r})\n"
    cells = [
        cell("text", "title", f"# {title}"),
        cell("test", "setup", chosen + SAME),
        cell("text", "exercise-1-text", "**1.** The gradient of 2x² at 3?"),
        cell("answer", "exercise-1-answer", NUMBER),
        cell("test", "exercise-1", NUMBER_TEST, 1),
        cell("text", "exercise-2-text", "**2.** Write the sum of the squares."),
        cell("answer", "exercise-2-answer", FUNCTION),
        cell("test", "exercise-2", FUNCTION_TEST, 2),
    ]
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    return new_notebook(cells=cells, metadata={"kernelspec": kernel})


@pytest.fixture(scope="module")
def released(tmp_path_factory):
    """Two assignments that are one in two languages, and their students' versions, by name."""
    folder = tmp_path_factory.mktemp("exercises")
    folders = {"en": folder, "zh-TW": folder / "zh-TW"}
    folders["zh-TW"].mkdir()
    nbformat.write(assignment("Squares", "en"), folder / "squares.ipynb")
    nbformat.write(assignment("平方", "zh-TW"), folders["zh-TW"] / "squares.ipynb")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(course, "EXERCISES", folders)
        found = {}
        for path in hand_out.make(folder / "class")[:2]:
            with zipfile.ZipFile(path) as archive:
                for name in archive.namelist():
                    found[name] = nbformat.reads(archive.read(name).decode(), as_version=4)
        yield found


def test_each_language_has_its_zip(released):
    assert {name: notebook.cells[0].source for name, notebook in released.items()} == {
        "squares.ipynb": "# Squares",
        "squares.zh-TW.ipynb": "# 平方",
    }


def test_students_get_what_they_start_from_and_nothing_more(released):
    english, chinese = (released[name] for name in ("squares.ipynb", "squares.zh-TW.ipynb"))
    sources = {cell.id: cell.source for cell in english.cells}
    assert sources["exercise-1-answer"] == "answer = 0\n# your code"
    assert sources["exercise-2"] == FUNCTION_TEST.split("\n")[0]
    assert "# 你的程式" in chinese.cells[3].source
    for notebook in released.values():
        text = nbformat.writes(notebook)
        assert not re.search(rf"SOLUTION|HIDDEN|same|{SECRET}|{STAMP}", text)


RIGHT = {"exercise-1-answer": "answer = 12.0", "exercise-2-answer": "f = lambda x: (x * x).sum()"}
# It replaces all that could compare, and answers nothing.
FORGES = """\
class Right:
    passed = True
    def hint(self):
        return "Right."
check_gradient = lambda *inputs, **options: Right()
torch.testing.assert_close = same = lambda *numbers, **options: None
class answer:
    __eq__ = lambda self, other: True"""


def handed_in(notebook, answers):
    notebook = nbformat.from_dict(notebook)
    for each in notebook.cells:
        each.source = answers.get(each.id, each.source)
    return notebook


def tampered(notebook):
    """With tests that say yes, many points, and a text that would load something from elsewhere."""
    notebook = handed_in(notebook, {"exercise-1": "pass", "exercise-2": "pass"})
    for each in notebook.cells:
        each.metadata.nbgrader.points = 100
    notebook.cells[0].source = "<script src='http://elsewhere.example'></script>"
    added = "<img src='http://elsewhere.example/picture'>"
    notebook.cells.append(new_markdown_cell(added, id="mine"))
    return notebook


def torn(notebook):
    """Without the cell of one answer, and without the test of the other."""
    notebook = handed_in(notebook, RIGHT)
    gone = {"exercise-2-answer", "exercise-1"}
    notebook.cells = [each for each in notebook.cells if each.id not in gone]
    return notebook


@pytest.fixture(scope="module")
def graded(released, tmp_path_factory):
    """What a class hands in, graded: the rows by student, and the folder with the pages."""
    english, chinese = (released[name] for name in ("squares.ipynb", "squares.zh-TW.ipynb"))
    wrong = {"exercise-1-answer": "answer = 6", "exercise-2-answer": "f = lambda x: 2 * x.sum()"}
    submissions = {
        "amy/squares.ipynb": handed_in(english, RIGHT),
        "王小明_17_assignsubmission_file/squares.zh-TW (1).ipynb": handed_in(chinese, wrong),
        "untouched/deep/squares.ipynb": handed_in(english, {}),
        "forges/squares.ipynb": handed_in(english, {"exercise-1-answer": FORGES}),
        "loops/squares.ipynb": handed_in(
            english, RIGHT | {"exercise-2-answer": "def f(x):\n    while True:\n        pass"}
        ),
        "ends/squares.ipynb": handed_in(
            english, RIGHT | {"exercise-1-answer": "import os\nos._exit(0)"}
        ),
        "peeks/squares.ipynb": handed_in(
            english,
            RIGHT | {"exercise-1-answer": f"answer = open({str(course.__file__)!r}).read()"},
        ),
        "raises/squares.ipynb": handed_in(english, RIGHT | {"exercise-1-answer": "answer = <1"}),
        "tampers/squares.ipynb": tampered(english),
        "tears/squares.ipynb": torn(english),
    }
    folder, into = tmp_path_factory.mktemp("submissions"), tmp_path_factory.mktemp("graded")
    for name, notebook in submissions.items():
        path = folder / name
        path.parent.mkdir(parents=True)
        nbformat.write(notebook, path)
    with zipfile.ZipFile(folder / "zips.zip", "w") as archive:
        archive.writestr("any/folder/squares.ipynb", nbformat.writes(handed_in(english, RIGHT)))
    (folder / "breaks").mkdir()
    (folder / "breaks" / "squares.ipynb").write_text("{")
    (folder / "amy" / "holiday.ipynb").write_text("{}")
    (into / "of-last-time.html").touch()
    rows = grade(folder, into, seconds=4)
    return {row["student"]: row for row in rows}, into


@pytest.mark.parametrize(
    ("student", "points", "happened"),
    [
        ("amy", "3", r""),
        ("zips", "3", r""),
        ("王小明", "0", r"1: ∂f/∂x 不對.* 2: 換成別的數，答案就不對了。"),
        ("untouched", "0", r"1: Not answered yet\. 2: Not answered yet\."),
        ("forges", "0", r"1: With other numbers .*"),
        ("loops", "1", r"2: It took longer than 4 seconds\."),
        ("ends", "2", r"1: It ended Python\."),
        ("peeks", "2", r"1: It tried to use something outside its own folder\."),
        ("raises", "2", r"1: It raises an error: SyntaxError: invalid syntax"),
        ("tampers", "0", r"1: Not answered yet\. 2: Not answered yet\."),
        ("tears", "1", r"2: The cell of the answer is missing\."),
        ("breaks", "0", r"This file is no notebook that can be read\."),
    ],
)
def test_the_table_says_what_was_earned_and_what_happened(graded, student, points, happened):
    row = graded[0][student]
    assert (row["points"], row["of"]) == (points, "3")
    assert re.fullmatch(happened, row["what happened"])


def test_the_table_is_a_file_that_excel_reads(graded):
    rows, folder = graded
    text = (folder / "grades.csv").read_bytes()
    assert text.startswith("\ufeff".encode())
    read = list(csv.DictReader(text.decode("utf-8-sig").splitlines()))
    assert {row["student"]: row for row in read} == rows
    assert [read[0][number] for number in ("1", "2")] == ["1", "2"]


def test_each_has_a_page_and_those_of_last_time_are_gone(graded):
    rows, folder = graded
    pages = {path.name.split(".")[0] for path in folder.glob("*.html")}
    assert pages == set(rows) - {"breaks"}


def test_a_page_shows_answers_and_hints_and_gives_nothing_away(graded):
    for page in graded[1].glob("*.html"):
        text = page.read_text("utf-8")
        assert not re.search(rf"HIDDEN|SOLUTION|same\(asked|{SECRET}|Traceback", text)
        assert not re.search(r"<script|<img|<link|href=|src=|url\(", text.replace("&#39;", "'"))
    chinese = (graded[1] / "王小明.squares.zh-TW.html").read_text("utf-8")
    for words in ("3 分中得 0 分", "answer = 6", "∂f/∂x 不對", "平方"):
        assert words in chinese
