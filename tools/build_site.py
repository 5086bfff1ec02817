"""Build the site from the notebooks as they are stored; nothing in them is run again.

Each language is a site of its own in a folder of its own, made from the notebooks in that
language and the few pages in ``docs/<language>/``.
"""

import shutil
from importlib.util import find_spec
from pathlib import Path

from sphinx.cmd.build import build_main

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
WORK = DOCS / "build"
SITE = ROOT / "site"

# From the name of a language, as browsers know it, to the folder of its notebooks.
LANGUAGES = {"en": ROOT / "notebooks"}


def build_site() -> None:
    """Build the site of every language, and a start page that leads to the first one."""
    for folder in (WORK, SITE):
        shutil.rmtree(folder, ignore_errors=True)
    for language, notebooks in LANGUAGES.items():
        build_language(language, notebooks, SITE / language)
    shutil.copy(DOCS / "start.html", SITE / "index.html")


def build_language(language: str, notebooks: Path, target: Path) -> None:
    """Bring the pages of one language together and have Sphinx build them into ``target``."""
    pages, built = WORK / language / "pages", WORK / language / "html"
    shutil.copytree(DOCS / language, pages)
    for path in [*notebooks.glob("*.ipynb"), ROOT / "README.md"]:
        shutil.copy(path, pages)
    options = ["-q", "-W", "--keep-going", "-c", str(DOCS), "-D", f"language={language}"]
    if build_main([*options, str(pages), str(built)]):
        raise SystemExit(f"The site in {language} has problems; they are listed above.")
    shutil.copytree(built, target, ignore=shutil.ignore_patterns(".buildinfo", ".doctrees"))
    copy_mathjax(target / "_static" / "mathjax")


def copy_mathjax(target: Path) -> None:
    """Copy what pages need to set mathematics: one script and its fonts."""
    spec = find_spec("sphinx-mathjax-offline")
    mathjax = Path(spec.origin).parent / "static" / "mathjax"
    fonts = Path("output", "chtml", "fonts")
    shutil.copytree(mathjax / fonts, target / fonts)
    shutil.copy(mathjax / "tex-chtml.js", target)


if __name__ == "__main__":
    build_site()
    print(f"The site starts at {SITE / 'index.html'}")
