"""The certificate of a server, read again when its file has changed, as certificates do every few weeks."""

import asyncio
import logging
import ssl
from pathlib import Path
from typing import Final

log = logging.getLogger(__name__)
_RENEW_SECONDS: Final = 30.0


class CertificateError(Exception):
    """Files that are no certificate and its key; the message names them."""


class Certificate:
    """A certificate and its key in PEM files, as a TLS context; TLS 1.2 or newer. Raises CertificateError."""

    def __init__(self, certificate_file: Path, key_file: Path) -> None:
        self._files = (certificate_file, key_file)
        self.context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self._seen = self._changed_at()
        self._load(self.context)

    def renew(self) -> bool:
        """Return whether another one was read, for connections from now on. Raises CertificateError."""
        seen = self._changed_at()
        if seen == self._seen:
            return False
        self._seen = seen
        # First apart: half of a pair must not end in the context that is in use.
        self._load(ssl.create_default_context(ssl.Purpose.CLIENT_AUTH))
        self._load(self.context)
        return True

    async def keep_renewed(self) -> None:
        """Look every half minute whether there is another one; what can't be used is said, and not used."""
        while True:
            await asyncio.sleep(_RENEW_SECONDS)
            try:
                if self.renew():
                    log.info("another certificate is used from now on")
            except CertificateError as error:
                log.error("the certificate in use is kept: %s", error)  # noqa: TRY400 - the message says it all

    def _changed_at(self) -> tuple[int, ...]:
        try:
            return tuple(file.stat().st_mtime_ns for file in self._files)
        except OSError as error:
            raise CertificateError(f"{error.filename}: {error.strerror}") from error

    def _load(self, context: ssl.SSLContext) -> None:
        certificate, key = self._files
        try:
            # Without a password to give, OpenSSL would ask for one at the terminal.
            context.load_cert_chain(certificate, key, password="")
        except OSError as error:
            why = getattr(error, "reason", None) or error.strerror or "unusable"
            raise CertificateError(f"{certificate} and {key} are no pair: {why}") from error
