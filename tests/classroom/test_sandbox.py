"""A submission that means harm, or makes a mistake, loses its own points and nothing else."""

import os
from concurrent.futures import ThreadPoolExecutor

import pytest
from grading import sandbox
from grading.sandbox import PROCESS, TIME

SECONDS = 4


def cell(name, source, *asked):
    return {"id": name, "source": source, "setup": "", "asked": asked}


def notebook(sources):
    """What somebody hands in, with a right answer behind it."""
    return [
        cell("setup", "import torch"),
        *(cell(name, source) for name, source in sources.items()),
        cell("answer", "def f(x):\n    return x * x"),
        cell("test", "'a hint'", "f(torch.tensor(3.0))"),
    ]


HANGS_ON = """\
import signal
signal.signal(signal.SIGINT, signal.SIG_IGN)
while True:
    try:
        while True:
            pass
    except BaseException:
        pass
"""
# Something else that a process of Python says where answers go: that all is done.
SPEAKS = """\
import os
for number in range(3, 20):
    try:
        os.write(number, b'{"done": true}\\n[1]\\nno JSON\\n')
    except OSError:
        pass
"""
DRAWS = """\
from autodiff_helpers import plot_graph
picture = plot_graph(torch.ones(2, requires_grad=True).sum())
picture.save("picture.svg")
picture.save("picture.png")
"""
# What Python does not notice, because C++ reads it.
READS_IN_C = "''.join(map(chr, torch.from_file({closed!r} + '/secret', size=2, dtype=torch.uint8)))"
GOOD = {
    "works": "1 + 1",
    "raises": "undefined",
    "writes much": "for _ in range(100_000):\n    print('x' * 50)",
    "keeps a file": "open('mine', 'w').write('1')\nassert open('mine').read() == '1'",
    "draws": DRAWS,
    "leaves": "import sys\nsys.exit(3)",
    "has no syntax": "def f(x) return x",
    "asks": "input('?')",
}
REFUSED = {
    "reads what is closed": "open({closed!r} + '/secret').read()",
    "lists what is closed": "import os\nos.listdir({closed!r})",
    "deletes": "import os\nos.remove({closed!r} + '/secret')",
    "deletes all": "import shutil\nshutil.rmtree({closed!r})",
    "writes elsewhere": "open({open!r} + '/new', 'w')",
    "renames": "import os\nos.rename({open!r} + '/old', {open!r} + '/new')",
    "starts a program": "import subprocess\nsubprocess.run(['true'])",
    "starts one in a shell": "!true",
    "doubles itself": "import os\nos.fork()",
    "calls home": "import urllib.request\nurllib.request.urlopen('http://127.0.0.1:1')",
    "ends its parent": "import os, signal\nos.kill(os.getppid(), signal.SIGTERM)",
    "calls C": "import ctypes\nctypes.CDLL(None).getpid()",
}
ENDS = {
    "loops": ("while True:\n    pass", TIME),
    "hangs on": (HANGS_ON, TIME),
    "ends Python": ("import os\nos._exit(0)", PROCESS),
}


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """One with a secret in it, and one that may be read."""
    closed, opened = tmp_path_factory.mktemp("closed"), tmp_path_factory.mktemp("open")
    (closed / "secret").write_text("12")
    (opened / "old").write_text("old")
    return closed, opened


@pytest.fixture(scope="module")
def ran(folders):
    """What becomes of one notebook for all that is good, one for all that is refused, and more."""
    closed, opened = (str(folder) for folder in folders)
    refused = {name: source.format(closed=closed, open=opened) for name, source in REFUSED.items()}
    notebooks = {
        "good": notebook(GOOD),
        "refused": notebook(refused),
        **{name: notebook({name: source}) for name, (source, _) in ENDS.items()},
        "speaks": notebook({"speaks": SPEAKS}),
        "reads in C": notebook({"reads in C": READS_IN_C.format(closed=closed)}),
    }
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        outcomes = pool.map(
            lambda each: sandbox.run(each, [folders[0]], SECONDS), notebooks.values()
        )
        return dict(zip(notebooks, outcomes, strict=True))


def answer(outcome):
    return outcome.cells["test"]["answers"], outcome.cells["test"]["shown"]


RIGHT = ([9.0], "a hint")


def test_what_is_ordinary_is_let_alone(ran):
    assert ran["good"].ended == {}
    assert ran["good"].tried == set()
    assert answer(ran["good"]) == RIGHT


def test_an_error_is_said_as_the_student_sees_it(ran):
    errors = {name: ran["good"].cells[name]["error"] for name in GOOD}
    assert {name: error for name, error in errors.items() if error} == {
        "raises": "NameError: name 'undefined' is not defined",
        "leaves": "SystemExit: 3",
        "has no syntax": "SyntaxError: expected ':'",
        "asks": "EOFError: EOF when reading a line",
    }


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_none_of_its_business_is_refused_and_told(ran, name, folders):
    assert name in ran["refused"].tried
    assert "own folder" in ran["refused"].cells[name]["error"]
    closed, opened = folders
    assert [each.name for each in (*closed.iterdir(), *opened.iterdir())] == ["secret", "old"]


def test_what_is_refused_harms_nothing_else(ran):
    assert ran["refused"].tried == set(REFUSED)
    assert answer(ran["refused"]) == RIGHT


@pytest.mark.parametrize("name", ENDS)
def test_a_cell_that_ends_the_process_is_left_out_and_the_rest_counts(ran, name):
    assert ran[name].ended == {name: ENDS[name][1]}
    assert answer(ran[name]) == RIGHT


def test_where_the_system_can_hide_folders_nothing_sees_them(ran):
    assert (ran["reads in C"].cells["reads in C"]["shown"] == "12") == (not sandbox.unseen())


def test_who_says_that_all_is_done_has_answered_nothing_more(ran):
    assert "test" not in ran["speaks"].cells


def test_more_memory_than_there_is_for_one_is_an_error_like_others():
    greedy = "taken = []\nwhile True:\n    taken.append(bytearray(50_000_000))"
    outcome = sandbox.run(notebook({"greedy": greedy}), [], seconds=60)
    assert outcome.cells["greedy"]["error"].startswith("MemoryError")
    assert answer(outcome) == RIGHT
