"""What a README shows is what the project makes; its code runs as a doctest."""

import re

import nbformat
import pytest
from languages import LANGUAGES, ORIGINAL, ROOT, TRANSLATIONS

FILES = {ORIGINAL: "README.md", **{each: f"README.{each}.md" for each in TRANSLATIONS}}
READMES = {each: (ROOT / file).read_text(encoding="utf-8") for each, file in FILES.items()}

each_language = pytest.mark.parametrize("language", LANGUAGES)


@each_language
def test_its_picture_is_the_one_in_the_index(language):
    (picture,) = re.findall(r"!\[[^]]+\]\(([^)]+)\)", READMES[language])
    notebook = nbformat.read(LANGUAGES[language] / "index.ipynb", as_version=4)
    stored = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    assert [output.data["image/svg+xml"] for output in stored] == [
        (ROOT / picture).read_text(encoding="utf-8")
    ]


@each_language
def test_its_links_lead_somewhere(language):
    links = re.findall(r"\]\((?!http)([^)]+)\)", READMES[language])
    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []


@each_language
def test_its_two_commands_come_first(language):
    first_block = re.search(r"```sh\n(.*?)```", READMES[language], re.S)[1]
    assert re.findall(r"^make (\w+)", first_block, re.M) == ["lab", "test"]
