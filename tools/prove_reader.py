"""Prove that with what a reader installs, and nothing else, every notebook shows what is stored.

Translations have the same code as the originals, which a test compares, so these are enough.
"""

import filecmp
import shutil
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

from languages import LANGUAGES, ORIGINAL, ROOT

NAMES = [str(path.relative_to(ROOT)) for path in sorted(LANGUAGES[ORIGINAL].glob("*.ipynb"))]

# What a reader of another language does first: his own catalogue is compiled with the helpers.
SPEAK = "from autodiff_helpers import set_language; set_language('zh-TW')"


def copy_tracked(target: Path) -> None:
    """Copy the files that git knows, as they are now."""
    listing = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout
    for name in listing.rstrip("\0").split("\0"):
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, target / name)


def install(clone: Path) -> Path:
    """Do in a clone what the README says, and return the Python that can run the notebooks."""
    venv.create(clone / ".venv", with_pip=True)
    python = clone / ".venv" / Path(sys.executable).relative_to(sys.prefix)
    install = [python, "-m", "pip", "install", "--quiet", "-r", "requirements.txt", "-e", "."]
    subprocess.run(install, cwd=clone, check=True)
    return python


def demand_the_same(clone: Path) -> None:
    """Stop if a notebook shows something else than the one that is stored here."""
    same, *others = filecmp.cmpfiles(clone, ROOT, NAMES, shallow=False)
    if different := [name for group in others for name in group]:
        raise SystemExit(f"With what a reader installs, other outputs come in: {different}.")
    print(f"With what a reader installs, {len(same)} notebooks show what is stored.")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        clone = Path(folder, "clone")
        copy_tracked(clone)
        python = install(clone)
        for command in (
            ["-c", SPEAK],
            ["tools/my_notebooks.py"],
            ["-m", "jupyterlab", "--version"],
        ):
            subprocess.run([python, *command], cwd=clone, check=True)
        subprocess.run([python, "tools/store_outputs.py", *NAMES], cwd=clone, check=True)
        demand_the_same(clone)
