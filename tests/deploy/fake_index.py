"""A package index on loopback that has newer releases than any lock, and remembers what it was asked for."""

import hashlib
import io
import threading
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar

from typing_extensions import override


def wheel_of(name: str, version: str, *requirements: str, extra: str = "") -> bytes:
    """Return an installable wheel with metadata and nothing else, the same bytes each time."""
    info = f"{name}-{version}.dist-info"
    metadata = [f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}"]
    metadata += [f"Provides-Extra: {extra}"] if extra else []
    metadata += [f"Requires-Dist: {one}" for one in requirements]
    files = {
        "METADATA": "\n".join(metadata) + "\n",
        "WHEEL": "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        "RECORD": "".join(f"{info}/{one},,\n" for one in ("METADATA", "WHEEL", "RECORD")),
    }
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        for file, text in files.items():
            archive.writestr(zipfile.ZipInfo(f"{info}/{file}"), text)
    return made.getvalue()


@dataclass
class Index:
    """What the index has, by file name, and the paths that it was asked for."""

    url: str
    wheels: dict[str, bytes] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def add(self, name: str, version: str, *requirements: str, extra: str = "") -> str:
        """Offer a release; returns its line for a lock."""
        wheel = wheel_of(name, version, *requirements, extra=extra)
        self.wheels[f"{name}-{version}-py3-none-any.whl"] = wheel
        return f"{name}=={version} \\\n    --hash=sha256:{hashlib.sha256(wheel).hexdigest()}\n"

    def answer(self, path: str) -> bytes | None:
        """Return the page of a package (PEP 503) or a file; None if there is no such thing."""
        self.asked.append(path)
        kind, name = path.strip("/").split("/", 1)
        if kind == "files":
            return self.wheels.get(name)
        links = [f'<a href="/files/{one}">{one}</a>' for one in self.wheels if one.startswith(f"{name}-")]
        return "\n".join(["<!DOCTYPE html>", *links]).encode() if links else None


@contextmanager
def index_running() -> Iterator[Index]:
    """Give an index that answers until the end."""

    class Handler(BaseHTTPRequestHandler):
        index: ClassVar[Index]

        def do_GET(self) -> None:
            body = self.index.answer(self.path)
            self.send_response(404 if body is None else 200)
            if self.path.endswith("/"):
                self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(body or b"")

        @override
        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        Handler.index = Index(f"http://127.0.0.1:{server.server_port}/simple")
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield Handler.index
        server.shutdown()
