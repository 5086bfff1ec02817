"""The proof of the proof: alter what the notebooks store, and nbval must notice every time."""

import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import nbformat
import pytest
from notebook_rules import code_cells

FOLDER = Path(__file__).resolve().parents[2] / "notebooks"


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


@pytest.mark.parametrize(
    "alter",
    [
        pytest.param(alter_data("text/plain"), id="text/plain"),
        pytest.param(alter_data("text/html"), id="text/html"),
        pytest.param(alter_data("image/svg+xml"), id="image/svg+xml"),
        pytest.param(alter_field("stream", "text"), id="stream"),
        pytest.param(alter_field("error", "ename"), id="ename"),
        pytest.param(alter_field("error", "evalue"), id="evalue"),
        pytest.param(remove_outputs, id="removed"),
        pytest.param(add_output, id="added"),
    ],
)
def test_every_altered_cell_fails_and_no_other(alter, tmp_path):
    expected = {}
    for path in sorted(FOLDER.glob("*.ipynb")):
        notebook = nbformat.read(path, as_version=4)
        hits = [alter(cell) for cell in code_cells(notebook)]
        if any(hits):
            copy = tmp_path / path.relative_to(FOLDER)
            nbformat.write(notebook, copy)
            expected |= {(copy.name, f"Cell {number}"): hit for number, hit in enumerate(hits)}
    assert any(expected.values())

    report = tmp_path / "report.xml"
    command = [sys.executable, "-m", "pytest", "--nbval", "--nbval-current-env"]
    options = ["--rootdir", ".", "-p", "no:cacheprovider", f"--junitxml={report}"]
    finished = subprocess.run([*command, *options], cwd=tmp_path, capture_output=True, text=True)
    failed = {
        (case.get("classname"), case.get("name")): case.find("failure") is not None
        for case in ElementTree.parse(report).iter("testcase")
    }
    assert failed == expected, finished.stdout
