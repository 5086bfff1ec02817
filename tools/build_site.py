"""Build the site from the notebooks as they are stored; nothing in them is run again.

Each language is a site of its own in a folder of its own, made from the notebooks in that
language and the few pages in ``docs/<language>/``. What nobody has translated yet is there in
English. Beside them are the slides of all languages.
"""

import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
from address import known_address
from languages import LANGUAGES, ORIGINAL, ROOT
from made_cells import make_cells
from readme import READMES, filled
from slides import copy_mathjax, make_slides

DOCS = ROOT / "docs"
WORK = DOCS / "build"
SITE = ROOT / "site"


def build_site() -> None:
    """Build the sites of all languages side by side, and a start page that leads to them."""
    for folder in (WORK, SITE):
        shutil.rmtree(folder, ignore_errors=True)
    building = {language: start_building(language) for language in LANGUAGES}
    for language, process in building.items():
        if process.wait():
            raise SystemExit(f"The site in {language} has problems; they are listed above.")
        target = SITE / language
        left_out = shutil.ignore_patterns(".buildinfo", ".doctrees")
        shutil.copytree(WORK / language / "html", target, ignore=left_out)
        copy_mathjax(target / "_static" / "mathjax")
    shutil.copy(DOCS / "start.html", SITE / "index.html")
    make_slides(SITE / "slides")


def start_building(language: str) -> subprocess.Popen[bytes]:
    """Have Sphinx build the pages of one language."""
    pages, built = WORK / language / "pages", WORK / language / "html"
    bring_pages(language, pages)
    options = [
        "-q",
        "-W",
        "--keep-going",
        "-c",
        DOCS,
        "-D",
        f"language={language.replace('-', '_')}",
    ]
    return subprocess.Popen([sys.executable, "-m", "sphinx", *options, pages, built])


def bring_pages(language: str, pages: Path) -> None:
    """Bring the pages of one language together, with what is made from the address."""
    address = known_address(ROOT)
    shutil.copytree(DOCS / ORIGINAL, pages)
    shutil.copytree(DOCS / language, pages, dirs_exist_ok=True)
    shutil.copy(DOCS / "_toc.yml", pages)
    for each in (ORIGINAL, language):
        for path in LANGUAGES[each].glob("*.ipynb"):
            notebook = nbformat.read(path, as_version=4)
            make_cells(notebook, path.name, address, each)
            nbformat.write(notebook, pages / path.name)
    for each, path in READMES.items():
        text = filled(path.read_text(encoding="utf-8"), address, each)
        (pages / path.name).write_text(text, encoding="utf-8", newline="\n")


if __name__ == "__main__":
    build_site()
    print(f"The site starts at {SITE / 'index.html'}")
