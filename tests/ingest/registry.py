"""A schema registry in this process, with the public REST face: schemas by id, and by subject and version."""

import json
import re
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit

from typing_extensions import override


@dataclass
class FakeRegistry:
    """Its schemas; while it is `away` each request is answered 503."""

    schemas: dict[int, dict[str, Any]] = field(default_factory=dict)
    subjects: dict[tuple[str, int], int] = field(default_factory=dict)
    away: bool = False
    requests: int = 0
    login: str | None = None
    """`user:password`, if it asks for one."""
    port: int = 0

    @property
    def url(self) -> str:
        """Return where it is."""
        return f"http://127.0.0.1:{self.port}"

    def add(
        self,
        text: str,
        kind: str = "AVRO",
        *,
        references: list[dict[str, Any]] | None = None,
        subject: str = "s",
        version: int | None = None,
        serialized: str | None = None,
    ) -> int:
        """Add a schema, and return its id; `serialized` is its other form, of Protobuf."""
        number = len(self.schemas) + 1
        schema: dict[str, Any] = {"schema": text, "references": references or [], "serialized": serialized}
        if kind != "AVRO":
            schema["schemaType"] = kind
        self.schemas[number] = schema
        self.subjects[subject, version or number] = number
        return number

    def answer(self, path: str, login: str | None) -> tuple[int, dict[str, Any]]:
        """Return status and body."""
        self.requests += 1
        if self.away:
            return 503, {"error_code": 50301, "message": "away"}
        if self.login is not None and login != f"Basic {b64encode(self.login.encode()).decode()}":
            return 401, {"error_code": 401, "message": "unauthorized"}
        parts = urlsplit(path)
        number = self._number(parts.path)
        if number not in self.schemas:
            return 404, {"error_code": 40403, "message": "schema not found"}
        schema = dict(self.schemas[number])
        serialized = schema.pop("serialized")
        if parse_qs(parts.query).get("format") == ["serialized"] and serialized is not None:
            schema["schema"] = serialized
        return 200, schema | {"id": number, "subject": "s", "version": 1}

    def _number(self, path: str) -> int:
        if (found := re.fullmatch(r"/schemas/ids/(\d+)", path)) is not None:
            return int(found[1])
        if (found := re.fullmatch(r"/subjects/(.+)/versions/(\d+)", path)) is not None:
            return self.subjects.get((found[1], int(found[2])), 0)
        return 0


@contextmanager
def serving(registry: FakeRegistry) -> Iterator[FakeRegistry]:
    """Serve a registry on loopback while the context lasts."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            status, body = registry.answer(self.path, self.headers.get("Authorization"))
            raw = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/vnd.schemaregistry.v1+json")
            self.send_header("Content-Length", str(len(raw)))
            self.end_headers()
            self.wfile.write(raw)

        @override
        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    registry.port = server.server_address[1]
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield registry
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
