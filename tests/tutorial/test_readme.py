"""What the README shows is what the project makes; its code runs as a doctest."""

import re
from pathlib import Path

import nbformat

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_its_picture_is_the_one_in_the_index():
    (picture,) = re.findall(r"!\[[^]]+\]\(([^)]+)\)", README)
    notebook = nbformat.read(ROOT / "notebooks" / "index.ipynb", as_version=4)
    stored = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    assert [output.data["image/svg+xml"] for output in stored] == [
        (ROOT / picture).read_text(encoding="utf-8")
    ]


def test_its_links_lead_somewhere():
    links = re.findall(r"\]\((?!http)([^)]+)\)", README)
    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_its_two_commands_come_first():
    first_block = re.search(r"```sh\n(.*?)```", README, re.S)[1]
    assert re.findall(r"^make (\w+)", first_block, re.M) == ["lab", "test"]
