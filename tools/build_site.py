"""Build the site from the notebooks as they are stored; nothing in them is run again.

Each language is a site of its own in a folder of its own, made from the notebooks in that
language and the few pages in ``docs/<language>/``. What nobody has translated yet is there in
English. Beside them are the slides of all languages.
"""

import shutil
import subprocess
import sys

from address import known_address
from languages import LANGUAGES, ORIGINAL, ROOT
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
    """Bring the pages of one language together and have Sphinx build them."""
    pages, built = WORK / language / "pages", WORK / language / "html"
    shutil.copytree(DOCS / ORIGINAL, pages)
    shutil.copytree(DOCS / language, pages, dirs_exist_ok=True)
    notebooks = [path for each in (ORIGINAL, language) for path in LANGUAGES[each].glob("*.ipynb")]
    for path in [DOCS / "_toc.yml", *notebooks]:
        shutil.copy(path, pages)
    address = known_address(ROOT)
    for each, path in READMES.items():
        text = filled(path.read_text(encoding="utf-8"), address, each)
        (pages / path.name).write_text(text, encoding="utf-8", newline="\n")
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


if __name__ == "__main__":
    build_site()
    print(f"The site starts at {SITE / 'index.html'}")
