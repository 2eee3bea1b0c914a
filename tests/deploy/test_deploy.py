"""The image, Compose, and the rules of Prometheus: what can be said of them without a Docker daemon."""

import re
import tomllib
from pathlib import Path
from typing import Any, Final, cast

import pytest

from streams.runtime.local_kafka.docker import IMAGE
from streams.settings import Settings
from streams.settings_page import unknown_variables
from tests.deploy.files import DEPLOY, TOP, instructions, parsed, run

EXTENSION: Final = "streams/native/_native.abi3.so"
WORKERS: Final = ("worker-1", "worker-2")
OURS: Final = (*WORKERS, "topics", "publish")


@pytest.fixture(name="services")
def _services() -> dict[str, dict[str, Any]]:
    return cast(dict[str, dict[str, Any]], parsed(TOP / "docker-compose.yml")["services"])


# Compose


def test_compose_starts_what_the_readme_says(services: dict[str, dict[str, Any]]) -> None:
    assert set(services) == {"kafka", "prometheus", *OURS}
    assert services["publish"]["profiles"] == ["tools"]
    assert [name for name, one in services.items() if "profiles" in one] == ["publish"]


def test_kafka_is_that_of_the_local_one(services: dict[str, dict[str, Any]]) -> None:
    assert services["kafka"]["image"] == IMAGE


def test_each_waits_for_what_it_needs(services: dict[str, dict[str, Any]]) -> None:
    assert "healthcheck" in services["kafka"]
    assert services["topics"]["depends_on"] == {"kafka": {"condition": "service_healthy"}}
    for name in (*WORKERS, "publish"):
        waits = {"topics": {"condition": "service_completed_successfully"}}
        assert services[name]["depends_on"] == waits


@pytest.mark.parametrize("name", OURS)
def test_our_containers_can_do_little(services: dict[str, dict[str, Any]], name: str) -> None:
    one = services[name]
    assert one["read_only"] is True
    assert one["tmpfs"] == ["/tmp"]  # noqa: S108 - that of the container
    assert one["networks"] == ["inside"]
    assert not {"ports", "privileged", "user", "cap_add"} & one.keys()


def test_no_container_has_rights_it_does_not_need(services: dict[str, dict[str, Any]]) -> None:
    for one in services.values():
        assert one["cap_drop"] == ["ALL"]
        assert one["security_opt"] == ["no-new-privileges:true"]


def test_the_network_of_the_workers_has_no_way_out() -> None:
    assert parsed(TOP / "docker-compose.yml")["networks"]["inside"] == {"internal": True}


def test_ports_are_open_on_this_machine_only(services: dict[str, dict[str, Any]]) -> None:
    ports = [port for one in services.values() for port in one.get("ports", [])]
    assert len(ports) == 2
    assert all(port.startswith("127.0.0.1:") for port in ports)


def test_a_worker_has_time_to_commit_and_comes_back(services: dict[str, dict[str, Any]]) -> None:
    for name in WORKERS:
        assert services[name]["stop_grace_period"] == "15s"
        assert services[name]["restart"] == "on-failure"
        assert "healthcheck" not in services[name], "that of the image holds"


def test_all_settings_in_compose_are_settings(services: dict[str, dict[str, Any]]) -> None:
    text = (TOP / "docker-compose.yml").read_text(encoding="utf-8")
    assert unknown_variables(re.findall(r"\bRETENTION_[A-Z_]+", text)) == []
    assert all(type(value) is str for name in OURS for value in services[name]["environment"].values())


def test_the_settings_in_compose_are_taken(
    services: dict[str, dict[str, Any]], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    token = tmp_path / "token"
    token.write_text("secret\n")
    for name, value in services["worker-1"]["environment"].items():
        default = re.fullmatch(r"\${\w+:-(.*)}", value)
        monkeypatch.setenv(name, value if default is None else default[1])
    monkeypatch.setenv("RETENTION_TOKEN_FILE", str(token))
    settings = Settings()
    assert settings.web_token() == "secret"
    assert settings.worker_addresses == tuple(f"{name}:{settings.web_port}" for name in WORKERS)


def test_the_token_is_where_the_readme_makes_it_and_git_does_not_see_it() -> None:
    compose = parsed(TOP / "docker-compose.yml")
    assert compose["secrets"] == {"token": {"file": "deploy/secrets/token"}}
    assert "> deploy/secrets/token" in (DEPLOY / "README.md").read_text(encoding="utf-8")
    assert "/secrets/" in (DEPLOY / ".gitignore").read_text(encoding="utf-8").splitlines()
    mounted = compose["services"]["worker-1"]["environment"]["RETENTION_TOKEN_FILE"]
    assert mounted == "/run/secrets/token"


# The image


def test_the_image_runs_the_worker_without_rights() -> None:
    stage = instructions()
    stage = stage[max(at for at, line in enumerate(stage) if line.startswith("FROM ")) :]
    assert "USER 10001:10001" in stage
    assert "WORKDIR /tmp" in stage
    assert stage[-2:] == ['ENTRYPOINT ["retention-signals"]', 'CMD ["worker"]']
    assert any(line.startswith("HEALTHCHECK") and "'/live'" in line for line in stage)


def test_the_image_is_made_of_the_lock_and_its_hashes() -> None:
    installs = [line for line in instructions() if "pip download" in line or "pip install" in line]
    assert {"--require-hashes", "--no-deps"} <= set(installs[0].split())
    assert installs[0].endswith("-r requirements.lock")
    assert all("--no-index" in line for line in installs[1:])


def test_the_image_has_one_extra_and_all_that_is_needed() -> None:
    (installs,) = (line for line in instructions() if "pip --python" in line)
    made, install, check = installs.split(" && ")[-3:]
    place = made.removeprefix("python -m venv --without-pip ")
    assert install.startswith(f"pip --python {place}/bin/python install ")
    assert install.endswith(' "$(echo wheels/retention_signals-*.whl)[ingest]"')
    assert check == f"pip --python {place}/bin/python check"


def test_the_image_and_compose_say_the_version_of_the_project() -> None:
    version = tomllib.loads((TOP / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    assert any(f'image.version="{version}"' in line for line in instructions())
    assert parsed(TOP / "docker-compose.yml")["services"]["topics"]["image"] == f"retention-signals:{version}"


def test_what_the_image_copies_is_let_in_and_nothing_else() -> None:
    ignored = (TOP / ".dockerignore").read_text(encoding="utf-8").splitlines()
    copied = {
        name
        for line in instructions()
        if line.startswith("COPY ") and "--from" not in line
        for name in line.split()[1:-1]
    }
    assert ignored[1] == "*"
    let_in = {line[1:] for line in ignored if line.startswith("!")}
    assert let_in <= copied
    assert all(any(name == one or name.startswith(f"{one}/") for one in let_in) for name in copied)
    assert {"streams/native/target", "streams/native/*.so"} <= set(ignored), "nothing that was built here"


def test_the_image_has_the_hot_path_compiled_of_what_is_locked() -> None:
    stages = "\n".join(instructions()).split("FROM ")
    (native,) = (one for one in stages if one.startswith("rust:"))
    assert re.match(r"rust:[0-9]+\.[0-9]+\.[0-9]+-slim-bookworm AS native\n", native), "pinned"
    assert "cargo build --release --locked " in native
    built = "/build/streams/native/target/release/lib_native.so"
    assert f"COPY --from=native {built} {EXTENSION}" in instructions()
    bases = [line.split()[1] for line in instructions() if line.startswith("FROM ")]
    assert all(base.endswith("-slim-bookworm") for base in bases), "one C library for what is built and runs"


def test_settings_in_the_readme_are_settings() -> None:
    told = (DEPLOY / "README.md").read_text(encoding="utf-8")
    assert unknown_variables(re.findall(r"\bRETENTION_[A-Z_]+\b", told)) == []


# The tools themselves


def test_hadolint_has_nothing_to_say() -> None:
    done = run("hadolint", "--no-color", "deploy/Dockerfile")
    assert (done.returncode, done.stdout) == (0, "")


def test_docker_compose_takes_the_file() -> None:
    if run("docker", "compose", "version").returncode:
        pytest.skip("NOT TESTED: docker has no compose")
    done = run("docker", "compose", "--profile", "tools", "config", "--quiet")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
