"""Alerts against the truth of whole worlds: recomputed plainly from truth.jsonl and the purchases."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import exp, isclose
from pathlib import Path
from statistics import median

import numpy as np
import pytest

from schemas.alert import Alert
from schemas.times import format_ms, parse_ms
from streams.core.ruleset import VERSIONS
from streams.evaluation.shared.wilson import wilson
from streams.evaluation.worlds.episodes import Episodes
from streams.evaluation.worlds.figures import Mix, figures_of
from streams.evaluation.worlds.rates import rates_of_weights
from streams.evaluation.worlds.truth import DAYS, Held, Judged, Loyal, Raised, hold
from streams.evaluation.worlds.worlds import WorldsResult, alerts_against_truth
from streams.lab.generate import GenerateOptions, Population, Severity, Shape
from streams.lab.generate.journeys import ContactRecord, Journey
from streams.lab.generate.run import write_world
from streams.lab.generate.stories import ContactLine
from streams.lab.generate.world import World, draw_world
from streams.lab.replay import ReplayResult, replay_directory
from tests.lab.generated import DAY_MS, Generated, make

pytestmark = pytest.mark.slow

RULES = VERSIONS["1"]
SILENT = replace(VERSIONS["1"], silent=True, silent_prior_probability=0.02)
OPTIONS = GenerateOptions(
    population=Population.SYNTHETIC, customers=600, contact_rate=4, refund_share=0, boycott_severe=0.5
)
CALM = replace(OPTIONS, boycott_harmless=0, boycott_mild=0, boycott_severe=0)
START = parse_ms("2024-03-01T00:00:00Z")


@dataclass(frozen=True)
class Replayed:
    """A world, its files, its alerts, and what they were held to be worth."""

    made: Generated
    world: World
    result: ReplayResult
    held: Held

    @property
    def raised(self) -> list[Alert]:
        """The records that raised an episode to a level."""
        return [alert for alert in self.result.alerts if alert.state != "resolved"]


def nobody(_step: str, _done: int, _total: int) -> None:
    """Tell nobody."""


@pytest.fixture(name="replayed", scope="module")
def replayed_fixture(tmp_path_factory: pytest.TempPathFactory) -> Replayed:
    """Hold a world against its truth, with the silent rule on, so that some alerts have no anchor."""
    made = make(tmp_path_factory.mktemp("world"), OPTIONS)
    world, episodes = draw_world(OPTIONS, nobody), Episodes()
    result = replay_directory(made.directory, ruleset=SILENT, sampler=episodes)
    return Replayed(made, world, result, hold(world, result, episodes))


def test_records_are_real_while_the_customer_is_away(replayed: Replayed) -> None:
    """From the last moment of the journey, or from its anchor on, until the boycott's end."""

    def is_real(alert: Alert) -> bool:
        time = parse_ms(alert.time)
        for line in replayed.made.truth:
            if line["boycott"] is None or line["customer_id"] != alert.customer_id:
                continue
            own = alert.anchor is not None and alert.anchor.contact_id in line["contact_ids"]
            if (own or line["last_moment"] <= time) and (line["end"] is None or time < line["end"]):
                return True
        return False

    found, raised = replayed.held.raised, replayed.raised
    assert [one.real for one in found] == [is_real(alert) for alert in raised]
    assert [one.probability for one in found] == [alert.probability for alert in raised]
    assert 0.2 < sum(one.real for one in found) / len(found) < 0.9
    assert len(found) > 50


def test_records_have_the_severity_of_their_anchors_journey(replayed: Replayed) -> None:
    severity = {name: line["severity"] for line in replayed.made.truth for name in line["contact_ids"]}
    anchors = [alert.anchor for alert in replayed.raised]
    assert [one.severity for one in replayed.held.raised] == [
        None if anchor is None else severity[anchor.contact_id] for anchor in anchors
    ]
    assert None in anchors
    assert anchors.count(None) < len(anchors)


def test_losses_are_what_calm_customers_would_have_spent(
    replayed: Replayed, tmp_path_factory: pytest.TempPathFactory
) -> None:
    calm = make(tmp_path_factory.mktemp("calm"), CALM)
    losses = []
    for line in replayed.made.truth:
        if line["boycott"] is None:
            continue
        end = line["start"] + DAYS * DAY_MS
        span = (line["customer_id"], line["start"], end if line["end"] is None else min(end, line["end"]))
        spent = [sum(event.cents for event in made.bought(*span)) for made in (calm, replayed.made)]
        losses.append((line["boycott"], spent[0] - spent[1]))
    judged = [(one.shape.value, one.lost_cents) for one in replayed.held.judged]
    assert not [one for one in judged if one not in losses]
    assert replayed.held.boycotts == len(losses) > len(judged) > 20


def test_a_found_boycott_has_its_delay_and_what_was_still_to_come(replayed: Replayed) -> None:
    found = [one for one in replayed.held.judged if one.alert_days is not None]
    assert len(found) > 10
    for one in found:
        assert one.watch_days is not None
        assert one.alert_days is not None
        assert 0 <= one.watch_days <= one.alert_days < DAYS
        assert 0 <= one.to_come_cents <= one.lost_cents
    early = [one for one in found if one.alert_days == 0]
    assert [one.to_come_cents for one in early] == [one.lost_cents for one in early]
    assert not [one for one in replayed.held.judged if one.alert_days is None and one.to_come_cents]


def test_the_delay_is_from_the_start_to_the_first_alert_in_it(replayed: Replayed) -> None:
    """Of full boycotts that no alert stood before."""
    delays = set()
    for customer_id, start, end in replayed.made.boycotts(Shape.FULL):
        times = [
            parse_ms(alert.time)
            for alert in replayed.raised
            if alert.customer_id == customer_id and alert.level == "alert"
        ]
        delays |= {
            (time - start) / DAY_MS for time in times if start <= time < min(end, start + DAYS * DAY_MS)
        }
    found = [one.alert_days for one in replayed.held.judged if one.shape is Shape.FULL and one.alert_days]
    assert len(found) >= 5
    assert set(found) <= delays


def test_loyal_customers_episodes_are_the_false_alarms(replayed: Replayed) -> None:
    leaving = {line["customer_id"] for line in replayed.made.truth if line["boycott"] is not None}
    alerted = {
        alert.alert_id
        for alert in replayed.raised
        if alert.level == "alert" and alert.customer_id not in leaving
    }
    assert sum(one.alerted for one in replayed.held.loyal) == len(alerted) > 0
    assert all(0 <= one.days <= DAYS for one in replayed.held.loyal)
    opened = replayed.result.tally["opened"] + replayed.result.tally["opened_silent"]
    assert len(alerted) < len(replayed.held.loyal) < opened


def journey(number: int, days: float, *names: str, customer: int = 0) -> Journey:
    """Return a journey with a contact at each of some days running."""
    first = START + round(days * DAY_MS)
    last = first + (len(names) - 1) * DAY_MS
    return Journey(number, customer, "story", Severity.SEVERE, first, last, contact_ids=list(names))


def contact(name: str, days: float, version: int = 1, **said: str | bool) -> ContactRecord:
    """Return a version of a contact that ended some days after the start."""
    ended = START + round(days * DAY_MS)
    line = ContactLine(
        event_id=f"{name}/{version}",
        customer_id="c",
        time=format_ms(ended + (version - 1) * DAY_MS),
        source="synthetic-contacts",
        contact_id=name,
        version=version,
        channel="voice",
        ended_at=format_ms(ended),
        case_id=name,
    )
    for key, value in said.items():
        setattr(line, key, value)
    return ContactRecord(ended + (version - 1) * DAY_MS, line)


def test_boycotts_follow_the_weights() -> None:
    """Unresolved 1.85 nats, told in a second version; halved in 30 days; a complaint 1.00."""
    journeys = [
        journey(1, 0, "a"),
        journey(2, 30, "b"),
        journey(3, 31, "c", "d"),
        journey(4, 0, "e", customer=1),
    ]
    records = [
        contact("a", 0),
        contact("e", 0),
        contact("a", 0, version=2, resolution="unresolved"),
        contact("b", 30, complaint=True),
        contact("c", 31, resolution="resolved"),
        contact("d", 32, resolution="unresolved"),
    ]
    after_b = 1.85 / 2 + 1.0
    nats = [1.85, after_b, min(2.95, after_b * 2 ** (-2 / 30) + 1.85), 0.0]
    rates = rates_of_weights(RULES)(journeys, records)
    assert all(
        isclose(rate, 1 / (1 + exp(-(RULES.prior + one)))) for rate, one in zip(rates, nats, strict=True)
    )


def test_rates_decide_who_boycotts() -> None:
    always = draw_world(OPTIONS, nobody, lambda journeys, _records: [1.0] * len(journeys))
    assert all((one.boycott is None) == (one.during is not None) for one in always.outcomes)
    first = always.outcomes[0].journey.number
    one = draw_world(
        OPTIONS, nobody, lambda journeys, _records: [float(each.number == first) for each in journeys]
    )
    assert [each.journey.number for each in one.outcomes if each.boycott] == [first]


def test_the_default_rates_are_those_of_the_severities(replayed: Replayed, tmp_path: Path) -> None:
    def by_severity(journeys: Sequence[Journey], _records: object) -> list[float]:
        return [OPTIONS.boycott_rate(each.severity) for each in journeys]

    write_world(tmp_path, draw_world(OPTIONS, nobody, by_severity))
    for name in ("transactions", "contacts", "customers", "truth"):
        path = replayed.made.directory / f"{name}.jsonl"
        assert (tmp_path / path.name).read_bytes() == path.read_bytes()


def test_figures_add_up() -> None:
    held = [
        Held(
            customers=10,
            boycotts=4,
            raised=(
                Raised("watch", 0.5, Severity.MILD, real=False),
                Raised("watch", 0.55, Severity.SEVERE, real=True),
                Raised("alert", 0.85, Severity.SEVERE, real=True),
                Raised("alert", 1.0, None, real=False),
            ),
            judged=(
                Judged(Shape.FULL, 1.0, 10.0, 500, 300),
                Judged(Shape.FULL, 2.0, None, 400, 0),
            ),
            loyal=(Loyal(45.0, alerted=True), Loyal(90.0, alerted=False)),
        ),
        Held(5, 1, (), (Judged(Shape.FULL, 0.0, 20.0, 100, 100),), (Loyal(45.0, alerted=True),)),
    ]
    figures = figures_of(Mix.GENERATED, None, held)
    assert (figures.worlds, figures.customers, figures.boycotts) == (2, 15, 5)
    everything, *_, severe = figures.precision
    assert (everything.watch.count, everything.watch.of, everything.alert.of) == (1, 2, 2)
    assert (severe.severity, severe.alert.share, severe.watch.share) == (Severity.SEVERE, 1.0, 1.0)
    assert [one.real.of for one in figures.bins] == [0, 1, 1, 0, 0, 2]
    assert (figures.stated.real.of, figures.stated.stated) == (1, 0.85)
    full = next(one for one in figures.found if one.shape is Shape.FULL)
    assert (full.watch.count, full.alert.count, full.alert.of, full.median_days) == (
        3,
        2,
        3,
        median([10, 20]),
    )
    assert (figures.value.lost, figures.value.caught, figures.value.to_come) == (1000, 600, 400)
    assert (figures.false_alarms.alerts.count, figures.false_alarms.per_90_days) == (2, 1.0)


def test_no_figures_of_nothing() -> None:
    figures = figures_of(Mix.WEIGHTS, None, [Held(5, 0, (), (), ())])
    assert figures.stated.stated is figures.false_alarms.per_90_days is figures.found[0].median_days is None


@pytest.fixture(name="small", scope="module")
def small_fixture() -> WorldsResult:
    return alerts_against_truth(RULES, [1, 2], [Population.SYNTHETIC], customers=300, jobs=1)


def test_the_number_of_jobs_changes_nothing(small: WorldsResult) -> None:
    told: list[tuple[str, int, int]] = []
    again = alerts_against_truth(
        RULES,
        [1, 2],
        [Population.SYNTHETIC],
        customers=300,
        jobs=2,
        progress=lambda *step: told.append(step),
    )
    assert again == small
    assert [done for _, done, _ in told] == list(range(5))


def test_each_mix_has_its_own_boycotts_and_all_seeds(small: WorldsResult) -> None:
    mixes = [small.of(mix, Population.SYNTHETIC) for mix in Mix]
    assert [one.worlds for one in mixes] == [2, 2]
    assert all(replace(small.of(one.mix), population=one.population) == one for one in mixes)
    assert mixes[0].boycotts != mixes[1].boycotts
    assert small.calibrated is None  # of so few it cannot be told


def test_the_goal_is_met_where_enough_are_real(small: WorldsResult) -> None:
    def with_real(count: int, of: int) -> WorldsResult:
        figures = small.of(Mix.WEIGHTS)
        stated = replace(figures.stated, real=wilson(count, of))
        return replace(small, figures=(replace(figures, stated=stated),))

    outcomes = [with_real(*one).calibrated for one in ((399, 500), (374, 500), (436, 500), (399, 499))]
    assert outcomes == [True, False, False, None]


def test_wilson() -> None:
    share = wilson(8, 10)
    assert (share.share, round(share.low, 4), round(share.high, 4)) == (0.8, 0.4902, 0.9433)
    assert (wilson(0, 5).low, round(wilson(0, 5).high, 4)) == (0.0, 0.4345)
    assert (wilson(0, 0).share, wilson(0, 0).low, wilson(0, 0).high) == (None, 0.0, 1.0)
    assert np.isclose(wilson(5, 5).high, 1.0)
