"""Where the files of deployment are, what is in them, and the tools that check them."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, Final, cast

import pytest
import yaml

TOP: Final = Path(__file__).parents[2]
DEPLOY: Final = TOP / "deploy"


def parsed(path: Path) -> dict[str, Any]:
    """Return what a file of YAML holds."""
    return cast(dict[str, Any], yaml.safe_load(path.read_text(encoding="utf-8")))


def run(*command: str, cwd: Path = TOP) -> subprocess.CompletedProcess[str]:
    """Run a tool, of the environment or of PATH, in the top folder; skip the test where it is missing."""
    places = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    tool = shutil.which(command[0], path=places)
    if tool is None:
        pytest.skip(f"NOT TESTED: {command[0]} is not installed")
    return subprocess.run(  # noqa: S603 - no shell, and nothing in it from outside
        [tool, *command[1:]], cwd=cwd, capture_output=True, text=True, check=False, timeout=60
    )


def instructions() -> list[str]:
    """Return the Dockerfile's instructions, one a line."""
    text = (DEPLOY / "Dockerfile").read_text(encoding="utf-8")
    joined = re.sub(r"\\\n", " ", re.sub(r"^#.*\n", "", text, flags=re.MULTILINE))
    return [" ".join(line.split()) for line in joined.splitlines() if line]
