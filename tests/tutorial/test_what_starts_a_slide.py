"""How notebooks become slides: what starts one, what is an answer, and what a speaker is told."""

import re
from itertools import pairwise

import nbformat
import pytest
from languages import LANGUAGES, NOTEBOOKS, ROOT, TRANSLATIONS, notebooks
from made_cells import without_made_cells
from slides import blocks, notes_of, slides

NOTES = ROOT / "docs" / "en" / "notes"

PICTURE = nbformat.v4.new_output("display_data", {"image/svg+xml": "<svg/>"})
PLAYER = nbformat.v4.new_output("display_data", {"text/html": "<p><img src='data:&lt;svg/>'></p>"})
TABLE = nbformat.v4.new_output("display_data", {"text/html": "<table></table>", "text/plain": "t"})
NUMBER = nbformat.v4.new_output("stream", text="1 < 2\n")
ERROR = nbformat.v4.new_output("error", ename="RuntimeError", evalue="no", traceback=["long"])


def text(source, **options):
    return nbformat.v4.new_markdown_cell(source, **options)


def cell(source, *outputs, tags=(), **options):
    metadata = {"tags": list(tags)}
    return nbformat.v4.new_code_cell(source, outputs=list(outputs), metadata=metadata, **options)


def shown(cells):
    """The words of each slide, block by block."""
    return [
        [re.sub(r"<[^>]*>", "", block).strip() for block in slide.blocks]
        for slide in slides(cells, {})
    ]


def test_a_text_starts_a_slide_and_code_stands_under_it():
    cells = [text("# Title\n\nOne."), cell("a"), cell("b", NUMBER), text("Two."), cell("c")]
    assert shown(cells) == [["Title", "One.", "a", "b", "1 &lt; 2"], ["Two.", "c"]]


def test_each_heading_starts_a_slide_and_a_section_starts_with_a_large_one():
    made = slides([text("# Title\n\n## Section\n\nText.\n\n### Part\n\nMore.")], {})
    assert [slide.starts_a_section for slide in made] == [True, True, False]
    assert [len(slide.blocks) for slide in made] == [1, 2, 2]


@pytest.mark.parametrize("picture", [PICTURE, PLAYER])
def test_a_picture_stands_alone(picture):
    made = slides([text("Look."), cell("a", NUMBER, picture), cell("b")], {})
    assert [slide.is_picture for slide in made] == [False, True, False]
    assert [len(slide.blocks) for slide in made] == [3, 1, 1]


def test_a_table_stands_under_its_code():
    assert [len(slide.blocks) for slide in slides([text("Look."), cell("a", TABLE)], {})] == [3]


@pytest.mark.parametrize("output", [NUMBER, TABLE, ERROR])
def test_an_answer_appears_with_the_next_key(output):
    for tags, is_hidden in ([], False), (["hide-output"], True):
        (slide,) = slides([text("**What?**"), cell("a", output, tags=tags)], {})
        assert ("fragment" in slide.blocks[-1]) is is_hidden


def test_of_an_error_the_last_line_is_shown():
    assert shown([text("Look."), cell("a", ERROR)]) == [["Look.", "a", "RuntimeError: no"]]


def test_each_exercise_is_a_slide_without_output_and_its_answer_another():
    answer = "<details>\n<summary>Answer</summary>\n\nIt is $x$.\n\n```python\nb\n```\n\n</details>"
    cells = [
        text("## Try it\n\nChange it.\n\n### Recall\n\n**1.** What is it?"),
        cell("a", NUMBER),
        text(answer),
        text("**2.** And now?"),
        cell("c", NUMBER),
        text("## End"),
        cell("d", NUMBER),
    ]
    start, first, folded, second, end = shown(cells)
    assert start == ["Try it", "Change it."]
    assert first == ["Recall", "1. What is it?", "a"]
    assert second == ["2. And now?", "c"]
    assert end == ["End", "d", "1 &lt; 2"]
    (fold,) = blocks(answer)
    assert fold.startswith('<div class="choice"><p>Answer</p><div class="fragment"><p>It is')
    assert fold.strip().endswith("</pre>\n</div></div>")
    assert len(folded) == 1


def test_each_question_of_a_quick_check_is_a_slide_whose_reasons_appear_one_by_one():
    choice = "<details>\n<summary>{}</summary>\n\nNo, not $a < b$.\n\n</details>\n\n"
    asked = [f"**{letter}.** What?\n\n" + choice.format("one") * 2 for letter in "ab"]
    made = slides([text("## Quick check\n\nChoose.\n\n" + "".join(asked))], {})
    assert [len(slide.blocks) for slide in made] == [2, 3, 3]
    assert "".join(made[1].blocks).count('class="fragment"') == 2


def test_of_links_to_notebooks_the_words_stay_and_of_those_to_elsewhere_all():
    (block,) = blocks("A [leaf](glossary.ipynb#leaf) of [`torch`](https://pytorch.org).")
    assert block == ('<p>A leaf of <a href="https://pytorch.org"><code>torch</code></a>.</p>\n')


@pytest.mark.parametrize(
    "only_links",
    [
        "[Contents](index.ipynb) · before: [2.5.1](a.ipynb) · next: [2.5.3](b.ipynb)",
        "**Start here: [2.5.1 A simple example](2.5.1-a-simple-example.ipynb)**",
        "[目錄](index.ipynb)．上一節：[2.5.1 從一個簡單的例子開始](2.5.1-a-simple-example.ipynb)",
    ],
)
def test_what_only_leads_to_other_notebooks_is_left_out(only_links):
    assert list(blocks(f"{only_links}\n\nText.")) == ["<p>Text.</p>\n"]


def test_formulas_are_given_to_mathjax_and_code_is_not():
    inline, displayed, code = blocks("Is $a < b$, or not?\n\n$$c_1$$\n\nIt is `$d$`.")
    together = r'<span class="together"><span class="math inline">\(a &lt; b\)</span>,</span>'
    assert inline == f"<p>Is {together} or not?</p>\n"
    assert r"\[c_1\]" in displayed
    assert "<code>$d$</code>" in code


def test_what_is_not_to_be_shown_is_left_out():
    assert shown([text("# Title"), text("Other", metadata={"tags": ["remove-cell"]})]) == [
        ["Title"]
    ]


def test_a_note_stays_until_there_is_another_one():
    cells = [
        text("Text."),
        text("Text.\n\n### Part", id="text"),
        cell("a", PICTURE),
        text("And."),
        text("More.", id="more"),
    ]
    made = slides(cells, {"text": "Ask.", "more": "Vote."})
    assert [slide.note for slide in made] == ["", "Ask.", "Ask.", "Ask.", "Ask.", "Vote."]


def test_notes_are_found_by_the_cell_that_heads_them(tmp_path, monkeypatch):
    monkeypatch.setattr("slides.DOCS", tmp_path)
    path = tmp_path / "en" / "notes" / "one.md"
    path.parent.mkdir(parents=True)
    path.write_text("# Notes\n\n## cell-1\n\nAsk.\n\nVote.\n\n## cell-2\n\nLeave out.\n")
    ask, vote, leave_out = (f"<p>{each}</p>\n" for each in ("Ask.", "Vote.", "Leave out."))
    assert notes_of("en", "one") == {"cell-1": ask + vote, "cell-2": leave_out}
    assert notes_of("en", "two") == {}


# Every notebook


@pytest.mark.parametrize(
    "path", [pytest.param(path, id=str(path.relative_to(NOTEBOOKS))) for path in notebooks()]
)
def test_no_code_is_lost_and_no_answer_comes_before_its_question(path):
    notebook = nbformat.read(path, as_version=4)
    cells, made = without_made_cells(notebook), slides(notebook.cells, {})
    deck = "".join(block for slide in made for block in slide.blocks)
    pieces = [1 if each.cell_type == "code" else each.source.count("```python") for each in cells]
    assert deck.count('class="code"') == sum(pieces)
    exercises = {code.id for text, code in pairwise(cells) if re.search(r"\*\*\d\.", text.source)}
    answers = [
        "svg" in str(output.get("data"))
        for each in cells
        if "hide-output" in each.metadata.get("tags", []) and each.id not in exercises
        for output in each.outputs
    ]
    assert deck.count("output fragment") == answers.count(False)
    assert sum(slide.is_picture for slide in made) >= answers.count(True)
    assert not any("<figure>" in block for slide in made for block in slide.blocks[1:])


@pytest.mark.parametrize("language", TRANSLATIONS)
@pytest.mark.parametrize("path", sorted(NOTEBOOKS.glob("*.ipynb")), ids=lambda path: path.stem)
def test_the_decks_of_all_languages_have_the_same_slides(path, language):
    def shape(each):
        made = slides(nbformat.read(each, as_version=4).cells, {})
        return [(slide.starts_a_section, slide.is_picture) for slide in made]

    assert shape(LANGUAGES[language] / path.name) == shape(path)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", [path.stem for path in sorted(NOTES.glob("*.md"))])
def test_notes_belong_to_cells_of_the_chapter_in_their_order(language, name):
    notes = notes_of(language, name)
    cells = nbformat.read(NOTEBOOKS / f"{name}.ipynb", as_version=4).cells
    texts = [each.id for each in cells if each.cell_type == "markdown"]
    assert list(notes) == [each for each in texts if each in notes_of("en", name)]
    assert len(notes) > 5
    # Formulas are not set in the window of the speaker.
    assert not [each for each in notes.values() if "$" in each]
