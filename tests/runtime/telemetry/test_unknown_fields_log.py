"""The line that names unknown fields: at once, then once an hour, for each input."""

import logging

import pytest

from streams.core.watermark import Input
from streams.runtime.telemetry.unknown_fields_log import EVERY_SECONDS, UnknownFieldsLog


def test_names_are_logged_at_once_and_then_once_an_hour(caplog: pytest.LogCaptureFixture) -> None:
    now = 100.0
    told = UnknownFieldsLog(lambda: now)

    def lines() -> list[str]:
        found = [record.getMessage() for record in caplog.records]
        caplog.clear()
        return found

    with caplog.at_level(logging.WARNING):
        told.note(Input.TRANSACTIONS, {"tier"})
        assert lines() == ["transactions: 1 unknown fields were left out, of accepted records: tier"]
        told.note(Input.CONTACTS, {"team", "a\nb", "1042"})
        assert lines() == ["contacts: 3 unknown fields were left out, of accepted records: (odd name), team"]
        for at in range(2000):
            told.note(Input.TRANSACTIONS, {"tier", f"f{chr(97 + at % 26)}"})
        now += EVERY_SECONDS - 0.1
        told.note(Input.TRANSACTIONS, {"tier"})
        assert lines() == []
        now += 0.1
        told.note(Input.TRANSACTIONS, {"last"})
        names = "fa, fb, fc, fd, fe, ff, fg, fh, fi, fj and 18 more"
        assert lines() == [f"transactions: 4002 unknown fields were left out, of accepted records: {names}"]
