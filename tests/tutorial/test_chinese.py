"""Chinese as it is written in Taiwan: one word for one thing, its punctuation, and its spaces."""

import re
import tomllib
from pathlib import Path

import nbformat
import pytest
from catalogues import catalogue_of, catalogue_of_docstrings, read
from languages import EXERCISES, LANGUAGES, ROOT
from markdown_it import MarkdownIt

ZH = "zh-TW"
WORDS = tomllib.loads(Path(__file__).with_name("terms.toml").read_text(encoding="utf-8"))
HAN = "[\u3400-\u9fff]"

# What is not set by these rules: code, mathematics, tags, addresses, and fields to be filled in.
APART = re.compile(
    r"```.*?```|`[^`\n]*`|\$\$.*?\$\$|\$[^$]*\$|<[^>]*>|(?<=\])\([^)]*\)|\{[^}]*\}", re.S
)


PATHS = [
    *sorted(LANGUAGES[ZH].glob("*.ipynb")),
    *sorted(EXERCISES[ZH].glob("*.ipynb")),
    *sorted((ROOT / "docs" / ZH).rglob("*.md")),
    *ROOT.glob(f"*.{ZH}.md"),
]


def texts(path):
    """What a reader is shown of a file, with a name for each part."""
    if path.suffix == ".md":
        return {path.name: path.read_text(encoding="utf-8")}
    cells = nbformat.read(path, as_version=4).cells
    return {cell.id: cell.source for cell in cells if cell.cell_type == "markdown"}


def sentences():
    """What the helpers and their docstrings say in Chinese."""
    catalogues = [read(place(ZH)) for place in (catalogue_of, catalogue_of_docstrings)]
    found = [message.string for catalogue in catalogues for message in catalogue if message.id]
    return [each for string in found for each in ([string] if isinstance(string, str) else string)]


def faults(text):
    """What in a text is not as it should be."""
    for wrong, right in WORDS["instead"].items():
        if wrong in text:
            yield f"{wrong} → {right}"
    # What is apart leaves one letter, for it needs the same spaces as a word.
    plain = APART.sub(lambda apart: "" if apart[0].startswith(("<", "(")) else "x", text)
    if found := re.findall(f".?{HAN}[A-Za-z0-9].?|.?[A-Za-z0-9]{HAN}.?", plain):
        yield f"a space is missing: {found}"
    if found := re.findall(f".?{HAN}[*]*[,.;:?!()].?|.?[,;:?!()]{HAN}.?", plain):
        yield f"no Chinese punctuation: {found}"
    cells = re.sub(" *[|] *", "|", plain)  # the bars of a table are no text
    if found := re.findall(" [，。；：？！、（）「」]|[，。；：？！、（）「」] ", cells):
        yield f"a space beside Chinese punctuation: {found}"


def shown(text):
    """A text as a browser shows it, without its code."""
    html = MarkdownIt("commonmark").enable("table").render(text)
    return re.sub(r"<code.*?</code>|<[^>]*>", "", html, flags=re.S)


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.name)
def test_a_text_is_written_as_in_taiwan(path):
    parts = texts(path)
    assert {name: found for name in parts if (found := list(faults(parts[name])))} == {}


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.name)
def test_what_is_bold_is_shown_bold(path):
    # Between two Chinese characters, stars beside a bracket stay stars: a space helps.
    parts = texts(path)
    assert [name for name in parts if "**" in shown(parts[name])] == []


def test_the_helpers_speak_as_in_taiwan():
    assert {sentence: found for sentence in sentences() if (found := list(faults(sentence)))} == {}


def test_every_word_of_the_glossary_is_called_what_it_is_to_be_called():
    (original,) = texts_of_the_glossary("en")
    assert re.findall(r"^## (.+)$", original, re.M) == list(WORDS["terms"])
    for glossary in texts_of_the_glossary(ZH):
        entries = dict(re.findall(r"^## (.+)\n\n[*][*](.+?)[*][*]", glossary, re.M))
        assert entries == WORDS["terms"]


def texts_of_the_glossary(language):
    """The glossary of a language in one piece, if there is one yet."""
    for path in LANGUAGES[language].glob("glossary.ipynb"):
        yield "\n\n".join(texts(path).values())


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("這個變量", "變數"),
        ("用autograd 求", "space"),
        ("用 autograd求", "space"),
        ("令 `x`為", "space"),
        ("令$x$ 為", "space"),
        ("好,再", "punctuation"),
        ("對.", "punctuation"),
        ("梯度(gradient)", "punctuation"),
        ("梯度 。", "beside"),
        ("「 好」", "beside"),
    ],
)
def test_a_fault_is_found(text, fault):
    (found,) = faults(text)
    assert fault in found


def test_what_is_right_is_let_pass():
    text = "令 `f(x, y)` 為 $x$，見[詞彙表](a.ipynb#b)。**梯度**（gradient）{n} 個 <kbd>A</kbd>"
    assert list(faults(text)) == []
    assert "**" not in shown(text)
    assert "**" in shown("**「梯度」**是")
