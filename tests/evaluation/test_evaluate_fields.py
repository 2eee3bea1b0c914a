"""Fields that are blanked: nothing else changes, and every row is measured on the same boycotts."""

import json
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from schemas.events import Refusal
from schemas.hot import Decoder
from streams.core.ruleset import VERSIONS
from streams.evaluation.fields import measure
from streams.evaluation.fields.blanks import BLANKS, EVERYTHING, LEAST
from streams.evaluation.fields.measure import fields_against_truth
from streams.lab.generate import GenerateOptions, Population
from streams.lab.generate.run import write_world
from streams.lab.generate.world import World, draw_world, unseen

pytestmark = pytest.mark.slow

RULES = replace(VERSIONS["4"], high_value_quantile=0.3, opening_frustration=0.5)
OPTIONS = GenerateOptions(
    population=Population.SYNTHETIC,
    customers=150,
    days=200,
    contact_rate=3,
    survey_share=0.9,
    subscription_share=0.5,
    refund_share=0.1,
)


@pytest.fixture(name="world", scope="module")
def _world() -> World:
    return draw_world(OPTIONS, unseen)


def contacts(world: World) -> list[dict[str, object]]:
    lines: list[dict[str, object]] = [json.loads(msgspec.json.encode(one.line)) for one in world.contacts]
    return lines


@pytest.mark.parametrize("name", BLANKS)
def test_what_is_left_is_accepted_and_arrives_in_the_same_order(
    name: str, world: World, tmp_path: Path
) -> None:
    told = BLANKS[name](world)
    write_world(tmp_path, told)
    decoder = Decoder()
    for file in ("transactions", "contacts"):
        lines = (tmp_path / f"{file}.jsonl").read_bytes().splitlines()
        assert not [one for one in map(decoder.of(file), lines) if isinstance(one, Refusal)]
    whole = [world.contacts[one].line.event_id for one in world.contacts_arrival.order]
    mine = [told.contacts[one].line.event_id for one in told.contacts_arrival.order]
    assert mine == [one for one in whole if one in set(mine)]
    paid = world.transactions["event_id"].gather(world.transactions_arrival.order).to_list()
    left = told.transactions["event_id"].gather(told.transactions_arrival.order).to_list()
    assert left == [one for one in paid if one in set(left)]


def test_each_blank_takes_what_it_says_and_nothing_else(world: World) -> None:
    whole = contacts(world)
    assert any("csat" in one for one in whole)
    surveys = {"csat", "ces", "effort"}
    assert contacts(BLANKS["no surveys"](world)) == [
        {name: value for name, value in one.items() if name not in surveys} for one in whole
    ]
    least = contacts(BLANKS["the least of contacts"](world))
    assert {name for one in least for name in one} == {"type", *LEAST}
    assert len(least) == sum(one["type"] == "contact" for one in whole)
    resolved = contacts(BLANKS["the least and resolution"](world))
    assert {name for one in resolved for name in one} == {"type", *LEAST, "resolution"}
    assert set(BLANKS["purchases alone"](world).transactions["kind"]) == {"purchase"}
    assert {"refund", "chargeback"} & set(BLANKS["no refunds"](world).transactions["kind"]) == set()
    dated = BLANKS["dates in place of times"](world)
    assert {str(one["time"])[10:] for one in contacts(dated)} == {"T00:00:00.000Z"}
    assert (dated.transactions["time_ms"] % 86_400_000).max() == 0


def test_the_rows_are_measured_on_the_same_boycotts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        measure, "BLANKS", {name: BLANKS[name] for name in (EVERYTHING, "no contacts", "no refunds")}
    )

    def found() -> measure.FieldsResult:
        return fields_against_truth(RULES, [1], population=Population.SYNTHETIC, customers=250)

    result = found()
    everything, nothing, no_refunds = result.rows
    assert everything.found.of == nothing.found.of == no_refunds.found.of > 5
    assert everything.found.count > 0
    assert (everything.found_less.low, everything.found_less.value, everything.found_less.high) == (0, 0, 0)
    assert (nothing.found.count, nothing.median_days, nothing.real_less) == (0, None, None)
    share = everything.found.share
    assert share is not None
    assert nothing.found_less.value == pytest.approx(-share)
    assert nothing.found_less.low <= -share <= nothing.found_less.high
    assert found() == result
