"""What is made when the helpers are built or installed: catalogues, settings, and a README."""

import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface
from hatchling.metadata.plugin.interface import MetadataHookInterface

sys.path.append(str(Path(__file__).parent))

from address import known_address
from compile_catalogues import compile_catalogues
from readme import for_pypi


class CataloguesAndLabSettings(BuildHookInterface):
    """Compile the catalogues for every installation; install tools/jupyter with ``-e`` only.

    The settings are for a clone of the tutorial, not for where only the helpers go. JupyterLab
    finds them there however it is started: by make, by conda or by hand.
    """

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Compile, and add the settings to an editable installation."""
        root = Path(self.root)
        compile_catalogues(root / "autodiff_helpers")
        if version == "editable":
            build_data["shared_data"]["tools/jupyter"] = "etc/jupyter/labconfig"


class ReadmeAndLinks(MetadataHookInterface):
    """Say on PyPI where the project is kept, if anybody knows."""

    def update(self, metadata: dict[str, Any]) -> None:
        """Add what the sdist, if this is one, does not bring along already."""
        root = Path(self.root)
        address = known_address(root)
        text = for_pypi((root / "README.md").read_text(encoding="utf-8"), address)
        metadata.setdefault("readme", {"content-type": "text/markdown", "text": text})
        if address:
            links = {"Repository": str(address), "Issues": f"{address}/issues"}
            metadata.setdefault("urls", links)
