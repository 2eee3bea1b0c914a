"""Boycotts as often as the weights of a ruleset say: then, and only then, can its probabilities be right."""

from collections.abc import Mapping, Sequence
from itertools import groupby
from operator import attrgetter

import msgspec

from schemas.events import Contact, Notice
from schemas.hot import Decoder
from streams.core.contacts.frustration import known
from streams.core.customer.customer_codec import Body
from streams.core.customer.known_contacts import learn
from streams.core.odds.odds import probability
from streams.core.ruleset import Ruleset
from streams.lab.generate.journeys import ContactRecord, Journey
from streams.lab.generate.world import Rates


def rates_of_weights(rules: Ruleset) -> Rates:
    """Return rates that follow the weights of the rules.

    The chance of a boycott after a journey is 1 / (1 + exp(-(prior + F))), with the core's F after the
    journey's last contact. Every contact counts as its last version has it: what happened to the customer had
    happened, whenever it was told.
    """

    def rates(journeys: Sequence[Journey], records: Sequence[ContactRecord]) -> list[float]:
        events = _last_versions(records)
        chances: dict[int, float] = {}
        for _, group in groupby(journeys, key=attrgetter("customer")):
            chances.update(_chances(list(group), events, rules))
        return [chances[journey.number] for journey in journeys]

    return rates


def _last_versions(records: Sequence[ContactRecord]) -> dict[str, Contact | Notice]:
    """Return the last version of each contact by its id; the records come by time, versions ascend."""
    encode, decode = msgspec.json.Encoder().encode, Decoder().contacts
    events = [decode(encode(record.line)) for record in records]
    return {event.contact_id: event for event in events if isinstance(event, Contact | Notice)}


def _chances(
    journeys: list[Journey], events: Mapping[str, Contact | Notice], rules: Ruleset
) -> dict[int, float]:
    """Return the chance of a boycott after each journey of one customer, by the journey's number."""
    body = Body()
    contacts = sorted(
        (known(events[name], rules) for journey in journeys for name in journey.contact_ids),
        key=attrgetter("order"),
        reverse=True,
    )
    chances = {}
    for journey in sorted(journeys, key=attrgetter("last_ms")):
        while contacts and contacts[-1].moment <= journey.last_ms:
            learn(body, contacts.pop(), rules)
        chances[journey.number] = probability(rules.prior + body.frustration)
    return chances
