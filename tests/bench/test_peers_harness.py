"""The harness of the peers: lines, processes, the table, and that one failure does not end the others."""

import sys
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path

import msgspec
import pytest
from typing_extensions import override

from bench.peers import __main__ as command
from bench.peers.data.topics import Published
from bench.peers.data.truth import Alert, Truth, checksum
from bench.peers.harness import runs
from bench.peers.harness.answers import Committed, Ready, Result, answer
from bench.peers.harness.peers import PEERS, Peer
from bench.peers.harness.processes import Measured, ProgramError, measure
from bench.peers.harness.runs import Filled, Outcome, Topics, faults
from bench.peers.harness.table import line, table

RESULT = Result(records=10, customers=3, cents=500, purchases=8, alerts=0, checksum=0, seconds=1.5)
TRUTH = Truth(customers=3, cents=500, purchases=8, alerts=0, checksum=0)
SAID = msgspec.json.encode(RESULT).decode()


def program(*steps: str) -> list[str]:
    """Return the command of a program in Python; each of its steps is a line."""
    return [sys.executable, "-S", "-E", "-c", "\n".join(("import os, subprocess, sys, time", *steps))]


def says(*lines: str) -> Iterable[str]:
    return (f"print({one!r}, flush=True)" for one in lines)


READY, COMMITTED = '{"ready": true}', '{"committed": true}'


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        (READY, Ready(ready=True)),
        ('{"ready": true, "pid": 7}', Ready(ready=True, pid=7)),
        (COMMITTED, Committed(committed=True)),
        (SAID, RESULT),
        ('{"records": 1, "seconds": 2, "more": "of it"}', Result(records=1, seconds=2.0)),
    ],
)
def test_a_line_is_understood(said: str, meant: object) -> None:
    assert answer(said) == meant


@pytest.mark.parametrize("said", ["{", "[]", "{}", '{"records": "1", "seconds": 2}', '{"records": 1}'])
def test_a_line_that_is_none_of_them_is_refused(said: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        answer(said)


def test_a_program_is_measured_from_its_first_record_to_its_last_commit(tmp_path: Path) -> None:
    busy = "[sum(range(10**5)) for _ in range(20)]"
    steps = (*says("a banner", READY), busy, *says(COMMITTED), "time.sleep(0.2)", *says(SAID))
    found = measure(program(*steps), tmp_path, 60.0)
    assert found.result == RESULT
    assert found.wall > 0.0
    assert found.cpu >= 0.0
    assert found.peak_bytes > 1_000_000


def test_the_last_commit_may_go_without_saying(tmp_path: Path) -> None:
    assert measure(program(*says(READY, SAID)), tmp_path, 60.0).result == RESULT


def test_another_process_can_be_measured(tmp_path: Path) -> None:
    steps = (
        "other = subprocess.Popen([sys.executable, '-S', '-c', 'input()'], stdin=subprocess.PIPE)",
        'print(\'{"ready": true, "pid": %d}\' % other.pid, flush=True)',
        "waste = bytearray(100_000_000)",
        *says(COMMITTED, SAID),
        "other.communicate(b'\\n')",
    )
    assert measure(program(*steps), tmp_path, 60.0).peak_bytes < 100_000_000


@pytest.mark.parametrize(
    ("steps", "told"),
    [
        (("sys.exit('no broker')",), r"exit code 1 before its result.*\n    no broker"),
        (tuple(says(READY)), r"exit code 0 before its result.*none"),
        (tuple(says(COMMITTED, READY, SAID)), "out of turn"),
        (tuple(says(READY, '{"records": 1}')), "Object missing required field `seconds`"),
        ((*says(READY, SAID), "sys.exit(3)"), "exit code 3 after its result"),
    ],
)
def test_a_program_that_fails_is_told_with_its_last_words(
    tmp_path: Path, steps: Sequence[str], told: str
) -> None:
    with pytest.raises(ProgramError, match=rf"(?s){told}"):
        measure(program(*steps), tmp_path, 60.0)


def test_nothing_of_a_program_that_takes_too_long_is_left(tmp_path: Path) -> None:
    sleeper = tmp_path / "pid"
    steps = (
        "other = subprocess.Popen([sys.executable, '-S', '-c', 'import time; time.sleep(600)'])",
        f"open({str(sleeper)!r}, 'w').write(str(other.pid))",
        *says(READY),
        "other.wait()",
    )
    with pytest.raises(ProgramError, match="did not end in time"):
        measure(program(*steps), tmp_path, 2.0)
    if sleeper.exists():  # else the machine was so slow that it had not begun
        deadline = time.monotonic() + 60.0
        while is_running(int(sleeper.read_text())):
            assert time.monotonic() < deadline, "a child of the program is left"
            time.sleep(0.01)


def is_running(pid: int) -> bool:
    """Return whether a process runs; one that has ended, and whom nobody has asked yet, does not."""
    with suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


def peer(name: str, steps: Iterable[str] = ()) -> Peer:
    return Peer(name, "exactly once", program(*steps), lambda: None)


def ran(name: str, number: int, wall: float, cpu: float, *wrong: str) -> Outcome:
    return Outcome(peer(name), number, 1_000, Measured(wall, cpu, 3 << 20, RESULT), wrong)


def test_the_table_has_medians_ranges_and_ratios_of_the_same_round() -> None:
    text = table(
        [
            *(ran("ours", 1, 1.0, 1.0), ran("flink", 1, 2.0, 4.0)),
            *(ran("ours", 2, 2.0, 1.0), ran("flink", 2, 2.0, 2.0)),
            *(ran("ours", 3, 4.0, 2.0), ran("flink", 3, 2.0, 2.0)),
        ]
    )
    ours, flink = ([cell.strip() for cell in row.split("|")] for row in text.splitlines()[2:])
    assert ours[4:8] == [
        "500 (250 to 1,000)",
        "1.00 (1.00 to 1.00)",
        "1,000 (500 to 1,000)",
        "1.00 (1.00 to 1.00)",
    ]
    assert flink[4:8] == [
        "500 (500 to 500)",
        "1.00 (0.50 to 2.00)",
        "500 (250 to 500)",
        "2.00 (1.00 to 4.00)",
    ]
    assert flink[8:10] == ["3", "equal: purchases, customers, cents"]


def test_a_wrong_or_failed_run_is_told_and_left_out_of_the_figures() -> None:
    failed = Outcome(peer("quix"), 1, 1_000, None, ("it ended with exit code 1 before its result",))
    wrong = ran("flink", 1, 1.0, 1.0, "cents: 1, should be 2")
    text = table([ran("ours", 1, 1.0, 1.0), wrong, ran("flink", 2, 4.0, 1.0), failed])
    assert "| 250 " in text
    assert "1 of 2 FAILED or wrong" in text
    assert "1 of 1 FAILED or wrong" in text
    assert "WRONG: cents: 1, should be 2" in line(wrong)
    assert "FAILED: it ended with exit code 1" in line(failed)


def test_a_result_is_held_to_the_truth_as_far_as_it_tells() -> None:
    silent = Result(records=10, purchases=8, seconds=1.0)
    alerts = [Alert("s0000001", 5, 7)]
    assert faults(RESULT, TRUTH, 10, None) == faults(silent, TRUTH, 10, None) == []
    assert faults(silent, TRUTH, 11, []) == ["records: 10, should be 11"]
    assert faults(RESULT, TRUTH, 10, alerts) == [
        "alerts on the topic: 1, should be 0",
        f"checksum of the topic: {checksum(alerts)}, should be 0",
    ]


class Given(Topics):
    """Topics that need no broker."""

    @override
    def of(self, peer: Peer) -> Filled:
        return Filled(Published("P.", 10, 0), TRUTH)


def test_one_that_fails_does_not_keep_the_others_from_running(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    gone = []
    monkeypatch.setattr(runs, "remove_topics", lambda _bootstrap, name: gone.append(name))
    peers = [peer("flink", ["sys.exit(1)"]), peer("ours", says(READY, COMMITTED, SAID))]
    outcomes = command.measure(peers, Given("127.0.0.1:1", "fold", 10, 3), (1, 2), 60.0)
    assert [(one.peer.name, one.round, one.ok) for one in outcomes] == [
        *(("flink", 1, False), ("ours", 1, True)),
        *(("flink", 2, False), ("ours", 2, True)),
    ]
    assert len(set(gone)) == 4
    assert capsys.readouterr().out.count("FAILED") == 2


def test_no_round_is_begun_for_which_there_is_no_time(capsys: pytest.CaptureFixture[str]) -> None:
    seconds = iter([0.0, 0.0, 25.0, 25.0, 45.0, 45.0])  # made; then begin and end of each round
    assert list(command.Rounds(5, minutes=1.0, clock=lambda: next(seconds))) == [1, 2]
    assert "no time for round 3 of 5" in capsys.readouterr().out


def test_a_program_is_told_what_the_readme_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runs, "remove_topics", lambda _bootstrap, _name: None)
    steps = [
        "names = sys.argv[1::2]",
        "told = ['--bootstrap', '--prefix', '--name', '--job', '--records', '--contacts', '--out']",
        "assert names == told, names",
        f"print({SAID!r}, file=open(sys.argv[-1], 'w'))",
        *says(READY, SAID),
    ]
    assert runs.run(peer("ours", steps), Given("127.0.0.1:1", "fold", 10, 3), 1, 60.0).wrong == []


def test_what_is_missing_is_said_and_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    there, missing = peer("ours"), Peer("quix", "exactly once", ("quix",), lambda: "no wheel")
    assert command.present([there, missing]) == [there]
    assert "quix is LEFT OUT: no wheel" in capsys.readouterr().err


def test_help_names_the_programs(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        command.main(["--help"])
    assert end.value.code == 0
    out = capsys.readouterr().out
    assert all(one.name in out for one in PEERS)
    assert "--quick" in out
