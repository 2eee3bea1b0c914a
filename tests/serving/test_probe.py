"""The health check of a container, as Docker runs it."""

import socket
import subprocess
import sys
from pathlib import Path

import pytest

from streams.serving.probe import is_live
from tests.certificates import make_pair
from tests.runtime.workers import FakeWorker, served


@pytest.mark.parametrize("live", [True, False])
def test_it_says_what_the_server_says(live: bool) -> None:
    worker = FakeWorker()
    worker.live = live
    with served(worker) as address:
        port = address.rpartition(":")[2]
        assert is_live({"RETENTION_WEB_PORT": port}) is live
        everywhere = {"RETENTION_WEB_HOST": "0.0.0.0", "RETENTION_WEB_PORT": "1"}  # noqa: S104 - asked on loopback
        assert is_live(everywhere, port) is live


def test_it_asks_over_tls_where_the_server_has_it(tmp_path: Path) -> None:
    pair = make_pair(tmp_path, names="DNS:worker-1")
    with served(FakeWorker(), web_certificate_file=pair.certificate, web_key_file=pair.key) as address:
        told = {"RETENTION_WEB_PORT": address.rpartition(":")[2]}
        assert is_live(told | {"RETENTION_WEB_CERTIFICATE_FILE": str(pair.certificate)})
        assert not is_live(told)


def test_where_nobody_listens_it_exits_with_1_and_says_nothing() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
    done = subprocess.run(  # noqa: S603 - ourselves
        [sys.executable, "-m", "streams.serving.probe", port], capture_output=True, check=False, timeout=30
    )
    assert (done.returncode, done.stdout, done.stderr) == (1, b"", b"")


def test_it_imports_nothing_that_takes_long() -> None:
    code = "import sys, streams.serving.probe; print(*{'aiohttp', 'pydantic', 'typer'} & sys.modules.keys())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)  # noqa: S603
    assert done.stdout.strip() == ""
