"""A worker that serves over TLS, and those who ask it."""

import asyncio
import os
import shutil
import socket
import ssl
import urllib.request
from contextlib import suppress
from pathlib import Path

import pytest

from streams.runtime.http.server import WebServer
from streams.runtime.telemetry.metrics import Metrics
from streams.runtime.tools.lookup_client import NoAnswerError, look_up
from streams.serving import certificates
from streams.settings import Settings, SettingsError
from tests.certificates import Pair, make_pair
from tests.runtime.workers import FakeWorker, served, troubled


@pytest.fixture(name="pair")
def _pair(tmp_path: Path) -> Pair:
    return make_pair(tmp_path)


def started(pair: Pair) -> WebServer:
    settings = Settings(web_port=0, web_certificate_file=pair.certificate, web_key_file=pair.key)
    return WebServer(settings, Metrics(), FakeWorker())


def test_lookups_trust_the_authority_that_they_are_told(pair: Pair) -> None:
    with served(troubled(), web_certificate_file=pair.certificate, web_key_file=pair.key) as address:
        found = look_up([f"https://{address}"], None, "a", ca_file=pair.certificate)
        assert found is not None
        assert found.customer_id == "a"
        with pytest.raises(NoAnswerError, match="its certificate is not accepted: self"):
            look_up([f"https://{address}"], None, "a")
        with pytest.raises(NoAnswerError, match=address):
            look_up([address], None, "a")


def test_old_tls_is_refused(pair: Pair) -> None:
    old = ssl.create_default_context(cafile=pair.certificate)
    old.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        old.maximum_version = ssl.TLSVersion.TLSv1_1
    with served(FakeWorker(), web_certificate_file=pair.certificate, web_key_file=pair.key) as address:
        url = f"https://{address}/live"
        with pytest.raises(OSError, match="urlopen error"):
            urllib.request.urlopen(url, context=old)
        # That others are answered also shows that the server has let go of the one before its loop is over.
        with urllib.request.urlopen(url, context=ssl.create_default_context(cafile=pair.certificate)) as live:
            assert live.status == 200


def test_a_renewed_certificate_is_read_and_a_broken_one_leaves_the_old(
    pair: Pair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(certificates, "_RENEW_SECONDS", 0.01)
    other = make_pair(tmp_path, "other")

    def seen(url: str) -> str:
        host, port = url.removeprefix("https://").split(":")
        anybody = ssl.create_default_context()
        anybody.check_hostname, anybody.verify_mode = False, ssl.CERT_NONE
        with socket.create_connection((host, int(port)), 30) as plain, anybody.wrap_socket(plain) as secure:
            found = secure.getpeercert(binary_form=True)
            assert found is not None
            with suppress(OSError):
                secure.unwrap().recv(1)  # until the server has let go: its loop may be over before it does
            return ssl.DER_cert_to_PEM_cert(found)

    async def renew() -> None:
        one = started(pair)
        await one.start()
        assert await asyncio.to_thread(seen, one.url) == pair.certificate.read_text()
        before = pair.certificate.read_text()
        pair.key.write_text("half of it")
        while not caplog.records:  # noqa: ASYNC110 - what is waited for is a line of the log
            await asyncio.sleep(0.01)
        assert await asyncio.to_thread(seen, one.url) == before
        shutil.copy(other.key, pair.key)
        shutil.copy(other.certificate, pair.certificate)
        os.utime(pair.certificate, (1, 1))
        async with asyncio.timeout(20):
            while await asyncio.to_thread(seen, one.url) == before:  # noqa: ASYNC110 - seen from outside
                await asyncio.sleep(0.01)
        await one.stop()

    asyncio.run(renew())
    assert "the certificate in use is kept: " in caplog.text


def test_files_that_are_no_pair_are_refused(pair: Pair, tmp_path: Path) -> None:
    other = make_pair(tmp_path, "other")
    with pytest.raises(SettingsError, match=r"^RETENTION_WEB_CERTIFICATE_FILE: .*are no pair: KEY_VALUES"):
        asyncio.run(started(Pair(pair.certificate, other.key)).start())
