"""What a README shows is what the project makes; its code runs as a doctest."""

import re

import nbformat
import pytest
from languages import LANGUAGES, ROOT
from readme import READMES as PATHS
from readme import filled

READMES = {each: path.read_text(encoding="utf-8") for each, path in PATHS.items()}

each_language = pytest.mark.parametrize("language", LANGUAGES)


@each_language
def test_its_picture_is_the_one_in_the_index(language):
    (picture,) = re.findall(r"!\[[^]]+\]\((?!http)([^)]+)\)", READMES[language])
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
    blocks = re.findall(r"```sh\n(.*?)```", filled(READMES[language], None, language), re.S)
    assert re.findall(r"^make (\w+)", blocks[0], re.M) == ["lab", "test"]
