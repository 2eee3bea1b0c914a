"""One episode worked by hand, and what may become of it.

A protected customer buys for 10.00 at noon of every day from day 0 to day 84; hours count from day 0. On
day 85 at 00:30 (hour 2040) a contact ends unresolved: F = 1.85. It opens, and h0 = 2041.

    blocks   2040 - 3 * 672 = 24 >= 12, the first pane; 2040 - 4 * 672 < 12: three blocks of 280.00 each
    m        280.00 / 28 = 10.00 a day
    D        28 CV^2 = 0, floor 0.25; population unknown, 8.6; k = 2:
             exp((2 ln 0.25 + 4 ln 8.6) / 6) = (0.25 * 8.6^2)^(1/3) = 18.49^(1/3) = 2.644310
    watch    L = -2.944439 + 1.85 + 0.55 e / D >= 0         e >= 5.261882 d = 126.29 h: hour h0 + 127
    alert    L >= 1.386294                                  e >= 11.926957 d = 286.25 h: hour h0 + 287
"""

import json
from dataclasses import replace
from pathlib import Path
from uuid import UUID, uuid5

import pytest

from tests.recompute.recompute import Expected, Rules, recompute

HOUR = 3_600_000
START = 1_704_067_200_000  # 2024-01-01T00:00:00Z
H0 = 2041
D = 2.644310
RULES = Rules(protected_tiers=frozenset({"gold"}))
ALERT_ID = str(uuid5(UUID("731beb54-e8c9-5a95-9036-e6143143d599"), '["c1","crm","k1"]'))
Line = dict[str, object]
Step = tuple[int, str, str | None]


def stamp(hours: float) -> str:
    day, hour = divmod(hours, 24)
    month = next(m for m in range(12, 0, -1) if FIRST_DAYS[m - 1] <= day)
    rest = f"{int(hour):02}:{int(hour % 1 * 60):02}:00Z"
    return f"2024-{month:02}-{int(day) - FIRST_DAYS[month - 1] + 1:02}T{rest}"


FIRST_DAYS = [0, 31, 60, 91, 121, 152, 182, 213, 244, 274, 305, 335]


def event(name: str, type_: str, hours: float, **fields: object) -> Line:
    common = {"type": type_, "event_id": name, "customer_id": "c1", "source": "crm", "time": stamp(hours)}
    return common | fields


def purchase(name: str, hours: float, amount: str) -> Line:
    return event(name, "transaction", hours, kind="purchase", amount=amount, currency="USD")


def contact(name: str, hours: float, **fields: object) -> Line:
    return event(name, "contact", hours, **{"contact_id": "k1", "version": 1, "channel": "voice", **fields})


USUAL = [purchase(f"p{day}", day * 24 + 12, "10.00") for day in range(85)]
BAD = contact("e1", 2040.5, resolution="unresolved")
END: Line = {"type": "tick", "source": "shop", "time": stamp(H0 + 3800)}


@pytest.fixture
def alerts(tmp_path: Path) -> "Run":
    return Run(tmp_path)


class Run:
    """Writes the story with additions and gives its alerts when called."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def __call__(  # noqa: D102 - the class says it
        self,
        *,
        bought: list[Line] | None = None,
        contacts: list[Line] | None = None,
        bad: Line | None = BAD,
        said: Line | None = None,
        rules: Rules = RULES,
    ) -> list[Expected]:
        self._write(
            "transactions", sorted([*USUAL, *(bought or []), END], key=lambda line: str(line["time"]))
        )
        self._write("contacts", [*([bad] if bad else []), *(contacts or [])])
        self._write("customers", [event("m1", "profile", 0, tier="gold")])
        self._write("dispositions", [said] if said else [])
        return recompute(self._directory, ruleset=rules)

    def _write(self, topic: str, lines: list[Line]) -> None:
        text = "".join(json.dumps(line) + "\n" for line in lines)
        (self._directory / f"{topic}.jsonl").write_text(text)


def steps(alerts: list[Expected]) -> list[Step]:
    """Hours after h0, state and level, resolution."""
    return [
        ((a.time_ms - START) // HOUR - H0, f"{a.revision} {a.state} {a.level}", a.resolution) for a in alerts
    ]


WATCH: Step = (127, "1 raised watch", None)
ALERT: Step = (287, "2 updated alert", None)


def test_half_of_the_usual_spend_of_28_days_returns_the_customer_at_the_next_whole_day(alerts: Run) -> None:
    # Pane h0 + 490 gets 140.00 = 14 m. At n = 21: S = (21 - 28) / D = -2.647 > -3, so the sum decides.
    found = alerts(bought=[purchase("back", H0 + 490.5, "140.00")])
    assert steps(found) == [WATCH, ALERT, (504, "3 resolved alert", "returned")]


def test_a_cent_less_does_not_and_the_episode_expires_on_day_120(alerts: Run) -> None:
    found = alerts(bought=[purchase("back", H0 + 490.5, "139.99")])
    assert steps(found) == [WATCH, ALERT, (2880, "3 resolved alert", "expired")]


def test_numbers_of_the_first_record(alerts: Run) -> None:
    first = alerts()[0]
    # e = 127 / 24 = 5.291667; 0.55 e / D = 1.100634; L = 0.006195; P = 0.501549; * 10 * 90 = 451.39
    assert (first.alert_id, first.customer_id, first.arm) == (ALERT_ID, "c1", "treated")
    assert (first.anchor_contact_id, first.anchor_source) == ("k1", "crm")
    assert first.prior == pytest.approx(-2.944439, abs=1e-6)
    assert first.frustration == 1.85
    assert first.silence == pytest.approx(1.100634, abs=1e-5)
    assert first.probability == pytest.approx(0.501549, abs=1e-5)
    assert (first.usual_spend_per_day, first.spend_since) == (10.0, 0.0)
    assert first.days_since == pytest.approx(5.291667, abs=1e-6)
    assert first.irregularity_days == pytest.approx(D, abs=1e-6)
    assert first.value_at_risk == pytest.approx(451.39, abs=0.01)


def test_numbers_of_the_return(alerts: Run) -> None:
    last = alerts(bought=[purchase("back", H0 + 490.5, "140.00")])[-1]
    # L = -2.944439 + 1.85 - 0.55 * 7 / D = -1.094439 - 1.455957 = -2.550396; P = 0.072400
    # missing: 1 - 140 / (10 * 21) = 1/3; 0.072400 * 900 / 3 = 21.72
    assert (last.spend_since, last.days_since) == (140.0, 21.0)
    assert last.silence == pytest.approx(-1.455957, abs=1e-5)
    assert last.probability == pytest.approx(0.072400, abs=1e-5)
    assert last.value_at_risk == pytest.approx(21.72, abs=0.01)


def test_a_cancellation_makes_it_an_alert_at_once(alerts: Run) -> None:
    cancelled = event("x", "transaction", H0 + 50.5, kind="subscription_cancelled")
    found = alerts(bought=[cancelled])
    assert steps(found) == [(50, "1 raised alert", None), (2880, "2 resolved alert", "expired")]


def test_a_disposition_closes_what_was_sent(alerts: Run) -> None:
    said = event("d", "disposition", H0 + 130.5, alert_id=ALERT_ID, status="closed")
    assert steps(alerts(said=said)) == [WATCH, (130, "2 resolved watch", "closed")]


def test_a_snooze_holds_back_until_its_time(alerts: Run) -> None:
    snooze = {"alert_id": ALERT_ID, "status": "contacted", "snooze_until": stamp(H0 + 400)}
    found = alerts(said=event("d", "disposition", H0 + 130.5, **snooze))
    assert steps(found)[:2] == [WATCH, (400, "2 updated alert", None)]


def test_a_version_without_frustration_withdraws(alerts: Run) -> None:
    solved = contact("e2", H0 + 140.5, version=2, resolution="resolved", ended_at=stamp(2040.5))
    assert steps(alerts(contacts=[solved])) == [WATCH, (140, "2 resolved watch", "withdrawn")]


def test_a_version_without_frustration_closes_silently_what_was_not_sent(alerts: Run) -> None:
    solved = contact("e2", H0 + 40.5, version=2, resolution="resolved", ended_at=stamp(2040.5))
    assert alerts(contacts=[solved]) == []


def test_a_later_contact_is_judged_when_it_is_folded(alerts: Run) -> None:
    # A complaint 96 h later, which repeats (no reason, the first not done): 1.85 * 2^(-4/30) + 1.95 > 2.95.
    # S at hour(2136.5) = 2136: e = 95 / 24. L = -2.944439 + 2.95 + 0.55 * 3.958333 / D = 0.828870: watch.
    again = contact("e2", 2136.5, contact_id="k2", complaint=True)
    found = alerts(contacts=[again])
    assert steps(found)[0] == (95, "1 raised watch", None)
    assert found[0].frustration == 2.95
    # 0.55 e / D >= 1.386294 + 2.944439 - 2.95 = 1.380733: e >= 6.638338 d = 159.32 h
    assert steps(found)[1] == (160, "2 updated alert", None)


def test_settling_delays_what_hours_decide(alerts: Run) -> None:
    found = alerts(rules=Rules(protected_tiers=RULES.protected_tiers, settle_hours=24))
    assert steps(found)[:2] == [(151, "1 raised watch", None), (311, "2 updated alert", None)]


def settled(hours: int) -> Rules:
    return replace(RULES, settle_hours=hours, delayed_feed=True)


def test_ruleset_3_settles_what_a_contact_decides(alerts: Run) -> None:
    # S of k2 is that at 2136 - 12: e = 83 / 24, 0.55 e / D = 0.719308; alert 12 hours after that of above.
    again = contact("e2", 2136.5, contact_id="k2", complaint=True)
    found = alerts(contacts=[again], rules=settled(12))
    assert steps(found)[:2] == [(95, "1 raised watch", None), (172, "2 updated alert", None)]
    assert found[0].silence == pytest.approx(0.719308, abs=1e-5)


def test_ruleset_3_settles_what_a_disposition_closes(alerts: Run) -> None:
    # The contact of above is watch at its instant; 10.00 of h0 + 90 are not settled at h0 + 101.
    again = contact("e2", 2136.5, contact_id="k2", complaint=True)
    said = event("d", "disposition", H0 + 101.5, alert_id=ALERT_ID, status="closed")
    bought = [purchase("late", H0 + 90.5, "10.00")]
    last = alerts(contacts=[again], bought=bought, said=said, rules=settled(12))[-1]
    assert (last.resolution, last.spend_since, last.days_since) == ("closed", 0.0, 89 / 24)


@pytest.mark.parametrize(("settle_hours", "opens"), [(11, True), (12, True), (13, False)])
def test_ruleset_3_settles_the_baseline(alerts: Run, settle_hours: int, opens: bool) -> None:
    # 2040 - 12 - 3 * 672 = 12, the first pane.
    assert bool(alerts(rules=settled(settle_hours))) is opens


def test_silence_alone_is_noticed_at_a_refresh_and_expires_120_days_after(alerts: Run) -> None:
    # Refreshes are on day 3 + 7 k. The first with three blocks is day 87, hour 2088 = H0 + 47: 260.00 and
    # twice 280.00, m = 820 / 84, 28 CV^2 = 0.05, D as above. Watch: 0.55 e / D >= ln 499 = 6.212606, so
    # e >= 29.87 d: day 122, 35 d, L = 7.279783 - 6.212606; alert: e >= 36.534 d = 876.83 h.
    found = alerts(bad=None, rules=Rules(protected_tiers=RULES.protected_tiers, silent=True))
    assert steps(found) == [
        (47 + 840, "1 raised watch", None),
        (47 + 877, "2 updated alert", None),
        (47 + 840 + 2880, "3 resolved alert", "expired"),
    ]
    first = found[0]
    # 2024-01-01T00:00:00Z is hour 473352, and z is 2088 later.
    namespace = UUID("731beb54-e8c9-5a95-9036-e6143143d599")
    assert first.alert_id == str(uuid5(namespace, "c1/silent/475440"))
    assert (first.rule, first.anchor_contact_id, first.frustration) == ("silent", None, 0.0)
    assert first.usual_spend_per_day == pytest.approx(820 / 84)
    assert first.prior + first.silence == pytest.approx(1.067177, abs=1e-5)
    assert first.deadline_ms == START + (H0 + 47 + 840 + 2160) * HOUR


LIMITS = replace(RULES, shared_trips_factor=10, shared_contacts=50)
"""Of few customers the median is 1 trip, so that 100 trips in 28 days are too many."""


def cents(first: int, count: int) -> list[Line]:
    """Buy for 0.01 in so many hours from the first on, but not at noon: trips that leave spend as it was."""
    hours = [hour for hour in range(first, first + 2 * count) if hour % 24 != 12]
    return [purchase(f"cent{hour}", hour, "0.01") for hour in hours[:count]]


@pytest.mark.parametrize(("others", "opens"), [(71, True), (72, False), (73, False)])
def test_an_id_with_100_trips_is_no_customer(alerts: Run, others: int, *, opens: bool) -> None:
    # 28 noons lie in [2040 - 672, 2040).
    assert bool(alerts(bought=cents(1368, others), rules=LIMITS)) is opens
    assert alerts(bought=cents(1368, others))


@pytest.mark.parametrize(("others", "opens"), [(48, True), (49, False), (50, False)])
def test_an_id_with_50_contacts_is_no_customer(alerts: Run, others: int, *, opens: bool) -> None:
    calls = [contact(f"o{at}", 1900 + at, contact_id=f"o{at}", self_served=True) for at in range(others)]
    assert bool(alerts(bad=None, contacts=[*calls, BAD], rules=LIMITS)) is opens
    assert alerts(bad=None, contacts=[*calls, BAD])


@pytest.mark.parametrize("silent", [False, True])
def test_an_id_that_is_named_is_no_customer(alerts: Run, *, silent: bool) -> None:
    rules = replace(RULES, silent=silent)
    assert alerts(bad=None if silent else BAD, rules=replace(rules, shared_ids=frozenset({"c2"})))
    assert alerts(bad=None if silent else BAD, rules=replace(rules, shared_ids=frozenset({"c1"}))) == []


def test_a_watch_begins_when_an_id_is_shared_no_more(alerts: Run) -> None:
    # Of [2088 - 672, 2088): 26 noons and 74 others, which are all before 2256 - 672 = 1584.
    for others, z in ((73, 475_440), (74, 475_608)):
        first = alerts(bad=None, bought=cents(1420, others), rules=replace(LIMITS, silent=True))[0]
        namespace = UUID("731beb54-e8c9-5a95-9036-e6143143d599")
        assert first.alert_id == str(uuid5(namespace, f"c1/silent/{z}"))


def test_a_watch_goes_on_though_its_id_became_shared(alerts: Run) -> None:
    # 100 trips in the 28 days before day 122, when it is raised as above: 1.00 is a tenth of a day's spend.
    found = alerts(bad=None, bought=cents(2300, 100), rules=replace(LIMITS, silent=True))
    assert steps(found)[0] == (47 + 840, "1 raised watch", None)
