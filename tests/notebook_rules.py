"""What nbval does not look at: rules for a stored notebook, each a function that lists problems."""

import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from importlib.resources import files

from nbformat import NotebookNode

# Each of these would make nbval pass over a cell, or over what it shows.
IGNORING = re.compile(
    r"nbval[-_](ignore[-_]output|skip|check[-_]output)|pytest[-_]validate|raises_exception", re.I
)

# The one script that a page made from these notebooks may run: the player of `step_backward`.
PLAYER = files("autodiff_helpers.graphs").joinpath("steps.js").read_text("utf-8")
SCRIPT = re.compile(r"<script|javascript:|<[^>]*\son\w+\s*=|<(iframe|object|embed)", re.I)


def code_cells(notebook: NotebookNode) -> list[NotebookNode]:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def problems(notebook: NotebookNode) -> list[str]:
    """Everything in a notebook that nbval would let pass although nobody has proved it."""
    return [
        *_not_run_in_order(notebook),
        *_scripts_in_the_text(notebook),
        *_answers_in_sight(notebook),
        *(
            f"cell {number}: {problem}"
            for number, cell in enumerate(code_cells(notebook), start=1)
            for problem in _problems_of_cell(cell)
        ),
    ]


def _not_run_in_order(notebook: NotebookNode) -> Iterator[str]:
    counts = [cell.execution_count for cell in code_cells(notebook)]
    if counts != list(range(1, len(counts) + 1)):
        yield f"not run in order from a fresh kernel: the execution counts are {counts}"


def _scripts_in_the_text(notebook: NotebookNode) -> Iterator[str]:
    for cell in notebook.cells:
        if cell.cell_type != "code" and SCRIPT.search(cell.source):
            yield f"the text runs a script: {cell.source[:60]!r}"


def _answers_in_sight(notebook: NotebookNode) -> Iterator[str]:
    """A question is a question mark in the last paragraph before code; what follows answers it."""
    asks = False
    for cell in notebook.cells:
        if cell.cell_type != "code":
            asks = not {"?", "？"}.isdisjoint(cell.source.strip().split("\n\n")[-1])
        elif asks and cell.outputs and "hide-output" not in cell.metadata.get("tags", []):
            yield f"answers a question without the tag hide-output: {cell.source[:60]!r}"


def _problems_of_cell(cell: NotebookNode) -> Iterator[str]:
    tags = cell.metadata.get("tags", [])
    if IGNORING.search(cell.source) or any(IGNORING.search(tag) for tag in tags):
        yield "tells nbval to ignore something"
    errors = [output for output in cell.outputs if output.output_type == "error"]
    if errors and "raises-exception" not in tags:
        yield f"stores a {errors[0].ename} without the tag raises-exception"
    if "raises-exception" in tags and not errors:
        yield "has the tag raises-exception but stores no error"
    for output in cell.outputs:
        yield from _problems_of_output(output)


def _problems_of_output(output: NotebookNode) -> Iterator[str]:
    if output.output_type == "stream":
        yield from _problems_of_stream(output)
    elif output.output_type == "error":
        yield from _problems_of_error(output)
    else:
        yield from _problems_of_data(output)
        yield from _problems_of_pictures(output)


def _problems_of_stream(output: NotebookNode) -> Iterator[str]:
    if output.name == "stderr":
        yield f"wrote on stderr: {output.text.strip()[:60]!r}"
    if "\r" in output.text:
        yield "prints a carriage return, and nbval forgets what stands before it"


def _problems_of_error(output: NotebookNode) -> Iterator[str]:
    # nbval compares the name and the message, but what a reader sees is the traceback.
    shown = re.sub(r"\x1b\[[\d;]*m", "", "\n".join(output.traceback)).strip()
    if shown != f"{output.ename}: {output.evalue}":
        yield "stores a traceback that says more or less than the error: run make outputs"


def _problems_of_data(output: NotebookNode) -> Iterator[str]:
    for kind in ("text/html", "image/svg+xml"):
        shown = output.data.get(kind, "").replace(f"<script>{PLAYER}</script>", "")
        if SCRIPT.search(shown):
            yield f"shows {kind} that runs a script of its own"
    if {"application/javascript", "text/markdown", "text/latex"} & set(output.data):
        yield "shows something that a page would run or set"
    if re.search(r"\bat 0x[0-9a-f]+", output.data.get("text/plain", "")):
        yield "shows a memory address, which is another one on every run"


def _problems_of_pictures(output: NotebookNode) -> Iterator[str]:
    text = output.data.get("text/plain", "")
    pictures = [kind for kind in output.data if kind.startswith("image/")]
    for kind in pictures:
        if kind != "image/svg+xml":
            yield f"shows {kind}, which nbval does not compare"
        elif output.get("metadata", {}).get(kind, {}).get("alt") != _title(output.data[kind]):
            yield "shows a picture whose alternative text is not its title"
    if pictures and (not text or re.fullmatch(r"<.*>", text, re.S)):
        yield f"shows a picture whose only text is {text!r}"


def _title(svg: str) -> str | None:
    """What an SVG calls itself, which nbval compares with the rest of it."""
    return ElementTree.fromstring(svg).findtext("{http://www.w3.org/2000/svg}title", "no title")
