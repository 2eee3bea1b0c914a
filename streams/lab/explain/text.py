"""One customer's story in the terminal: what was bought, what went wrong, why an alert came or did not."""

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from textwrap import wrap

from rich.console import Console
from rich.text import Text

from schemas.alert import Alert
from schemas.times import parse_ms
from streams.console import merge_notes, visible
from streams.core.alerts.figures import Figures
from streams.core.episodes.opening import Gates
from streams.lab.explain.charts import evidence_chart, spend_chart
from streams.lab.report.view import total
from streams.lab.report.words import (
    chance,
    count,
    day,
    day_and_time,
    exact_money,
    money,
    nats,
    resolution_label,
    signal_label,
    to_cents,
)
from streams.lab.story import (
    ContactMark,
    CustomerStory,
    EpisodeStory,
    Levels,
    RefusedPurchase,
)

STYLES = {"alert": "bold red", "watch": "yellow"}
INDENT = " " * 19

# The parts of an alert's log-odds are rounded to 4 places each.
ROUNDED = 2e-4


def render_story(console: Console, story: CustomerStory) -> None:
    """Print the story to the console, as wide as it is; every text from events is made visible first."""
    for line in _lines(story, console.width):
        console.print(line, soft_wrap=False, highlight=False)


def _lines(story: CustomerStory, width: int) -> Iterator[Text]:
    yield Text(f"Customer {visible(story.customer_id)}", style="bold")
    yield Text(_in_short(story))
    yield from merge_notes(story.merged_into, story.merged_from, included=", purchases and contacts included")
    if story.synthetic:
        yield Text("The contacts are synthetic.", style="yellow")
    yield from _spend(story, width)
    yield from _contacts(story, width)
    for episode in story.episodes:
        yield from _episode(story, episode, width)
    yield from _why_not(story, width)


def _head(text: str) -> Iterator[Text]:
    yield Text()
    yield Text(text, style="bold")


def _in_short(story: CustomerStory) -> str:
    if not story.weeks and not story.contacts:
        return f"Nothing is known of this customer up to {day(story.last_ms)}."
    sent = [episode.alerts[-1] for episode in story.episodes if episode.alerts]
    if not sent:
        return f"No alert up to {day(story.last_ms)}."
    last = sent[-1]
    state = "open" if last.resolution is None else resolution_label(last.resolution)
    return f"{count(len(sent), 'alert')} up to {day(story.last_ms)}; the last one: {last.level}, {state}."


def _spend(story: CustomerStory, width: int) -> Iterator[Text]:
    yield from _head(f"Purchases per week, {story.currency}")
    if story.weeks:
        usual = story.episodes[-1].usual_cents_per_day * 7 if story.episodes else None
        for line in spend_chart(story.weeks, story.contacts, usual, width):
            yield Text(line)
    else:
        yield Text("none", style="dim")
    if story.refused:
        yield Text(said_of_refused(story.refused), style="yellow")


def said_of_refused(refused: Sequence[RefusedPurchase], since: str = "") -> str:
    """Return how many purchases were refused, and why; `since` stands before the verb."""
    reasons = Counter(one.reason for one in refused)
    whys = [reason if len(reasons) == 1 else f"{many:,} {reason}" for reason, many in reasons.most_common()]
    were = "was" if len(refused) == 1 else "were"
    return f"{count(len(refused), 'purchase')} {since}{were} refused: {', '.join(whys)}"


def _contacts(story: CustomerStory, width: int) -> Iterator[Text]:
    yield from _head("Contacts" + (" (synthetic)" if story.synthetic else ""))
    if not story.contacts:
        yield Text("none", style="dim")
    taken_in = {mark.contact_id for episode in story.episodes for mark in _taken_in(story, episode)}
    for mark in story.contacts:
        yield from _contact(mark, width)
        if mark.contact_id in taken_in:
            yield Text(f"{INDENT}an episode was open already; it took this contact in")
        for signal, value in mark.signals:
            yield Text(f"{'':<18} {nats(value):>6} {visible(signal_label(signal))}")


def _taken_in(story: CustomerStory, episode: EpisodeStory) -> Iterator[ContactMark]:
    """Yield the bad contacts that found the episode open."""
    weighed = {gates.contact_id for gates in story.judgements}
    for mark in story.contacts:
        ended = episode.closed_ms is not None and episode.closed_ms <= mark.time_ms
        if (
            mark.nats > 0
            and episode.opened_ms <= mark.time_ms
            and not ended
            and mark.contact_id not in weighed
        ):
            yield mark


def _contact(mark: ContactMark, width: int) -> Iterator[Text]:
    how = ", ".join(visible(part) for part in (mark.channel, mark.direction, mark.reason) if part)
    own = nats(mark.nats) if mark.nats else "0"
    head = f"{day_and_time(mark.time_ms):<18} {own:>6} nats, F {mark.frustration_after:.2f}  "
    yield from _hanging(head, how, width, "red" if mark.nats else "dim")


def _hanging(head: str, text: str, width: int, style: str = "") -> Iterator[Text]:
    """Yield head and text, the text wrapped to stand beside the head."""
    first, *others = wrap(text, max(width - len(head), 20)) or [""]
    yield Text.assemble((head, style), first)
    for line in others:
        yield Text(" " * len(head) + line)


def _episode(story: CustomerStory, episode: EpisodeStory, width: int) -> Iterator[Text]:
    yield from _head(f"Episode from {day_and_time(episode.opened_ms)}, {_origin(episode)}")
    usual = money(episode.usual_cents_per_day, story.currency)
    yield Text(
        f"usual spend {usual} a day; {episode.irregularity_days:.1f} quiet days make a nat of evidence"
    )
    for line in evidence_chart(episode, _levels(story, episode), width):
        yield Text(line)
    for alert in episode.alerts:
        yield from _decision(story, alert, width)
    end = math.inf if episode.closed_ms is None else episode.closed_ms
    since = [one for one in story.refused if episode.first_hour_ms <= one.time_ms < end]
    if since:
        yield Text(said_of_refused(since, "since "), style="yellow")
    if episode.now is not None:
        yield from _now(episode.now, story.currency, width)
    if not episode.alerts:
        yield Text(_silent(story, episode))
    yield from _clearing(episode)


def _origin(episode: EpisodeStory) -> str:
    if episode.anchor_id is None:
        return f"without a bad contact: spend fell from {day(episode.first_hour_ms)} on"
    return f"anchor {visible(episode.anchor_id)}"


def _levels(story: CustomerStory, episode: EpisodeStory) -> Levels:
    """Return the levels that an episode crossed, with the odds that any customer starts from in it."""
    if episode.anchor_id is None and episode.alerts:
        return replace(story.levels, prior=episode.alerts[0].log_odds.prior)
    return story.levels


def _decision(story: CustomerStory, alert: Alert, width: int) -> Iterator[Text]:
    odds = alert.log_odds
    word = (
        f"resolved, {resolution_label(alert.resolution)}"
        if alert.resolution
        else f"{alert.state} as {alert.level}"
    )
    style = "green" if alert.resolution else STYLES[alert.level]
    yield Text(f"{day_and_time(parse_ms(alert.time)):<18} {word}", style=style)
    yield Text(
        f"{INDENT}log-odds {nats(total(alert))} ({chance(total(alert))}) = any customer {nats(odds.prior)}"
        f", contacts {nats(odds.frustration)}, spend {nats(odds.silence)}"
    )
    spent = money(to_cents(alert.spend_since), story.currency)
    yield Text(
        f"{INDENT}spent {spent} in {alert.days_since:.1f} days, "
        f"worth {alert.days_usual_spend_since:.1f} usual days"
    )
    if not alert.resolution:
        yield from _hanging(INDENT, _because(story, alert), width)


def _because(story: CustomerStory, alert: Alert) -> str:
    level = story.levels.alert if alert.level == "alert" else story.levels.watch
    contacts = alert.log_odds.prior + alert.log_odds.frustration
    if total(alert) < level - ROUNDED:
        return f"why now: the subscription was cancelled, which is {alert.level} whatever the evidence"
    if contacts >= level - ROUNDED:
        return f"why now: the contacts alone reach {alert.level} ({nats(level)})"
    stood = "the contacts alone stood" if alert.anchor or alert.reasons else "any customer stands"
    return (
        f"why now: {stood} at {chance(contacts)}; "
        f"{nats(alert.log_odds.silence)} from the spend since reached {alert.level} ({nats(level)})"
    )


def _now(now: Figures, currency: str, width: int) -> Iterator[Text]:
    deadline = f"{'past its deadline of' if now.overdue else 'to win back by'} {day(now.deadline)}"
    text = (
        f"{chance(now.odds.total)}, {exact_money(now.at_risk, currency)} at risk; spent "
        f"{exact_money(now.spend, currency)} in {now.days:.1f} days; {deadline}"
    )
    yield from _hanging(f"{'now, ' + day(now.time):<18} ", text, width)


def _silent(story: CustomerStory, episode: EpisodeStory) -> str:
    peak = max((point.log_odds for point in episode.curve), default=story.levels.prior)
    closed = "still open" if episode.resolution is None else resolution_label(episode.resolution)
    return (
        f"no alert: log-odds came to {nats(peak)} at most ({chance(peak)}), "
        f"and watch begins at {nats(story.levels.watch)}; {closed}"
    )


def _clearing(episode: EpisodeStory) -> Iterator[Text]:
    if episode.closed_ms is not None and episode.resolution is not None:
        yield Text(f"closed {day_and_time(episode.closed_ms)}: {resolution_label(episode.resolution)}")
    elif episode.alerts:
        yield Text(f"what would clear it: {visible(episode.alerts[-1].clears_when)}")


def _why_not(story: CustomerStory, width: int) -> Iterator[Text]:
    refused = [gates for gates in story.judgements if not gates.opened]
    if not (story.judgements or story.episodes or any(mark.nats for mark in story.contacts)):
        yield from _head("Why there was nothing to judge")
        silence = "the silent rule found no reason" if story.rules.silent else "silence alone raises nothing"
        yield Text(f"no contact went wrong, and {silence}")
    elif refused:
        yield from _head("Contacts that opened no episode")
    for gates in refused:
        when, contact = day_and_time(gates.time), visible(gates.contact_id)
        yield from _hanging(f"{when:<18} ", f"{contact}: {shut(gates, story)}", width)


def shut(gates: Gates, story: CustomerStory) -> str:
    """Return in words the first gate that kept a contact from opening an episode."""
    rules, currency = story.rules, story.currency
    if gates.frustration < rules.opening_frustration:
        return f"frustration {gates.frustration:.2f} is below {rules.opening_frustration:.2f} nats"
    if gates.blocks < rules.minimum_blocks:
        return (
            f"no baseline: {gates.blocks} of {rules.minimum_blocks} whole blocks of 28 days "
            "since the first purchase"
        )
    if gates.usual is None or gates.usual.usual_per_day <= 0:
        return "no baseline: nothing was spent in the blocks of 28 days before"
    if gates.cutoff is None and not gates.protected:
        return "too few customers for a cut-off, so nobody counts as high value yet"
    return (
        f"not high value: {exact_money(gates.trailing_spend, currency)} in the year before, "
        f"cut-off {exact_money(gates.cutoff or 0, currency)}"
    )
