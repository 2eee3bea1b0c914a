"""A mapping at work: a record of theirs in, drafts out; a draft and what is remembered in, events out."""

from collections import Counter
from typing import Any, Final

from schemas.dead_letter import Reason
from schemas.hot import Decoder
from streams.mapping.config import Config, MappingError
from streams.mapping.expression import ExpressionError
from streams.mapping.follow import FOLLOWED
from streams.mapping.forms import FormError
from streams.mapping.outcomes import EMPTY, NO_RULE, Draft, Mapped, Memory, Meta, Refused, Skipped
from streams.mapping.rule import Rule, skipped
from streams.mapping.tables import Tables

DAY_MS: Final = 86_400_000
_META: Final = "record"
"""Under which name expressions find the key, the time and the headers of a record."""


class Mapping:
    """A mapping, compiled. Raises MappingError for what its tables and fields lack."""

    def __init__(self, config: Config, currency: str) -> None:
        tables, decoder = Tables(config), Decoder(currency)
        self._rules = {
            name: [Rule(source, event, currency, tables, decoder) for event in source.event]
            for name, source in config.sources.items()
        }
        self.sources: Final = config.sources
        every = [rule for rules in self._rules.values() for rule in rules]
        self._by_name = {rule.name: rule for rule in every}
        twice = [name for name, count in Counter(rule.name for rule in every).items() if count > 1]
        if twice:
            raise MappingError(f"{twice[0]}: two events of one source have this name")
        followed = {rule.topic.name for rule in every if rule.event.follow is not None}
        self.hops: Final = frozenset(rule.name for rule in every if rule.topic.name in followed)
        """The rules into an input that a followed thing feeds: to stay in order, all of them go one way."""
        self.inputs: Final = frozenset(rule.input for rule in every)
        """The inputs that events may go to."""

    def map(self, source: str, record: dict[str, Any], meta: Meta) -> list[Draft | Skipped | Refused]:
        """Return what a record of a source comes to, checked: at least one outcome. Pure, never raises."""
        try:
            several = self.split(source, record)
        except ExpressionError as error:
            return [Refused(source, Reason.SCHEMA, str(error))]
        outcomes = [outcome for one in several for outcome in self.map_one(source, one, meta)]
        return outcomes or [Skipped(source, EMPTY)]

    def split(self, source: str, record: dict[str, Any]) -> list[dict[str, Any]]:
        """Return the records that one of a source holds, as a page of orders does. Raises ExpressionError."""
        records = self.sources[source].records
        several = [record] if records is None else records(record)
        if several is None:
            return []
        if not isinstance(several, list) or not all(isinstance(one, dict) for one in several):
            raise ExpressionError("`records` finds no list of objects")
        return several

    def map_one(self, source: str, record: dict[str, Any], meta: Meta) -> list[Draft | Skipped | Refused]:
        """Return what one of the records comes to that `split` gives."""
        record = record | {_META: _meta(meta)}
        try:
            why = skipped(self.sources[source].skip, record)
        except ExpressionError as error:
            return [Refused(source, Reason.SCHEMA, f"skip: {error}")]
        if why is not None:
            return [Skipped(source, why)]
        outcomes = [outcome for rule in self._rules[source] for outcome in rule.map(record)]
        return outcomes or [Skipped(source, NO_RULE)]

    def follows(self, rule: str) -> bool:
        """Return whether drafts of a rule need what is remembered of their thing."""
        return self._by_name[rule].event.follow is not None

    def expires(self, rule: str, memory: Memory) -> int | None:
        """Return when what is remembered may be forgotten, ms; None if there is nothing."""
        follow = self._by_name[rule].event.follow
        if follow is None or memory is None:
            return None
        return int(memory[-1]) + follow.days * DAY_MS

    def finish(self, draft: Draft, memory: Memory) -> tuple[list[Mapped | Skipped | Refused], Memory]:
        """Return the event that a draft comes to, and what to remember of its thing.

        What was remembered for too long counts as forgotten, whether somebody has cleared it away yet or not.
        Of a draft that is refused nothing is remembered: put right, it gives the event that it would have.
        """
        rule = self._by_name[draft.rule]
        follow = rule.event.follow
        if follow is None:
            return [rule.finished(draft.fields)], None
        expires = self.expires(draft.rule, memory)
        if expires is not None and expires < draft.time:
            memory = None
        try:
            fields, remembered = FOLLOWED[follow.as_](draft, memory)
        except FormError as error:
            return [Refused(draft.rule, Reason.SCHEMA, f"follow: {error}")], memory
        if isinstance(fields, str):
            return [Skipped(draft.rule, fields)], remembered
        finished = rule.finished(fields)
        return [finished], memory if isinstance(finished, Refused) else remembered


def _meta(meta: Meta) -> dict[str, Any]:
    return {
        "key": meta.key,
        "time": meta.time,
        "topic": meta.topic,
        "partition": meta.partition,
        "offset": meta.offset,
        "headers": meta.headers or {},
    }
