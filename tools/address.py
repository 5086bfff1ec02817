"""Where the project is kept, and the links that are made from that.

One setting says it: ``address`` under ``[tool.autodiff-tutorial]`` in ``pyproject.toml``. While it
is empty, GitHub's variables say it in a workflow, and git in a clone. Where nobody says it there is
no address, and then nothing is made from it.
"""

import os
import re
import subprocess
import tomllib
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode

BRANCH = "main"
MINE = "my-notebooks"

ON_GITHUB = re.compile(
    r"(?:https://(?:[^/@]+@)?|ssh://git@|git@)github[.]com[:/]([\w.-]+)/([\w.-]+?)(?:[.]git)?/?"
)


@dataclass(frozen=True)
class Address:
    """A repository on GitHub, and what leads to it, or opens it elsewhere."""

    owner: str
    name: str

    def __str__(self) -> str:
        return f"https://github.com/{self.owner}/{self.name}"

    def file(self, path: str) -> str:
        """Where a file is shown."""
        return f"{self}/blob/{BRANCH}/{path}"

    def picture(self, path: str) -> str:
        """Where a picture is, to be shown on a page elsewhere."""
        return f"https://raw.githubusercontent.com/{self.owner}/{self.name}/{BRANCH}/{path}"

    def tests(self) -> str:
        """Where it can be seen whether the tests passed."""
        return f"{self}/actions/workflows/test.yml"

    def new_issue(self, page: str) -> str:
        """Where a fault on a page of the site can be reported."""
        return f"{self}/issues/new?{urlencode({'title': f'{page}: '})}"

    def opened(self, notebook: str) -> dict[str, str]:
        """Where a file in ``notebooks/`` can be run, by the name of the place."""
        repository = f"{self.owner}/{self.name}"
        path = f"lab/tree/{MINE}/{notebook}"
        return {
            "Binder": f"https://mybinder.org/v2/gh/{repository}/{BRANCH}?urlpath={path}",
            "Colab": "https://colab.research.google.com/github/"
            f"{repository}/blob/{BRANCH}/notebooks/{notebook}",
            "Codespaces": f"https://codespaces.new/{repository}",
        }


def address_in(text: str) -> Address | None:
    """The repository that an address of any form leads to, if it is on GitHub."""
    found = ON_GITHUB.fullmatch(text.strip())
    return Address(*found.groups()) if found else None


def setting(root: Path) -> Address | None:
    """What the setting says."""
    settings = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
    return given_address(settings["tool"]["autodiff-tutorial"]["address"])


def given_address(text: str) -> Address | None:
    """The address that somebody gave, which may be empty."""
    address = address_in(text)
    if text and not address:
        raise SystemExit(
            f"The address is {text!r}, but should be that of a repository on GitHub, such as "
            "https://github.com/owner/name; give that one, or an empty one."
        )
    return address


def known_address(root: Path) -> Address | None:
    """What the setting says, or else GitHub in a workflow, or else git in a clone."""
    variables = [os.environ.get(f"GITHUB_{name}", "") for name in ("SERVER_URL", "REPOSITORY")]
    return setting(root) or address_in("/".join(variables)) or address_in(origin(root))


def origin(root: Path) -> str:
    """Where git says that a clone came from."""
    # A folder without a .git of its own may lie in somebody else's clone.
    if not (root / ".git").exists():
        return ""
    command = ["git", "-C", root, "remote", "get-url", "origin"]
    try:
        return subprocess.run(command, capture_output=True, text=True).stdout
    except FileNotFoundError:  # a folder with a .git, and a machine without git
        return ""
