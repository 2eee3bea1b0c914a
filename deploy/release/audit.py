"""Whether something that users install is known to be vulnerable: pip-audit over what is shipped of the lock.

An audit that asked nobody must not look like one that found nothing: where the service can't be reached, or
does not know a package, it says so loudly and ends with 69. Found: 65. All asked and nothing found: 0.
Options are pip-audit's, as `--ignore-vuln ID` or `--vulnerability-service osv`.
"""

import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from deploy.release.lock import SHIPPED, Pin, part

CLEAN: Final = 0
FOUND: Final = 65
NOT_ASKED: Final = 69
TOOL: Final = Path(sys.executable).parent / "pip-audit"
_BANNER: Final = "*" * 78


def audit(of: Sequence[Pin], options: Sequence[str]) -> int:
    """Ask, print what was found, and return the exit code."""
    if not of:
        return _not_asked("there is nothing to ask for")
    with tempfile.TemporaryDirectory() as folder:
        lock = Path(folder) / "requirements.txt"
        lock.write_text("".join(one.text for one in of), encoding="utf-8")
        asked = subprocess.run(  # noqa: S603 - no shell; the options are those of who runs it
            [
                *(str(TOOL), "--requirement", str(lock), "--disable-pip", "--require-hashes"),
                *("--format", "json", "--progress-spinner", "off", *options),
            ],
            capture_output=True,
            text=True,
            check=False,
        )
    try:
        answers: list[dict[str, Any]] = json.loads(asked.stdout)["dependencies"]
    except (ValueError, KeyError):
        said = asked.stderr.strip().splitlines() or ["it said nothing"]
        return _not_asked(f"pip-audit could not ask: {said[-1][:300]}")
    found = [(one, each) for one in answers for each in one.get("vulns", [])]
    for one, each in found:
        mended = ", ".join(each["fix_versions"]) or "no release"
        print(f"{one['name']} {one['version']}: {each['id']}; mended in {mended}", file=sys.stderr)
    if found:
        return FOUND
    left = [f"{one['name']}: {one['skip_reason']}" for one in answers if "skip_reason" in one]
    if left or not answers:
        return _not_asked(f"{len(left)} of {len(answers)} packages were not audited, as {left[:1]}")
    print(f"{len(answers)} packages audited: no known vulnerability")
    return CLEAN


def _not_asked(why: str) -> int:
    again = "Run it where the service can be reached, before you release."
    print(_BANNER, f"NOT AUDITED. {why}", again, _BANNER, sep="\n", file=sys.stderr)
    return NOT_ASKED


if __name__ == "__main__":
    raise SystemExit(audit(part(*SHIPPED), sys.argv[1:]))
