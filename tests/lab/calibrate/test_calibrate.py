"""The command `calibrate`: what it writes and shows, that it does not see the future, and how it fails."""

import json
import tomllib
from dataclasses import dataclass, fields
from datetime import date
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from schemas.times import parse_ms
from streams.core.ruleset import DEFAULT, VERSIONS, Ruleset
from streams.lab.calibrate.command import calibrate_command
from streams.lab.generate import GenerateOptions, Population, generate
from tests.lab.datasets import copy_as, lines_of, run, write_lines

pytestmark = pytest.mark.slow

SPLIT_DAY = "2024-08-08"
RULES = 'based_on = "2"\nhigh_value_quantile = 0.3\npopulation_minimum = 5\nsilent = true\n'


@dataclass(frozen=True)
class Done:
    """What the command came to."""

    code: int
    out: str
    err: str


@dataclass(frozen=True)
class Calibrated:
    """A directory, the ruleset that was based on, what was written, and what was shown."""

    directory: Path
    base: Path
    text: str
    out: str


def calibrate(*arguments: object) -> Done:
    """Run the command; what it does not catch fails the test."""
    app = typer.Typer(pretty_exceptions_enable=False)
    app.command()(calibrate_command)
    result = CliRunner().invoke(app, [str(one) for one in arguments], env={"COLUMNS": "200"})
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return Done(result.exit_code, result.stdout, " ".join(result.stderr.split()))


def learn(directory: Path, base: Path, out: Path) -> Done:
    return calibrate(directory, "--based-on", base, "--out", out, "--partitions", 2, "--target", 0.05)


@pytest.fixture(name="made", scope="module")
def made_fixture(tmp_path_factory: pytest.TempPathFactory) -> Calibrated:
    """Calibrate on the year of a synthetic population."""
    place = tmp_path_factory.mktemp("calibrated")
    options = GenerateOptions(
        population=Population.SYNTHETIC, customers=320, days=365, seed=3, start=date(2024, 1, 1)
    )
    generate(place / "here", options)
    (place / "base.toml").write_text(RULES, encoding="utf-8")
    done = learn(place / "here", place / "base.toml", place / "out.toml")
    assert done.code == 0, done.err
    text = (place / "out.toml").read_text(encoding="utf-8")
    return Calibrated(place / "here", place / "base.toml", text, done.out)


def changed(made: Calibrated, name: str, tmp_path: Path, *, before: bool) -> Path:
    """Return a copy in which the events of one part are others: other money, and bad contacts."""
    directory = copy_as(made.directory, tmp_path / name, ".jsonl")
    split = parse_ms(f"{SPLIT_DAY}T00:00:00.000Z")
    for file in ("transactions", "contacts"):
        path = directory / f"{file}.jsonl"
        *lines, last = lines_of(path)  # time ends where it did
        write_lines(path, [*(other(line) if (at(line) < split) == before else line for line in lines), last])
    return directory


def at(line: bytes) -> int:
    return parse_ms(json.loads(line)["time"])


def other(line: bytes) -> bytes:
    event = json.loads(line)
    if event["type"] == "contact":
        event["resolution"] = "unresolved"
    elif event.get("amount") is not None:
        event["amount"] = f"{1 + 9 * event['event_id'].encode()[-1]}.00"
    return json.dumps(event).encode()


def test_what_is_written_is_a_ruleset_that_replay_takes(made: Calibrated, tmp_path: Path) -> None:
    rules = Ruleset.from_toml(made.text)
    assert rules.version == "2-calibrated-2024-08-07"
    path, alerts = tmp_path / "rules.toml", tmp_path / "alerts.jsonl"
    path.write_text(made.text, encoding="utf-8")
    assert run("replay", made.directory, "--ruleset", path, "--alerts", alerts).code == 0
    named = {json.loads(line)["ruleset"] for line in lines_of(alerts)}
    assert named == {f"{rules.version}+{rules.hash}"}
    assert f"ruleset: {rules.version}+{rules.hash}" in made.out


def test_only_what_differs_is_written_and_what_was_based_on_stays(made: Calibrated) -> None:
    written, rules, base = tomllib.loads(made.text), Ruleset.from_toml(made.text), Ruleset.from_toml(RULES)
    assert written.pop("based_on") == "2"
    for key, value in written.items():
        assert value != getattr(VERSIONS["2"], key)
    differing = {one.name for one in fields(Ruleset) if getattr(rules, one.name) != getattr(base, one.name)}
    assert differing == {"version", "temperature", "irregularity_default_days", "silent_prior_probability"}
    assert rules.silent
    was = VERSIONS["2"].temperature
    assert f"# was {was:g}\n" in made.text
    assert "# as it was\nsilent = true" in made.text


def test_what_is_shown_says_what_changed_and_whether_it_held(made: Calibrated) -> None:
    assert "temperature" in made.out
    assert "placebo windows of" in made.out
    assert "on as many customers again" in made.out
    assert made.out.count("within") + made.out.count("outside") >= 2
    assert "200 are needed, 30 of each" in made.out


def test_nothing_of_the_rest_enters_the_ruleset(made: Calibrated, tmp_path: Path) -> None:
    directory = changed(made, "later", tmp_path, before=False)
    assert learn(directory, made.base, tmp_path / "out.toml").code == 0
    assert (tmp_path / "out.toml").read_text(encoding="utf-8") == made.text


def test_what_is_learnt_from_does(made: Calibrated, tmp_path: Path) -> None:
    directory = changed(made, "earlier", tmp_path, before=True)
    assert learn(directory, made.base, tmp_path / "out.toml").code in {0, 65}
    assert not (tmp_path / "out.toml").exists() or (tmp_path / "out.toml").read_text() != made.text


def test_closed_alerts_set_the_weights_if_they_are_enough_and_not_later(
    made: Calibrated, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    directory, alerts = copy_as(made.directory, tmp_path / "closed", ".jsonl"), tmp_path / "alerts.jsonl"
    run("replay", directory, "--ruleset", made.base, "--alerts", alerts, "--partitions", 2)
    sent = [json.loads(line) for line in lines_of(alerts)]
    ids = sorted({(one["alert_id"], one["customer_id"]) for one in sent if one["rule"] == "contact"})
    monkeypatch.setattr("streams.lab.calibrate.measures.weights.LEAST_OUTCOMES", 8)
    monkeypatch.setattr("streams.lab.calibrate.measures.weights.LEAST_OF_EACH", 2)
    texts = []
    for day in ("2024-08-07", "2024-12-01"):
        closings = [closing(at, *one, day) for at, one in enumerate(ids)]
        write_lines(directory / "dispositions.jsonl", closings)
        done = learn(directory, made.base, tmp_path / "out.toml")
        assert done.code == 0, done.err
        texts.append((tmp_path / "out.toml").read_text(encoding="utf-8"))
    assert "# closed alerts: " in texts[0]
    assert Ruleset.from_toml(texts[0]).outcome_unresolved != VERSIONS["2"].outcome_unresolved
    assert texts[1] == made.text


def closing(at: int, alert_id: str, customer_id: str, day: str) -> bytes:
    """Return what closes an alert, every third as a false alarm."""
    event = {
        "type": "disposition",
        "event_id": f"d-{at}",
        "customer_id": customer_id,
        "time": f"{day}T12:00:00Z",
        "source": "crm",
        "alert_id": alert_id,
        "status": "closed",
        "outcome": "confirmed" if at % 3 else "benign",
    }
    return json.dumps(event).encode()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            ("--first", "0.3"),
            "history too short: it has 364 days, and to learn from its first 30% it needs 607",
        ),
        (("--based-on", "1", "--partitions", "1"), "too few placebo windows"),
        (("--based-on", "POOR"), "no customers of high value"),
    ],
)
def test_a_history_that_says_too_little_is_bad_data(
    made: Calibrated, tmp_path: Path, options: tuple[str, ...], message: str
) -> None:
    poor = tmp_path / "poor.toml"
    poor.write_text("population_minimum = 100000\n", encoding="utf-8")
    given = [poor if one == "POOR" else one for one in options]
    done = calibrate(made.directory, "--out", tmp_path / "out.toml", *given)
    assert done.code == 65
    assert message in done.err
    assert "Traceback" not in done.err
    assert not (tmp_path / "out.toml").exists()


def test_other_failures_have_their_own_codes(made: Calibrated, tmp_path: Path) -> None:
    out = tmp_path / "out.toml"
    assert calibrate(tmp_path / "nowhere", "--out", out).code == 66
    assert calibrate(made.directory, "--out", tmp_path / "nowhere" / "out.toml").code == 73
    assert calibrate(made.directory, "--out", tmp_path).code == 73
    (tmp_path / "bad.toml").write_text("temperature = -1\n", encoding="utf-8")
    assert calibrate(made.directory, "--out", out, "--based-on", tmp_path / "bad.toml").code == 78
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / "transactions.jsonl").write_bytes(b"")
    done = calibrate(tmp_path / "empty", "--out", out)
    assert done.code == 65
    assert "no transaction or contact was accepted" in done.err


def test_help_teaches() -> None:
    done = calibrate("--help")
    assert done.code == 0
    for word in (
        "--based-on",
        f"[default: {DEFAULT.version}]",
        "--silent-target",
        "--first",
        "closed alerts",
    ):
        assert word in done.out
