"""The bill of materials: complete, valid CycloneDX, the same for the same locks."""

import json
from typing import Any

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from deploy.release.licences import crates
from deploy.release.lock import SHIPPED, part, project
from deploy.release.sbom import bill

pytestmark = pytest.mark.slow


@pytest.fixture(name="made", scope="module")
def _made() -> dict[str, Any]:
    return bill()


def test_it_is_valid(made: dict[str, Any]) -> None:
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(json.dumps(made)) is None


def test_it_is_of_this_version_and_of_all_that_is_shipped(made: dict[str, Any]) -> None:
    root = made["metadata"]["component"]
    assert (root["name"], root["version"]) == (project()["name"], project()["version"])
    listed = {one["purl"].partition("?")[0] for one in made["components"]}
    python = {f"pkg:pypi/{one.name}@{one.version}" for one in part(*SHIPPED)}
    rust = {f"pkg:cargo/{one['name']}@{one['version']}" for one in crates()}
    assert listed == python | rust
    assert len(rust) >= 20


def test_each_has_hashes_and_a_licence(made: dict[str, Any]) -> None:
    for one in made["components"]:
        hashes = [
            *one.get("hashes", []),
            *(each for reference in one.get("externalReferences", []) for each in reference["hashes"]),
        ]
        assert hashes, one["name"]
        assert [licence["expression"] for licence in one["licenses"]]


def test_it_knows_what_is_asked_for_directly(made: dict[str, Any]) -> None:
    names = {one["bom-ref"]: one["name"] for one in made["components"]}
    (root,) = (one for one in made["dependencies"] if one["ref"] == made["metadata"]["component"]["bom-ref"])
    direct = {names[one] for one in root["dependsOn"]}
    assert {"aiokafka", "faust-streaming", "polars", "jinja2"} <= direct
    assert "propcache" not in direct


def test_nothing_in_it_is_of_the_moment(made: dict[str, Any]) -> None:
    assert not {"serialNumber", "timestamp"} & (made.keys() | made["metadata"].keys())
