"""Set the address of the project, and make anew what is stored and has something made from it.

Without an address it takes the one that is known, in a clone that of its ``origin``; an empty one
takes everything out again. What is built, the site and the package, needs none of this: there the
address that is known is used.
"""

import re
import sys
from collections.abc import Callable
from pathlib import Path

import nbformat
from address import Address, given_address, known_address
from languages import LANGUAGES, ROOT
from made_cells import make_cells
from readme import READMES, filled


def set_address(address: Address | None) -> None:
    """Write the setting, the citation, the READMEs, and the cells that are made from it."""
    given = str(address) if address else ""
    rewrite(ROOT / "pyproject.toml", lambda text: in_pyproject(text, given))
    rewrite(ROOT / "CITATION.cff", lambda text: in_citation(text, given))
    for language, path in READMES.items():
        rewrite(path, lambda text, language=language: filled(text, address, language))
    for language, folder in LANGUAGES.items():
        for path in sorted(folder.glob("*.ipynb")):
            notebook = nbformat.read(path, as_version=4)
            make_cells(notebook, path.name, address, language)
            nbformat.write(notebook, path)


def rewrite(path: Path, change: Callable[[str], str]) -> None:
    """Change the text of a file."""
    text = change(path.read_text(encoding="utf-8"))
    path.write_text(text, encoding="utf-8", newline="\n")


def in_pyproject(text: str, address: str) -> str:
    """The settings with this one."""
    return re.sub(r'^(address = )".*"$', rf'\1"{address}"', text, flags=re.M)


def in_citation(text: str, address: str) -> str:
    """The citation with the place of the code at its end, if there is one."""
    line = f"repository-code: {address}\n" if address else ""
    return re.sub(r"^repository-code: .*\n", "", text, flags=re.M) + line


if __name__ == "__main__":
    given = sys.argv[1:]
    address = given_address(*given) if given else known_address(ROOT)
    set_address(address)
    print(f"The tutorial is at {address}." if address else "The tutorial has no address.")
