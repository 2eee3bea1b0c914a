"""The command on a directory with a hold-out arm, and without one."""

import json
from collections import Counter
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from schemas.times import parse_ms
from streams.core.time import DAY_MS
from tests.lab.datasets import lines_of, run, write_dataset, write_lines, write_rules

pytestmark = pytest.mark.slow

SHARE = 0.4


@pytest.fixture(name="shop", scope="module")
def shop_fixture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give synthetic purchases and contacts, a merge, and two rulesets: `rules.toml` holds nobody out."""
    top = tmp_path_factory.mktemp("uplift")
    write_dataset(top / "shop", customers=160)
    rules = write_rules(top).read_text(encoding="utf-8")
    (top / "held.toml").write_text(f'{rules}holdout_share = {SHARE}\nholdout_salt = "s"\n', encoding="utf-8")
    return top


@pytest.fixture(name="merged", scope="module")
def merged_fixture(shop: Path) -> str:
    """Merge a held-out customer with an alert into an id that buys once, and return that id."""
    alerts = records(shop, shop / "held.toml")
    first = next(one for one in alerts if one["arm"] == "holdout")
    path = shop / "shop" / "transactions.jsonl"
    lines = lines_of(path)
    template = json.loads(lines[-1]) | {"amount": "77.70", "currency": "USD", "kind": "purchase"}
    template = {key: template[key] for key in ("type", "source", "kind", "amount", "currency")}
    bought = datetime.fromisoformat(first["time"]) + timedelta(days=20)
    last = json.loads(lines[-1])["time"]
    other = template | {"customer_id": "goes-on", "event_id": "77", "time": bought.isoformat()}
    merge = {"type": "customer_merged", "event_id": "m", "customer_id": first["customer_id"], "time": last}
    merge |= {"source": "crm", "merged_into": "goes-on"}
    more = [json.dumps(one).encode() for one in (other, merge)]
    in_order = sorted([*lines, *more], key=lambda line: parse_ms(json.loads(line)["time"]))
    write_lines(path, in_order)
    return str(first["customer_id"])


def records(shop: Path, rules: Path) -> list[dict[str, Any]]:
    """Return all alert records of a replay, by time."""
    files = shop / "a.jsonl", shop / "h.jsonl"
    done = run("replay", shop / "shop", "--ruleset", rules, "--alerts", files[0], "--holdout", files[1])
    assert done.code == 0
    found = [json.loads(line) for file in files for line in lines_of(file)]
    return sorted(found, key=lambda one: str(one["time"]))


def told(shop: Path, rules: str) -> tuple[dict[str, Any], str]:
    """Return the figures under some rules, and what is printed."""
    path = shop / "u.json"
    done = run("uplift", shop / "shop", "--ruleset", shop / rules, "--json", path, width=160)
    assert (done.code, done.err) == (0, "")
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))["uplift"]
    return found, done.out


def plainly(shop: Path, merged: str) -> dict[str, Counter[str]]:
    """Return customers, cents, buyers and returned by arm, worked out from the files in the plainest way."""
    events = [json.loads(line) for line in lines_of(shop / "shop" / "transactions.jsonl")]
    for event in events:
        event["customer_id"] = "goes-on" if event["customer_id"] == merged else event["customer_id"]
    bought = {(one["kind"], one["event_id"]): one for one in reversed(events) if one["type"] == "transaction"}
    assert len(bought) < len(events) - 1  # some came twice
    end = max(parse_ms(one["time"]) for one in bought.values())
    first: dict[str, dict[str, Any]] = {}
    for one in records(shop, shop / "held.toml"):
        first.setdefault("goes-on" if one["customer_id"] == merged else one["customer_id"], one)
    found = {name: Counter[str]() for name in ("customers", "cents", "buyers", "returned")}
    for customer, one in first.items():
        start, name = parse_ms(one["time"]), one["arm"]
        if start + 90 * DAY_MS > end:
            continue
        days = dict.fromkeys(range(90), 0)
        buys = False
        for event in bought.values():
            sign = {"purchase": 1, "refund": -1, "chargeback": -1}.get(event["kind"], 0)
            at = parse_ms(event["time"] if sign == 1 else event.get("original_time") or event["time"])
            if event["customer_id"] == customer and start <= at < start + 90 * DAY_MS:
                days[(at - start) // DAY_MS] += sign * int(Decimal(event["amount"]) * 100)
                buys |= sign == 1
        usual = Decimal(one["usual_spend_per_day"]) * 100
        back = any(sum(days[at] for at in range(max(0, last - 27), last + 1)) >= 14 * usual for last in days)
        found["customers"][name] += 1
        found["cents"][name] += sum(days.values())
        found["buyers"][name] += buys
        found["returned"][name] += back
    return found


def test_the_figures_are_those_worked_out_plainly(shop: Path, merged: str) -> None:
    found, out = told(shop, "held.toml")
    assert (found["verdict"], found["holdout_share"], found["warnings"]) == ("compared", SHARE, [])
    plain, measures = plainly(shop, merged), found["measures"]
    for name in ("treated", "holdout"):
        assert found["customers"][name]["measured"] == plain["customers"][name] >= 20
        assert found["customers"][name]["running"] > 0
        assert int(measures["spend"][name]["total"].replace(".", "")) == plain["cents"][name]
        assert measures["bought"][name]["count"] == plain["buyers"][name]
        assert 0 < measures["returned"][name]["count"] == plain["returned"][name]
    for words in ("returned, %", "spend, USD", "How long to wait", "Before the alert", "synthetic data"):
        assert words in out
    assert merged not in out


def test_without_a_hold_out_arm_it_names_the_key(shop: Path) -> None:
    found, out = told(shop, "rules.toml")
    for words in ("There is no hold-out arm", "holdout_share", "anything: 20 in each arm"):
        assert words in out
    assert found["verdict"] == "no_holdout"
    assert found["measures"]["returned"]["difference"] is None
    assert {one["share"] for one in found["needs"]} == {0.1, 0.2, 0.5}


def test_too_few_are_told(shop: Path) -> None:
    done = run("uplift", shop / "shop", "--ruleset", shop / "held.toml", "--since", "2024-08-15", width=160)
    assert done.code == 0
    assert "Too few to compare" in done.out
    assert "alerts first raised outside the time looked at" in done.out


@pytest.mark.parametrize(
    ("options", "code", "words"),
    [
        (("--since", "2024-02-01", "--until", "2024-02-01"), 64, "--since"),
        (("--backfill",), 64, "--backfill"),
        (("--ruleset", "no.toml"), 66, "no.toml"),
        (("--since", "yesterday"), 2, "--since"),
        (("--currency", "usd"), 2, "USD"),
    ],
)
def test_a_wrong_call_is_refused(shop: Path, options: tuple[str, ...], code: int, words: str) -> None:
    done = run("uplift", shop / "shop", *options)
    assert (done.code, done.out) == (code, "")
    assert words in done.err


def test_it_writes_over_no_input_and_nobody_elses_file(shop: Path, tmp_path: Path) -> None:
    path = tmp_path / "notes"
    path.write_text("mine", encoding="utf-8")
    assert run("uplift", shop / "shop", "--json", path).code == 73
    assert path.read_text(encoding="utf-8") == "mine"
    events = shop / "shop" / "transactions.jsonl"
    before = events.read_bytes()
    assert run("uplift", shop / "shop", "--json", events, "--force").code == 73
    assert events.read_bytes() == before


def test_a_directory_that_is_none_and_kafka_that_is_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run("uplift", tmp_path / "none").code == 66
    monkeypatch.setenv("RETENTION_BOOTSTRAP_SERVERS", "127.0.0.1:1")
    assert run("uplift").code == 69
    assert run("uplift", "--partitions", 4).code == 64


def test_the_canary_takes_no_part(shop: Path, merged: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def customers() -> int:
        found, _ = told(shop, "held.toml")
        return sum(one[which] for one in found["customers"].values() for which in ("measured", "running"))

    before = customers()
    alerted = {str(one["customer_id"]) for one in records(shop, shop / "held.toml")}
    prefix = max(alerted - {merged, "goes-on"}, key=lambda one: (len(one), one))
    monkeypatch.setenv("RETENTION_CRM_CANARY_PREFIX", prefix)
    assert customers() == before - sum(one.startswith(prefix) for one in alerted) < before
