"""The tables of the clinic lead to its places, and say what the installed torch really says."""

import re
from typing import NamedTuple

import nbformat
import pytest
from languages import LANGUAGES
from pages import anchor

CLINIC = "when-it-goes-wrong"
# A message is in code; where there is none, a word says so.
ROW = re.compile(r"^\| (.+?) \| (.+?) \| (\[.+\)) \|$", re.M)
# An address may hold a call, such as #item().
LINK = re.compile(r"\[`?([^\[\]]+?)`?\]\(((?:[^()\s]|\([^()\s]*\))+)\)")
PLACE = re.compile(r"^### `(.+)`$", re.M)
CURES = {
    "en": ["**Cause.**", "wrong cure", "**Cure.**"],
    "zh-TW": ["**原因**", "錯誤的改法", "**正確的改法**"],
}

each_language = pytest.mark.parametrize("language", LANGUAGES)


class Row(NamedTuple):
    """A row of a table: a message if there is one, what is seen, and its links."""

    message: str | None
    seen: str
    links: list[tuple[str, str]]


def cells_of(language, name=CLINIC):
    return nbformat.read(LANGUAGES[language] / f"{name}.ipynb", as_version=4).cells


def table(language, name):
    """The rows of the table in a cell."""
    (text,) = [cell.source for cell in cells_of(language) if cell.id == name]
    return [
        Row(first.strip("`") if first.startswith("`") else None, seen, LINK.findall(links))
        for first, seen, links in ROW.findall(text)
    ]


def places(language):
    """The cells of each place, by the code that it is named after."""
    found, name = {}, None
    for cell in cells_of(language):
        if cell.cell_type == "markdown" and re.search("^##", cell.source, re.M):
            name = (PLACE.findall(cell.source) or [None])[0]
        found.setdefault(name, []).append(cell)
    del found[None]
    return found


def text_of(cells):
    return "\n".join(cell.source for cell in cells if cell.cell_type == "markdown")


def shown(cells, *kinds):
    """What the code of some cells shows, by some kinds of output or by all."""
    outputs = [output for cell in cells for output in cell.get("outputs", [])]
    return "\n".join(
        output.get("text") or output.get("evalue") or output.data["text/plain"]
        for output in outputs
        if not kinds or output.output_type in kinds
    )


@each_language
def test_every_place_is_in_the_table_and_every_link_leads_to_a_place(language):
    in_the_table = [link for row in table(language, "table") for link in row.links]
    assert {name for name, _ in in_the_table} == set(places(language))
    within = [link for link in LINK.findall(text_of(cells_of(language))) if link[1][0] == "#"]
    assert set(within) == {(name, f"#{anchor(name)}") for name in places(language)}


@each_language
def test_a_message_is_what_its_places_show(language):
    found = places(language)
    for row in table(language, "table"):
        for name, _ in row.links:
            if row.message is not None:
                assert row.message in shown(found[name], "error", "stream"), row
            for value in re.findall("`([^`]+)`", row.seen):
                assert value == ".grad" or value in shown(found[name]), row


@each_language
def test_every_error_and_every_warning_of_torch_is_in_the_table(language):
    rows = table(language, "table")
    for name, cells in places(language).items():
        messages = [row.message for row in rows if row.message and name in dict(row.links)]
        for cell in cells:
            by_helpers = cell.source.split("\n")[-1].startswith(("check_gradient(", "plot_graph("))
            said = shown([cell], "error", *(["stream"] if "warned(" in cell.source else []))
            if said and not by_helpers:
                assert any(message in said for message in messages), (name, said)


@each_language
def test_a_message_of_a_chapter_is_what_it_shows(language):
    rows = table(language, "chapters")
    assert rows
    for row in rows:
        for _, address in row.links:
            cells = cells_of(language, address.removesuffix(".ipynb"))
            assert row.message is None or row.message in shown(cells, "error"), row


@each_language
def test_every_place_has_a_cause_a_wrong_cure_a_cure_and_the_helpers_words(language):
    for name, cells in places(language).items():
        text = text_of(cells).lower()
        assert [words for words in CURES[language] if words.lower() not in text] == [], name
        code = "\n".join(cell.source for cell in cells if cell.cell_type == "code")
        assert re.search(r"^(check_gradient|plot_graph)\(", code, re.M), name


def test_the_places_are_the_same_in_every_language():
    names = [list(places(language)) for language in LANGUAGES]
    assert all(each == names[0] for each in names)
