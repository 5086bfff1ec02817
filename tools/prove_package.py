"""Build the wheel and the sdist into ``dist/``, and prove that they are what people should get.

They hold the helpers and nothing else; twine finds no fault with them; and the wheel that is made
from the sdist works in an environment that has nothing else in it, outside this repository. What
they say on PyPI has the address of the project, if there is one, and no broken link if not.
"""

import email
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import venv
import zipfile
from pathlib import Path

from address import given_address
from languages import ROOT
from prove_reader import copy_tracked
from readme import READMES, for_pypi

DIST = ROOT / "dist"

# What build tools add, by the ends of the names.
ADDED_TO_WHEEL = ("METADATA", "WHEEL", "licenses/LICENSE", "RECORD")
FOR_JUPYTERLAB = (
    "labextensions/autodiff-theme/package.json",
    "labextensions/autodiff-theme/theme.js",
)
IN_SDIST = (
    "PKG-INFO",
    "pyproject.toml",
    "README.md",
    "LICENSE",
    "CITATION.cff",
    ".gitignore",
    "tools/address.py",
    "tools/compile_catalogues.py",
    "tools/hatch_build.py",
    "tools/jupyter/default_setting_overrides.json",
    "tools/jupyter/page_config.json",
    "tools/languages.py",
    "tools/readme.py",
    *(f"tools/{name}" for name in FOR_JUPYTERLAB),
)


def run(*command: object) -> None:
    """Run a command outside the repository, and stop if it fails."""
    subprocess.run([str(word) for word in command], check=True, cwd=tempfile.gettempdir())


def helpers() -> set[str]:
    """The files of the helper package, as git knows them."""
    listing = subprocess.run(
        ["git", "ls-files", "autodiff_helpers"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    return set(listing.splitlines())


def demand_contents(name: str, found: set[str], expected: set[str]) -> None:
    """Stop if an archive lacks a file, or has one too many."""
    if found != expected:
        missing, surplus = sorted(expected - found), sorted(found - expected)
        raise SystemExit(f"{name} lacks {missing} and should not have {surplus}.")


def prove_installed(wheel: Path, folder: Path) -> None:
    """Install a wheel where nothing else is, and run the example of the README with it."""
    venv.create(folder, with_pip=True)
    python = folder / Path(sys.executable).relative_to(sys.prefix)
    run(python, "-m", "pip", "install", "--quiet", "-c", ROOT / "requirements.txt", wheel)
    shutil.copy(ROOT / "README.md", folder)
    run(python, "-c", "import autodiff_helpers as a; [getattr(a, name) for name in a.__all__]")
    run(python, "-m", "doctest", folder / "README.md")


def prove_description(folder: Path, given: str) -> None:
    """Build where the project has an address, or none, and read what the wheel says."""
    copy_tracked(folder)
    run(sys.executable, folder / "tools" / "set_address.py", given)
    run(sys.executable, "-m", "build", "--outdir", folder / "dist", folder)
    (wheel,) = folder.glob("dist/*.whl")
    with zipfile.ZipFile(wheel) as archive:
        (name,) = [each for each in archive.namelist() if each.endswith("/METADATA")]
        said = email.message_from_bytes(archive.read(name))
    links = [f"Repository, {given}", f"Issues, {given}/issues"] if given else []
    expected = for_pypi(READMES["en"].read_text(encoding="utf-8"), given_address(given))
    if (
        said.get_payload(decode=True).decode() != expected
        or said.get_all("Project-URL", []) != links
    ):
        raise SystemExit(f"With the address {given!r} the wheel says something else: {said}")


if __name__ == "__main__":
    shutil.rmtree(DIST, ignore_errors=True)
    run(sys.executable, "-m", "build", "--outdir", DIST, ROOT)
    (wheel,), (sdist,) = DIST.glob("*.whl"), DIST.glob("*.tar.gz")
    run(sys.executable, "-m", "twine", "check", "--strict", wheel, sdist)

    stem = sdist.name.removesuffix(".tar.gz")
    with zipfile.ZipFile(wheel) as archive:
        added = {f"{stem}.dist-info/{name}" for name in ADDED_TO_WHEEL}
        added |= {f"{stem}.data/data/share/jupyter/{name}" for name in FOR_JUPYTERLAB}
        compiled = {re.sub(r"[.]po$", ".mo", name) for name in helpers()}
        demand_contents(wheel.name, set(archive.namelist()), compiled | added)
    with tarfile.open(sdist) as archive:
        expected = {f"{stem}/{name}" for name in [*helpers(), *IN_SDIST]}
        demand_contents(sdist.name, set(archive.getnames()), expected)
    with tempfile.TemporaryDirectory() as folder:
        prove_installed(wheel, Path(folder, "installed"))
        # What GitHub says in a workflow is not to be asked.
        for name in [each for each in os.environ if each.startswith("GITHUB_")]:
            del os.environ[name]
        for number, given in enumerate(("https://github.com/owner/tutorial", "")):
            prove_description(Path(folder, f"copy-{number}"), given)
    print(f"{wheel.name} and {sdist.name} are in {DIST} and work when installed.")
