"""A mapping as it is written: TOML, checked as a whole before the first record."""

import tomllib
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self, TypeAlias, get_args
from zoneinfo import ZoneInfo

import phonenumbers
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)

from streams.mapping.expression import Expression, compiled

_SOME_TIME: Final = datetime(2026, 3, 1, 12, tzinfo=UTC)


class MappingError(Exception):
    """A mapping that can't be used; the message has a line for each reason."""


def _expression(text: object) -> Expression:
    if not isinstance(text, str):
        raise ValueError("an expression is text in quotes")  # noqa: TRY004 - pydantic takes no TypeError
    return compiled(text)


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (KeyError, OSError, ValueError):
        raise ValueError("no such time zone; write one like Europe/Berlin") from None
    return name


def _time_form(form: str) -> str:
    if form in get_args(Epoch):
        return form
    try:
        if "%" not in form:
            raise ValueError  # noqa: TRY301 - as what strptime itself refuses
        datetime.strptime(_SOME_TIME.strftime(form), form)  # noqa: DTZ007 - only its form is tried
    except ValueError:
        known = ", ".join(get_args(Epoch))
        raise ValueError(
            f"no form of a time: write {known}, or one of strptime like %d.%m.%Y %H:%M"
        ) from None
    return form


def _region(region: str) -> str:
    if region not in phonenumbers.SUPPORTED_REGIONS:
        raise ValueError("no region of phone numbers; write one like US, GB, DE")
    return region


def _several(value: object) -> object:
    return value if isinstance(value, list) else [value]


Compiled: TypeAlias = Annotated[Any, BeforeValidator(_expression)]
Zone: TypeAlias = Annotated[str, AfterValidator(_zone)]
Epoch: TypeAlias = Literal["epoch_s", "epoch_ms", "epoch_us", "epoch_ns", "epoch_days"]
TimeForm: TypeAlias = Annotated[str, AfterValidator(_time_form)]
Region: TypeAlias = Annotated[str, AfterValidator(_region)]
Unit: TypeAlias = Literal["cents", "ms", "minutes", "clock"]
To: TypeAlias = Literal["transaction", "contact", "notice", "profile", "disposition", "customer_merged"]


class _Table(BaseModel):
    model_config = ConfigDict(
        extra="forbid", frozen=True, use_attribute_docstrings=True, arbitrary_types_allowed=True
    )


class FieldMapping(_Table):
    """How a field of ours is found in a record; a text alone is its `from`.

    What is null, false, or empty is not found, so that `paid && total_price` finds nothing unless it is paid;
    for a flag, false is an answer.
    """

    value: str | int | bool | None = None
    """Always this."""
    from_: Annotated[Compiled | None, Field(alias="from")] = None
    """An expression."""
    words: dict[str, str | int | bool] | None = None
    """Their words for ours: `{"solved" = "resolved"}`. A word that is not here is refused, unless `other`."""
    other: str | int | bool | None = None
    """What any other word means; an empty text: the field is left out."""
    prefix: str = ""
    """Put before an id that is unique only among its own kind."""
    time: TimeForm | None = None
    """How a time is written: `epoch_s`, `epoch_ms`, ..., or as strptime has it, `%d.%m.%Y %H:%M`."""
    zone: Zone | None = None
    """The zone of a time without an offset, before that of the source."""
    unit: Unit | None = None
    """What a number counts: an amount in `cents`, a duration in `ms` or `minutes`; `clock`: as in h:mm:ss."""
    decimal: Literal["point", "comma"] = "point"
    """What separates the places of a number in text: 1,234.50 or 1.234,50."""
    lookup: str | None = None
    """A table of the mapping that turns what is found into another value: a phone number into a customer."""
    phone: Region | None = None
    """A phone number, brought into one form; of this region, `US`, unless it begins with +."""

    @model_validator(mode="before")
    @classmethod
    def _short(cls, value: object) -> object:
        return {"from": value} if isinstance(value, str) else value

    @model_validator(mode="after")
    def _found(self) -> Self:
        if (self.value is None) == (self.from_ is None):
            raise ValueError("give either `value` or `from`")
        if self.value is not None and self.model_fields_set != {"value"}:
            raise ValueError("`value` stands alone: it is taken as it is")
        return self


class Skip(_Table):
    """Records that are no events, and why."""

    when: Compiled
    why: Annotated[str, Field(min_length=1, max_length=60)]


class Follow(_Table):
    """A thing of which more than one record tells: what came before is remembered."""

    by: Compiled
    """What it is known by."""
    as_: Annotated[Literal["total", "snapshot", "legs"], Field(alias="as")]
    """`total`: an order whose amount changes, which gives corrections. `snapshot`: a contact, each time as a
    whole, which gives versions. `legs`: a contact of several parts, which are put together."""
    time: Compiled
    """When this record was written, as a time of the source."""
    time_form: TimeForm | None = None
    part: Compiled | None = None
    """Of legs: which one this is."""
    void: Compiled | None = None
    """Of a total: whether the thing was called off, so that it comes to 0."""
    days: Annotated[int, Field(ge=1, le=3660)] = 120
    """How long after its last record it is remembered."""


class Event(_Table):
    """An event that a record may give."""

    name: Annotated[str, Field(pattern=r"^[a-z0-9_-]{1,40}$")]
    to: To
    """The type of the event."""
    each: Compiled | None = None
    """A list in the record: an event for each of its elements, which expressions find as `each`."""
    when: Compiled | None = None
    """Only of records of which this is true."""
    skip: list[Skip] = []
    follow: Follow | None = None
    fields: dict[str, Annotated[list[FieldMapping], BeforeValidator(_several), Field(min_length=1)]]
    """By our names. Of several ways, the first that finds something counts."""


class Source(_Table):
    """One of their topics, or one kind of file."""

    name: str = ""
    """As its table is called."""
    topic: str | None = None
    """For `ingest`."""
    files: str | None = None
    """For `adapt`: a pattern of names, `orders*.json`."""
    format: Literal["json", "csv", "json-schema", "avro", "protobuf"] = "json"
    envelope: Literal["plain", "debezium", "cloudevents"] = "plain"
    records: Compiled | None = None
    """Where the records are in a file or a message that holds many: `orders`."""
    separator: Annotated[str, Field(min_length=1, max_length=1)] = ","
    """Of CSV."""
    zone: Zone | None = None
    """The zone of times without an offset; without it they are refused."""
    skip: list[Skip] = []
    event: Annotated[list[Event], Field(min_length=1)]


class Lookup(_Table):
    """A table in a file: CSV with a header, or with the columns named here."""

    file: Path | None = None
    """Without a file nothing is found."""
    key: str
    value: str
    phone: Region | None = None
    """The keys are phone numbers, of this region unless they begin with +."""


class Rates(_Table):
    """Units of the reporting currency for one of another, by day: CSV with `day,currency,rate`."""

    file: Path


class Merged(_Table):
    """Ids that ended, and those that go on: CSV with `customer_id,merged_into`."""

    file: Path


def _named(sources: object) -> object:
    if not isinstance(sources, dict):
        return sources
    return {name: one | {"name": name} if isinstance(one, dict) else one for name, one in sources.items()}


class Config(_Table):
    """A mapping."""

    sources: Annotated[dict[str, Source], BeforeValidator(_named), Field(alias="source", min_length=1)]
    lookup: dict[str, Lookup] = {}
    rates: Rates | None = None
    merged: Merged | None = None


def load(path: Path) -> Config:
    """Return the mapping of a file, paths in it relative to the file. Raises MappingError."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise MappingError(f"{path} can't be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise MappingError(f"{path} is not UTF-8") from None
    return parse(text, folder=path.parent, name=path.name)


def parse(text: str, *, folder: Path, name: str) -> Config:
    """Return the mapping that a text holds. Raises MappingError."""
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise MappingError(f"{name} is no TOML: {error}") from None
    try:
        config = Config.model_validate(document)
    except ValidationError as error:
        raise MappingError("\n".join(f"{name}: {line}" for line in _lines(error, document))) from None
    return _with_paths(config, folder)


def with_tables(
    config: Config, lookups: dict[str, Path], rates: Path | None = None, merged: Path | None = None
) -> Config:
    """Return a mapping with other files for its tables. Raises MappingError for a look-up that it has not."""
    for name in lookups:
        if name not in config.lookup:
            has = ", ".join(config.lookup) or "none"
            raise MappingError(f"the mapping has no look-up {name}; it has: {has}")
    given = {name: config.lookup[name].model_copy(update={"file": file}) for name, file in lookups.items()}
    return config.model_copy(
        update={
            "lookup": config.lookup | given,
            "rates": config.rates if rates is None else Rates(file=rates),
            "merged": config.merged if merged is None else Merged(file=merged),
        }
    )


def in_zone(config: Config, zone: str) -> Config:
    """Return a mapping with a zone for the sources that have none. Raises MappingError."""
    try:
        _zone(zone)
    except ValueError as error:
        raise MappingError(f"{zone}: {error}") from None
    sources = {
        name: source if source.zone else source.model_copy(update={"zone": zone})
        for name, source in config.sources.items()
    }
    return config.model_copy(update={"sources": sources})


def _lines(error: ValidationError, document: dict[str, Any]) -> list[str]:
    return [
        f"{_place(one['loc'], document)}: {_OURS.get(one['type'], one['msg']).removeprefix('Value error, ')}"
        for one in error.errors(include_url=False)
    ]


def _place(steps: tuple[int | str, ...], table: Any) -> str:
    """Return where something stands, events by their names: `source.orders.event.purchase.fields.amount`."""
    place: list[str] = []
    for step in steps:
        if isinstance(step, str):
            place.append(step)
            table = table.get(step) if isinstance(table, dict) else None
        elif isinstance(table, list):
            table = table[step]
            named = isinstance(table, dict) and isinstance(table.get("name"), str)
            place.append(table["name"] if named else str(step + 1))
    return ".".join(place)


_OURS: Final = {
    "extra_forbidden": "there is no such key",
    "missing": "missing",
    "model_type": "neither an expression in quotes nor a table",
    "too_short": "empty",
}
"""Our words for what pydantic says in its own."""


def _with_paths(config: Config, folder: Path) -> Config:
    def placed(table: Any) -> Any:
        return table.model_copy(update={"file": table.file and folder / table.file})

    return config.model_copy(
        update={
            "lookup": {name: placed(table) for name, table in config.lookup.items()},
            "rates": config.rates and placed(config.rates),
            "merged": config.merged and placed(config.merged),
        }
    )
