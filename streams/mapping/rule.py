"""One event rule of a source: a record of theirs in, drafts out, each checked by its model."""

from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from msgspec.json import Encoder

from schemas.common import Model
from schemas.dead_letter import Reason
from schemas.events import Refusal
from schemas.hot import Decoder
from schemas.topics import INPUTS, Topic
from schemas.transaction import OF_A_PURCHASE
from streams.core.watermark import Input
from streams.mapping.config import Event, FieldMapping, MappingError, Skip, Source
from streams.mapping.expression import Expression, ExpressionError, is_true
from streams.mapping.forms import FormError, fault_of, formed, forms_of, milliseconds
from streams.mapping.outcomes import MERGED, NO_CUSTOMER, Draft, Mapped, Refused, Skipped
from streams.mapping.tables import Tables, phone_number

_ENCODER: Final = Encoder()
_BARE: Final = FieldMapping(value="")
_LONGEST_NAME: Final = 1_000
"""Of a thing or a part of one: it is a key of records, which Kafka has to take."""
_EACH: Final = "each"
"""Under which name expressions find the element of a list that an event is made of."""
_TOLD_BY: Final[dict[str, dict[str, set[str]]]] = {
    "contact": {
        "event_id": {"contact_id"},
        "contact_id": {"event_id"},
        "version": {"event_id", "contact_id"},
        "time": {"ended_at", "started_at"},
    }
}
"""Fields that a mapping may leave out if it has one of others, which tell them."""


def _target(event: Event) -> tuple[Topic, type[Model]]:
    return next((topic, topic.models[event.to]) for topic in INPUTS if event.to in topic.models)


def _complete_contact(fields: dict[str, Any]) -> None:
    """Add what a contact needs and the record need not tell: a version, its ids, when it was recorded."""
    fields.setdefault("version", 1)
    if "contact_id" in fields:
        fields.setdefault("event_id", f"{fields['contact_id']}/{fields['version']}")
    elif "event_id" in fields:
        fields["contact_id"] = fields["event_id"]
    ended = fields.get("ended_at")
    recorded = ended or fields.get("started_at")
    if recorded is not None:
        fields.setdefault("time", recorded)
    if ended is not None:
        fields["time"] = max(
            fields["time"], ended
        )  # known when it had ended, where only its beginning is told


def _worded(value: Any, spec: FieldMapping) -> Any:
    """Return our word for theirs, or for each of theirs in a list. Raises FormError."""
    if isinstance(value, list):
        worded = (_worded(one, spec) for one in value if one is not None)
        return [one for one in worded if one is not None] or None
    word, words = formed(value, "text", spec, None), spec.words or {}
    if word in words:
        return words[word]
    if spec.other is None:
        raise FormError("a word that the mapping does not know; `words` lists them, `other` is for the rest")
    return None if spec.other == "" else spec.other


def _name(find: Expression, record: dict[str, Any]) -> str | None:
    """Return what a thing, or a part of one, is known by. Raises FormError, ExpressionError."""
    found = find(record)
    if found is None:
        return None
    name = str(formed(found, "text", _BARE, None))
    if len(name) > _LONGEST_NAME:
        raise FormError(f"a name of more than {_LONGEST_NAME:,} characters")
    return name


def skipped(rules: list[Skip], record: dict[str, Any]) -> str | None:
    """Return why a record is no event; None if nothing says so. Raises ExpressionError."""
    return next((rule.why for rule in rules if is_true(rule.when(record))), None)


class Rule:
    """One event rule of a source."""

    def __init__(self, source: Source, event: Event, currency: str, tables: Tables, decoder: Decoder) -> None:
        self.name: Final = f"{source.name}/{event.name}"
        self.event: Final = event
        self.topic, model = _target(event)
        self.input: Final = Input(self.topic.name)
        self._model: Final = model
        self._source, self._currency, self._tables = source, currency, tables
        self._decode = decoder.of(self.topic.name)
        self._zone = ZoneInfo(source.zone) if source.zone else None
        self._forms = forms_of(model)
        # The customer first: where nobody knows who it was, nothing else needs to be right.
        self._fields = sorted(event.fields.items(), key=lambda field: field[0] != "customer_id")
        self._check()

    def _check(self) -> None:
        unknown = self.event.fields.keys() - self._forms.keys()
        if unknown:
            raise MappingError(
                f"{self.name}: {self._model.__name__} has no field {', '.join(sorted(unknown))}"
            )
        mapped = self.event.fields.keys() | {"type", "source"}
        told = {name for name, by in _TOLD_BY.get(self.event.to, {}).items() if by & mapped}
        needed = {name for name, info in self._model.model_fields.items() if info.is_required()}
        missing = needed - mapped - told
        if missing:
            raise MappingError(f"{self.name}: these fields are needed: {', '.join(sorted(missing))}")
        follow = self.event.follow
        if follow is not None and (self.event.to == "contact") == (follow.as_ == "total"):
            raise MappingError(f"{self.name}: a {self.event.to} is not followed as {follow.as_}")
        if follow is not None and self.event.to not in {"contact", "transaction"}:
            raise MappingError(f"{self.name}: only a contact or a transaction is followed")
        for name, ways in self.event.fields.items():
            for way in ways:
                self._check_way(name, way)

    def _check_way(self, name: str, way: FieldMapping) -> None:
        if way.lookup is not None and not self._tables.has(way.lookup):
            raise MappingError(
                f"{self.name}: {name} is looked up in {way.lookup}, but there is no such table"
            )
        for constant in (way.value, *(way.words or {}).values(), way.other):
            told = None if constant in {None, ""} else fault_of(self._model, name, constant)
            if told is not None:
                raise MappingError(f"{self.name}: {name} can't be {constant!r}: {told}")

    def map(self, record: dict[str, Any]) -> list[Draft | Skipped | Refused]:
        """Return what a record comes to under this rule: nothing if it is not of this kind."""
        event = self.event
        if event.each is None:
            return self._map_one(record)
        try:
            elements = event.each(record)
        except ExpressionError as error:
            return [Refused(self.name, Reason.SCHEMA, f"each: {error}")]
        if elements is None:
            return []
        if not isinstance(elements, list):
            return [Refused(self.name, Reason.SCHEMA, "each: not a list")]
        return [found for one in elements for found in self._map_one(record | {_EACH: one})]

    def _map_one(self, record: dict[str, Any]) -> list[Draft | Skipped | Refused]:
        event = self.event
        try:
            if event.when is not None and not is_true(event.when(record)):
                return []
            why = skipped(event.skip, record)
            if why is not None:
                return [Skipped(self.name, why)]
            return [self._drafted(record)]
        except ExpressionError as error:
            return [Refused(self.name, Reason.SCHEMA, str(error))]

    def _drafted(self, record: dict[str, Any]) -> Draft | Skipped | Refused:
        fields: dict[str, Any] = {"type": self.event.to}
        for name, ways in self._fields:
            try:
                value = self._field(name, ways, record)
            except (FormError, ExpressionError) as error:
                return Refused(self.name, Reason.SCHEMA, f"{name}: {error}")
            if name == "customer_id" and value is None:
                return Skipped(self.name, NO_CUSTOMER)
            if value is not None:
                fields[name] = value
        fields.setdefault("source", self._source.name)
        if not self._goes_on(fields):
            return Skipped(self.name, MERGED)
        if self.event.to == "contact":
            _complete_contact(fields)
            for needed in ("event_id", "time"):
                if needed not in fields:
                    return Refused(self.name, Reason.SCHEMA, f"{self._named(needed)}: missing")
        try:
            return self._checked(fields, record)
        except (FormError, ExpressionError) as error:
            return Refused(self.name, Reason.SCHEMA, f"follow: {error}")

    def _named(self, needed: str) -> str:
        """Return which fields of the mapping tell one that a contact needs."""
        ways = _TOLD_BY[self.event.to][needed] | {needed}
        return " or ".join(sorted(ways & self.event.fields.keys()))

    def _goes_on(self, fields: dict[str, Any]) -> bool:
        """Put the id under which a customer goes on; return False of a merge that the table has already."""
        fields["customer_id"] = self._tables.survivor(fields["customer_id"])
        if "merged_into" not in fields:
            return True
        fields["merged_into"] = self._tables.survivor(fields["merged_into"])
        return bool(fields["merged_into"] != fields["customer_id"])

    def _field(self, name: str, ways: list[FieldMapping], record: dict[str, Any]) -> Any:
        for way in ways:
            value = self._found(name, way, record)
            if value is not None and value != "":
                return value
        return None

    def _found(self, name: str, way: FieldMapping, record: dict[str, Any]) -> Any:
        """Return what one way finds, as the field takes it; None if it finds nothing."""
        if way.from_ is None:
            return way.value
        form, value = self._forms[name], way.from_(record)
        if not is_true(value) and not (value is False and (form == "flag" or "false" in (way.words or ()))):
            return None
        if way.words is not None:
            return _worded(value, way)
        if way.phone is not None:
            value = phone_number(str(value), way.phone)
        if value is not None and way.lookup is not None:
            value = self._tables.look_up(way.lookup, formed(value, "text", way, None))
        if value is None:
            return None
        found = formed(value, form, way, self._zone)
        if way.unit == "minutes" and name.endswith("_minutes"):
            return found / 60
        return way.prefix + found if way.prefix and isinstance(found, str) else found

    def _checked(self, fields: dict[str, Any], record: dict[str, Any]) -> Draft | Refused:
        follow = self.event.follow
        void = follow is not None and follow.void is not None and is_true(follow.void(record))
        if void and "amount" not in fields:
            fields |= {"amount": "0", "currency": fields.get("currency", self._currency)}
        refusal = self._convert(fields)
        if refusal is not None:
            return refusal
        finished = self.finished(fields)
        if isinstance(finished, Refused):
            return finished
        if follow is None:
            return Draft(self.name, finished.customer_id, finished.time, fields)
        thing, written = _name(follow.by, record), follow.time(record)
        if not thing:
            raise FormError("`by` finds nothing that a thing could be known by")
        time = finished.time if written is None else milliseconds(written, follow.time_form, self._zone)
        part = None if follow.part is None else _name(follow.part, record)
        return Draft(self.name, thing, time, fields, part, void)

    def _convert(self, fields: dict[str, Any]) -> Refused | None:
        """Add the rate of the day where a currency needs one."""
        currency = fields.get("currency")
        if not self._tables.has_rates or "exchange_rate" in fields or currency in (None, self._currency):
            return None
        named = fields.get("original_time") if fields.get("kind") in OF_A_PURCHASE else None
        try:
            day = datetime.fromisoformat(named or fields.get("time", "")).date()
        except ValueError:
            return None  # which its model refuses, in its own words
        rate = self._tables.rate(currency, day)
        if rate is None:
            return Refused(
                self.name, Reason.CURRENCY, "exchange_rate: the table of rates has none for this day"
            )
        fields["exchange_rate"] = rate
        return None

    def finished(self, fields: dict[str, Any]) -> Mapped | Refused:
        """Return an event as it goes out, if its model takes it."""
        try:
            value = _ENCODER.encode(fields)
        except UnicodeEncodeError:
            return Refused(self.name, Reason.SCHEMA, "half of a character, where text belongs")
        event = self._decode(value)
        if isinstance(event, Refusal):
            return Refused(self.name, event.reason, event.detail)
        return Mapped(self.name, self.input, fields["customer_id"], int(event.time), value)
