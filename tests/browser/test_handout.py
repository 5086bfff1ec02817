"""The handout is one page of A4 in each language, with the same recipe, cures and graphs."""

import re

import pytest
from chromium import launch
from handout import page, printed
from languages import LANGUAGES
from playwright.sync_api import Error, sync_playwright

from autodiff_helpers import set_language


@pytest.fixture
def pages():
    yield {language: page(language) for language in LANGUAGES}
    set_language("en")


@pytest.fixture
def files(tmp_path):
    try:
        with sync_playwright() as playwright:
            launch(playwright).close()
    except Error as error:
        pytest.skip(f"needs Chromium: {error}")
    yield printed(tmp_path / "class")
    set_language("en")


def test_each_is_one_page_of_a4(files):
    assert [path.name for path in files] == ["handout.pdf", "handout.zh-TW.pdf"]
    for path in files:
        printed_page = path.read_bytes()
        assert len(re.findall(rb"/Type\s*/Page\b", printed_page)) == 1
        (box,) = re.findall(rb"/MediaBox\s*\[0 0 ([\d.]+) ([\d.]+)\]", printed_page)
        assert [round(float(side)) for side in box] == [595, 842]


def test_every_language_has_the_same_recipe_cures_and_graphs(pages):
    for part in (r"<code>.*?</code>", r"^[xy].*?(?=  # |$)", "<tr>", "MulBackward0", "<svg"):
        found = [sorted(re.findall(part, text, re.M)) for text in pages.values()]
        assert found[0]
        assert all(each == found[0] for each in found)


def test_nothing_is_left_to_be_filled_in_and_nothing_comes_from_elsewhere(pages):
    for text in pages.values():
        assert not re.search(r"\{(language|title|body|product|cut)\}", text)
        assert not re.search(r"<(script|link|img)|https?://(?!www\.w3\.org)", text)
