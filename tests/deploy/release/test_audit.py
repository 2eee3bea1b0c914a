"""The audit, against a service on loopback: found, not found, and loud when nobody could be asked."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from typing_extensions import override

from deploy.release.audit import CLEAN, FOUND, NOT_ASKED, audit
from deploy.release.lock import pins

pytestmark = pytest.mark.slow

TWO = [one for one in pins() if one.name in {"six", "xxhash"}]


@contextmanager
def service(known: dict[str, list[dict[str, Any]]]) -> Iterator[list[str]]:
    """Give the options that ask a service, which knows these advisories by package."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            vulnerabilities = known.get(asked["package"]["name"], [])
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.end_headers()
            self.wfile.write(json.dumps({"vulns": vulnerabilities} if vulnerabilities else {}).encode())

        @override
        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}/v1/query"
        yield ["--vulnerability-service", "osv", "--osv-url", url, "--timeout", "5"]
        server.shutdown()


def advisory(package: str) -> dict[str, Any]:
    return {
        "id": "PYSEC-0000-1",
        "summary": "made up",
        "details": "made up",
        "modified": "2026-01-01T00:00:00Z",
        "affected": [
            {
                "package": {"name": package, "ecosystem": "PyPI"},
                "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "99.0"}]}],
            }
        ],
    }


def test_what_is_known_is_told_with_the_release_that_mends_it(capsys: pytest.CaptureFixture[str]) -> None:
    with service({"six": [advisory("six")]}) as options:
        assert audit(TWO, options) == FOUND
        assert "PYSEC-0000-1; mended in 99.0" in capsys.readouterr().err
        assert audit(TWO, [*options, "--ignore-vuln", "PYSEC-0000-1"]) == CLEAN
    assert capsys.readouterr().out == "2 packages audited: no known vulnerability\n"


def test_a_service_that_cannot_be_reached_is_no_clean_bill(capsys: pytest.CaptureFixture[str]) -> None:
    nobody = ["--vulnerability-service", "osv", "--osv-url", "http://127.0.0.1:9/v1/query"]
    assert audit(TWO, nobody) == NOT_ASKED
    told = capsys.readouterr()
    assert "NOT AUDITED. pip-audit could not ask" in told.err
    assert told.out == ""


def test_an_audit_of_nothing_is_none() -> None:
    assert audit([], []) == NOT_ASKED
