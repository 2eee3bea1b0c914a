"""The command `replay`: what it writes, what it shows, and how it fails."""

import gzip
import json
from itertools import pairwise
from pathlib import Path

import pytest

from schemas.alert import Alert
from streams.lab.replay import replay_directory
from streams.lab.replay.open_now import open_now
from streams.lab.report.words import SIGNALS, day, money
from streams.rulesets import load
from tests.lab.datasets import Done, copy_as, lines_of, run, write_lines, write_rules

pytestmark = pytest.mark.slow

FULL = Path("/dev/full")
BAD_LINES = [
    b'{"type": "transaction"',
    b"nonsense",
    b'{"type": "tick", "time": "2024-01-01T00:00:00Z", "s3cret": 1}',
]


@pytest.fixture(name="spoilt", scope="module")
def spoilt_fixture(dataset: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Copy the dataset, with three damaged lines at the end of its transactions."""
    directory = copy_as(dataset, tmp_path_factory.mktemp("spoilt") / "here", ".jsonl")
    path = directory / "transactions.jsonl"
    write_lines(path, [*lines_of(path), *BAD_LINES])
    return directory


def alerts_of(path: Path) -> list[Alert]:
    return [Alert.model_validate_json(line) for line in lines_of(path)]


def failure(done: Done, code: int) -> str:
    """Return the error of a command that failed as it should: one sentence, nothing else."""
    assert done.code == code
    assert done.out == ""
    assert done.err.startswith("error: ")
    assert "Traceback" not in done.err
    return done.err


def test_alerts_are_valid_and_in_order(dataset: Path, rules: Path, tmp_path: Path) -> None:
    path = tmp_path / "alerts.jsonl"
    done = run("replay", dataset, "--alerts", path, "--ruleset", rules)
    assert done.code == 0
    alerts = alerts_of(path)
    assert len(alerts) > 20
    assert path.read_bytes().endswith(b"}\n")
    assert all((one.time, one.customer_id) <= (two.time, two.customer_id) for one, two in pairwise(alerts))
    assert [alert.model_dump_json().encode() for alert in alerts] == lines_of(path)
    assert all(alert.backfill for alert in alerts)
    assert f"{len(alerts)} alert records, " in done.out
    assert f"alerts: {path}" in done.out


def test_every_file_of_a_run_is_written_and_named(dataset: Path, rules: Path, tmp_path: Path) -> None:
    names = {"--alerts": "alerts", "--holdout": "hold-out alerts", "--report": "report"}
    names["--dead-letters"] = "dead letters"
    paths = {option: tmp_path / option.strip("-") for option in names}
    done = run("replay", dataset, "--ruleset", rules, *(part for pair in paths.items() for part in pair))
    assert done.code == 0
    for option, path in paths.items():
        assert path.is_file()
        assert f"{names[option]}: {path}\n" in done.out
    assert paths["--dead-letters"].read_bytes() == b""
    assert paths["--holdout"].read_bytes() == b""


def test_the_report_does_not_change_the_alerts(dataset: Path, rules: Path, tmp_path: Path) -> None:
    plain, watched = tmp_path / "plain", tmp_path / "watched"
    assert run("replay", dataset, "--ruleset", rules, "--alerts", plain).code == 0
    report = tmp_path / "report.html"
    assert run("replay", dataset, "--ruleset", rules, "--alerts", watched, "--report", report).code == 0
    assert plain.read_bytes() == watched.read_bytes()
    assert "From 1 Jan 2024 to 2" in report.read_text(encoding="utf-8")


def test_silent_alerts_are_listed_reported_and_explained(dataset: Path, rules: Path, tmp_path: Path) -> None:
    path, report, silent = tmp_path / "alerts", tmp_path / "report.html", tmp_path / "silent.toml"
    silent.write_text(rules.read_text() + "silent = true\nsilent_prior_probability = 0.1\n")
    done = run("replay", dataset, "--ruleset", silent, "--alerts", path, "--report", report)
    alerts = alerts_of(path)
    raised = [alert for alert in alerts if (alert.rule, alert.state) == ("silent", "raised")]
    episodes = sum(alert.state == "raised" for alert in alerts)
    assert raised
    assert " spend fell silent" in done.out
    assert int(done.out.split(" episodes,")[0].split()[-1]) >= episodes
    assert f"{len(raised)} times spend fell without one;" in " ".join(report.read_text("utf-8").split())
    told = run("explain", dataset, "--ruleset", silent, "--customer", raised[0].customer_id, width=120).out
    assert ", without a bad contact: spend fell from " in told


def test_the_hold_out_arm_goes_to_its_own_file_and_into_the_report(dataset: Path, tmp_path: Path) -> None:
    rules = _half_held_out(tmp_path)
    alerts, holdout, report = tmp_path / "alerts", tmp_path / "holdout", tmp_path / "report.html"
    options = ("--ruleset", rules, "--alerts", alerts, "--holdout", holdout, "--report", report)
    done = run("replay", dataset, *options, "--top", 1000)
    assert done.code == 0
    assert {one.arm for one in alerts_of(alerts)} == {"treated"}
    assert {one.arm for one in alerts_of(holdout)} == {"holdout"}
    page = report.read_text(encoding="utf-8")
    assert "Alerts of the hold-out arm" in page
    for alert in alerts_of(holdout):
        assert alert.customer_id in page
        assert alert.customer_id not in done.out


def _half_held_out(directory: Path) -> Path:
    path = write_rules(directory)
    with path.open("a", encoding="utf-8") as rules:
        rules.write('holdout_share = 0.5\nholdout_salt = "pepper"\n')
    return path


@pytest.mark.parametrize("width", [80, 100, 120])
def test_an_alert_is_one_row(dataset: Path, rules: Path, width: int) -> None:
    done = run("replay", dataset, "--ruleset", rules, width=width)
    ruleset = load(rules)
    result = replay_directory(dataset, ruleset=ruleset)
    still = open_now(result)
    standing = [one for one in still if not one.now.overdue]
    head, rows = _table(done.out)
    assert all(len(line) <= width for line in (head, *rows))
    assert " ".join(head.split()) == "customer level P at risk usual/day since days what happened"
    assert [row.split()[0] for row in rows] == [one.alert.customer_id for one in standing[:15]]
    assert f"as of {day(result.last_ms or 0)}, by value at risk (USD)" in " ".join(done.out.split())
    assert (f"{len(still) - len(standing)} open past their deadline" in done.out) == (still != standing)
    for row, (alert, now) in zip(rows, standing, strict=False):
        assert row.split()[1:4] == [alert.level, f"{now.odds.probability:.2f}", money(now.at_risk)]
        label = " ".join(row.split()[7:])
        assert label
        assert any(text.startswith(label.removesuffix("…")) for text in SIGNALS.values())
    if width > 80:
        assert not any(row.endswith("…") for row in rows)


def _table(out: str) -> tuple[str, list[str]]:
    lines = [line.rstrip() for line in out.splitlines()]
    at = next(number for number, line in enumerate(lines) if line.lstrip().startswith("customer "))
    rows = lines[at + 2 :]
    return lines[at], rows[: rows.index("")]


def test_the_heaviest_signal_of_the_anchor_is_named(dataset: Path, rules: Path, tmp_path: Path) -> None:
    path = tmp_path / "alerts"
    done = run("replay", dataset, "--ruleset", rules, "--alerts", path, "--top", 1000)
    newest = {alert.customer_id: alert for alert in alerts_of(path)}
    rows = _table(done.out)[1]
    assert rows
    for row in rows:
        customer_id, *_ = row.split()
        alert = newest[customer_id]
        assert alert.anchor is not None
        own = [one for one in alert.reasons if one.contact_id == alert.anchor.contact_id]
        heaviest = max(own, key=lambda one: one.nats)
        assert row.endswith(SIGNALS[heaviest.signal])


def test_the_table_may_be_cut_and_left_out(dataset: Path, rules: Path) -> None:
    cut = run("replay", dataset, "--ruleset", rules, "--top", 1).out
    assert len(_table(cut)[1]) == 1
    assert "more open" in cut
    assert "what happened" not in run("replay", dataset, "--ruleset", rules, "--top", 0).out


def test_a_long_or_hostile_customer_id_keeps_the_table_whole(dataset: Path, tmp_path: Path) -> None:
    directory = copy_as(dataset, tmp_path / "copy", ".jsonl")
    hostile = ["\x1b[31m" + "x" * 100, "[bold]b[/bold]", "\u202eevil", "a\nb"]
    for path in directory.iterdir():
        lines = [json.loads(line) for line in lines_of(path)]
        changed = [one | {"customer_id": _renamed(one["customer_id"], hostile)} for one in lines]
        write_lines(path, [json.dumps(one).encode() for one in changed])
    done = run("replay", directory, "--ruleset", write_rules(tmp_path), "--top", 1000, width=80)
    assert done.code == 0
    rows = _table(done.out)[1]
    assert all(row.split()[-7:] for row in rows)
    assert "\x1b" not in done.out
    assert "\u202e" not in done.out
    assert any("[bold]b[/bold]" in row for row in rows)


def _renamed(customer_id: str, others: list[str]) -> str:
    number = int(customer_id.removeprefix("s"))
    return f"{others[number // 4 % len(others)]}{number}"


def test_dead_letters_say_where_and_why_and_never_what(spoilt: Path, tmp_path: Path) -> None:
    path = tmp_path / "dead.jsonl"
    done = run("replay", spoilt, "--dead-letters", path)
    assert done.code == 0
    letters = [json.loads(line) for line in lines_of(path)]
    first = len(lines_of(spoilt / "transactions.jsonl")) - len(BAD_LINES) + 1
    assert [(one["file"], one["line"], one["reason"]) for one in letters] == [
        ("transactions.jsonl", first, "not_json"),
        ("transactions.jsonl", first + 1, "not_json"),
        ("transactions.jsonl", first + 2, "schema"),
    ]
    assert {tuple(one) for one in letters} == {("file", "line", "reason", "detail")}
    assert all(one["detail"] for one in letters)
    assert "s3cret" not in path.read_text(encoding="utf-8")
    assert "3 refused" in done.out
    assert "refused: 2 not_json, 1 schema\n" in done.out


def test_strict_fails_only_if_a_line_was_refused(dataset: Path, spoilt: Path) -> None:
    assert run("replay", dataset, "--strict").code == 0
    assert run("replay", spoilt, "--strict").code == 65
    assert run("replay", spoilt).code == 0


def test_no_such_directory(tmp_path: Path) -> None:
    said = failure(run("replay", tmp_path / "missing"), 66)
    assert f"no such directory: {tmp_path / 'missing'}" in said


@pytest.mark.parametrize("names", [(), ("customers.jsonl",), ("truth.jsonl", "sales.csv")])
def test_a_directory_without_facts(tmp_path: Path, names: tuple[str, ...]) -> None:
    for name in names:
        (tmp_path / name).write_bytes(b"{}\n")
    said = failure(run("replay", tmp_path), 66)
    assert "looked for transactions.jsonl, transactions.jsonl.gz, transactions.parquet" in said


def test_empty_files(tmp_path: Path) -> None:
    for name in ("transactions.jsonl", "contacts.jsonl"):
        (tmp_path / name).touch()
    done = run("replay", tmp_path)
    assert done.code == 65
    assert "WARNING: transactions.jsonl is empty" in done.out
    assert run("replay", tmp_path, "--lenient").code == 0


def test_two_forms_of_one_input(dataset: Path, tmp_path: Path) -> None:
    directory = copy_as(dataset, tmp_path / "copy", ".jsonl")
    (directory / "contacts.parquet").touch()
    said = failure(run("replay", directory), 66)
    assert "contacts.jsonl and contacts.parquet: keep one of them" in said


def test_a_truncated_file_gives_no_half_result(dataset: Path, tmp_path: Path) -> None:
    directory = copy_as(dataset, tmp_path / "copy", ".jsonl.gz")
    path = directory / "transactions.jsonl.gz"
    path.write_bytes(gzip.compress(gzip.decompress(path.read_bytes()))[:-1000])
    alerts = tmp_path / "alerts.jsonl"
    said = failure(run("replay", directory, "--alerts", alerts), 66)
    assert "transactions.jsonl.gz can't be read to its end" in said
    assert not alerts.exists()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b"no toml", "rules.toml"),
        (b"\xff", "rules.toml"),
        (b"nonsense = 1\n", "nonsense"),
        (b'opening_frustration = "high"\n', "opening_frustration"),
    ],
)
def test_a_bad_ruleset(dataset: Path, tmp_path: Path, text: bytes, said: str) -> None:
    path = tmp_path / "rules.toml"
    path.write_bytes(text)
    assert said in failure(run("replay", dataset, "--ruleset", path), 78)


def test_a_ruleset_that_is_not_there(dataset: Path, tmp_path: Path) -> None:
    said = failure(run("replay", dataset, "--ruleset", tmp_path / "none.toml"), 66)
    assert "none.toml cannot be read: No such file or directory" in said


@pytest.mark.parametrize("option", ["--alerts", "--report", "--dead-letters", "--holdout"])
def test_an_output_that_cannot_be_written(spoilt: Path, tmp_path: Path, option: str) -> None:
    """A path that can't be right is refused at once, a full disk when it shows."""
    path = tmp_path / "no" / "such" / "place"
    assert f"{path} cannot be written: no such directory" in failure(run("replay", "none", option, path), 73)
    said = failure(run("replay", "none", option, tmp_path), 73)
    assert f"{tmp_path} cannot be written: it is a directory" in said
    if FULL.exists():
        said = failure(run("replay", spoilt, option, FULL, "--ruleset", _half_held_out(tmp_path)), 73)
        assert f"{FULL} cannot be written: No space left on device" in said
