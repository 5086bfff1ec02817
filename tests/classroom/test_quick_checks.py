"""The quick checks in the chapters, and the file that Moodle reads."""

import re

import pytest
from chapters import CHAPTERS
from hand_out import quiz
from languages import LANGUAGES, NOTEBOOKS, TRANSLATIONS
from quick_checks import as_html, gift, questions

EDITIONS = [folder / path.name for folder in LANGUAGES.values() for path in CHAPTERS]
each_edition = pytest.mark.parametrize(
    "path", EDITIONS, ids=lambda path: str(path.relative_to(NOTEBOOKS))
)


@each_edition
def test_a_chapter_asks_three_questions_and_gives_a_reason_for_each_choice(path):
    asked = questions(path)
    assert [question.name[-3:] for question in asked] == ["(a)", "(b)", "(c)"]
    for question in asked:
        assert len(question.choices) == 3
        assert sum(choice.is_right for choice in question.choices) == 1
        assert all(len(choice.reason) > 8 for choice in question.choices)
    places = [[choice.is_right for choice in question.choices].index(True) for question in asked]
    assert len(set(places)) > 1


@pytest.mark.parametrize("language", TRANSLATIONS)
@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
def test_the_right_choice_is_the_same_in_every_language(path, language):
    def right(each):
        return [[choice.is_right for choice in question.choices] for question in questions(each)]

    assert right(LANGUAGES[language] / path.name) == right(path)


# What Moodle reads: a name, a text, and choices with a reason, of which one is right.
UNESCAPED = r"(?:\\.|[^\\~=#{}:])*"
CHOICE = rf"  [=~]{UNESCAPED}#{UNESCAPED}\n"
QUESTION = re.compile(rf"::{UNESCAPED}::\[html\]{UNESCAPED} \{{\n(?:{CHOICE}){{3}}\}}\n")


@each_edition
def test_moodle_can_read_them(path):
    written = gift(path).split("\n\n")
    assert len(written) == 3
    for question in written:
        assert QUESTION.fullmatch(question.rstrip("\n") + "\n")
        assert "](" not in question
        assert len(re.findall(r"^  =", question, re.M)) == 1


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_quiz_has_the_questions_of_every_chapter_each_with_a_name_of_its_own(language, tmp_path):
    written = quiz(tmp_path, language).read_text(encoding="utf-8")
    names = re.findall(r"^::(.*?)::", written, re.M)
    assert len(set(names)) == len(names) == 3 * len(CHAPTERS)


def test_code_and_formulas_are_as_moodle_shows_them():
    assert as_html("`a < b` at $x = 2$: {1}") == (r"<code>a &lt; b</code> at \\(x \= 2\\)\: \{1\}")
