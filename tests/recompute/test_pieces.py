"""The pieces of the recomputation against numbers worked by hand."""

import json
from dataclasses import replace
from math import fsum
from pathlib import Path
from typing import Any

import pytest

from tests.recompute.arrival import Customer, Partition, Sale, murmur2, partition_of, read
from tests.recompute.delivery import group_of
from tests.recompute.events import Contact
from tests.recompute.feed import Feed
from tests.recompute.frustration import Contacts, effort_nats, outcome_nats
from tests.recompute.lines import Refused, parse
from tests.recompute.rules import DAY_MS, HOUR_MS, VERSION_3, Rules
from tests.recompute.spending import Baseline, Refresh, refreshes

RULES = Rules()
NOW = 1_750_000_000_000  # 2025-06-15T15:06:40Z
Line = dict[str, object]


@pytest.mark.parametrize(
    ("key", "signed"),
    [
        ("21", -973932308),
        ("foobar", -790332482),
        ("a-little-bit-long-string", -985981536),
        ("a-little-bit-longer-string", -1486304829),
        ("lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971),
        ("abc", 479470107),
    ],
)
def test_murmur2_is_that_of_kafka(key: str, signed: int) -> None:
    """The vectors are those of Kafka's own UtilsTest."""
    assert murmur2(key.encode()) == signed % 2**32
    assert partition_of(key, 7) == (signed % 2**31) % 7


def on_time(panes: list[int]) -> list[Sale]:
    return [Sale(pane, pane * HOUR_MS, late=False, source="pos") for pane in panes]


def contact(name: str = "k", day: float = 0, **fields: Any) -> Contact:
    moment_ms = round(day * DAY_MS)
    bare = Contact(
        event_id=name, source="crm", customer_id="c", time_ms=moment_ms, contact_id=name, moment_ms=moment_ms
    )
    return replace(bare, **fields)


@pytest.mark.parametrize(
    ("fields", "nats"),
    [
        ({"resolution": "unresolved"}, 1.85),
        ({"csat": 1}, 2.0),
        ({"csat": 2}, 0),
        ({"ces": 2}, 2.0),
        ({"ces": 3}, 0),
        ({"effort": -4}, 2.0),
        ({"effort": -3}, 0),
        ({"escalation_requested": True}, 1.85),
        ({"escalation_requested": True, "escalation_granted": True}, 0),
        ({"complaint": True}, 1.0),
        ({"first_reply_seconds": 86_400}, 0),
        ({"first_reply_seconds": 86_400.5}, 1.85),
        ({"complaint": True, "csat": 1, "resolution": "unresolved"}, 2.0),
    ],
)
def test_the_largest_outcome_counts(fields: dict[str, Any], nats: float) -> None:
    assert outcome_nats(contact(**fields), RULES) == nats


@pytest.mark.parametrize(
    ("fields", "nats"),
    [
        ({"transfers_warm": 1}, 0.15),
        ({"transfers_cold": 1}, 0.225),  # 0.15 * 1.5
        ({"transfers_cold": 1, "transfers_warm": 2}, 1.715),  # (0.15 + 1.32) * (1 + 0.5 / 3)
        ({"hold_seconds": 300}, 0),
        ({"hold_seconds": 301}, 0.2),
        ({"hold_count": 2}, 0.2),
        ({"deflected_to": "voice"}, 0.5),
        ({"ended_stage": "ivr"}, 0.5),
        ({"ended_stage": "ivr", "self_served": True}, 0),
        ({"ended_by": "system"}, 0.95),
        ({"ended_by": "agent", "resolution": "resolved"}, 0),
        ({"ended_by": "network"}, 0),
        ({"ivr_zero_outs": 2}, 0),
        ({"ivr_zero_outs": 3}, 0.2),
        ({"ended_stage": "queue", "ended_by": "customer", "queue_seconds": 120}, 0),
        ({"ended_stage": "queue", "ended_by": "customer", "queue_seconds": 121}, 0.4),
        ({"repeated_information": True}, 0.2),
        ({"phrases": True}, 0.3),
        ({"self_service_minutes": 29.9}, 0),
        ({"self_service_minutes": 30}, 0.2),
    ],
)
def test_efforts_add_up(fields: dict[str, Any], nats: float) -> None:
    assert fsum(effort_nats(contact(**fields), 0, RULES)) == pytest.approx(nats)
    assert fsum(effort_nats(contact(**fields), 2, RULES)) == pytest.approx(nats + 1.9)


@pytest.mark.parametrize(
    ("earlier", "later", "frustration"),
    [
        # one half-life: 1.00 / 2 + 1.00
        (contact("a", 0, complaint=True), contact("b", 30, complaint=True), 1.5),
        # 7 days inclusive: a repeat of what was not done
        (contact("a", 0, repeated_information=True), contact("b", 7), 0.2 * 2 ** (-7 / 30) + 0.95),
        # a millisecond more, and it does not repeat
        (contact("a", 0, repeated_information=True), contact("b", 7 + 1 / DAY_MS), 0.2 * 2 ** (-7 / 30)),
        # both have a case: other cases are no repeat, whatever the reasons
        (contact("a", 0, case_id="1", reason="r"), contact("b", 0, case_id="2", reason="r"), 0),
        # one has no case: the reasons decide
        (contact("a", 0, case_id="1", reason="r"), contact("b", 0, reason="r"), 0.95),
        (contact("a", 0, self_served=True), contact("b", 0), 0),
        (contact("a", 0, outbound=True), contact("b", 0), 0),
        # 1.00 halved by time, halved by recovery
        (contact("a", 0, complaint=True), contact("b", 30, recovery=True, complaint=True), 0.25),
        (contact("a", 0, resolution="unresolved"), contact("b", 0, resolution="unresolved"), 2.95),
        # 0.50 for a notice; a repeated one would add 0.95
        (contact("a", 0, is_notice=True), contact("b", 0, is_notice=True), 1.0),
        (contact("a", 0, is_notice=True), contact("b", 0, is_notice=True, notified=True), 0.5),
        # left out after 120 days, kept at 120
        (contact("a", 0, complaint=True), contact("b", 120), 1 / 16),
        (contact("a", 0, complaint=True), contact("b", 120 + 1 / DAY_MS), 0),
    ],
)
@pytest.mark.parametrize("backwards", [False, True])
def test_two_contacts_fold(earlier: Contact, later: Contact, frustration: float, backwards: bool) -> None:
    known = Contacts(RULES)
    for each in (later, earlier) if backwards else (earlier, later):
        assert known.fold(each)
    assert known.frustration() == pytest.approx(frustration, abs=1e-7)


def test_an_older_version_is_ignored() -> None:
    known = Contacts(RULES)
    assert known.fold(contact(version=2))
    assert not known.fold(contact(version=1, complaint=True))
    assert known.frustration() == 0


@pytest.mark.parametrize(
    ("most", "frustration"),
    [(0, 0.6), (4, 0.6), (3, 0.6), (2, 0.5), (1, 0.3)],
)
def test_only_the_newest_contacts_count(most: int, frustration: float) -> None:
    """Of 0.10, 0.20 and 0.30 at one moment, ordered by contact and source, the last ones stay."""
    known = Contacts(replace(RULES, most_contacts=most, phrases=0.1, hold=0.2, notice=0.3))
    a = contact("a", outbound=True, source="z", phrases=True)
    b = contact("b", outbound=True, source="a", hold_count=2)
    c = contact("b", outbound=True, source="b", is_notice=True)
    for each in (c, a, b):
        assert known.fold(each)
    assert known.frustration() == pytest.approx(frustration)


def test_a_contact_beyond_the_bound_is_repeated_by_none_and_may_come_again() -> None:
    known = Contacts(replace(RULES, most_contacts=2))
    for each in (contact("a", 1, version=2), contact("b", 2), contact("c", 3)):
        assert known.fold(each)
    assert known.own_nats(contact("c", 3)) == pytest.approx(0.95)
    assert known.fold(contact("a", 4, version=1))


def test_irregularity_is_drawn_towards_the_population() -> None:
    # mean 4, deviations -2, 0, 2, 0: variance 8/3, 28 * (8/3) / 16 = 14/3; k = 3; exp((3 ln 14/3 + 4 ln 2)/7)
    usual = Baseline((200, 400, 600, 400))
    assert usual.per_day == pytest.approx(400 / 28)
    assert usual.irregularity(2.0, RULES) == pytest.approx(((14 / 3) ** 3 * 2**4) ** (1 / 7))


@pytest.mark.parametrize(("customers", "cutoff"), [(19, None), (20, 1600), (24, 2000), (25, 2000)])
def test_the_cutoff_is_the_value_at_rank_four_fifths(customers: int, cutoff: int | None) -> None:
    # customer i spent i.00: ranks ceil(0.8 * 20) = 16, ceil(19.2) = 20, 20
    people = {f"c{i}": Customer(on_time=[(100, i * 100)]) for i in range(1, customers + 1)}
    found = refreshes([Partition(people, on_time([100]))], [], 8904, RULES)[0]
    assert found[0] == Refresh(None, 8.6)
    assert found[168] == Refresh(cutoff, 8.6)
    # 8904 - 8736 = 168 > 100: nobody spent in the last 364 days
    assert found[8904] == Refresh(None, 8.6)


@pytest.mark.parametrize(("today", "broken"), [(9, 1), (10, 0)])
def test_a_feed_is_broken_below_half_of_four_weeks(today: int, broken: int) -> None:
    # g = 1000: the same 24 panes of the four weeks before hold 20 each, the mean is 20
    panes = [1000 - 168 * week for week in (1, 2, 3, 4)] * 20 + [977] * today
    assert Feed(Partition({}, on_time(panes)), 1000, RULES).broken_hours(1000, 1001) == broken


def test_the_guard_is_off_below_twenty() -> None:
    panes = [1000 - 168 * week for week in (1, 2, 3, 4)] * 19
    assert Feed(Partition({}, on_time(panes)), 1000, RULES).broken_hours(1000, 1001) == 0


def sales(pane: int, count: int, *, source: str = "pos", arrives: int | None = None) -> list[Sale]:
    instant_ms = (pane if arrives is None else arrives) * HOUR_MS
    return [Sale(pane, instant_ms, late=arrives is not None, source=source)] * count


@pytest.mark.parametrize(
    ("rules", "broken"),
    [
        (RULES, 24),  # what is late does not count
        (replace(RULES, delayed_feed=True), 15),  # from 985 on, until they count from 1000 on
        (replace(RULES, delayed_feed=True, settle_hours=9), 6),  # from 991 on
        (replace(RULES, delayed_feed=True, settle_hours=10), 5),  # from their pane on
        (replace(RULES, delayed_feed=True, settle_hours=11), 5),
    ],
)
def test_late_purchases_count_in_the_guard_from_when_they_are_known(rules: Rules, broken: int) -> None:
    """Twenty in pane 985 of each week; in the last one ten of pane 990, which come in hour 1000."""
    usual = [sale for week in (1, 2, 3, 4) for sale in sales(985 - 168 * week, 20)]
    feed = Feed(Partition({}, usual + sales(990, 10, arrives=1000)), 1100, rules)
    assert feed.broken_hours(0, 1100) == feed.broken_hours(985, 1009) == broken


def test_late_purchases_count_in_the_weeks_before_as_well() -> None:
    usual = [sale for week in (1, 2, 3, 4) for sale in sales(985 - 168 * week, 20, arrives=989)]
    feed = Feed(Partition({}, usual), 1100, replace(RULES, delayed_feed=True))
    assert feed.broken_hours(0, 989) == 0
    assert feed.broken_hours(989, 1100) == 20


@pytest.mark.parametrize(
    ("usual", "pos", "web", "broken"),
    [
        (20, 40, 0, True),  # 20 of 60 are missing, and web has half of its 20 to lose
        (19, 40, 0, False),  # web is too small
        (20, 40, 9, True),
        (20, 40, 10, False),  # half of web is there
        (20, 49, 0, True),  # 11 are missing
        (20, 50, 0, True),  # 10 are missing: half of what web lacks
        (20, 51, 0, False),
        (20, 50, 1, False),  # 9 are missing, of 19 that web lacks
        (20, 49, 2, True),  # 9 of 18
    ],
)
def test_a_source_that_fails_breaks_the_feed_unless_another_takes_over(
    usual: int, pos: int, web: int, broken: bool
) -> None:
    """Usually 40 purchases come by pos; `pos` and `web` are those of the last week."""
    before = [
        sale
        for week in (1, 2, 3, 4)
        for source, count in (("pos", 40), ("web", usual))
        for sale in sales(1000 - 168 * week, count, source=source)
    ]
    partition = Partition({}, before + sales(1000, pos) + sales(1000, web, source="web"))
    assert Feed(partition, 1000, VERSION_3).broken_hours(1000, 1001) == broken
    assert Feed(partition, 1000, RULES).broken_hours(1000, 1001) == 0


def test_groups_of_sources() -> None:
    """The first 8 bytes of SHA-256, as sha256sum has them, end in 8f and b9."""
    assert [group_of(source) for source in ("pos", "web")] == [15, 57]


def purchase(name: str, time: str, **fields: object) -> Line:
    common = {"type": "transaction", "event_id": name, "customer_id": "c", "source": "s", "time": time}
    return common | {"kind": "purchase", "amount": "1.00", "currency": "USD"} | fields


def test_instants_lateness_and_duplicates(tmp_path: Path) -> None:
    lines = [
        purchase("a", "2024-01-10T10:00:00Z"),  # clock 09:59:55
        purchase("b", "2024-01-10T09:59:55Z"),  # at the clock: late
        purchase("c", "2024-01-10T09:59:55.001Z"),  # after it: on time
        purchase("d", "2024-01-02T09:59:55Z"),  # 8 days behind: late
        purchase("e", "2024-01-02T09:59:54.999Z"),  # more: refused
        purchase("a", "2024-01-20T00:00:00Z"),  # instant 9.6 days after that of a, which is forgotten
        purchase("a", "2024-01-21T00:00:00Z"),
    ]
    (tmp_path / "transactions.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    arrival = read(tmp_path, RULES, 1, NOW, "USD")
    [customer] = arrival.partitions[0].customers.values()
    assert [fact.instant_ms for fact in customer.agenda] == [1_704_880_795_000] * 2
    assert len(customer.on_time) == 3
    assert arrival.counts == {"transactions": 5, "late transactions": 2, "too_late": 1, "duplicate": 1}
    assert arrival.end_ms == 1_705_708_800_001


GOOD = purchase("a", "2024-01-10T10:00:00Z")
CALL = {**GOOD, "type": "contact", "contact_id": "k", "version": 1, "channel": "voice"}
for _name in ("kind", "amount", "currency"):
    del CALL[_name]


@pytest.mark.parametrize(
    ("topic", "line", "reason"),
    [
        ("transactions", b"{", "not_json"),
        ("transactions", b'{"a": NaN}', "not_json"),
        ("transactions", b"\xff", "not_json"),
        ("transactions", b" " * 65_537, "too_large"),
        ("contacts", GOOD, "unknown_type"),
        ("transactions", {**GOOD, "amount": 1}, "schema"),
        ("transactions", {**GOOD, "kind": "refund", "amount": "0.00"}, "schema"),
        ("transactions", {**GOOD, "previous_amount": "1.00"}, "schema"),
        ("transactions", {**GOOD, "corrects": "a"}, "schema"),
        ("transactions", {**GOOD, "kind": "correction", "previous_amount": "1.00"}, "schema"),
        ("transactions", {**GOOD, "kind": "correction", "original_time": GOOD["time"]}, "schema"),
        ("transactions", {**GOOD, "kind": "subscription_changed", "previous_amount": "0"}, "schema"),
        (
            "transactions",
            {**GOOD, "amount": "999999999999.99", "currency": "EUR", "exchange_rate": "2"},
            "currency",
        ),
        ("transactions", {**GOOD, "amount": None}, "schema"),
        ("transactions", {**GOOD, "kind": "subscription_cancelled"}, "schema"),
        ("transactions", {**GOOD, "event_id": "x" * 129}, "schema"),
        ("transactions", {**GOOD, "time": "2024-02-30T00:00:00Z"}, "schema"),
        ("transactions", {**GOOD, "time": "2024-01-10T10:00:00"}, "schema"),
        ("transactions", {**GOOD, "time": "1999-12-31T23:59:59Z"}, "schema"),
        ("transactions", {**GOOD, "attributes": {"a": 1}}, "schema"),
        ("transactions", {**GOOD, "currency": "EUR"}, "currency"),
        ("transactions", {**GOOD, "time": "2025-06-15T15:11:40.001Z"}, "future"),
        ("contacts", {**CALL, "version": 0}, "schema"),
        ("contacts", {**CALL, "version": True}, "schema"),
        ("contacts", {**CALL, "csat": 1.0}, "schema"),
        ("contacts", {**CALL, "queue_seconds": -1}, "schema"),
        ("contacts", {**CALL, "queue_seconds": "1"}, "schema"),
        ("contacts", {**CALL, "phrases": ["never"]}, "schema"),
        ("contacts", {**CALL, "ended_at": "2024-01-10T10:00:00.001Z"}, "schema"),
        ("transactions", {"type": "tick", "time": GOOD["time"], "source": "", "event_id": "t"}, "schema"),
    ],
)
def test_refusals(topic: str, line: bytes | Line, reason: str) -> None:
    raw = line if isinstance(line, bytes) else json.dumps(line).encode()
    with pytest.raises(Refused, match=reason):
        parse(raw, topic, RULES, NOW, "USD")


def test_unknown_fields_change_nothing() -> None:
    plain, grown = ({**CALL, **more} for more in ({}, {"surprise": [1], "amount": "1.00"}))
    events = [parse(json.dumps(one).encode(), "contacts", RULES, NOW, "USD") for one in (plain, grown)]
    assert events[0] == events[1]


@pytest.mark.parametrize(
    ("fields", "cents"),
    [
        ({"amount": "1.005"}, 100),
        ({"amount": "1.015"}, 102),
        ({"amount": "10", "currency": "EUR", "exchange_rate": "1.0005"}, 1000),
        ({"time": "2025-06-15T15:11:40Z"}, 100),
    ],
)
def test_money_is_rounded_once_half_even(fields: Line, cents: int) -> None:
    found = parse(json.dumps({**GOOD, **fields}).encode(), "transactions", RULES, NOW, "USD")
    assert getattr(found, "cents", None) == cents
