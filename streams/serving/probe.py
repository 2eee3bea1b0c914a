"""Ask a server on this machine whether it lives, for the health check of a container: `python -m` this.

It finds the server by the settings that the server itself has; an argument is another port. Only what Python
brings is imported: it runs every few seconds.
"""

import os
import ssl
import sys
from collections.abc import Mapping, Sequence
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Final

_SECONDS: Final = 3.0
_EVERYWHERE: Final = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - nobody listens here
_USUAL_PORT: Final = "8080"


def is_live(environment: Mapping[str, str], port: str | None = None) -> bool:
    """Return whether the server of an environment answers /live with 200."""
    host = environment.get("RETENTION_WEB_HOST") or "127.0.0.1"
    host = _EVERYWHERE.get(host, host)
    number = int(port or environment.get("RETENTION_WEB_PORT") or _USUAL_PORT)
    connection = HTTPConnection(host, number, timeout=_SECONDS)
    if environment.get("RETENTION_WEB_CERTIFICATE_FILE"):
        # It never leaves this machine, and the certificate is for the name that others use.
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        connection = HTTPSConnection(host, number, timeout=_SECONDS, context=context)
    try:
        connection.request("GET", "/live")
        return connection.getresponse().status == 200
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()


def main(arguments: Sequence[str]) -> int:
    """Return 0 if it lives, else 1, as Docker reads it."""
    return 0 if is_live(os.environ, *arguments[:1]) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
