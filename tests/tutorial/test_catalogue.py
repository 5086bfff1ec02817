"""Each catalogue has every sentence, and to add a language is to translate them: nothing else."""

import ast
import re
from gettext import translation
from importlib.util import find_spec
from pathlib import Path

import nbformat
import pytest
import torch
from babel.messages.catalog import Catalog
from babel.messages.pofile import write_po
from catalogues import (
    HELPERS,
    KEYWORDS,
    bring_up_to_date,
    catalogue_of,
    catalogue_of_docstrings,
    documented,
    read,
    said,
    still_to_do,
)
from cells import run
from compile_catalogues import compile_catalogues
from IPython.core.formatters import DisplayFormatter
from languages import NOTEBOOKS, ROOT, TRANSLATIONS
from notebook_rules import code_cells

from autodiff_helpers import set_language, words

SITE = ROOT / "docs"
# A language in which nobody has translated anything yet.
ADDED = "eo"
# What the gallery shows in every language: signs of operations, and parts of a model.
FROM_TORCH = {"bias", "permute", "relu", "sigmoid", "transpose", "weight"}


@pytest.mark.parametrize("language", TRANSLATIONS)
def test_nothing_is_left_to_do(language):
    assert list(still_to_do(read(catalogue_of(language)), said())) == []


def test_every_sentence_in_the_code_is_found():
    """Within an f-string, for one, Babel finds none."""
    known, called = said(), set()
    for path in HELPERS.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            name = node.func.id if isinstance(node, ast.Call) and hasattr(node.func, "id") else ""
            if name in KEYWORDS and isinstance(node.args[0], ast.Constant):
                called.add(node.args[0].value)
    assert {sentence for sentence in called if known.get(sentence) is None} == set()
    assert len(called) == len(known)


def test_the_docstrings_on_the_site_are_translated():
    sentences = documented()
    assert sentences.get("Draw the computational graph that autograd recorded for some tensors.")
    assert sentences.get("Check a gradient") is None  # that heading is the page's own
    for language in TRANSLATIONS:
        catalogue = read(catalogue_of_docstrings(language))
        assert list(still_to_do(catalogue, sentences)) == []
        # A page of the site is Markdown, and so is what stands in for a docstring there.
        assert [each.id for each in catalogue if re.search(r":\w+:`", each.string)] == []


@pytest.mark.parametrize("language", TRANSLATIONS)
def test_the_site_says_nothing_that_is_not_translated(language):
    folder = language.replace("-", "_")
    ours = read(SITE / "locale" / folder / "LC_MESSAGES" / "sphinx.po")
    sphinx = translation("sphinx", Path(find_spec("sphinx").origin).parent / "locale", [folder])
    files = [SITE / "conf.py", *SITE.glob("templates/*")]
    text = "".join(file.read_text(encoding="utf-8") for file in files)
    said_there = set(re.findall(r'\b_\("([^"]+)"\)', text))
    assert {
        sentence
        for sentence in said_there
        if not (message := ours.get(sentence)) or not message.string
        if sphinx.gettext(sentence) == sentence
    } == set()
    assert len(said_there) > 5


def sentences(*texts):
    catalogue = Catalog("zh_TW")
    for text in texts:
        catalogue.add(text)
    return catalogue


@pytest.mark.parametrize(
    ("said", "translated", "to_do"),
    [
        ("{n:g} left", "剩 {n:g}", None),
        ("Right.", "", "not translated"),
        ("{n:g} left", "剩 {m:g}", "other fields"),
        ("{n:g} left", "剩 {n}", "other fields"),
        ("{n!r} left", "剩 {n}", "other fields"),
        (("one left", "{n} left"), ("剩一個", "剩 {n}"), None),
        (("one left", "{n} left"), ("剩 {n}", "剩 {n}"), None),
        (("one left", "{n} left"), ("剩 {n}",), None),
        (("one left", "{n} left"), ("剩 {n}", ""), "not translated"),
        (("one left", "{n} left"), ("剩 {n}", "剩"), "other fields"),
        (("one left", "{n} left"), ("剩 {m}", "剩 {n}"), "other fields"),
        (("one left", "{n} left"), ("剩",), "other fields"),
    ],
)
def test_what_is_to_do_is_named(said, translated, to_do):
    catalogue = sentences(said)
    catalogue.get(said).string = translated
    found = list(still_to_do(catalogue, sentences(said)))
    assert [to_do in each for each in found] == ([] if to_do is None else [True])


def test_what_is_new_changed_or_gone_is_named(tmp_path):
    path = catalogue_of("zh-TW", tmp_path)
    bring_up_to_date(path, sentences("The gradient is right.", "It is gone."))
    catalogue = read(path)
    for message in catalogue:
        message.string = message.string or "梯度正確。"
    path.write_bytes(b"")
    with path.open("wb") as file:
        write_po(file, catalogue)
    now = sentences("The gradient is right!", "A jump.")
    assert [each.split(":")[0] for each in still_to_do(catalogue, now)] == [
        *["is not translated"] * 2,
        *["is not said any more"] * 2,
    ]
    bring_up_to_date(path, now)
    assert [each.split(":")[0] for each in still_to_do(read(path), now)] == [
        "is not translated",
        "is fuzzy, so look at it and take the mark away",
    ]


# A third language


def foreign(sentence):
    """A translation that anyone can tell from English: every letter is another one."""
    return re.sub(r"(\{[^}]*\})|[A-Za-z]", lambda found: found[1] or "ŝ", sentence)


@pytest.fixture
def added(tmp_path, monkeypatch):
    """A language that was added to the helpers, and translated."""
    path, everything = catalogue_of(ADDED, tmp_path), said()
    bring_up_to_date(path, everything)
    catalogue = read(path)
    assert len(list(still_to_do(catalogue, everything))) == len(everything) > 300
    for message in catalogue:
        if message.id:
            many = isinstance(message.id, tuple)
            message.string = tuple(map(foreign, message.id)) if many else foreign(message.id)
    assert list(still_to_do(catalogue, everything)) == []
    with path.open("wb") as file:
        write_po(file, catalogue)
    compile_catalogues(tmp_path)
    monkeypatch.setattr(words, "LOCALE", tmp_path / "locale")
    return ADDED


def test_no_english_is_left_in_what_a_third_language_shows(added):
    """The gallery holds every kind of picture, table and verdict."""
    set_language(added)
    names, left, shown = {}, set(), set()
    display = DisplayFormatter()
    with torch.random.fork_rng(devices=[]):
        for cell in code_cells(nbformat.read(NOTEBOOKS / "gallery.ipynb", as_version=4)):
            printed, value, error = run(cell.source, names)
            data = {} if value is None else display.format(value)[0]
            for text in (printed, error or "", *data.values()):
                found = words_in(text)
                shown |= {word for word in found if "ŝ" in word}
                left |= {word for word in found if "ŝ" not in word} - words_in(cell.source)
    assert shown
    assert left == FROM_TORCH


def words_in(text):
    """The words of a text, apart from tags, style sheets, scripts and torch's own names."""
    text = re.sub(r"\w+Backward", " ", text)
    plain = re.sub(r"<(style|script|metadata)\b.*?</\1>|<[^>]*>", " ", text, flags=re.S)
    return set(re.findall(r"[^\W\d_]{3,}", plain))
