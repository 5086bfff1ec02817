"""Open the contents of the reader's own copy of the notebooks in JupyterLab.

In English, or in the language that is named: ``python tools/lab.py zh-TW``.
"""

import os
import sys
from pathlib import Path

import my_notebooks
from jupyterlab.labapp import LabApp
from languages import LANGUAGES, NOTEBOOKS, ORIGINAL


def first_page(language: str = ORIGINAL) -> str:
    """The contents in a language, as a path in the reader's folder."""
    if language not in LANGUAGES:
        known = " or ".join(LANGUAGES)
        raise SystemExit(f"There is no edition in {language!r}; choose {known}.")
    folder = LANGUAGES[language].relative_to(NOTEBOOKS)
    return Path(my_notebooks.MINE, folder, "index.ipynb").as_posix()


if __name__ == "__main__":
    page = first_page(*sys.argv[1:])
    my_notebooks.main()
    os.chdir(my_notebooks.ROOT)
    # As root, as in a container, JupyterLab does not start without being allowed to.
    LabApp.launch_instance(["--allow-root", f"--LabApp.default_url=lab/tree/{page}"])
