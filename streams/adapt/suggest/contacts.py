"""A source of contacts, proposed from the columns of a file of calls, chats or tickets."""

from collections.abc import Callable, Mapping
from itertools import islice
from typing import Final

from streams.adapt.suggest.fields import (
    Clues,
    Timed,
    count,
    customer,
    duration,
    event_lines,
    flag,
    followed,
    joined,
    repeated,
    rounded,
    source_lines,
    text,
    timed,
    vocabulary,
    worded,
    zone_lines,
)
from streams.adapt.suggest.names import CONTACTS, assigned
from streams.adapt.suggest.sheet import Column, Sheet
from streams.adapt.suggest.toml import (
    DECIDE,
    GUESS,
    Field,
    Found,
    Value,
    always,
    path,
    quoted,
    shown,
)
from streams.adapt.suggest.words import (
    CHANNELS,
    DIRECTIONS,
    ENDERS,
    RESOLUTIONS,
    SATISFACTION,
    STAGES,
    Vocabulary,
    meanings,
)

TELLING: Final = frozenset(
    (
        *("queue_seconds", "hold_seconds", "hold_count", "transfers_cold", "ended_by", "ended_stage", "csat"),
        *("ivr_zero_outs", "escalation_requested", "complaint", "direction", "outcome", "answered"),
        *("first_reply_seconds", "reason"),
    )
)
"""Fields that only contacts have."""
_BY_WORDS: Final[Mapping[str, Vocabulary]] = {
    "direction": DIRECTIONS,
    "ended_by": ENDERS,
    "ended_stage": STAGES,
}
_BY_FORM: Final[Mapping[str, Callable[[str, Column], Field | None]]] = {
    **dict.fromkeys(("queue_seconds", "hold_seconds", "first_reply_seconds"), duration),
    **dict.fromkeys(("hold_count", "transfers_cold", "transfers_warm", "ivr_zero_outs"), count),
    **dict.fromkeys(
        ("escalation_requested", "escalation_granted", "complaint", "repeated_information"), flag
    ),
    **dict.fromkeys(("answered", "recovery"), flag),
}
_FIVE, _SEVEN, _TEN = 5, 7, 10


def contacts_lines(name: str, files: str, sheet: Sheet, clues: Clues) -> tuple[list[str], list[str]] | None:
    """Return the lines of the tables and of a source of contacts.

    None if the columns do not say who got in touch, and when.
    """
    columns = assigned(sheet.columns, CONTACTS)
    whose = customer(sheet.columns, columns)
    times = _times(columns, clues)
    if whose is None or not times:
        return None
    notes: list[str] = []
    ids, follow = _contact_id(columns, times, clues)
    fields = [ids, whose.field, *(time.as_field(one) for one, time in times.items())]
    fields += _channel(sheet, columns)
    for one, column in columns.items():
        found = _field(one, column)
        fields += found
        if not found and one in {*_BY_WORDS, *_BY_FORM, "csat", "ces", "outcome"}:
            notes.append(
                f"{DECIDE}{column.name} may be {one}, but its values are of no form that is known, so it is "
                f"left out: {shown(islice(column.words, 3))}"
            )
    more = {"name": quoted("contact")} | ({} if follow is None else {"follow": follow})
    lines = [
        *source_lines(
            name,
            files,
            sheet.separator,
            notes,
            zone_lines(times.values(), clues),
            [] if whose.skip is None else [whose.skip],
        ),
        *event_lines(name, "contact", fields, more),
    ]
    return whose.tables, lines


def _times(columns: Mapping[str, Column], clues: Clues) -> dict[str, Timed]:
    found: dict[str, Timed] = {}
    clock = columns.get("clock")
    for name in ("started_at", "ended_at"):
        column = columns.get(name)
        time = None if column is None else timed(column, clues)
        if column is not None and time is not None and time.form.days and clock is not None:
            time = timed(column, clues, clock) or time
        if time is not None:
            found[name] = time
    if "started_at" in found and "ended_at" in found and found["ended_at"].form.days:
        del found["ended_at"]  # a day ends before what began in it
    return found


def _contact_id(
    columns: Mapping[str, Column], times: Mapping[str, Timed], clues: Clues
) -> tuple[Field, str | None]:
    """Return how the id of a contact is found, and how it is followed if several rows tell of it."""
    column = columns.get("contact_id")
    first = next(iter(times.values()))
    if column is None:
        whose = columns.get("customer_id") or columns.get("phone")
        moment = columns.get("started_at") or columns["ended_at"]
        parts = [path(one.name) for one in (whose, moment) if one is not None]
        note = f"{DECIDE}no column has an id for each contact, so it is made of others"
        return Field("contact_id", [quoted(joined(*parts))], [note]), None
    where = path(column.name)
    again = repeated(column.values)
    if not again:
        return Field("contact_id", [quoted(where)], rounded(column)), None
    part, changed = columns.get("part"), columns.get("changed")
    state = None if changed is None or part is not None else timed(changed, clues)
    if changed is not None and state is not None:
        follow, what = followed(where, "snapshot", state), f"the contact as it was at {changed.name}"
    else:
        follow, what = (
            followed(where, "legs", first, part),
            "a leg, to be put together with the others",
        )
    several = f"{len(again):,} ids of {column.name} have several rows"
    note = f"{DECIDE}{several}; each is taken for {what}. Is that so?"
    return Field("contact_id", [quoted(where)], [*rounded(column), note]), follow


def _channel(sheet: Sheet, columns: Mapping[str, Column]) -> list[Field]:
    column = columns.get("channel")
    known = {} if column is None else meanings(column.words, CHANNELS)
    guess = _channel_of(sheet.name)
    if column is not None and known:
        words: dict[str, Value] = dict(known)
        unknown = [word for word in column.words if word not in known]
        found = worded("channel", column, words, other=guess)
        if unknown:
            found.notes.append(
                f"{DECIDE}which channels are {shown(islice(unknown, 12))}? They are taken for {guess}."
            )
        return [found]
    return [always("channel", guess, f"{GUESS}by the name of the file, for no column tells the channel")]


def _channel_of(name: str) -> str:
    """Return the channel that the name of a file suggests."""
    channels = {"chat": "chat", "mail": "email", "ticket": "email", "sms": "message", "message": "message"}
    return next((channel for part, channel in channels.items() if part in name.lower()), "voice")


def _field(name: str, column: Column) -> list[Field]:
    if name in _BY_FORM:
        found = _BY_FORM[name](name, column)
    elif name in _BY_WORDS:
        found = vocabulary(name, column, _BY_WORDS[name])
    elif name in {"csat", "ces"}:
        found = _score(name, column)
    elif name == "outcome":
        return _outcome(column)
    elif name in {"reason", "case_id"}:
        found = text(name, column)
    else:
        return []
    return [] if found is None else [found]


def _outcome(column: Column) -> list[Field]:
    """Return what the word at the end of a contact tells: whether it helped, and who ended it, and where."""
    resolution = vocabulary("resolution", column, RESOLUTIONS, least=0.3)
    ends = {
        word: who for word, who in meanings(column.words, ENDERS).items() if who in {"customer", "network"}
    }
    if resolution is None:
        return []
    if not ends:
        return [resolution]
    told = {*meanings(column.words, RESOLUTIONS), *ends}
    resolution.notes = [
        f"{DECIDE}words of {column.name} that are left out: {shown([word])}"
        for word in column.words
        if word not in told
    ]
    ended = worded("ended_by", column, dict(ends))
    ended.notes = [
        f"{GUESS}{shown(ends)} {'says' if len(ends) == 1 else 'say'} who ended it, not whether it helped"
    ]
    waiting = {word: "queue" for word in ends if meanings([word], STAGES).get(word) == "queue"}
    if not waiting:
        return [resolution, ended]
    stage = worded("ended_stage", column, dict(waiting))
    stage.notes = [f"{GUESS}{shown(waiting)}: in the queue"]
    return [resolution, ended, stage]


def _score(name: str, column: Column) -> Field | None:
    """Return a score on our scale, 1 to 5 or of effort 1 to 7; None if theirs is another."""
    form = column.number
    if form is None:
        known = {word: int(score) for word, score in meanings(column.words, SATISFACTION).items()}
        if name == "ces" or not known:
            return None
        return worded(name, column, dict(known), note=f"{GUESS}the scores of these words")
    if form.signs or form.marks or not all(_whole(value) for value in column.words):
        return None
    scores = {value: int(value.split(".")[0].split(",")[0]) for value in column.words}
    most = _FIVE if name == "csat" else _SEVEN
    if max(scores.values()) > most:
        return _of_ten(name, column, scores)
    note = f"{GUESS}{most} is the best"
    none = [value for value, score in scores.items() if score == 0]
    if set(scores) <= set("1234567") and not column.holes:
        return Field(
            name, [str(Found(path(column.name)))], [f"{column.name}: {shown(sorted(scores))}; {note}"]
        )
    found = worded(name, column, {value: score for value, score in scores.items() if score}, note=note)
    found.notes = found.notes[:2] + ([f"{GUESS}{shown(none)} is no answer"] if none else [])
    return found


def _of_ten(name: str, column: Column, scores: Mapping[str, int]) -> Field | None:
    if name == "ces" or max(scores.values()) > _TEN:
        return None
    note = f"{DECIDE}is it satisfaction up to 10, the best? A likelihood to recommend is another thing."
    return worded(
        name, column, {value: max(1, (score + 1) // 2) for value, score in scores.items()}, note=note
    )


def _whole(value: str) -> bool:
    return value.replace(",", ".").removesuffix(".0").isdigit()
