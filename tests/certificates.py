"""Certificates for tests of TLS, made by OpenSSL as an operator would."""

import subprocess
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Pair:
    """A self-signed certificate, which is its own authority, and its key."""

    certificate: Path
    key: Path


def make_pair(folder: Path, name: str = "server", *, names: str = "IP:127.0.0.1,DNS:localhost") -> Pair:
    """Make a certificate for these names."""
    made = Pair(folder / f"{name}.pem", folder / f"{name}.key")
    curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]
    subprocess.run(  # noqa: S603 - no shell, and nothing in it from outside
        [
            *(
                "openssl",
                "req",
                "-x509",
                *curve,
                "-subj",
                f"/CN={name}",
                "-addext",
                f"subjectAltName={names}",
            ),
            *("-keyout", str(made.key), "-out", str(made.certificate)),
        ],
        check=True,
        capture_output=True,
    )
    return made
