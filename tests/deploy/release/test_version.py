"""The version stands in pyproject.toml; wherever else it has to stand it is the same."""

import re
import shutil
import subprocess
import tomllib

from deploy.release.lock import TOP, project
from tests.core.partition.stored import STORED
from tests.runtime.tools.stored_export import EXPORTS

SECTIONS = ["Alerts", "State", "What to do"]


def text(path: str) -> str:
    return (TOP / path).read_text(encoding="utf-8")


def releases() -> dict[str, str]:
    """Return what the changelog says of each release, the newest first."""
    parts = re.split(r"^## (\S+)\n", text("docs/changelog.md"), flags=re.MULTILINE)[1:]
    return dict(zip(parts[::2], parts[1::2], strict=True))


def test_every_copy_of_the_version_is_that_of_the_project() -> None:
    """Of the image's label and of Compose it is held where they are tested."""
    version = project()["version"]
    assert f"newTag: {version}\n" in text("deploy/kubernetes/base/kustomization.yaml")
    assert tomllib.loads(text("streams/native/Cargo.toml"))["package"]["version"] == version
    assert set(re.findall(r"retention-signals:(\d[\w.]*)", text("deploy/README.md"))) <= {version}


def test_an_image_is_built_by_one_command_and_called_after_the_version() -> None:
    make = shutil.which("make") or "make"
    told = subprocess.run(  # noqa: S603 - no shell, and nothing in it from outside
        [make, "-n", "image"], cwd=TOP, capture_output=True, text=True, check=True
    ).stdout
    image = f"--tag retention-signals:{project()['version']} --file deploy/Dockerfile ."
    assert f"docker build --platform linux/amd64 {image}\n" in told


def test_the_changelog_begins_with_this_version() -> None:
    assert next(iter(releases())) == project()["version"]


def test_each_release_says_what_changes_alerts_and_state_and_what_to_do() -> None:
    for told in releases().values():
        headings = re.findall(r"^### (.*)$", told, re.MULTILINE)
        assert headings[:3] == SECTIONS
        for part in re.split(r"^### .*$", told, flags=re.MULTILINE)[1:]:
            assert part.strip()


def test_state_is_stored_of_released_forms_only() -> None:
    """A form that was never released has no name yet but that of the next release."""
    named = {name for name in STORED if re.match(r"\d", name)}
    assert named <= releases().keys()
    assert {path.stem for path in EXPORTS.iterdir()} <= releases().keys()
    assert named, "this release's among them"
