"""A schema registry with Confluent's REST interface: schemas by their ids, each asked for once.

Its client takes three seconds to import, so that happens when a source needs it.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from typing import Any, Final

from streams.ingest.formats.unreadable import UnreadableError, no_schema_fits
from streams.settings import Settings, variable

_SECONDS: Final = 5.0
_HEADER: Final = "__value_schema_id"
"""Where newer producers put the id of a schema, instead of before the value."""
_MOST_ID: Final = (1 << 31) - 1
_UNKNOWN: Final = frozenset({40401, 40402, 40403})
"""The registry's own codes for what it does not have. Any other 404 may be a proxy's."""


class RegistryAwayError(Exception):
    """The registry does not answer, or won't; the message says which and why. Nothing is lost: wait."""


@dataclass(frozen=True, slots=True)
class StoredSchema:
    """A schema as the registry has it, and those that it refers to by name, each before who needs it."""

    text: str
    kind: str
    references: tuple[tuple[str, "StoredSchema"], ...]


@dataclass(frozen=True, slots=True)
class Framed:
    """A value that names its schema."""

    schema: int | str
    """An id, or a GUID."""
    indexes: tuple[int, ...]
    """Of Protobuf: which message of the schema, outermost first."""
    payload: BytesIO


class Registry:
    """Schemas by id."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def schema(self, schema: int | str, form: str | None = None) -> StoredSchema:
        """Return a schema, in another form than its own if one is given.

        Raises RegistryAwayError, UnreadableError if there is none.
        """
        client = self._client
        with _asking():
            if isinstance(schema, int):
                found = client.get_schema(schema, fmt=form)
            else:
                found = client.get_schema_by_guid(schema, fmt=form)
            return self._stored(found, form)

    def _stored(self, found: Any, form: str | None) -> StoredSchema:
        references = (
            (one.name, self._client.get_version(one.subject, one.version, True, form).schema)
            for one in found.references or ()
        )
        named = tuple((name, self._stored(schema, form)) for name, schema in references)
        return StoredSchema(found.schema_str, found.schema_type or "AVRO", named)


class Schemas:
    """What readers of one format make of schemas, each made once."""

    def __init__(
        self, registry: Registry, kind: str, make: Callable[[StoredSchema], Any], form: str | None = None
    ) -> None:
        self._registry, self._kind, self._make, self._form = registry, kind, make, form
        self._made: dict[int | str, Any] = {}

    def __getitem__(self, schema: int | str) -> Any:
        """Return what was made of a schema. Raises RegistryAwayError, UnreadableError."""
        if schema not in self._made:
            stored = self._registry.schema(schema, self._form)
            if stored.kind != self._kind:
                raise no_schema_fits(f"the schema is of the kind {stored.kind}: set the source's format")
            try:
                self._made[schema] = self._make(stored)
            except Exception as error:  # noqa: BLE001 - its parsers' many: one schema must not stop all
                raise no_schema_fits(f"its schema can't be read ({type(error).__name__})") from None
        return self._made[schema]


def connect(settings: Settings) -> Registry:
    """Return the registry of the settings, without asking it. Raises SettingsError, OSError."""
    from confluent_kafka.schema_registry import SchemaRegistryClient  # noqa: PLC0415 - it takes seconds

    options: dict[str, Any] = {"url": settings.schema_registry_url, "timeout": _SECONDS, "max.retries": 0}
    secret = settings.schema_registry_secret()
    if settings.schema_registry_user is not None and secret is not None:
        options["basic.auth.user.info"] = f"{settings.schema_registry_user}:{secret}"
    if settings.schema_registry_ca_file is not None:
        options["ssl.ca.location"] = str(settings.schema_registry_ca_file)
    return Registry(SchemaRegistryClient(options))


def unframed(raw: bytes, headers: Any, kind: str) -> Framed:
    """Return a value and its schema's id, from its first bytes or a header. Raises UnreadableError."""
    from confluent_kafka.schema_registry.serde import SchemaId  # noqa: PLC0415 - it takes seconds

    found, header = SchemaId(kind), headers.get(_HEADER)
    payload = BytesIO(raw)
    try:
        found.from_bytes(payload if header is None else BytesIO(header))
    except Exception:  # noqa: BLE001 - struct.error, EOFError, its own: whatever the bytes are
        raise _not_framed() from None
    schema = found.id if found.id is not None else str(found.guid)
    # A registry does not answer that it has none of these: it would be waited for, for ever.
    if (isinstance(schema, str) and header is None) or (isinstance(schema, int) and schema > _MOST_ID):
        raise _not_framed()
    return Framed(schema, tuple(found.message_indexes or ()), payload)


def _not_framed() -> UnreadableError:
    return no_schema_fits("does not begin with a schema registry's five bytes")


@contextmanager
def _asking() -> Iterator[None]:
    from confluent_kafka.schema_registry import SchemaRegistryError  # noqa: PLC0415 - it takes seconds

    name = variable("schema_registry_url")
    try:
        yield
    except SchemaRegistryError as error:
        if error.http_status_code == 404 and error.error_code in _UNKNOWN:
            raise no_schema_fits("the schema registry does not know this schema") from None
        raise RegistryAwayError(f"the registry of {name} answers {error.http_status_code}") from None
    except UnreadableError:
        raise
    except Exception as error:  # noqa: BLE001 - its HTTP client's many; their texts may hold the address
        raise RegistryAwayError(f"the registry of {name} does not answer: {type(error).__name__}") from None
