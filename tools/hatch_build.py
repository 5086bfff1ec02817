"""What is made when the helpers are installed: compiled catalogues, and settings in a clone."""

from pathlib import Path
from runpy import run_path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class CataloguesAndLabSettings(BuildHookInterface):
    """Compile the catalogues for every installation; install tools/jupyter with ``-e`` only.

    The settings are for a clone of the tutorial, not for where only the helpers go. JupyterLab
    finds them there however it is started: by make, by conda or by hand.
    """

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Compile, and add the settings to an editable installation."""
        root = Path(self.root)
        tool = run_path(str(root / "tools" / "compile_catalogues.py"))
        tool["compile_catalogues"](root / "autodiff_helpers")
        if version == "editable":
            build_data["shared_data"]["tools/jupyter"] = "etc/jupyter/labconfig"
