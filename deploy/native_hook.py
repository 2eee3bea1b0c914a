"""Puts the compiled hot path into a wheel, where it was compiled: the wheel is then one of its platform.

Without it the wheel is one of pure Python, and all works the same, but slower (docs/decisions/0021).
"""

import sysconfig
from pathlib import Path
from typing import Any, Final

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

EXTENSION: Final = "streams/native/_native.abi3.so"


class NativeHook(BuildHookInterface[Any]):
    """Called by hatchling for each wheel."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Add the extension to a wheel that is no editable one, which finds it in the tree."""
        if version == "standard" and (Path(self.root) / EXTENSION).exists():
            platform = sysconfig.get_platform().replace("-", "_").replace(".", "_")
            build_data["artifacts"].append(EXTENSION)
            build_data["pure_python"] = False
            build_data["tag"] = f"cp311-abi3-{platform}"
