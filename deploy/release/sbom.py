"""The bill of materials of what users install, in CycloneDX: made of the locks, with hashes and licences.

`cyclonedx-py` makes it of the part of requirements.lock that is shipped. What it can't know is put in: the
licences that were looked at, and the crates that the hot path is compiled with.
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

from packaging.utils import canonicalize_name

from deploy.release.licences import OWN, Licences, crates, listed
from deploy.release.lock import SHIPPED, TOP, asked_for, part

EXTRAS: Final = ", ".join(SHIPPED)
_ROOT: Final = "root-component"
TOOL: Final = Path(sys.executable).parent / "cyclonedx-py"


def bill() -> dict[str, Any]:
    """Return it as a JSON document; the same for the same locks."""
    made = subprocess.run(  # noqa: S603 - no shell, and nothing in it from outside
        [
            str(TOOL),
            "requirements",
            "--pyproject",
            "pyproject.toml",
            "--output-reproducible",
            "--sv",
            "1.6",
            "-",
        ],
        input="".join(one.text for one in part(*SHIPPED)),
        cwd=TOP,
        capture_output=True,
        text=True,
        check=True,
    )
    document: dict[str, Any] = json.loads(made.stdout)
    known = listed()
    for component in document["components"]:
        component["licenses"] = _licences(component["name"], known.python)
        # The entry of the lock; its hashes stand beside where each file comes from.
        del component["description"]
    document["components"] += [_crate(one, known) for one in crates()]
    document["dependencies"] += [{"ref": _reference(one)} for one in crates()]
    direct = {canonicalize_name(one.name) for one in asked_for(*SHIPPED)}
    (root,) = (one for one in document["dependencies"] if one["ref"] == _ROOT)
    root["dependsOn"] = [one["bom-ref"] for one in document["components"] if one["name"] in direct]
    return document


def _crate(one: dict[str, Any], known: Licences) -> dict[str, Any]:
    return {
        "type": "library",
        "bom-ref": _reference(one),
        "name": one["name"],
        "version": one["version"],
        "description": f"compiled into {OWN}, or needed to compile it",
        "purl": f"pkg:cargo/{one['name']}@{one['version']}",
        "hashes": [{"alg": "SHA-256", "content": one["checksum"]}],
        "licenses": _licences(one["name"], known.rust),
    }


def _reference(one: dict[str, Any]) -> str:
    return f"crate-{one['name']}-{one['version']}"


def _licences(name: str, known: dict[str, str]) -> list[dict[str, Any]]:
    return [{"expression": known[name]}]


def main() -> int:
    """Write it to the file that is named."""
    target = Path(sys.argv[1])
    document = bill()
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    print(f"{target}: {len(document['components'])} components, with the extras {EXTRAS}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
