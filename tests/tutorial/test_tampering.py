"""The proof of the proof: alter what the notebooks store, and nbval must notice every time.

nbval proves elsewhere that the code of each cell shows what is stored. So here the cells only
show it again, which takes a twentieth of the time that their code would.
"""

import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from copy import deepcopy
from pathlib import Path

import nbformat
from notebook_rules import code_cells

PATHS = sorted(Path(__file__).resolve().parents[2].glob("notebooks/*.ipynb"))


def altered(text):
    """The same text with one character changed, in the middle of what is not blank."""
    places = [place for place, character in enumerate(text) if not character.isspace()]
    middle = places[len(places) // 2]
    return text[:middle] + ("8" if text[middle] != "8" else "3") + text[middle + 1 :]


def alter_data(kind):
    def alter(cell):
        for output in cell.outputs:
            if kind in output.get("data", {}):
                output.data[kind] = altered(output.data[kind])
                return True
        return False

    return alter


def alter_field(output_type, field):
    def alter(cell):
        for output in cell.outputs:
            if output.output_type == output_type:
                output[field] = altered(output[field])
                return True
        return False

    return alter


def remove_outputs(cell):
    had = bool(cell.outputs)
    cell.outputs = []
    return had


def add_output(cell):
    """Claim an output for a cell that shows nothing."""
    if cell.outputs:
        return False
    cell.outputs = [nbformat.v4.new_output("stream", name="stdout", text="0\n")]
    return True


WAYS = {
    "text/plain": alter_data("text/plain"),
    "text/html": alter_data("text/html"),
    "image/svg+xml": alter_data("image/svg+xml"),
    "stream": alter_field("stream", "text"),
    "ename": alter_field("error", "ename"),
    "evalue": alter_field("error", "evalue"),
    "removed": remove_outputs,
    "added": add_output,
}


def ways_to_alter(cell):
    """The names of the ways in which this cell can be altered."""
    return [name for name, alter in WAYS.items() if alter(deepcopy(cell))]


# In each round a cell is altered in another way, or not at all, and its neighbours in theirs.
# Running a notebook takes long, so all ways are tried in as few rounds as a cell has ways.
ROUNDS = 3


def way_in_round(cell, number, turn):
    """How to alter the cell of this number in this round, or None."""
    ways = ways_to_alter(cell)
    place = (number + turn) % ROUNDS
    return ways[place] if place < len(ways) else None


def test_the_rounds_alter_every_cell_in_every_way():
    tried = set()
    for path in PATHS:
        for number, cell in enumerate(code_cells(nbformat.read(path, as_version=4))):
            ways = {way_in_round(cell, number, turn) for turn in range(ROUNDS)} - {None}
            assert ways == set(ways_to_alter(cell)) != set()
            tried |= ways
    assert tried == set(WAYS)


def replaying(cell):
    """The same cell, with code that shows what it stores and computes nothing."""
    lines = ["from IPython.display import publish_display_data"]
    for output in cell.outputs:
        if output.output_type == "stream":
            lines.append(f"print({output.text!r}, end='')")
        elif output.output_type == "display_data":
            lines.append(f"publish_display_data({dict(output.data)!r})")
        elif output.output_type == "execute_result":
            bundle = f"lambda self, **options: {dict(output.data)!r}"
            lines.append(f"type('Result', (), {{'_repr_mimebundle_': {bundle}}})()")
        else:
            lines.append(f"raise type({output.ename!r}, (Exception,), {{}})({output.evalue!r})")
    return "\n".join(lines)


def test_every_altered_cell_fails_and_no_other(tmp_path):
    expected = {}
    for path in PATHS:
        for turn in range(ROUNDS):
            notebook = nbformat.read(path, as_version=4)
            copy = tmp_path / f"{turn}-{path.name}"
            for number, cell in enumerate(code_cells(notebook)):
                cell.source = replaying(cell)
                way = way_in_round(cell, number, turn)
                expected[copy.name, f"Cell {number}"] = way is not None and WAYS[way](cell)
            nbformat.write(notebook, copy)
    assert len(set(expected.values())) == 2

    report = tmp_path / "report.xml"
    command = [sys.executable, "-m", "pytest", "--nbval", "--nbval-current-env"]
    options = ["--rootdir", ".", "-p", "no:cacheprovider", f"--junitxml={report}"]
    finished = subprocess.run([*command, *options], cwd=tmp_path, capture_output=True, text=True)
    failed = {
        (case.get("classname"), case.get("name")): case.find("failure") is not None
        for case in ElementTree.parse(report).iter("testcase")
    }
    assert failed == expected, finished.stdout
