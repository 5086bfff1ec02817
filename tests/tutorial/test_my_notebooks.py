"""A reader's own copy of the notebooks: made once, never overwritten, and nothing of it is lost."""

import os
import shutil
import subprocess
from datetime import date
from pathlib import Path

import my_notebooks as tool
import nbformat
import pytest
from in_step import STAMP

TODAY = date(2026, 11, 26)
CHAPTER, TRANSLATED = "2.5.1.ipynb", "zh-TW/2.5.1.ipynb"


# Names of folders as people have them.
@pytest.fixture(params=["clone", "my notebooks [1] 梯度"])
def root(tmp_path, request):
    """A clone with a notebook, its translation, and a picture."""
    root = tmp_path / request.param
    for name in (CHAPTER, TRANSLATED):
        store(root / "notebooks" / name, f"# {name} 梯度", output="4")
    (root / "notebooks" / "picture.svg").write_text("<svg/>")
    checkpoint = root / "notebooks" / ".ipynb_checkpoints" / CHAPTER
    store(checkpoint, "left behind by JupyterLab", output="4")
    return root


def store(path, source, output):
    """Write a notebook with one cell that was run."""
    outputs = [nbformat.v4.new_output("stream", text=output)]
    cell = nbformat.v4.new_code_cell(source, id="one", outputs=outputs, execution_count=1)
    cell.metadata[STAMP] = {"en": source}
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(nbformat.v4.new_notebook(cells=[cell]), path)


def everything(root):
    """What stands in each file of a reader, his copies that were put away included."""
    return {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in root.rglob("*")
        if path.is_file()
        and path.relative_to(root).parts[0].startswith("my-notebooks")
        and ".as-brought" not in path.parts
    }


def cell_of(path):
    (cell,) = nbformat.read(path, as_version=4).cells
    return cell


def test_it_has_every_notebook_without_outputs_and_what_stands_beside_them(root):
    tool.bring(root / "notebooks", root, TODAY)
    assert set(everything(root)) == {
        f"my-notebooks/{name}" for name in (CHAPTER, TRANSLATED, "picture.svg")
    }
    for name in (CHAPTER, TRANSLATED):
        cell = cell_of(root / "my-notebooks" / name)
        assert cell.source == f"# {name} 梯度"
        assert (cell.outputs, cell.execution_count, cell.metadata) == ([], None, {})
    assert cell_of(root / "notebooks" / CHAPTER).outputs


def test_it_is_made_once_and_what_a_reader_wrote_stays(root):
    tool.bring(root / "notebooks", root, TODAY)
    store(root / "my-notebooks" / CHAPTER, "my answer", output="5")
    (root / "my-notebooks" / "own.ipynb").write_text("mine")
    before = everything(root)
    # New outputs are no change: a reader does not have them.
    store(root / "notebooks" / CHAPTER, f"# {CHAPTER} 梯度", output="another")
    assert tool.bring(root / "notebooks", root, TODAY) == []
    assert everything(root) == before


@pytest.mark.parametrize("name", [CHAPTER, TRANSLATED])
def test_what_was_changed_is_put_beside_once_for_each_change(root, name):
    tool.bring(root / "notebooks", root, TODAY)
    before = everything(root)
    beside = (root / "my-notebooks" / name).with_name("2.5.1-new-2026-11-26.ipynb")
    again = beside.with_name("2.5.1-new-2026-11-26-2.ipynb")
    for change, offered in (("better", beside), ("better still", again)):
        store(root / "notebooks" / name, change, output="4")
        (sentence,) = tool.bring(root / "notebooks", root, TODAY)
        assert sentence.endswith(f"was changed: the new one is beside yours, as {offered.name}.")
        assert tool.bring(root / "notebooks", root, TODAY) == []
        cell = cell_of(offered)
        assert (cell.source, cell.outputs) == (change, [])
    assert before.items() <= everything(root).items()
    assert len(everything(root)) == len(before) + 2


def test_what_is_new_or_was_deleted_is_brought(root):
    tool.bring(root / "notebooks", root, TODAY)
    (root / "my-notebooks" / CHAPTER).unlink()
    store(root / "notebooks" / "exercises" / "new.ipynb", "new", output="4")
    said = tool.bring(root / "notebooks", root, TODAY)
    assert said == [
        f"{CHAPTER} is new in my-notebooks.",
        f"{Path('exercises', 'new.ipynb')} is new in my-notebooks.",
    ]
    assert cell_of(root / "my-notebooks" / "exercises" / "new.ipynb").source == "new"
    assert cell_of(root / "my-notebooks" / CHAPTER).outputs == []


def test_a_readers_notebook_that_has_the_name_of_a_new_one_stays(root):
    tool.bring(root / "notebooks", root, TODAY)
    store(root / "my-notebooks" / "2.5.5.ipynb", "mine", output="5")
    store(root / "notebooks" / "2.5.5.ipynb", "new", output="4")
    tool.bring(root / "notebooks", root, TODAY)
    assert cell_of(root / "my-notebooks" / "2.5.5.ipynb").source == "mine"
    assert cell_of(root / "my-notebooks" / "2.5.5-new-2026-11-26.ipynb").source == "new"


def test_fresh_puts_it_away_as_often_as_one_likes_and_loses_nothing(root):
    assert tool.put_away(root, TODAY) == []
    tool.bring(root / "notebooks", root, TODAY)
    for away in ("my-notebooks-2026-11-26", "my-notebooks-2026-11-26-2"):
        store(root / "my-notebooks" / CHAPTER, away, output="5")
        assert tool.put_away(root, TODAY) == [f"What you had is in {away} now."]
        tool.bring(root / "notebooks", root, TODAY)
        assert cell_of(root / "my-notebooks" / CHAPTER).source == f"# {CHAPTER} 梯度"
    for away in ("my-notebooks-2026-11-26", "my-notebooks-2026-11-26-2"):
        assert cell_of(root / away / CHAPTER).source == away


def test_a_folder_in_use_is_not_put_away(root, monkeypatch):
    """As on Windows, where nobody can rename a folder in which JupyterLab works."""
    tool.bring(root / "notebooks", root, TODAY)

    def refuse(path, target):
        raise PermissionError

    monkeypatch.setattr(Path, "rename", refuse)
    with pytest.raises(SystemExit, match="close JupyterLab and try again"):
        tool.put_away(root, TODAY)


def test_nothing_half_written_is_left_when_it_is_interrupted(root, monkeypatch):
    write = nbformat.write

    def interrupt(notebook, path):
        if Path(path).parent.name == "zh-TW":
            raise KeyboardInterrupt
        write(notebook, path)

    monkeypatch.setattr(nbformat, "write", interrupt)
    with pytest.raises(KeyboardInterrupt):
        tool.bring(root / "notebooks", root, TODAY)
    assert [path.name for path in root.iterdir()] == ["notebooks"]


def test_git_ignores_it():
    ignored = (tool.ROOT / ".gitignore").read_text(encoding="utf-8").splitlines()
    assert {f"{tool.MINE}*/", f".{tool.MINE}-*/"} <= set(ignored)


@pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")
def test_it_opens_in_the_language_that_is_given_to_make_and_not_in_that_of_the_system():
    recipe = ["make", "--dry-run", "--no-print-directory", "--assume-old=.venv/.reader", "lab"]
    system = os.environ | {"LANGUAGE": "zh_TW:en"}
    started = [
        subprocess.run(command, cwd=tool.ROOT, env=system, check=True, capture_output=True).stdout
        for command in (recipe, [*recipe, "LANGUAGE=zh-TW"])
    ]
    assert [line.split(b"lab.py")[-1].split() for line in started] == [[], [b"zh-TW"]]


def test_each_language_has_its_first_page():
    assert tool.first_page() == "my-notebooks/index.ipynb"
    assert tool.first_page("zh-TW") == "my-notebooks/zh-TW/index.ipynb"
    with pytest.raises(SystemExit, match="no edition in 'fr'; choose en or zh-TW"):
        tool.first_page("fr")
