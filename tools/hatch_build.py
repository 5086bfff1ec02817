"""Give JupyterLab our settings in a clone of the tutorial, but not where only the helpers go."""

from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class LabSettings(BuildHookInterface):
    """Install tools/jupyter/*.json with ``pip install -e .``, and with nothing else.

    JupyterLab finds them there however it is started: by make, by conda or by hand.
    """

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Add the settings to an editable installation."""
        if version == "editable":
            build_data["shared_data"]["tools/jupyter"] = "etc/jupyter/labconfig"
