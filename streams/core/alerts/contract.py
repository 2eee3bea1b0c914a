"""The fields that alert and lookup share, in the form of the contract.

Money is decimal text, times are RFC 3339 in UTC, reals are rounded to 4 places.
"""

from dataclasses import asdict
from typing import Final, Literal, TypedDict, cast

from schemas import alert as schema
from schemas.contact import Channel
from schemas.money import format_cents
from schemas.times import format_ms
from streams.core.alerts.counters import Counters
from streams.core.alerts.figures import Figures
from streams.core.contacts.frustration import Known

_PLACES: Final = 4


class EpisodeFields(TypedDict):
    """The fields that an alert and a lookup share."""

    alert_id: str
    rule: Literal["contact", "silent"]
    anchor: schema.Anchor | None
    probability: float
    log_odds: schema.LogOdds
    usual_spend_per_day: str
    recurring_per_day: str
    spend_since: str
    visits_since: int
    unread_since: int
    days_since: float
    days_usual_spend_since: float
    irregularity_days: float
    value_at_risk: str
    trailing_spend: str
    value_cutoff: str | None
    deadline: str
    ruleset: str


def episode_fields(figures: Figures) -> EpisodeFields:
    """Return the shared fields of an episode."""
    episode, odds, rules = figures.episode, figures.odds, figures.rules
    return EpisodeFields(
        alert_id=episode.alert_id,
        rule=episode.rule,
        anchor=None if episode.anchor is None else _anchor(episode.anchor),
        probability=rounded(odds.probability),
        log_odds=schema.LogOdds(
            prior=rounded(odds.prior), frustration=rounded(odds.frustration), silence=rounded(odds.silence)
        ),
        usual_spend_per_day=format_cents(figures.usual_per_day),
        recurring_per_day=format_cents(figures.recurring_per_day),
        spend_since=format_cents(figures.spend),
        visits_since=figures.visits,
        unread_since=figures.unread,
        days_since=rounded(figures.days),
        days_usual_spend_since=rounded(figures.days_usual_spend),
        irregularity_days=rounded(episode.yardstick.irregularity_days),
        value_at_risk=format_cents(figures.at_risk),
        trailing_spend=format_cents(episode.trailing_spend),
        value_cutoff=None if episode.cutoff is None else format_cents(episode.cutoff),
        deadline=format_ms(figures.deadline),
        ruleset=f"{rules.version}+{rules.hash}",
    )


def counters_field(counters: Counters) -> schema.Counters:
    """Return the windowed counters."""
    found = asdict(counters)
    money = {name: format_cents(value) for name, value in found.items() if name.startswith("spend_")}
    return schema.Counters(**{**found, **money, "frustration": rounded(counters.frustration)})


def rounded(value: float) -> float:
    """Return a real to as many places as the contract has."""
    return round(value, _PLACES)


def _anchor(anchor: Known) -> schema.Anchor:
    return schema.Anchor(
        contact_id=anchor.contact_id,
        ended_at=None if anchor.ended_at is None else format_ms(anchor.ended_at),
        channel=cast("Channel | None", anchor.channel),
        reason=anchor.reason,
    )
