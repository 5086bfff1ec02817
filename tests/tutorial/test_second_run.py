"""A reader runs a cell again: it shows what is stored, and no error that was not announced."""

from pathlib import Path

import nbformat
import pytest
import torch
from cells import run
from IPython.core.formatters import DisplayFormatter
from notebook_rules import code_cells

PATHS = sorted(Path(__file__).resolve().parents[2].glob("notebooks/*.ipynb"))


def stored(cell):
    """What `run` returns for this cell, with its last expression as it is displayed."""
    printed, displayed, error = "", None, None
    for output in cell.outputs:
        if output.output_type == "stream":
            printed += output.text
        elif output.output_type == "error":
            error = f"{output.ename}: {output.evalue}"
        else:
            displayed = output.data
    return printed, displayed, error


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_every_cell_shows_what_is_stored_when_it_is_run_again(path):
    names = {}
    display = DisplayFormatter()
    with torch.random.fork_rng(devices=[]):
        for cell in code_cells(nbformat.read(path, as_version=4)):
            run(cell.source, names)
            printed, value, error = run(cell.source, names)
            displayed = None if value is None else display.format(value)[0]
            assert (printed, displayed, error) == stored(cell), cell.source
