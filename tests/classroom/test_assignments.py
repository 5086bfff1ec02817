"""An assignment: its solution earns all, a mistake loses its own points, and the hint helps."""

import atexit
import re
from collections import defaultdict

import nbformat
import pytest
from grading import student
from grading.collect import collect
from grading.course import Course, sources
from grading.hidden import REGION, hidden_in
from grading.judge import is_test, judge, to_run
from grading.sandbox import Ran
from grading.words import words
from in_step import code
from languages import ORIGINAL, ROOT
from wrong_exercises import WRONG

from autodiff_helpers import set_language

LANGUAGE = {name: language for name, (language, _) in sources().items()}
ENGLISH = [name for name in LANGUAGE if LANGUAGE[name] == ORIGINAL]
TRANSLATED = [name for name in LANGUAGE if LANGUAGE[name] != ORIGINAL]
TEACHERS = {name: nbformat.read(path, as_version=4) for name, (_, path) in sources().items()}
SOLUTION = re.compile(r"### BEGIN SOLUTION\n.*?### END SOLUTION", re.S)
POINTS = {
    "Recall": 1,
    "By hand": 2,
    "Repair and transfer": 3,
    "回想": 1,
    "用手算": 2,
    "修正與應用": 3,
}


@pytest.fixture(scope="module")
def released(tmp_path_factory):
    """The students' versions."""
    course = Course(tmp_path_factory.mktemp("course"))
    return {name: course.release(name) for name in sources()}


@pytest.fixture(autouse=True)
def english():
    """Each notebook chooses its language, and leaves it behind."""
    yield
    set_language("en")


def handed_in(name, notebook, answers=None):
    """A notebook as it is graded: with a student's answers, and with our tests."""
    tests = {cell.id: cell.source for cell in TEACHERS[name].cells if is_test(cell)}
    answers = {f"exercise-{number}-answer": source for number, source in (answers or {}).items()}
    notebook = nbformat.from_dict(notebook)
    for cell in notebook.cells:
        cell.source = (tests | answers).get(cell.id, cell.source)
    return notebook


def reports(cells):
    """What a student's process reports of cells, by their names."""
    found, shell = {}, student.shell_without_history()
    student.run(cells, lambda line: found.update({line["cell"]: line}), shell)
    # At its end Python would clear every shell, for so long that xdist kills it first, and what
    # coverage has measured would be lost.
    atexit.unregister(shell.atexit_operations)
    return found


def what_is_said(name, notebook):
    """What each exercise of a notebook says in the end, by its number."""
    judge(notebook, Ran(reports(to_run(notebook))), set(), LANGUAGE[name], seconds=0)
    outputs = [cell.outputs[0] for cell in notebook.cells if is_test(cell)]
    said = [output.get("text") or output.evalue for output in outputs]
    return dict(enumerate(said[1:], start=1))


def gives_away(hint):
    """The digits in a hint that are no place in a tensor."""
    return re.findall(r"\d", re.sub(r"\[[\d, ]*\]", "", hint))


@pytest.mark.parametrize("name", TEACHERS)
def test_the_solution_earns_all_and_its_checks_say_so(name):
    right = words(LANGUAGE[name])["right"]
    notebook = handed_in(name, TEACHERS[name])
    assert set(what_is_said(name, notebook).values()) == {right}
    found = reports(to_run(notebook))
    assert {found[each]["shown"] for each in found if re.fullmatch(r"exercise-\d", each)} == {right}


@pytest.mark.parametrize("name", TEACHERS)
def test_nbgrader_by_itself_agrees_with_the_solution(name):
    cells = [cell for cell in TEACHERS[name].cells if cell.cell_type == "code"]
    whole = [{"id": cell.id, "source": cell.source, "setup": "", "asked": []} for cell in cells]
    assert {each["error"] for each in reports(whole).values()} == {None}


@pytest.mark.parametrize("name", TEACHERS)
def test_untouched_it_earns_nothing_and_its_checks_answer_with_a_hint(released, name):
    notebook = handed_in(name, released[name])
    right = words(LANGUAGE[name])["right"]
    assert right not in what_is_said(name, notebook).values()
    found = reports(to_run(notebook))
    assert {each: line["error"] for each, line in found.items() if line["error"]} == {}
    hints = [line["shown"] for each, line in found.items() if re.fullmatch(r"exercise-\d", each)]
    assert all(hint and hint != right and not gives_away(hint) for hint in hints)


def rounds():
    """Wrong answers to every second exercise at a time: those between must not suffer."""
    found, known = defaultdict(dict), defaultdict(int)
    for name, number, source, hint in WRONG:
        turn = known[name, number]
        found[name, f"{number % 2}{turn}"][number] = source, hint
        known[name, number] += 1
    return [pytest.param(name, each, id=f"{name}-{turn}") for (name, turn), each in found.items()]


@pytest.mark.parametrize(("name", "wrong"), rounds())
def test_a_mistake_loses_its_own_points_and_gets_a_hint(name, wrong):
    answers = {number: source for number, (source, _) in wrong.items()}
    said = what_is_said(name, handed_in(name, TEACHERS[name], answers))
    assert {number for number, each in said.items() if each != "Right."} == set(wrong)
    for number, (_, hint) in wrong.items():
        assert hint in said[number]
        assert said[number].startswith("It raises an error") or not gives_away(said[number])


@pytest.mark.parametrize("name", ENGLISH)
def test_each_exercise_has_three_usual_mistakes(name):
    numbers = [number for assignment, number, _, _ in WRONG if assignment == name]
    exercises = {cell.id for cell in TEACHERS[name].cells if re.fullmatch(r"exercise-\d", cell.id)}
    assert {f"exercise-{number}" for number in numbers if numbers.count(number) >= 3} == exercises


@pytest.mark.parametrize("name", TEACHERS)
def test_nothing_of_it_is_left_in_the_students_version(released, name):
    stub = words(LANGUAGE[name])["stub"]
    for ours, theirs in zip(TEACHERS[name].cells, released[name].cells, strict=True):
        left = SOLUTION.sub(stub, REGION.sub("", ours.source))
        assert theirs.source.rstrip() == left.rstrip()
        assert not theirs.get("outputs")
        assert set(theirs.metadata) <= {"nbgrader", "deletable", "editable"}
        assert theirs.metadata.nbgrader.items() >= ours.metadata.nbgrader.items()
        more = theirs.metadata.nbgrader.keys() - ours.metadata.nbgrader.keys()
        assert more == {"cell_type", "checksum"}
    assert set(released[name].metadata) <= {"kernelspec", "language_info"}
    assert not re.search(r"SOLUTION|HIDDEN|\bsame\(", nbformat.writes(released[name]))


@pytest.mark.parametrize("name", TRANSLATED)
def test_both_editions_ask_the_same(name):
    original = TEACHERS[name.removesuffix(f".{LANGUAGE[name]}")]
    for one, other in zip(original.cells, TEACHERS[name].cells, strict=True):
        assert (one.id, one.metadata.nbgrader) == (other.id, other.metadata.nbgrader)
        if one.cell_type == "code":
            assert code(one.source) == code(other.source, LANGUAGE[name])
            assert hidden_in(one.source)[1:] == hidden_in(other.source)[1:]


@pytest.mark.parametrize("name", TEACHERS)
def test_it_has_six_to_eight_exercises_in_three_grades(name):
    title, setup, *cells = TEACHERS[name].cells
    assert (title.id, setup.id) == ("title", "setup")
    assert hidden_in(setup.source).asked == ()
    numbers = range(1, len(cells) // 3 + 1)
    assert len(numbers) in (6, 7, 8)
    parts = ("-text", "-answer", "")
    assert [cell.id for cell in cells] == [f"exercise-{n}{part}" for n in numbers for part in parts]
    grade, grades = "", []
    for number, text, test in zip(numbers, cells[::3], cells[2::3], strict=True):
        (head, found), *_ = re.findall(r"^(?:## (.+)\n\n)?\*\*(\d)\.\*\* ?[(（]", text.source)
        grade = head or grade
        grades.append(grade)
        assert (int(found), test.metadata.nbgrader.points) == (number, POINTS[grade])
        assert "$" not in text.source  # the page of feedback sets no mathematics
        assert hidden_in(test.source).shown.rstrip().endswith(".hint()")
        assert hidden_in(test.source).asked
        for block in re.findall(r"```python\n(.*?)\n```", text.source, re.S):
            assert block in test.source
    assert len(set(grades)) == 3
    assert min(map(grades.count, grades)) >= 2


def test_the_samples_are_submissions_of_our_assignments(tmp_path):
    found, strangers = collect(ROOT / "exercises" / "submissions", list(sources()), tmp_path)
    assert strangers == []
    assert len({each.student for each in found}) == 5
    assert len({each.assignment for each in found}) == 2
    assert all(each.notebook is not None for each in found)
