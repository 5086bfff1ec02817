"""Every word of the glossary leads there from where it first stands in each chapter."""

import re
from pathlib import Path

import nbformat
import pytest
from chapters import CHAPTERS

FOLDER = Path(__file__).resolve().parents[2] / "notebooks"

# What is no running text: code, mathematics, tags, headings, and links to other pages.
APART = re.compile(
    r"```.*?```|\$\$.*?\$\$|\$[^$]*\$|<[^>]*>|^#[^\n]*|\[[^\]]*\]\((?!glossary\.ipynb#)[^)]*\)",
    re.S | re.M,
)
CODE = re.compile(r"`([^`]*)`")


def text_of(path):
    cells = nbformat.read(path, as_version=4).cells
    return "\n\n".join(cell.source for cell in cells if cell.cell_type == "markdown")


def anchor(term):
    """The same on the site and in JupyterLab, as long as a heading is in lower case."""
    return term.replace(" ", "-")


GLOSSARY = text_of(FOLDER / "glossary.ipynb")
TERMS = re.findall(r"^## (.+)$", GLOSSARY, re.M)


def not_linked(text, terms):
    """The terms that first stand in a text without a link to the glossary."""
    text = APART.sub(" ", text)
    text = CODE.sub(lambda code: code[0] if code[1] in terms else " ", text)
    found = []
    for term in sorted(terms, key=len, reverse=True):
        word = re.compile(rf"(?<![\w#-])`?{re.escape(term)}(?:e?s)?`?(?![\w-])", re.I)
        first = word.search(text)
        if first and not text.startswith(f"](glossary.ipynb#{anchor(term)})", first.end()):
            found.append(term)
        text = word.sub(" ", text)  # so that a shorter term is not found within
    return found


def test_its_terms_are_in_order_and_can_be_linked():
    assert sorted(set(TERMS)) == TERMS
    assert all(re.fullmatch("[a-z_ -]+", term) for term in TERMS)


@pytest.mark.parametrize("term", TERMS)
def test_a_term_says_which_chapter_explains_it_and_that_chapter_uses_it(term):
    (entry,) = re.findall(rf"^## {term}$\n+(.*?)(?=^## |\Z)", GLOSSARY, re.M | re.S)
    (chapter,) = re.findall(r"\(([^)]*\.ipynb)\)\s*$", entry)
    assert f"](glossary.ipynb#{anchor(term)})" in text_of(FOLDER / chapter)


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
def test_every_term_is_linked_where_it_first_stands(path):
    text = text_of(path)
    assert not_linked(text, TERMS) == []
    linked = re.findall(r"\]\(glossary\.ipynb#([^)]*)\)", text)
    assert set(linked) <= {anchor(term) for term in TERMS}


@pytest.mark.parametrize(
    ("text", "missed"),
    [
        ("The [leaf](glossary.ipynb#leaf), a leaf.", []),
        ("**[leaf](glossary.ipynb#leaf)**", []),
        ("## A leaf\n\nA leaflet: `x.leaf`, $leaf$, <leaf>, [leaf](index.ipynb).", []),
        ("A leaf, the [leaf](glossary.ipynb#leaf).", ["leaf"]),
        ("[leaf](glossary.ipynb#graph)", ["leaf"]),
        ("[chain rule](glossary.ipynb#chain-rule)", []),
        ("The chain rules.", ["chain rule"]),
        ("`rule`", ["rule"]),
        ("[`rule`](glossary.ipynb#rule)", []),
    ],
)
def test_a_term_without_a_link_is_found(text, missed):
    assert not_linked(text, ["chain rule", "leaf", "rule"]) == missed
