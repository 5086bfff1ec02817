"""nbval compares the stored outputs; these tests close its blind spots and check the teaching."""

import re

import nbformat
import pytest
import torch
from chapters import CHAPTERS
from in_step import STAMP
from languages import NOTEBOOKS as FOLDER
from languages import notebooks
from notebook_rules import code_cells, problems

from autodiff_helpers import GradientCheck

PATHS = sorted(FOLDER.glob("*.ipynb"))
# What is the same in every language, test_in_step.py compares.
PAGES_WITH_EXERCISES = [*CHAPTERS, FOLDER / "mixed-exercises.ipynb"]

LARGEST_BYTES = 400_000

ANSWER = re.compile(r"<summary>Answer</summary>.*?```python\n(.*?)```\s*</details>", re.S)

each_notebook = pytest.mark.parametrize(
    "path",
    notebooks(),
    ids=lambda path: path.relative_to(FOLDER).with_suffix("").as_posix(),
)
each_page_with_exercises = pytest.mark.parametrize(
    "path", PAGES_WITH_EXERCISES, ids=lambda path: path.stem
)
each_chapter = pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)


def read(path):
    return nbformat.read(path, as_version=4)


def text_of(notebook):
    return "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")


def test_the_chapter_is_complete():
    assert [path.stem for path in PATHS] == [
        "2.5.1-a-simple-example",
        "2.5.2-backward-for-non-scalar-variables",
        "2.5.3-detaching-computation",
        "2.5.4-gradient-of-python-control-flow",
        "a-tiny-autograd",
        "forwards-and-backwards",
        "gallery",
        "glossary",
        "index",
        "mixed-exercises",
        "using-the-gradient",
        "when-it-goes-wrong",
    ]


@each_notebook
def test_nothing_in_it_escapes_the_proof(path):
    notebook = read(path)
    nbformat.validate(notebook)
    assert problems(notebook) == []


@each_notebook
def test_its_file_changes_only_where_it_does(path):
    """A canonical file: keys in order, and nothing about when and how the cells were run."""
    notebook = read(path)
    assert path.read_text(encoding="utf-8") == f"{nbformat.writes(notebook)}\n"
    stamps = {STAMP} if path.parent != FOLDER else set()
    assert {key for cell in notebook.cells for key in cell.metadata} <= {"tags", *stamps}


@each_notebook
def test_it_stays_small(path):
    assert path.stat().st_size < LARGEST_BYTES


@each_notebook
def test_its_links_lead_somewhere(path):
    links = re.findall(r"\]\(([^)#]+)[^)]*\)", text_of(read(path)))
    assert links
    within = [link for link in links if not link.startswith("https://")]
    assert [link for link in within if not (path.parent / link).exists()] == []


@each_chapter
def test_it_draws_a_graph_checks_a_gradient_and_meets_an_error(path):
    cells = code_cells(read(path))
    source = "\n".join(cell.source for cell in cells)
    assert "plot_graph(" in source
    assert "check_gradient(" in source
    assert any("raises-exception" in cell.metadata.get("tags", []) for cell in cells)


@each_chapter
def test_it_says_what_the_reader_will_do_learn_and_need_and_ends_with_something_to_try(path):
    text = text_of(read(path))
    for words in ("**You will**", "**You will learn**", "**You need**", "## Try it"):
        assert words in text


@each_page_with_exercises
def test_every_answer_is_right(path):
    """Run the chapter, and after each answer that can be opened, the code inside it."""
    names = {}
    answers = 0
    questions = 0
    with torch.random.fork_rng(devices=[]):
        for cell in read(path).cells:
            if cell.cell_type == "code" and "raises-exception" not in cell.metadata.get("tags", []):
                exec(cell.source, names)
            elif cell.cell_type == "markdown":
                questions += len(re.findall(r"^\*\*\d\.\*\*", cell.source, re.M))
                for code in re.findall(ANSWER, cell.source):
                    *statements, check = code.strip().split("\n")
                    exec("\n".join(statements), names)
                    result = eval(check, names)
                    assert isinstance(result, GradientCheck)
                    assert result.passed, f"{code}\n{result}"
                    answers += 1
    assert answers == questions > 0


def a_notebook(*cells):
    """A notebook that was run properly; each cell is (source, outputs, tags)."""
    notebook = nbformat.v4.new_notebook()
    for count, (source, outputs, tags) in enumerate(cells, start=1):
        cell = nbformat.v4.new_code_cell(source, outputs=outputs, execution_count=count)
        cell.metadata["tags"] = tags
        notebook.cells.append(cell)
    return notebook


def shown(data, alt="A square."):
    metadata = {kind: {"alt": alt} for kind in data if kind.startswith("image/")}
    return [nbformat.v4.new_output("display_data", data, metadata=metadata)]


def printed(name, text):
    return [nbformat.v4.new_output("stream", name=name, text=text)]


def raised(traceback):
    return nbformat.v4.new_output("error", ename="ValueError", evalue="no", traceback=[traceback])


ERROR = raised("\x1b[31mValueError\x1b[39m\x1b[31m:\x1b[39m no\n")
SVG = {"image/svg+xml": '<svg xmlns="http://www.w3.org/2000/svg"><title>A square.</title></svg>'}


def test_the_rules_accept_a_good_notebook():
    good = a_notebook(
        ("print(1)", printed("stdout", "1\n"), []),
        ("picture", shown(SVG | {"text/plain": "x: 3.  (leaf)"}), []),
        ("raise ValueError('no')", [ERROR], ["raises-exception"]),
    )
    assert problems(good) == []


@pytest.mark.parametrize(
    ("cell", "problem"),
    [
        (("1", printed("stderr", "careful\n"), []), "stderr"),
        (("1", printed("stdout", "10 %\r20 %\n"), []), "carriage return"),
        (("1", [ERROR], []), "without the tag"),
        (("1", [], ["raises-exception"]), "stores no error"),
        (("1", [], ["nbval-skip"]), "ignore"),
        (("1", [], ["nbval-ignore-output"]), "ignore"),
        (("1", [], ["pytest-validate-ignore-output"]), "ignore"),
        (("# NBVAL_IGNORE_OUTPUT\n1", [], []), "ignore"),
        (("# NBVAL_RAISES_EXCEPTION\n1", [], []), "ignore"),
        (("# PYTEST_VALIDATE_IGNORE_OUTPUT\n1", [], []), "ignore"),
        (("1", [raised("ValueError: yes")], ["raises-exception"]), "traceback"),
        (("1", [raised("In /home/me:\nValueError: no")], ["raises-exception"]), "traceback"),
        (("1", shown({"image/png": "AAAA", "text/plain": "x"}), []), "image/png"),
        (("1", shown(SVG), []), "only text"),
        (("1", shown(SVG | {"text/plain": "<Figure size 640x480 with 1 Axes>"}), []), "only text"),
        (("1", shown(SVG | {"text/plain": "x"}, alt=""), []), "alternative text"),
        (("1", shown(SVG | {"text/plain": "x"}, alt="A lie."), []), "alternative text"),
        (("1", shown({"text/plain": "<object object at 0x7f00>"}), []), "memory address"),
        (("1", shown({"text/html": "<script>alert(1)</script>"}), []), "script"),
        (("1", shown({"text/html": "<img src=x onerror = alert(1)>"}), []), "script"),
        (("1", shown({"text/html": "<a href='JavaScript:alert(1)'>x</a>"}), []), "script"),
        (("1", shown({"application/javascript": "alert(1)"}), []), "run or set"),
    ],
)
def test_the_rules_refuse(cell, problem):
    (found,) = problems(a_notebook(cell))
    assert problem in found


@pytest.mark.parametrize("text", ["<script>", "<p onclick='x'>", "<iframe src='x'>"])
def test_the_rules_refuse_a_script_in_the_text(text):
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell(text)])
    (found,) = problems(notebook)
    assert "script" in found


@pytest.mark.parametrize(
    ("text", "tags", "in_sight"),
    [
        ("What will it be?", [], 2),
        ("Which one?\n\nPut your answer in. Is it right? Run it.", [], 2),
        ("## Is it right?", [], 2),
        ("What will it be?", ["hide-output"], 0),
        ("答案是什麼？", [], 2),
        ("Why?\n\nBecause of the chain rule.", [], 0),
        ("A common mistake:", [], 0),
    ],
)
def test_the_rules_refuse_an_answer_in_sight_of_its_question(text, tags, in_sight):
    cells = a_notebook(*[("1", printed("stdout", "1\n"), tags)] * 2, ("x = 1", [], [])).cells
    found = problems(nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell(text), *cells]))
    assert len([problem for problem in found if "question" in problem]) == len(found) == in_sight


@pytest.mark.parametrize("counts", [[None], [2], [1, 1], [2, 1], [1, 3]])
def test_the_rules_refuse_cells_that_were_not_run_in_order(counts):
    notebook = a_notebook(*[("1", [], [])] * len(counts))
    for cell, count in zip(notebook.cells, counts, strict=True):
        cell.execution_count = count
    (found,) = problems(notebook)
    assert "in order" in found
