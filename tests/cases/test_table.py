"""Each case once, in its simplest form, in a dataset of its own. The other modules have its variants.

c10, two ids of one customer, is in test_merged.py; c15 to c19, c25, c26 and c32 are in test_forms.py.
"""

from pathlib import Path
from typing import Final

import pytest

from tests.cases.runs import CONTROL, ONE, Levels, dataset, disagreements, names, replayed
from tests.cases.world import (
    ANCHOR,
    DAY,
    HOUR,
    MINUTE,
    SECOND,
    Event,
    at,
    bad_contact,
    cancelled,
    charge,
    contact,
    purchase,
    refund,
    shopping,
    stamp,
    stays,
    stops,
    subscriber,
    transaction,
)

STOPPED: Final[Levels] = CONTROL[None]
AT_ONCE: Final[Levels] = {"alert": "2026-09-01T12"}
BIG: Final = purchase(at("08-29"), "2500.00", order_id="o-1")
BACK: Final = refund(at("09-02"), "2500.00", order_id="o-1")
SHORT: Final = stops(since=at("05-01 09:00"))


def outbound(**fields: object) -> list[Event]:
    """Return who stops buying, after three calls that reached nobody."""
    return [
        *shopping(),
        *(
            contact(ANCHOR + number * HOUR, f"o{number}", direction="outbound", **fields)
            for number in range(3)
        ),
    ]


CASES: Final[dict[str, tuple[list[Event], Levels]]] = {
    "control, stops": (stops(), STOPPED),
    "control, stays": (stays(), {}),
    "c02": (
        [*subscriber(until=at("09-01")), cancelled(at("09-03"))],
        {"alert": "2026-09-03T12"},
    ),
    "c02b": (
        [*stays(), cancelled(ANCHOR + HOUR), charge(ANCHOR + HOUR + 2 * SECOND)],
        {},
    ),
    "c03": ([*stops(), *shopping(at("10-29"), since=at("09-02"), currency="EUR")], {}),
    "c04": ([*stays(), BIG, BACK], {}),
    "c04b": ([*stays(), BIG, BACK | {"original_time": stamp(at("08-29"))}], {}),
    "c05": ([*SHORT, refund(at("05-06"), "15.00", at("05-01") - 223 * DAY)], STOPPED),
    "c05, 10 days": ([*SHORT, refund(at("05-06"), "15.00", at("04-21"))], STOPPED),
    "c05, 40 days": ([*SHORT, refund(at("05-06"), "15.00", at("03-22"))], STOPPED),
    "c05, 100 days": ([*SHORT, refund(at("05-06"), "15.00", at("01-21"))], STOPPED),
    "c05b": ([*SHORT, refund(at("05-06"), "15.00", original_time="2000-01-01T00:00:00Z")], STOPPED),
    "c05, control": (SHORT, STOPPED),
    "c06": ([*stays(), refund(at("08-22"), "2500.00", at("09-03"))], {}),
    "c07": (
        [
            *shopping(ANCHOR, every=0.125, amount="30.00"),
            *(bad_contact(ANCHOR + day * DAY, f"g{day}") for day in range(4)),
        ],
        {},
    ),
    "c09": (outbound(ended_by="system", reason="offer"), {}),
    "c09, control": (outbound(reason="offer"), {}),
    "c09c": (
        [
            *shopping(),
            contact(ANCHOR, "leg1", ended_by="agent", ended_stage="transfer", transfers_warm=1),
            contact(ANCHOR + 9 * MINUTE, "leg2", ended_by="customer", ended_stage="agent"),
        ],
        {},
    ),
    "c11": (
        [*stops(), {"type": "profile", "time": stamp(at("01-02")), "source": "crm", "do_not_contact": True}],
        STOPPED,
    ),
    "c12": (
        [
            *stops(),
            purchase(at("08-28"), "2500.00", event_id="1001"),
            refund(at("08-30"), "2500.00", at("08-28"), event_id="1001"),
        ],
        STOPPED,
    ),
    "c13": ([*stops(), *shopping(at("10-29"), since=at("09-02"), amount="0.00")], {}),
    "c20": (
        [
            *(one | {"source": "partner", "arrives": at("01-01") + (number // 2 + 1) * 7 * DAY}
              for number, one in enumerate(shopping(at("10-20")))),
            bad_contact(),
        ],
        {},
    ),
    "c20b": (
        [
            *(one | {"source": "till", "arrives": at("01-02 03:00") + number * DAY}
              for number, one in enumerate(shopping(at("10-30"), every=1, amount="60.00"))),
            bad_contact(),
        ],
        {},
    ),
    "c21": (
        [
            *stops(),
            purchase(at("08-30"), "21000.00", event_id="o-9"),
            transaction(
                "correction",
                at("08-31"),
                "0.00",
                previous_amount="21000.00",
                original_time=stamp(at("08-30")),
                corrects="o-9",
            ),
        ],
        STOPPED,
    ),
    "c22c": (
        [*stops(), purchase(at("08-12"), "4000.00"), refund(at("08-17"), "4000.00", at("08-12"))],
        STOPPED,
    ),
    "c30": ([*stops(), cancelled(ANCHOR - 2 * MINUTE)], AT_ONCE),
    "c30, control": ([*stops(), cancelled(ANCHOR + 2 * MINUTE)], AT_ONCE),
}  # fmt: skip


@pytest.mark.parametrize("name", names(CASES))
def test_each_case_comes_to_what_is_right(tmp_path: Path, name: str) -> None:
    events, expected = CASES[name]
    seen = replayed(dataset({"c": events}, 60).write(tmp_path / "here"), *ONE)
    assert seen.levels("c") == expected
    assert [said for one in seen.of("c") for said in disagreements(one)] == []
    assert seen.code == 0


@pytest.mark.parametrize("ruleset", ["1", "2"])
@pytest.mark.parametrize(
    "name", ["control, stops", "control, stays", "c06", "c11", "c12", "c22c", "c05, control"]
)
def test_what_is_no_rule_of_detection_is_right_under_older_rulesets(
    tmp_path: Path, name: str, ruleset: str
) -> None:
    """Of a history that is short ruleset 1 is less sure."""
    events, expected = CASES[name]
    seen = replayed(dataset({"c": events}, 60).write(tmp_path / "here"), *ONE, ruleset=ruleset)
    right = CONTROL[ruleset] if expected else {}
    found = seen.levels("c")
    if ruleset == "1" and name == "c05, control":
        right = {"watch": "2026-09-04T13", "alert": "2026-09-09T07"}
    assert found == right
