"""The manifests for Kubernetes, as kustomize renders them: each name, path, port and number in them holds.

There is no cluster here. What can be proved without one is.
"""

import asyncio
import os
import re
import shlex
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any, Final, cast
from unittest.mock import Mock

import kubernetes_validate
import pytest
import yaml
from aiohttp import ClientSession, web
from prometheus_client import CollectorRegistry

from schemas.topics import TRANSACTIONS
from streams.crm.dispositions.routes import PATH as DISPOSITIONS
from streams.crm_settings import load_crm_settings
from streams.desk.web.routes import Routes
from streams.desk_settings import load_desk_settings
from streams.lazy_commands import COMMANDS
from streams.runtime.http.server import Readiness, WebServer
from streams.runtime.telemetry.dashboard.grafana import OURS
from streams.settings import Settings, load_settings
from streams.settings_page import unknown_variables
from tests.deploy.files import DEPLOY, TOP, instructions
from tests.deploy.kubernetes.rendered import (
    FOLDERS,
    KUBERNETES,
    Manifest,
    Rendered,
    label,
    main,
    mounted,
    pod,
    pod_labels,
    rendered,
    selects,
)

OF_OTHERS: Final = {"ScaledObject", "TriggerAuthentication", "ServiceMonitor"}
"""Kinds of KEDA and of Prometheus' operator, which Kubernetes has no schema of."""
PARTS: Final = {"worker", "bridge", "desk"}
ALL_PODS: Final = {*PARTS, "operator"}
TOKEN: Final = "0123456789abcdef" * 4
SIZES: Final = {"Ki": 2**10, "Mi": 2**20, "Gi": 2**30}


@pytest.fixture(name="made", params=FOLDERS)
def _made(request: pytest.FixtureRequest) -> Rendered:
    return rendered(request.param)


@pytest.fixture(name="example")
def _example() -> Rendered:
    return rendered("overlays/example")


def number(quantity: str) -> float:
    """Return a quantity of Kubernetes: cores, or bytes."""
    if quantity[-2:] in SIZES:
        return float(quantity[:-2]) * SIZES[quantity[-2:]]
    return float(quantity[:-1]) / 1000 if quantity.endswith("m") else float(quantity)


# Kubernetes takes it


@pytest.mark.parametrize("version", ["1.30", "1.37"])
def test_kubernetes_takes_all_that_is_its_own(made: Rendered, version: str) -> None:
    own = [one for one in made.manifests if one["kind"] not in OF_OTHERS]
    assert len(own) >= 15
    for one in own:
        kubernetes_validate.validate(one, version, strict=True)


def test_names_are_there_once_and_in_one_namespace(made: Rendered, example: Rendered) -> None:
    names = [(one["kind"], one["metadata"]["name"]) for one in made.manifests]
    assert len(set(names)) == len(names)
    spaces = {one["metadata"].get("namespace") for one in example.manifests if one["kind"] != "Namespace"}
    assert spaces == {example.of("Namespace")[0]["metadata"]["name"]}


def test_pods_keep_to_the_strictest_standard(example: Rendered) -> None:
    assert (
        example.of("Namespace")[0]["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"
    )


# What runs


def test_what_runs_are_our_commands_and_the_image_has_what_they_need(made: Rendered) -> None:
    assert made.workloads().keys() == PARTS
    (extras,) = re.findall(r"retention_signals-\*\.whl\)\[([a-z,]+)\]", "\n".join(instructions()))
    for part, one in made.workloads().items():
        assert main(one)["args"] == [part]
        assert "command" not in main(one), "the image's entry point"
        needs = COMMANDS[part][2] if part in COMMANDS else None
        assert needs is None or needs in extras.split(",")


def test_all_run_one_image_of_this_version(made: Rendered) -> None:
    version = tomllib.loads((TOP / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    (image,) = {main(one)["image"] for one in made.pods().values()}
    assert image.rpartition("/")[2] == f"retention-signals:{version}"


def test_our_pods_can_do_little(made: Rendered) -> None:
    for one in made.pods().values():
        spec, container = pod(one), main(one)
        assert spec["automountServiceAccountToken"] is False
        assert spec["securityContext"]["runAsNonRoot"] is True
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        user = spec["securityContext"]["runAsUser"], spec["securityContext"]["runAsGroup"]
        assert f"USER {user[0]}:{user[1]}" in instructions()
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert not {"hostNetwork", "hostPID", "hostIPC", "initContainers"} & spec.keys()
        assert all(
            "secret" not in volume or volume["secret"]["defaultMode"] == 0o440 for _, volume in mounted(one)
        )
        writable = {str(place) for place, volume in mounted(one) if "secret" not in volume}
        assert writable == {"/tmp", *(["/var/lib/retention"] if label(one, "component") == "bridge" else [])}  # noqa: S108


def test_no_service_makes_a_variable_that_looks_like_a_setting(made: Rendered) -> None:
    services = [one["metadata"]["name"].replace("-", "_").upper() for one in made.of("Service")]
    assert unknown_variables(f"{name}_PORT" for name in services), "as Kubernetes would"
    assert all(pod(one)["enableServiceLinks"] is False for one in made.pods().values())


def test_an_operators_pod_waits_for_commands_and_goes_by_itself(made: Rendered) -> None:
    """It holds rights that nothing else has; and a file of `state export` on its way needs room."""
    template, spec = made.one("CronJob", "retention-operator")["spec"], made.operator()["spec"]
    assert template["suspend"] is True, "nothing starts by itself"
    program, seconds = main(made.operator())["command"]
    assert program == "sleep"
    assert 3600 <= int(seconds) <= 4 * 3600
    assert (spec["backoffLimit"], pod(made.operator())["restartPolicy"]) == (0, "Never")
    assert spec["ttlSecondsAfterFinished"] == 60
    worker = made.workloads()["worker"]
    theirs, its = (dict(pod(one)["securityContext"]) for one in (worker, made.operator()))
    assert theirs == its


def test_the_readme_makes_the_operators_pod_of_what_there_is(made: Rendered) -> None:
    readme = (KUBERNETES / "README.md").read_text(encoding="utf-8")
    (job, template) = re.findall(r"^kubectl create job (\w+) --from=cronjob/([\w-]+)$", readme, re.MULTILINE)[
        0
    ]
    assert made.one("CronJob", template)
    others = re.findall(r"^kubectl (?:exec(?: -i)?|wait|delete) job[/ ](\w+)", readme, re.MULTILINE)
    assert set(others) == {job}
    assert len(others) >= 5
    for kind, name in re.findall(r"\b(statefulset|deploy)/(retention-\w+)", readme):
        assert made.one({"statefulset": "StatefulSet", "deploy": "Deployment"}[kind], name)
    (variable,) = re.findall(r"^kubectl set env \S+ (\w+)=\d+@\d+$", readme, re.MULTILINE)
    assert unknown_variables([variable]) == []


def test_requests_are_within_limits(made: Rendered) -> None:
    for one in made.pods().values():
        resources = main(one)["resources"]
        for name in ("cpu", "memory"):
            assert 0 < number(resources["requests"][name]) <= number(resources["limits"][name])


def test_a_worker_has_the_memory_that_the_sizing_rule_says(made: Rendered) -> None:
    page = (TOP / "docs/performance.md").read_text(encoding="utf-8")
    rule = {
        name: float(value.replace(",", ""))
        for name, value in re.findall(r"\| ([A-Z]) \|.*\| ([\d,]+) \|", page)
    }
    worker = made.workloads()["worker"]
    told = worker["metadata"]["annotations"]
    customers, purchases = (
        float(told[f"retention-signals/{name}"]) for name in ("customers", "purchases-per-second")
    )
    needed = rule["M"] * 1e6 + customers * rule["B"] + purchases * 691_200 * rule["I"]
    memory = main(worker)["resources"]
    assert needed <= number(memory["requests"]["memory"]) <= 2 * needed
    assert number(memory["limits"]["memory"]) >= 1.4 * needed, "to spare, while it restores"


# Settings and secrets


def test_all_variables_are_settings(made: Rendered) -> None:
    for one in made.pods().values():
        assert unknown_variables(made.environment(one)) == []
        assert all(type(value) is str for value in made.environment(one).values())


@pytest.mark.parametrize("part", sorted(ALL_PODS))
def test_the_settings_are_taken(
    made: Rendered, part: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """With the mounted files where a container would have them."""
    one = made.pods()[part]
    for name, value in made.environment(one).items():
        if value.startswith("/"):
            path = tmp_path / value[1:]
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(TOKEN)
        monkeypatch.setenv(name, str(tmp_path / value[1:]) if value.startswith("/") else value)
    settings = load_settings()
    assert settings.web_token() == TOKEN
    assert settings.kafka_security_protocol == "SASL_SSL"
    assert settings.partitions == len(settings.worker_addresses)
    if part == "bridge":
        assert str(load_crm_settings().url).startswith("https://")
    if part == "desk":
        assert load_desk_settings().undo_seconds < pod(one)["terminationGracePeriodSeconds"]


def made_by_the_readme() -> dict[str, set[str]]:
    """Return the secrets that the README makes, each with its keys."""
    found: dict[str, set[str]] = {}
    for line in (KUBERNETES / "README.md").read_text(encoding="utf-8").splitlines():
        if line.startswith("kubectl create secret "):
            kind, name, *options = shlex.split(line)[3:]
            given = (one.partition("=")[2].partition("=")[0] for one in options if one.startswith("--from-"))
            found[name] = {"tls.crt", "tls.key"} if kind == "tls" else set(given)
    return found


def asked_for(made: Rendered) -> Iterator[tuple[str, str]]:
    """Yield each secret and key that something refers to."""
    for one in made.pods().values():
        for variable in main(one)["env"]:
            yield variable["valueFrom"]["secretKeyRef"]["name"], variable["valueFrom"]["secretKeyRef"]["key"]
        paths = [PurePosixPath(value) for value in made.environment(one).values() if value.startswith("/")]
        for place, volume in mounted(one):
            inside = [path.name for path in paths if path.parent == place]
            assert ("tmp" in place.parts) == (not inside), f"each file is read by a setting: {place}"
            for name in inside:
                if "secret" in volume:
                    yield volume["secret"]["secretName"], name
        assert all(any(path.parent == place for place, _ in mounted(one)) for path in paths)
    for one in made.of("Ingress"):
        for tls in one["spec"]["tls"]:
            yield tls["secretName"], "tls.crt"
            yield tls["secretName"], "tls.key"
    for one in made.of("TriggerAuthentication"):
        for reference in one["spec"]["secretTargetRef"]:
            yield reference["name"], reference["key"]


def test_every_secret_is_one_that_the_readme_makes(made: Rendered, example: Rendered) -> None:
    made_there = made_by_the_readme()
    for name, key in asked_for(made):
        assert key in made_there[name]
    used: dict[str, set[str]] = {}
    for name, key in asked_for(example):
        used.setdefault(name, set()).add(key)
    assert used == made_there, "and it makes no other"


def test_no_secret_is_in_the_manifests(made: Rendered) -> None:
    assert made.of("Secret") == []


# Health


class _Nothing:
    def __init__(self) -> None:
        self.registry = CollectorRegistry()


class _Ready:
    def is_live(self) -> bool:
        return True

    def readiness(self) -> Readiness:
        return Readiness(ready=True, partitions=())


def test_probes_ask_what_is_served_without_a_secret(made: Rendered) -> None:
    (probes,) = {
        tuple(
            main(one)[name]["httpGet"]["path"] for name in ("startupProbe", "livenessProbe", "readinessProbe")
        )
        for one in made.workloads().values()
    }
    assert probes == ("/live", "/live", "/ready")
    scraped = [endpoint["path"] for one in made.of("ServiceMonitor") for endpoint in one["spec"]["endpoints"]]

    async def ask() -> list[int]:
        settings = Settings(web_host="127.0.0.1", web_port=0, token=TOKEN)
        server = WebServer(settings, _Nothing(), _Ready())
        port = await server.start()
        try:
            async with ClientSession(f"http://127.0.0.1:{port}") as session:
                return [(await session.get(path)).status for path in (*probes, *scraped)]
        finally:
            await server.stop()

    assert set(asyncio.run(ask())) == {200}


def test_a_probe_allows_for_what_is_usual(made: Rendered) -> None:
    for one in made.workloads().values():
        start = main(one)["startupProbe"]
        assert start["periodSeconds"] * start["failureThreshold"] >= 120
        assert pod(one)["terminationGracePeriodSeconds"] >= 15


def test_ports_are_those_that_are_listened_on(made: Rendered) -> None:
    for part, one in made.workloads().items():
        port = int(made.environment(one)["RETENTION_WEB_PORT"])
        assert main(one)["ports"] == [{"name": "http", "containerPort": port}]
        service = made.one("Service", f"retention-{part}")
        assert service["spec"]["ports"] == [{"name": "http", "port": port, "targetPort": "http"}]
    ours = {one["metadata"]["name"] for one in made.of("Service")}
    for one in made.of("Ingress"):
        for path in (path for rule in one["spec"]["rules"] for path in rule["http"]["paths"]):
            assert path["backend"]["service"]["name"] in ours
            assert path["backend"]["service"]["port"] == {"name": "http"}
            assert path["pathType"] == "Exact"


def test_the_proxy_lets_in_what_people_and_a_crm_need_and_no_metrics(example: Rendered) -> None:
    let_in = {
        one["metadata"]["name"]: {at["path"] for rule in one["spec"]["rules"] for at in rule["http"]["paths"]}
        for one in example.of("Ingress")
    }
    served = web.Application().router.add_routes(Routes(Mock(), Mock()).all())
    of_desk = {one.get_info()["path"] for one in served}
    assert let_in == {"retention-bridge": {DISPOSITIONS}, "retention-desk": of_desk}


# Who belongs to whom


def test_selectors_take_the_pods_that_they_are_for_and_no_others(made: Rendered) -> None:
    pods = {part: pod_labels(one) for part, one in made.pods().items()}
    assert all(one["app.kubernetes.io/component"] == part for part, one in pods.items())
    selectors = [
        (one, one["spec"]["selector"]) for one in made.of("StatefulSet", "Deployment", "PodDisruptionBudget")
    ]
    selectors += [(one, {"matchLabels": one["spec"]["selector"]}) for one in made.of("Service")]
    for one, selector in selectors:
        assert [part for part, labels in pods.items() if selects(selector, labels)] == [
            label(one, "component")
        ]
    for spread in pod(made.workloads()["worker"])["topologySpreadConstraints"]:
        assert selects(spread["labelSelector"], pods["worker"])
    assert {label(one, "component") for one in made.of("Service")} == PARTS
    assert [label(one, "component") for one in made.of("PodDisruptionBudget")] == ["worker"]
    for one in made.of("ServiceMonitor"):
        assert all(
            selects(one["spec"]["selector"], service["metadata"]["labels"]) for service in made.of("Service")
        )


def test_every_worker_that_may_be_has_an_address(made: Rendered) -> None:
    worker = made.workloads()["worker"]
    environment = made.environment(worker)
    name, service = worker["metadata"]["name"], worker["spec"]["serviceName"]
    headless = made.one("Service", service)
    assert headless["spec"]["clusterIP"] == "None"
    port = environment["RETENTION_WEB_PORT"]
    most = int(environment["RETENTION_PARTITIONS"])
    told = environment["RETENTION_WORKER_ADDRESSES"].split(",")
    assert told == [f"{name}-{at}.{service}:{port}" for at in range(most)]


def test_the_bridge_is_one_and_keeps_its_ledger(made: Rendered) -> None:
    bridge = made.workloads()["bridge"]
    assert (bridge["kind"], bridge["spec"]["replicas"]) == ("StatefulSet", 1)
    ledger = PurePosixPath(made.environment(bridge)["RETENTION_CRM_LEDGER"])
    (volume,) = (volume for place, volume in mounted(bridge) if place == ledger.parent)
    assert volume["claim"]["accessModes"] == ["ReadWriteOncePod"]


# Scaling


def test_workers_are_never_more_than_partitions(example: Rendered) -> None:
    scaled = example.one("ScaledObject", "retention-worker")["spec"]
    worker = example.workloads()["worker"]
    settings = Settings()
    environment = example.environment(worker)
    target = scaled["scaleTargetRef"]
    assert (target["kind"], target["name"]) == (worker["kind"], worker["metadata"]["name"])
    assert "replicas" not in worker["spec"], "else an apply would set it back"
    assert scaled["maxReplicaCount"] == int(environment["RETENTION_PARTITIONS"])
    assert 2 <= scaled["minReplicaCount"] <= scaled["maxReplicaCount"]
    (trigger,) = scaled["triggers"]
    asked = trigger["metadata"]
    assert asked["bootstrapServers"] == environment["RETENTION_BOOTSTRAP_SERVERS"]
    assert asked["consumerGroup"] == settings.application_id
    assert asked["topic"] == settings.topic_prefix + TRANSACTIONS.name
    assert asked["sasl"] == environment["RETENTION_KAFKA_SASL_MECHANISM"].replace("-SHA-", "_sha").lower()
    login = example.one("TriggerAuthentication", trigger["authenticationRef"]["name"])
    assert {one["parameter"] for one in login["spec"]["secretTargetRef"]} == {"username", "password", "ca"}
    paused = re.findall(
        r"^kubectl annotate scaledobject (\S+)",
        (KUBERNETES / "README.md").read_text(encoding="utf-8"),
        re.MULTILINE,
    )
    assert set(paused) == {"retention-worker"}, "else KEDA brings back what is stopped for a restore"


# The network


def edges(made: Rendered, way: str) -> Iterator[tuple[set[str], Manifest, list[Any]]]:
    """Yield for each rule of all policies, `ingress` or `egress`, whose it is, the peer, and the ports."""
    pods = {part: pod_labels(one) for part, one in made.pods().items()}
    for policy in made.of("NetworkPolicy"):
        spec = policy["spec"]
        owners = {part for part, labels in pods.items() if selects(spec["podSelector"], labels)}
        assert owners, policy["metadata"]["name"]
        for rule in spec.get(way, []):
            for peer in rule["from" if way == "ingress" else "to"]:
                yield owners, peer, rule["ports"]


def test_nothing_goes_in_or_out_that_has_no_policy(made: Rendered) -> None:
    spec = made.one("NetworkPolicy", "retention-nothing-else")["spec"]
    assert spec.keys() == {"podSelector", "policyTypes"}
    assert spec["policyTypes"] == ["Ingress", "Egress"]
    assert all(selects(spec["podSelector"], pod_labels(one)) for one in made.pods().values())
    for policy in made.of("NetworkPolicy"):
        assert "app.kubernetes.io/name" in policy["spec"]["podSelector"]["matchLabels"], "nobody else's pods"


def test_what_goes_out_between_ours_is_let_in(made: Rendered) -> None:
    pods = {part: pod_labels(one) for part, one in made.pods().items()}

    def between(way: str) -> set[tuple[str, str]]:
        return {
            (owner, part) if way == "egress" else (part, owner)
            for owners, peer, _ in edges(made, way)
            if peer.keys() == {"podSelector"}
            for owner in owners
            for part, labels in pods.items()
            if selects(peer["podSelector"], labels)
        }

    assert between("egress") == between("ingress") == {("bridge", "worker"), ("desk", "worker")}


def test_what_the_readme_runs_in_a_pod_may_reach_what_it_asks(made: Rendered) -> None:
    readme = (KUBERNETES / "README.md").read_text(encoding="utf-8")
    found = re.findall(
        r"^kubectl exec (?:deploy/)?retention-(\w+)(?:-0)? -- retention-signals (\w+)", readme, re.MULTILINE
    )
    assert dict(found) == {"desk": "lookup", "bridge": "bridge"}, "the operator's pod asks Kafka alone"
    asking = {
        owner
        for owners, peer, _ in edges(made, "egress")
        if peer.keys() == {"podSelector"}
        for owner in owners
    }
    assert {part for part, command in found if command == "lookup"} <= asking


def test_each_edge_is_named(made: Rendered) -> None:
    """Who reaches whom outside, and on what port."""
    port = "http"
    found = set()
    for way in ("egress", "ingress"):
        for owners, peer, ports in edges(made, way):
            if peer.keys() == {"podSelector"}:
                continue
            whom = peer.get("namespaceSelector", {}).get("matchLabels", {}).get("kubernetes.io/metadata.name")
            if whom is None:
                whom = peer["ipBlock"]["cidr"]
            assert "app.kubernetes.io/component" not in str(peer), "theirs are not called as ours"
            assert (
                peer.get("podSelector", {}).get("matchLabels", {}).get("app.kubernetes.io/name")
                != "retention-signals"
            )
            found |= {(way, owner, whom, str(one["port"])) for owner in owners for one in ports}
    assert found == {
        *(("egress", part, "kube-system", "53") for part in ALL_PODS),
        *(("egress", part, "kafka", "9093") for part in ALL_PODS),
        *(("egress", "bridge", whom, "443") for whom in ("0.0.0.0/0", "2000::/3")),
        *(("ingress", part, "monitoring", port) for part in ALL_PODS),
        *(("ingress", part, "ingress-nginx", port) for part in ("bridge", "desk")),
    }


def test_brokers_are_asked_on_the_port_that_is_open(made: Rendered) -> None:
    for one in made.workloads().values():
        brokers = made.environment(one)["RETENTION_BOOTSTRAP_SERVERS"].split(",")
        assert {broker.rpartition(":")[2] for broker in brokers} == {"9093"}


def test_the_way_out_leads_to_no_private_address(made: Rendered) -> None:
    policy = cast(dict[str, Any], made.one("NetworkPolicy", "retention-bridge-to-crm")["spec"])
    (rule,) = policy["egress"]
    assert "10.0.0.0/8" in rule["to"][0]["ipBlock"]["except"]
    assert "169.254.0.0/16" in rule["to"][0]["ipBlock"]["except"], "the cloud's own"


# Alert rules


def test_the_operator_calls_jobs_as_the_rules_want_them(example: Rendered) -> None:
    """Without `jobLabel` a job is called after its Service."""
    assert all("jobLabel" not in one["spec"] for one in example.of("ServiceMonitor"))
    assert all(re.fullmatch(OURS, one["metadata"]["name"]) for one in example.of("Service"))


def test_the_rules_of_prometheus_are_applied_as_they_are(tmp_path: Path) -> None:
    """By the loop of the README, with a kubectl that shows what it is given."""
    readme = (KUBERNETES / "README.md").read_text(encoding="utf-8")
    (loop,) = re.findall(r"^for file .*?^done$", readme, re.MULTILINE | re.DOTALL)
    kubectl = tmp_path / "kubectl"
    kubectl.write_text("#!/bin/sh\necho ---\nexec cat\n")
    kubectl.chmod(0o755)
    shown = subprocess.run(  # noqa: S603 - no shell but that of the README
        ["/bin/sh", "-euc", loop],
        cwd=KUBERNETES,
        env={"PATH": f"{tmp_path}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=True,
    )
    given = {one["metadata"]["name"]: one for one in yaml.safe_load_all(shown.stdout)}
    files = {f"retention-{path.stem}": path for path in (DEPLOY / "prometheus/rules").glob("*.yml")}
    assert given.keys() == files.keys() != set()
    for name, one in given.items():
        assert (one["apiVersion"], one["kind"]) == ("monitoring.coreos.com/v1", "PrometheusRule")
        assert one["spec"] == yaml.safe_load(files[name].read_text(encoding="utf-8"))
