"""What kustomize makes of a folder of deploy/kubernetes, and how to look things up in it."""

import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import PurePosixPath
from typing import Any, Final, cast

import pytest
import yaml

from tests.deploy.files import DEPLOY

KUBERNETES: Final = DEPLOY / "kubernetes"
WORKLOADS: Final = ("StatefulSet", "Deployment")
FOLDERS: Final = ("base", "overlays/example")

Manifest = dict[str, Any]
Labels = Mapping[str, str]


class Rendered:
    """The manifests of a folder."""

    def __init__(self, manifests: list[Manifest]) -> None:
        self.manifests = manifests

    def of(self, *kinds: str) -> list[Manifest]:
        """Return those of these kinds."""
        return [one for one in self.manifests if one["kind"] in kinds]

    def one(self, kind: str, name: str) -> Manifest:
        """Return the one of this kind and name; the hash at the end of a name is left out."""
        (found,) = (
            one for one in self.of(kind) if one["metadata"]["name"] in {name, self._hashed(kind, name)}
        )
        return found

    def workloads(self) -> dict[str, Manifest]:
        """Return what runs pods, by component."""
        return {label(one, "component"): one for one in self.of(*WORKLOADS)}

    def operator(self) -> Manifest:
        """Return the job in which an operator's commands run, as one is made of its template."""
        return cast(Manifest, self.one("CronJob", "retention-operator")["spec"]["jobTemplate"])

    def pods(self) -> dict[str, Manifest]:
        """Return all that pods are made of, by component."""
        return {**self.workloads(), "operator": self.operator()}

    def environment(self, workload: Manifest) -> dict[str, str]:
        """Return the variables of its container; one from a secret is called after its key."""
        container = main(workload)
        found: dict[str, str] = {}
        for source in container["envFrom"]:
            (settings,) = (
                one
                for one in self.of("ConfigMap")
                if one["metadata"]["name"] == source["configMapRef"]["name"]
            )
            found |= settings["data"]
        return found | {one["name"]: one["valueFrom"]["secretKeyRef"]["key"] for one in container["env"]}

    def _hashed(self, kind: str, name: str) -> str | None:
        found = [
            one["metadata"]["name"]
            for one in self.of(kind)
            if one["metadata"]["name"].rpartition("-")[0] == name
            and len(one["metadata"]["name"]) == len(name) + 11
        ]
        return found[0] if found else None


@cache
def rendered(folder: str) -> Rendered:
    """Return what kustomize makes of a folder; skips the test where neither it nor kubectl is."""
    if tool := shutil.which("kustomize"):
        command = [tool, "build"]
    elif tool := shutil.which("kubectl"):
        command = [tool, "kustomize"]
    else:
        pytest.skip("NOT TESTED: neither kustomize nor kubectl is installed")
    done = subprocess.run(  # noqa: S603 - no shell, and nothing in it from outside
        [*command, str(KUBERNETES / folder)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env={"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/")},
    )
    assert (done.returncode, done.stderr) == (0, "")
    return Rendered(cast(list[Manifest], list(yaml.safe_load_all(done.stdout))))


def label(manifest: Manifest, name: str) -> str:
    """Return one of Kubernetes' recommended labels."""
    return cast(str, manifest["metadata"]["labels"][f"app.kubernetes.io/{name}"])


def pod(workload: Manifest) -> dict[str, Any]:
    """Return what its pods are to be."""
    return cast(dict[str, Any], workload["spec"]["template"]["spec"])


def pod_labels(workload: Manifest) -> Labels:
    """Return the labels of its pods."""
    return cast(Labels, workload["spec"]["template"]["metadata"]["labels"])


def main(workload: Manifest) -> dict[str, Any]:
    """Return its only container."""
    (container,) = pod(workload)["containers"]
    return cast(dict[str, Any], container)


def selects(selector: Mapping[str, Any], labels: Labels) -> bool:
    """Return whether a selector of Kubernetes, with `matchLabels` and `In`, takes a pod with these labels."""
    assert selector.keys() <= {"matchLabels", "matchExpressions"}
    wanted = selector.get("matchLabels", {})
    for one in selector.get("matchExpressions", []):
        assert one["operator"] == "In"
        if labels.get(one["key"]) not in one["values"]:
            return False
    return all(labels.get(name) == value for name, value in wanted.items())


def mounted(workload: Manifest) -> Iterator[tuple[PurePosixPath, dict[str, Any]]]:
    """Yield where each volume is, and what it is."""
    volumes = {one["name"]: one for one in pod(workload)["volumes"]}
    volumes |= {
        one["metadata"]["name"]: {"claim": one["spec"]}
        for one in workload["spec"].get("volumeClaimTemplates", [])
    }
    places = main(workload)["volumeMounts"]
    assert {one["name"] for one in places} == volumes.keys(), "none is missing, none is idle"
    for one in places:
        yield PurePosixPath(one["mountPath"]), volumes[one["name"]]
