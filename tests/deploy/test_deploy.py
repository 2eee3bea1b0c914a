"""The image: what can be said of it without a Docker daemon."""

import re
import tomllib
from typing import Final

from streams.settings_page import unknown_variables
from tests.deploy.files import DEPLOY, TOP, instructions, parsed, run

EXTENSION: Final = "streams/native/_native.abi3.so"


# The image


def test_the_image_runs_the_worker_without_rights() -> None:
    stage = instructions()
    stage = stage[max(at for at, line in enumerate(stage) if line.startswith("FROM ")) :]
    assert "USER 10001:10001" in stage
    assert "WORKDIR /tmp" in stage
    assert stage[-2:] == ['ENTRYPOINT ["retention-signals"]', 'CMD ["worker"]']
    assert any(
        line.startswith("HEALTHCHECK") and line.endswith('CMD ["python", "-m", "streams.serving.probe"]')
        for line in stage
    )


def test_the_image_is_made_of_the_lock_and_its_hashes() -> None:
    installs = [line for line in instructions() if "pip download" in line or "pip install" in line]
    assert {"--require-hashes", "--no-deps"} <= set(installs[0].split())
    assert installs[0].endswith("-r requirements.lock")
    assert all("--no-index" in line for line in installs[1:])


def test_the_image_has_what_serves_and_all_that_is_needed() -> None:
    (installs,) = (line for line in instructions() if "pip --python" in line)
    made, install, check = installs.split(" && ")[-3:]
    place = made.removeprefix("python -m venv --without-pip ")
    assert install.startswith(f"pip --python {place}/bin/python install ")
    assert install.endswith(' "$(echo wheels/retention_signals-*.whl)[crm,ingest]"')
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
