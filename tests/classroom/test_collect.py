"""What students hand in is found however they pack it, and what is left out is named."""

import io
import os
import zipfile

import nbformat
import pytest
from grade import grade, main
from grading.collect import collect
from nbformat.v4 import new_markdown_cell, new_notebook

ASSIGNMENTS = ["2.5.3", "2.5.3.zh-TW"]


def notebook(text="mine"):
    return nbformat.writes(new_notebook(cells=[new_markdown_cell(text, id="only")]))


def zipped(**files):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return packed.getvalue()


@pytest.fixture
def collected(tmp_path):
    """A function that puts files into a folder, and says what is found there, and left out."""

    def see(files):
        folder = tmp_path / "submissions"
        folder.mkdir()
        for age, (name, content) in enumerate(reversed(files.items())):
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
            os.utime(path, (0, 1_000_000 - age))
        found, left_out = collect(folder, ASSIGNMENTS, tmp_path / "unpacked")
        texts = {
            (each.student, each.assignment): each.notebook and each.notebook.cells[0].source
            for each in found
        }
        return texts, left_out

    return see


def test_a_student_has_a_folder_or_a_zip_or_what_moodle_makes(collected):
    found, left_out = collected(
        {
            "Amy/2.5.3.ipynb": notebook(),
            "Ben.zip": zipped(**{"deep/er/2.5.3.ipynb": notebook()}),
            "王小明_17_assignsubmission_file/2.5.3.zh-TW (1).ipynb": notebook(),
            "Eva_18_assignsubmission_file/work.zip": zipped(**{"2.5.3.ipynb": notebook()}),
            "Thumbs.db": "",
        }
    )
    assert found == {
        ("Amy", "2.5.3"): "mine",
        ("Ben", "2.5.3"): "mine",
        ("Eva", "2.5.3"): "mine",
        ("王小明", "2.5.3.zh-TW"): "mine",
    }
    assert left_out == []


def test_of_two_files_for_one_assignment_the_last_one_counts(collected):
    found, _ = collected(
        {"Amy/2.5.3 (1).ipynb": notebook("first"), "Amy/2.5.3.ipynb": notebook("last")}
    )
    assert found == {("Amy", "2.5.3"): "last"}


def test_what_jupyter_and_macos_add_is_no_submission(collected):
    found, left_out = collected(
        {
            "Amy/2.5.3.ipynb": notebook(),
            "Amy/.ipynb_checkpoints/2.5.3-checkpoint.ipynb": notebook("old"),
            "Ben.zip": zipped(**{"2.5.3.ipynb": notebook(), "__MACOSX/._2.5.3.ipynb": "?"}),
        }
    )
    assert found == {("Amy", "2.5.3"): "mine", ("Ben", "2.5.3"): "mine"}
    assert left_out == []


def test_a_file_that_is_no_notebook_is_found_as_such(collected):
    assert collected({"Amy/2.5.3.ipynb": "{"}) == ({("Amy", "2.5.3"): None}, [])


def test_what_is_left_out_is_named(collected):
    found, left_out = collected(
        {
            "2.5.3.ipynb": notebook(),
            "Amy/holiday.ipynb": notebook(),
            "Ben.zip": b"PK, but torn",
            "Eva/answers.docx": "",
            "Finn/work.zip": zipped(**{"2.5.3.ipynb": notebook() * 20})[:-30],
        }
    )
    assert found == {}
    assert left_out == [
        "2.5.3.ipynb is in no student's folder, and is left out.",
        "Amy: holiday.ipynb is none of our assignments.",
        "Ben: Ben.zip is no zip that can be read.",
        "Ben: no notebook was found.",
        "Eva: no notebook was found.",
        "Finn: work.zip is no zip that can be read.",
        "Finn: no notebook was found.",
    ]


def test_nothing_to_grade_leaves_the_last_table(tmp_path):
    (tmp_path / "submissions").mkdir()
    (tmp_path / "graded").mkdir()
    (tmp_path / "graded" / "grades.csv").touch()
    with pytest.raises(SystemExit, match=r"There is nothing to grade in .*a folder, or a zip"):
        grade(tmp_path / "submissions", tmp_path / "graded")
    assert (tmp_path / "graded" / "grades.csv").exists()


@pytest.mark.parametrize("name", ["nowhere", "all.zip"])
def test_it_needs_a_folder(name, tmp_path):
    (tmp_path / "all.zip").write_bytes(zipped(a="b"))
    with pytest.raises(
        SystemExit, match=r"is no folder: .*\. Unpack what Moodle gives you first\."
    ):
        main(str(tmp_path / name))
