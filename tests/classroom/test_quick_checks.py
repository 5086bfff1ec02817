"""The quick checks in the chapters, and the file that Moodle reads."""

import re

import pytest
from languages import NOTEBOOKS, ORIGINAL, notebooks
from quick_checks import as_html, gift, questions

CHAPTERS = [path for path in notebooks() if path.stem.startswith("2.5.")]
each_chapter = pytest.mark.parametrize(
    "path", CHAPTERS, ids=lambda path: path.relative_to(NOTEBOOKS).stem
)


@each_chapter
def test_a_chapter_asks_three_questions_and_gives_a_reason_for_each_choice(path):
    asked = questions(path)
    assert [question.name[-1] for question in asked] == ["a", "b", "c"]
    for question in asked:
        assert len(question.choices) == 3
        assert sum(choice.is_right for choice in question.choices) == 1
        assert all(len(choice.reason) > 8 for choice in question.choices)
    places = [[choice.is_right for choice in question.choices].index(True) for question in asked]
    assert len(set(places)) > 1


@pytest.mark.parametrize("path", [path for path in CHAPTERS if path.parent == NOTEBOOKS])
def test_the_right_choice_is_the_same_in_every_language(path):
    def right(each):
        return [[choice.is_right for choice in question.choices] for question in questions(each)]

    others = [each for each in CHAPTERS if each.name == path.name]
    assert len(others) > 1, ORIGINAL
    assert all(right(other) == right(path) for other in others)


# What Moodle reads: a name, a text, and choices with a reason, of which one is right.
UNESCAPED = r"(?:\\.|[^\\~=#{}:])*"
CHOICE = rf"  [=~]{UNESCAPED}#{UNESCAPED}\n"
QUESTION = re.compile(rf"::{UNESCAPED}::\[html\]{UNESCAPED} \{{\n(?:{CHOICE}){{3}}\}}\n")


@each_chapter
def test_moodle_can_read_them(path):
    written = gift(path).split("\n\n")
    assert len(written) == 3
    for question in written:
        assert QUESTION.fullmatch(question.rstrip("\n") + "\n")
        assert len(re.findall(r"^  =", question, re.M)) == 1


def test_code_and_formulas_are_as_moodle_shows_them():
    assert as_html("`a < b` at $x = 2$: {1}") == (r"<code>a &lt; b</code> at \\(x \= 2\\)\: \{1\}")
