"""What a lookup found, for the terminal. Every text of an event is hostile: it is made visible first."""

from collections.abc import Iterator
from typing import Final

from rich.box import SIMPLE_HEAD
from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from streams.console import merge_notes, visible
from streams.runtime.http.lookup import LookupAnswer, LookupContact, LookupEpisode

_LEVEL_STYLES: Final = {"alert": "bold red", "watch": "yellow"}


def show(console: Console, answer: LookupAnswer) -> None:
    """Print it: spend, contacts, the open episode."""
    for part in _parts(answer):
        console.print(part, highlight=False)


def _parts(answer: LookupAnswer) -> Iterator[RenderableType]:
    yield Text(f"Customer {visible(answer.customer_id)}", style="bold")
    yield Text(_in_short(answer))
    if answer.do_not_contact:
        yield Text("Asked not to be got in touch with.", style="bold red")
    if answer.shared:
        yield Text("An id that many share: set apart, no episode opens for it.", style="bold red")
    yield from merge_notes(answer.merged_into, answer.merged_from, style="bold")
    yield _spend(answer)
    if answer.contacts:
        yield Text("Contacts", style="bold")
        yield _contacts(answer)
    else:
        yield Text("No contact that still counts.")
    yield Text()
    if answer.open_episode is None:
        yield Text("No open episode.")
    else:
        yield from _episode(answer.open_episode, answer.currency)


def _in_short(answer: LookupAnswer) -> str:
    since = "no spend yet" if answer.first_pane is None else f"spend since {_time(answer.first_pane)}"
    if answer.as_of is None:
        return f"Nothing is decided yet; {since}."
    return f"As of {_time(answer.as_of)}; {since}; frustration {answer.frustration:.2f} nats."


def _spend(answer: LookupAnswer) -> Table:
    counters = answer.counters
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    table.add_column("", no_wrap=True)
    for name in ("24 h", "7 d", "28 d", "30 d", "90 d", "364 d"):
        table.add_column(name, justify="right", overflow="fold")
    spend = (counters.spend_24h, counters.spend_7d, counters.spend_28d, "")
    table.add_row(f"spend, {answer.currency}", *spend, counters.spend_90d, counters.spend_364d)
    contacts = (counters.contacts_24h, counters.contacts_7d, "", counters.contacts_30d)
    table.add_row("contacts", *map(str, contacts), "", "")
    table.add_row("transfers", "", "", "", str(counters.transfers_30d), "", "")
    table.add_row("cut off", "", "", "", str(counters.hangups_30d), "", "")
    return table


def _contacts(answer: LookupAnswer) -> Table:
    table = _lines()
    for one in answer.contacts:
        when = f"{_time(one.moment)} {one.nats:5.2f} nats"
        table.add_row(Text(when, style="red" if one.nats else ""), Text(_what_happened(one)))
    return table


def _what_happened(contact: LookupContact) -> str:
    how = ", ".join(part for part in (contact.kind, contact.channel, contact.reason) if part)
    wrong = ", ".join(f"{one.signal.replace('_', ' ')} {one.nats:.2f}" for one in contact.signals)
    return visible(f"{how}: {wrong}" if wrong else how)


def _episode(episode: LookupEpisode, currency: str) -> Iterator[RenderableType]:
    level = episode.level or "nothing sent"
    style = _LEVEL_STYLES.get(level, "")
    yield Text.assemble(("Open episode: ", "bold"), (level, style), f", since {_time(episode.opened)}")
    table = _lines()
    for name, value in _facts(episode, currency):
        table.add_row(Text(name), Text(value))
    yield table


def _facts(episode: LookupEpisode, currency: str) -> Iterator[tuple[str, str]]:
    odds = episode.log_odds
    yield "alert_id", episode.alert_id
    yield "anchor", _anchor(episode)
    yield "probability", f"{episode.probability:.2f}"
    yield (
        "log-odds",
        f"any customer {odds.prior:+.2f}, contacts {odds.frustration:+.2f}, spend {odds.silence:+.2f} nats",
    )
    yield "value at risk", f"{episode.value_at_risk} {currency}"
    yield "usual spend", f"{episode.usual_spend_per_day} {currency} a day, {_irregular(episode)}"
    worth = f"worth {episode.days_usual_spend_since:.1f} usual days"
    yield "spend since", f"{episode.spend_since} {currency} in {episode.days_since:.1f} days, {worth}"
    if episode.visits_since:
        yield "orders of 0.00", f"{episode.visits_since:,} since"
    if episode.unread_since:
        yield "refused", f"{episode.unread_since:,} purchases since, not in spend"
    yield "spend before", f"{episode.trailing_spend} {currency} in 364 days{_cutoff(episode)}"
    if episode.cancelled:
        yield "cancelled", "a subscription, since it opened"
    if episode.snoozed_until is not None:
        yield "snoozed until", _time(episode.snoozed_until)
    if episode.next_level_at is not None:
        yield "next level", f"{_time(episode.next_level_at)}, if nothing more is bought"
    yield "how it ends", episode.clears_when
    if episode.clears_at is not None:
        yield "ends", f"{_time(episode.clears_at)}, by what was bought already"
    yield "deadline", _time(episode.deadline)
    yield "ruleset", visible(episode.ruleset)


def _anchor(episode: LookupEpisode) -> str:
    anchor = episode.anchor
    if anchor is None:
        return f"none: spend fell by itself from {_time(episode.weighed_from)} on"
    how = ", ".join(part for part in (anchor.channel, anchor.reason) if part)
    return visible(anchor.contact_id) + (f" ({visible(how)})" if how else "")


def _irregular(episode: LookupEpisode) -> str:
    return f"{episode.irregularity_days:.1f} quiet days make a nat of evidence"


def _cutoff(episode: LookupEpisode) -> str:
    return "" if episode.value_cutoff is None else f", high value from {episode.value_cutoff}"


def _lines() -> Table:
    """Return a table without lines, of names and texts; long texts are folded."""
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    return table


def _time(text: str) -> str:
    """Return a time of the answer to the minute."""
    return f"{text[:10]} {text[11:16]} UTC"
