"""What the run of a student's notebook earns, in the form that nbgrader reads: outputs of cells."""

from typing import Any

from nbformat import NotebookNode
from nbformat.v4 import new_output

from grading.hidden import hidden_in, same
from grading.sandbox import PROCESS, TIME, Ran
from grading.words import words


def id_of(notebook: NotebookNode, number: int) -> str:
    """The name of a cell: ours have one of their own."""
    return notebook.cells[number].metadata.get("nbgrader", {}).get("grade_id", f"cell {number}")


def to_run(notebook: NotebookNode) -> list[dict[str, Any]]:
    """What a student's process gets: his cells, and what is asked, but not what is right."""
    found = []
    for number, cell in enumerate(notebook.cells):
        if cell.cell_type == "code":
            test = hidden_in(cell.source) if is_test(cell) else None
            found.append(
                {
                    "id": id_of(notebook, number),
                    "source": test.shown if test else cell.source,
                    "setup": test.setup if test else "",
                    "asked": test.asked if test else [],
                }
            )
    return found


def is_test(cell: NotebookNode) -> bool:
    """Whether a cell decides about points."""
    return bool(cell.metadata.get("nbgrader", {}).get("grade"))


def judge(
    notebook: NotebookNode, ran: Ran, untouched: set[str], language: str, seconds: float
) -> None:
    """Give each cell that tests an exercise the output by which nbgrader knows what it earns."""
    say = words(language)
    answer = None
    for number, cell in enumerate(notebook.cells):
        if cell.metadata.get("nbgrader", {}).get("solution"):
            answer = id_of(notebook, number)
        if cell.cell_type == "code":
            cell.outputs = []
            if is_test(cell):
                test = id_of(notebook, number)
                reported = ran.cells.get(test, {})
                if _is_right(reported, cell.source):
                    cell.outputs = [new_output("stream", text=say["right"])]
                else:
                    why = _why(test, answer, ran, untouched, say, seconds)
                    cell.outputs = [new_output("error", ename="", evalue=why, traceback=[])]
                answer = None


def _is_right(reported: dict[str, Any], source: str) -> bool:
    answered, right = reported.get("answers"), hidden_in(source).right
    return (
        isinstance(answered, list)
        and len(answered) == len(right)
        and all(map(same, answered, right))
    )


def _why(
    test: str,
    answer: str | None,
    ran: Ran,
    untouched: set[str],
    say: dict[str, str],
    seconds: float,
) -> str:
    """Why an exercise earns nothing, in one sentence: the first that holds."""
    cells = [each for each in (answer, test) if each]
    errors = [ran.cells.get(each, {}).get("error") for each in cells]
    hint = ran.cells.get(test, {}).get("shown")
    if answer is None:
        return say["missing"]
    if ran.tried.intersection(cells):
        return say["tried"]
    for end, sentence in ((TIME, say["time"]), (PROCESS, say["process"])):
        if any(ran.ended.get(each) == end for each in cells):
            return sentence.format(seconds=seconds)
    if answer in untouched:
        return say["untouched"]
    if any(errors):
        return say["error"].format(error=next(filter(None, errors)))
    return hint if hint and hint != say["right"] else say["other"]
