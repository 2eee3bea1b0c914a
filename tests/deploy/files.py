"""Where the files of deployment are, and the instructions of the Dockerfile."""

import re
from pathlib import Path
from typing import Final

TOP: Final = Path(__file__).parents[2]
DEPLOY: Final = TOP / "deploy"


def instructions() -> list[str]:
    """Return the Dockerfile's instructions, one a line."""
    text = (DEPLOY / "Dockerfile").read_text(encoding="utf-8")
    joined = re.sub(r"\\\n", " ", re.sub(r"^#.*\n", "", text, flags=re.MULTILINE))
    return [" ".join(line.split()) for line in joined.splitlines() if line]
