"""docker-compose.yml, without a Docker daemon: paths, commands, ports, variables, rights, order.

That it works is shown by tests/kafka/deploy, which starts what it says.
"""

import json
import re
from pathlib import Path
from typing import Any, Final

import pytest

from streams.crm_settings import load_crm_settings
from streams.lazy_commands import COMMANDS
from streams.runtime.local_kafka.docker import IMAGE
from streams.settings import Settings
from streams.settings_page import unknown_variables
from tests.deploy.compose import COMPOSE, Service, image_folders, paths_in, rendered, services, start_order
from tests.deploy.files import DEPLOY, TOP, parsed, run
from tests.lab.datasets import run as run_ours

WORKERS: Final = ("worker-1", "worker-2")
SERVERS: Final = (*WORKERS, "bridge", "crm-sandbox", "desk")
ONCE: Final = ("secrets", "topics", "publish")
OTHERS: Final = ("kafka", "prometheus", "grafana")
DONE, HEALTHY = "service_completed_successfully", "service_healthy"
ALL: Final = services()


def test_compose_has_what_the_readme_says() -> None:
    assert set(ALL) == {*SERVERS, *ONCE, *OTHERS}
    assert {name for name, one in ALL.items() if "profiles" in one.told} == {"publish"}
    assert {name for name, one in ALL.items() if one.is_ours} == {*SERVERS, *ONCE}
    readme = (DEPLOY / "README.md").read_text(encoding="utf-8")
    for name in ALL:
        assert f"`{name}`" in readme
    for one in ALL.values():
        for address, port, _ in one.ports:
            assert f"{address}:{port}" in readme


def test_nothing_has_to_be_made_or_set_before() -> None:
    """Each variable has a default, no file is needed that is not in the repository, or made by a service."""
    text = COMPOSE.read_text(encoding="utf-8")
    assert re.findall(r"\$\{\w+\}|\$\w", text) == []
    assert not {"secrets", "configs"} & rendered().keys()
    for one in ALL.values():
        for mount in one.mounts:
            if "/" in mount.source and one.name != "publish":
                assert (TOP / mount.source).exists(), mount
                assert mount.read_only, mount


def test_kafka_is_that_of_the_local_one() -> None:
    assert ALL["kafka"].told["image"] == IMAGE


def test_each_waits_for_what_it_needs() -> None:
    waits: dict[str, dict[str, str]] = {
        "kafka": {},
        "secrets": {},
        "topics": {"kafka": HEALTHY},
        "crm-sandbox": {"secrets": DONE},
        "publish": {"topics": DONE},
        "prometheus": {},
        "grafana": {"prometheus": HEALTHY},
    }
    for name, one in ALL.items():
        assert one.waits_for == waits.get(name, {"secrets": DONE, "topics": DONE}), name
    order = [one.name for one in start_order(ALL)]
    assert order.index("kafka") < order.index("topics") < order.index("worker-1")
    for one in ALL.values():
        for name, condition in one.waits_for.items():
            assert (condition == HEALTHY) is (ALL[name].health_check is not None)


@pytest.mark.parametrize("name", [*SERVERS, *OTHERS])
def test_what_runs_has_a_health_check_and_comes_back_after_a_restart_of_the_machine(name: str) -> None:
    assert ALL[name].health_check
    assert ALL[name].told["restart"] == "unless-stopped"


@pytest.mark.parametrize("name", ONCE)
def test_what_runs_once_does_not_come_back(name: str) -> None:
    assert ALL[name].health_check is None
    assert "restart" not in ALL[name].told


@pytest.mark.parametrize("name", SERVERS)
def test_what_serves_has_time_to_commit_and_does_not_run_in_circles(name: str) -> None:
    assert ALL[name].stop_seconds == 15
    assert ALL[name].environment["RETENTION_CONFIG_ERROR_SECONDS"] == "60"


@pytest.mark.parametrize("name", [*SERVERS, *ONCE])
def test_our_containers_can_do_little(name: str) -> None:
    one = ALL[name].told
    assert one["read_only"] is True
    assert one["tmpfs"] == ["/tmp"]  # noqa: S108 - that of the container
    assert one["init"] is True
    assert not {"privileged", "user", "cap_add", "entrypoint"} & one.keys()
    assert one["networks"] == (["inside", "outside"] if ALL[name].ports else ["inside"])


def test_no_container_has_rights_it_does_not_need() -> None:
    for one in ALL.values():
        assert one.told["cap_drop"] == ["ALL"]
        assert one.told["security_opt"] == ["no-new-privileges:true"]
        assert one.told.get("read_only") or one.name == "kafka"


def test_the_network_inside_has_no_way_out_and_ports_are_open_on_this_machine_only() -> None:
    assert rendered()["networks"]["inside"] == {"internal": True}
    ports = [port for one in ALL.values() for port in one.ports]
    assert {address for address, _, _ in ports} == {"127.0.0.1"}
    assert len({port for _, port, _ in ports}) == len(ports) == 5


@pytest.mark.parametrize("one", [ALL[name] for name in (*SERVERS, *ONCE)], ids=lambda one: one.name)
def test_our_commands_are_ours(one: Service) -> None:
    program, command, *_ = one.command
    assert program == "retention-signals"
    assert command in COMMANDS
    options = [word.partition("=")[0] for word in one.command[2:] if word.startswith("-")]
    helped = run_ours(command, "--help").out
    assert all(option in helped for option in options)


def test_all_settings_are_settings_and_text() -> None:
    text = COMPOSE.read_text(encoding="utf-8")
    assert unknown_variables(re.findall(r"\bRETENTION_[A-Z_]+", text)) == []
    for one in ALL.values():
        assert all(type(value) is str for value in one.environment.values()), one.name


@pytest.mark.parametrize("name", [*WORKERS, "bridge", "desk"])
def test_what_listens_off_loopback_there_may(
    name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    made = run_ours("secrets", tmp_path)
    assert made.code == 0
    for variable, value in ALL[name].environment.items():
        if not variable.startswith("RETENTION_CRM_"):
            monkeypatch.setenv(variable, value)
    monkeypatch.setenv("RETENTION_TOKEN_FILE", str(tmp_path / "token"))
    settings = Settings()
    assert settings.web_host == "0.0.0.0"  # noqa: S104 - of the container
    assert settings.plaintext_warning() is None
    for address in settings.worker_addresses:
        worker, _, port = address.partition(":")
        assert worker in WORKERS
        assert port == ALL[worker].environment["RETENTION_WEB_PORT"]


def test_every_path_is_in_a_volume_that_its_user_may_write_or_is_mounted() -> None:
    volumes = rendered()["volumes"].keys()
    folders = image_folders()
    for one in ALL.values():
        targets = [mount.target for mount in one.mounts]
        for path in paths_in(one):
            if one.is_ours:
                assert any(path == target or path.startswith(f"{target}/") for target in targets), path
        for mount in one.mounts:
            if "/" not in mount.source:
                assert mount.source in volumes
                assert not one.is_ours or mount.target in folders


def test_grafana_opens_on_the_dashboard() -> None:
    home = ALL["grafana"].environment["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
    (mount,) = (
        one for one in ALL["grafana"].mounts if home.startswith(f"{one.target}/") and "/" in one.source
    )
    assert (TOP / mount.source / home.removeprefix(f"{mount.target}/")).is_file()


def test_secrets_are_written_by_one_and_read_by_all() -> None:
    for one in ALL.values():
        mounts = [mount for mount in one.mounts if mount.source == "secrets"]
        told = {value for name, value in one.environment.items() if name.endswith("_FILE")}
        assert bool(mounts) is (bool(told) or one.name == "secrets")
        for mount in mounts:
            assert mount.read_only is (one.name != "secrets")
            assert told <= {f"{mount.target}/token", f"{mount.target}/webhook"}


def test_every_address_is_that_of_a_service_that_listens_there() -> None:
    listens = {(name, 8080) for name in SERVERS} | {("crm-sandbox", 8090), ("kafka", 19092)}
    listens -= {("crm-sandbox", 8080)}
    for one in ALL.values():
        if one.is_ours:
            text = " ".join([*one.environment.values(), *one.command])
            found = re.findall(r"\b([a-z][\w-]*):([0-9]+)\b", text)
            assert {(name, int(port)) for name, port in found} <= listens, one.name


def test_what_the_readme_adds_is_as_the_other_servers_and_prometheus_finds_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    readme = (DEPLOY / "README.md").read_text(encoding="utf-8")
    snippets = re.findall(r"^```yaml\n(  \w+:\n.*?)^```", readme, re.MULTILINE | re.DOTALL)
    every = services(added="".join(snippets))
    added = {name: one for name, one in every.items() if name not in ALL}
    assert run_ours("secrets", tmp_path).code == 0
    for name, one in added.items():
        assert one.command[:2] == ["retention-signals", name]
        assert one.health_check
        for key in (
            "image",
            "restart",
            "read_only",
            "cap_drop",
            "security_opt",
            "tmpfs",
            "init",
            "depends_on",
        ):
            assert one.told[key] == ALL["desk"].told[key], key
        assert unknown_variables(one.environment) == []
        assert all(
            any(path == it.target or path.startswith(f"{it.target}/") for it in one.mounts)
            for path in paths_in(one)
        )
        for variable, value in one.environment.items():
            monkeypatch.setenv(variable, value)
        for variable, file in (("TOKEN_FILE", "token"), ("CRM_SECRET_FILE", "webhook")):
            monkeypatch.setenv(f"RETENTION_{variable}", str(tmp_path / file))
        assert Settings().web_host == "0.0.0.0"  # noqa: S104 - of the container
    of_canary = load_crm_settings()
    assert of_canary.allow_http, "to the bridge, whose address is inside"
    assert of_canary.allow_private
    scraped = parsed(DEPLOY / "prometheus" / "prometheus.yml")["scrape_configs"]
    found = {
        (name, str(it["port"]))
        for one in scraped
        for it in one.get("dns_sd_configs", [])
        for name in it["names"]
    }
    assert found == {(name, one.environment["RETENTION_WEB_PORT"]) for name, one in added.items()}
    assert f"http://canary:{added['canary'].environment['RETENTION_WEB_PORT']}/canary" in readme


def test_docker_compose_takes_the_file() -> None:
    if run("docker", "compose", "version").returncode:
        pytest.skip("NOT TESTED: docker has no compose")
    done = run("docker", "compose", "--profile", "tools", "config", "--format", "json")
    assert (done.returncode, done.stderr) == (0, "")
    theirs: dict[str, Any] = json.loads(done.stdout)["services"]
    for name, one in ALL.items():
        assert theirs[name].get("environment", {}) == one.environment
        assert theirs[name].get("command") == one.told.get("command")
        for key in ("read_only", "cap_drop", "security_opt", "restart", "init"):
            assert theirs[name].get(key) == one.told.get(key), (name, key)
        waits = {other: it["condition"] for other, it in theirs[name].get("depends_on", {}).items()}
        assert waits == one.waits_for
        open_here = [
            (it["host_ip"], int(it["published"]), it["target"]) for it in theirs[name].get("ports", [])
        ]
        assert open_here == one.ports
        tested = theirs[name].get("healthcheck", {}).get("test")
        assert tested == one.told.get("healthcheck", {}).get("test"), name
