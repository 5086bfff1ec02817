"""A notebook that was downloaded alone: it says in one sentence what it needs, or installs it."""

import my_notebooks
import nbformat
import pytest
from address import Address, setting
from languages import LANGUAGES, ROOT, notebooks
from made_cells import make_cells, without_made_cells
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from store_outputs import KERNEL_OPTIONS

OURS = Address("owner", "tutorial")
NEEDS = {
    "en": (
        "This notebook needs autodiff_helpers, the helpers of the tutorial it comes from: "
        "get the whole tutorial, and open the notebook there as its README says."
    ),
    "zh-TW": (
        "這份筆記本需要 autodiff_helpers，也就是它所屬教材的輔助函式："
        "請取得整份教材，照 README 的說明在裡面打開這份筆記本。"
    ),
}
FAILED = {
    "en": (
        "This notebook needs autodiff_helpers, which could not be installed: "
        "https://github.com/owner/tutorial says how to get them."
    ),
    "zh-TW": (
        "這份筆記本需要 autodiff_helpers，但安裝沒有成功："
        "請到 https://github.com/owner/tutorial 看怎麼取得。"
    ),
}

each_language = pytest.mark.parametrize("language", LANGUAGES)


def read(path):
    return nbformat.read(path, as_version=4)


@pytest.mark.parametrize("path", notebooks(), ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_what_is_made_in_a_stored_notebook_is_made_from_the_setting(path):
    (language,) = (each for each, folder in LANGUAGES.items() if folder == path.parent)
    made = read(path)
    make_cells(made, path.name, setting(ROOT), language)
    assert made == read(path)


@pytest.mark.parametrize("address", [OURS, None], ids=["with", "without"])
@each_language
def test_it_stands_between_the_title_and_the_first_cell_of_the_chapter(language, address):
    notebook = read(LANGUAGES[language] / "2.5.3-detaching-computation.ipynb")
    title, imports, *_ = without_made_cells(notebook)
    make_cells(notebook, "2.5.3-detaching-computation.ipynb", address, language)
    nbformat.validate(notebook)
    first, *made, second = notebook.cells[: 4 if address else 3]
    assert (first, second) == (title, imports)
    assert [cell.cell_type for cell in made] == (["markdown", "code"] if address else ["code"])
    assert [cell.metadata for cell in made] == [{"tags": ["remove-cell"]}] * len(made)
    text = "\n".join(cell.source for cell in made)
    folder = "zh-TW/" if language == "zh-TW" else ""
    for link in (
        "https://mybinder.org/v2/gh/owner/tutorial/main"
        f"?urlpath=lab/tree/my-notebooks/{folder}2.5.3-detaching-computation.ipynb)",
        "https://colab.research.google.com/github/owner/tutorial/blob/main/"
        f"notebooks/{folder}2.5.3-detaching-computation.ipynb)",
        "https://codespaces.new/owner/tutorial)",
        "install --quiet git+https://github.com/owner/tutorial",
    ):
        assert (link in text) == bool(address)
    assert ("https://" in text) == bool(address)


def test_a_readers_own_copy_is_without_it(tmp_path):
    path = LANGUAGES["en"] / "index.ipynb"
    my_notebooks.write_without_outputs(path, tmp_path / "mine.ipynb", tmp_path / "record.ipynb")
    for name in ("mine", "record"):
        ids = [cell.id for cell in read(tmp_path / f"{name}.ipynb").cells]
        assert ids == [cell.id for cell in without_made_cells(read(path))]


# In a kernel that cannot import the helpers


MISSING = "import sys; sys.modules['autodiff_helpers'] = None"
# Stands for pip: what it is asked for comes to be there, or does not.
PIP = """
def pip(line):
    print('pip', line)
    {after}
get_ipython().register_magic_function(pip)
"""


def run_alone(language, address, folder, *first):
    """Run a copy of a chapter where nothing else is; return its outputs, and whether it stopped."""
    name = "2.5.3-detaching-computation.ipynb"
    notebook = read(LANGUAGES[language] / name)
    make_cells(notebook, name, address, language)
    del notebook.cells[7:]
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs = []
    options = [f"--IPKernelApp.exec_lines={line}" for line in (MISSING, *first)]
    client = NotebookClient(
        notebook,
        kernel_name="python3",
        extra_arguments=[*KERNEL_OPTIONS, *options],
        resources={"metadata": {"path": folder}},
    )
    try:
        client.execute()
    except CellExecutionError:
        stopped = True
    else:
        stopped = False
    return [output for cell in notebook.cells for output in cell.get("outputs", [])], stopped


@each_language
def test_it_says_in_one_sentence_what_it_needs_and_stops(language, tmp_path):
    outputs, stopped = run_alone(language, None, tmp_path)
    assert stopped
    assert [output.text for output in outputs] == [f"UsageError: {NEEDS[language]}\n"]


@each_language
def test_where_it_can_it_installs_what_it_needs_and_goes_on(language, tmp_path):
    pip = PIP.format(after="del sys.modules['autodiff_helpers']")
    outputs, stopped = run_alone(language, OURS, tmp_path, pip)
    assert not stopped
    asked, *rest = outputs
    assert asked.text == "pip install --quiet git+https://github.com/owner/tutorial\n"
    assert len(rest) >= 1


@each_language
def test_when_that_fails_it_says_where_to_look_and_stops(language, tmp_path):
    outputs, stopped = run_alone(language, OURS, tmp_path, PIP.format(after=""))
    assert stopped
    assert [output.text for output in outputs[1:]] == [f"UsageError: {FAILED[language]}\n"]
