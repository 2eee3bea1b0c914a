"""The benchmarks run, at a size that says nothing about speed."""

import re

import pytest

from bench import decide, heavy, memory, replay
from bench.scale import others
from bench.shared.histories import PURCHASE_HOURS
from bench.shared.state import by_partition, cloned
from streams.core.customer.state import is_journal_key
from streams.core.partition.partition import Partition
from streams.core.ruleset import DEFAULT

pytestmark = pytest.mark.slow


def test_replay_is_measured_beside_its_limit(capsys: pytest.CaptureFixture[str]) -> None:
    replay.main(["--customers", "100", "--transactions", "2000", "--rounds", "1", "--weights", "zipf"])
    out = capsys.readouterr().out
    assert "cores" in out.splitlines()[0]
    assert "(100 customers, zipf weights, seed 1, 400 days)" in out
    assert re.search(r"^ +1 +[\d,]+/s +[\d,]+/s +\d\.\d{3}$", out, re.MULTILINE)
    assert re.search(r"^ratio replay / limit: median \d\.\d{3}, \d\.\d{3} to \d\.\d{3}$", out, re.MULTILINE)
    assert re.search(r"decode [\d.]+ s .*route .*apply .*decide ", out)


def test_memory_is_measured_as_a_whole_and_by_part(capsys: pytest.CaptureFixture[str]) -> None:
    memory.main(["--customers", "200", "--id-rate", "1", "--id-days", "9"])
    out = capsys.readouterr().out
    assert re.search(r"^growth of the process: [\d,]+ bytes a customer$", out, re.MULTILINE)
    assert re.search(r"^sum over the parts: [\d,]+ bytes a customer$", out, re.MULTILINE)
    assert re.search(r"^  customers +[\d,.]+$", out, re.MULTILINE)
    assert re.search(
        r"^1 purchases a second for 9 days: [67]\d\d,\d+ ids kept, .* bytes each", out, re.MULTILINE
    )


def test_one_id_that_very_many_share_is_measured(capsys: pytest.CaptureFixture[str]) -> None:
    heavy.main(["--contacts", "3000", "--purchases", "3000"])
    out = capsys.readouterr().out
    for what in ("contacts", "purchases"):
        assert re.search(
            rf"^3,000 {what} of one id in 8 days: [\d.]+ s, [\d.]+ us each; "
            r"largest record [\d,]+ bytes, largest commit [\d,]+ bytes, 2 pages$",
            out,
            re.MULTILINE,
        )


def test_a_state_of_a_year_is_that_of_all_customers_with_a_journal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(others, "DONORS", 10)
    for records, names in zip(others._a_year(), by_partition(200, memory.PARTITIONS), strict=True):
        state, partition = dict(cloned(records, names)), Partition(DEFAULT)
        assert any(map(is_journal_key, state))
        partition.restore(state)
        views = [partition.lookup(one) for one in names]
        assert [view and len(view.panes.hours) for view in views] == [PURCHASE_HOURS] * len(names)


def test_deciding_is_measured_by_phase(capsys: pytest.CaptureFixture[str]) -> None:
    size = ["--customers", "100", "--transactions", "2000", "--rounds", "1", "--slice", "500"]
    decide.main(size)
    out = capsys.readouterr().out
    for weights in ("uniform", "zipf"):
        assert re.search(
            rf"^{weights}: .* transactions, .* alerts, digest [0-9a-f]{{12}}$", out, re.MULTILINE
        )
    for phase in ("apply", "decide", "drain"):
        assert len(re.findall(rf"^ +{phase} +[\d.]+ s, [\d.]+ to [\d.]+$", out, re.MULTILINE)) == 2
