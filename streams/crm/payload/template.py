"""A template: what a case looks like to a CRM, as a TOML file, checked as a whole before the first case.

`[message]` holds for every kind; `[create]`, `[update]`, `[refresh]`, `[close]` lie over it, table by table.
"""

import json
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, Literal, NoReturn, Self
from urllib.parse import quote

from pydantic import BaseModel, ConfigDict, ValidationError

from streams.crm.payload.examples import examples
from streams.crm.payload.fields import MOST_TEXT, Case
from streams.crm.payload.leaves import Context, Leaf, LeafError, body_leaf, header_leaf, path_leaf
from streams.crm.payload.plain import harmless_id
from streams.crm.wire import Find, Kind, Rendered, Request

FOLDER: Final = Path(__file__).with_name("templates")
"""Where those that come with us are."""
BUILT_IN: Final = tuple(sorted(path.stem for path in FOLDER.glob("*.toml")))

_COMMON: Final = "message"
_FOUND: Final = "{found}"
_PATH: Final = re.compile(r"(/(?![/\\])|\?|$)[!-~]*")
_STEP: Final = re.compile(r"(^|/)\.{1,2}([/?]|$)")
_HEADER: Final = re.compile(r"[A-Za-z0-9-]+")
_OURS: Final = frozenset(
    {"authorization", "content-length", "content-type", "host", "transfer-encoding", "user-agent"}
)
"""Headers that the bridge writes, as those of the signature, `webhook-...`."""
_ID_AT: Final = re.compile(r"(\w+|\*)(\.(\w+|\*))*")
_ANEW: Final = frozenset({Kind.CREATE, Kind.UPDATE})
"""What is news also where the desk has closed the case for good."""


class TemplateError(Exception):
    """A template that can't be used: the file, the section, what to do."""


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


class RequestTable(_Table):
    """One HTTP request."""

    method: Literal["POST", "PUT", "PATCH"]
    """How it is sent."""
    path: str
    """What follows the URL of the settings; each value in it is percent-quoted."""
    headers: dict[str, str] = {}
    """Headers beside those of the bridge."""
    body: dict[str, Any] | list[Any] | str
    """The JSON."""


class FindTable(_Table):
    """What to ask first, for a CRM that cannot upsert."""

    path: str
    """What is asked."""
    id_at: str
    """Where the id is in the answer, `tickets.0.id`, or `tickets.*.id` for the first of all."""
    found: RequestTable
    """What is sent instead if it is there; `{found}` in its path is the id."""
    closed: dict[str, str] = {}
    """What stands beside the id of a case that takes no more changes."""


class SectionTable(RequestTable):
    """What is sent of one kind of message."""

    find: FindTable | None = None
    """What to ask first."""


@dataclass(frozen=True)
class _Request:
    method: Literal["POST", "PUT", "PATCH"]
    path: Leaf
    headers: Mapping[str, Leaf]
    body: Leaf

    @classmethod
    def of(cls, table: RequestTable) -> Self:
        for name in table.headers:
            _check_header(name)
        return cls(
            method=table.method,
            path=_named("path", path_leaf, table.path),
            headers={
                name: _named(f"headers.{name}", header_leaf, text) for name, text in table.headers.items()
            },
            body=_named("body", body_leaf, table.body),
        )

    def render(self, context: Context) -> Request:
        body = self.body(context)
        if not isinstance(body, dict | list):
            raise LeafError("body", "it has to be a table")
        return Request(
            method=self.method,
            path=_checked_path(self.path(context)),
            headers={name: leaf(context) for name, leaf in self.headers.items()},
            body=json.dumps(body, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode(),
        )


@dataclass(frozen=True)
class _Find:
    path: Leaf
    id_at: str
    found: _Request
    closed: Mapping[str, str]

    @classmethod
    def of(cls, table: FindTable) -> Self:
        if _ID_AT.fullmatch(table.id_at) is None:
            raise LeafError("find.id_at", "write keys and indices separated by dots, as tickets.0.id")
        if _FOUND not in table.found.path:
            raise LeafError("find.found.path", f"write {_FOUND} where the id belongs")
        path = _named("find.path", path_leaf, table.path)
        return cls(path, table.id_at, _Request.of(table.found), table.closed)

    def render(self, context: Context) -> Find:
        return Find(
            path=_checked_path(self.path(context)),
            id_at=self.id_at,
            found=self.found.render(context),
            closed=self.closed,
            anew=context["kind"] in _ANEW,
        )


@dataclass(frozen=True)
class _Section:
    request: _Request
    find: _Find | None

    @classmethod
    def of(cls, table: SectionTable) -> Self:
        return cls(_Request.of(table), None if table.find is None else _Find.of(table.find))

    def render(self, context: Context) -> Rendered:
        find = None if self.find is None else self.find.render(context)
        return Rendered(self.request.render(context), find)


class Template:
    """What a case looks like to a CRM."""

    def __init__(self, name: str, sections: Mapping[Kind, _Section]) -> None:
        self.name = name
        self._sections = sections

    @classmethod
    def load(cls, name: str | Path) -> Self:
        """Return one that comes with us by its name, else the one in a file. Raise TemplateError.

        Each kind is tried with made-up cases, so that what is unknown or wrong shows before the first case.
        """
        path = FOLDER / f"{name}.toml" if str(name) in BUILT_IN else Path(name)
        try:
            return cls.parse(path.read_text(encoding="utf-8"), str(name))
        except OSError as error:
            raise TemplateError(
                f"template {name}: {error.strerror}; write {', '.join(BUILT_IN)}, or the path of a TOML file"
            ) from None
        except UnicodeDecodeError:
            raise TemplateError(f"template {name}: it is no UTF-8 text; save it as UTF-8") from None

    @classmethod
    def parse(cls, text: str, name: str) -> Self:
        """Return the template of a text; `name` stands in errors. Raise TemplateError."""
        try:
            tables = tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            raise TemplateError(f"template {name}: no TOML: {error}") from None
        _check_tables(tables, name)
        sections = {kind: _section(kind, tables, name) for kind in Kind if _is_sent(kind, tables)}
        template = cls(name, sections)
        for case in examples():
            try:
                template._render(case, case.kind, f"{case.alert_id}/{case.revision}")
            except LeafError as error:
                _refuse(name, case.kind, error)
        return template

    def render(self, case: Case, kind: Kind, message_id: str) -> Rendered | None:
        """Return the message as the CRM wants it; None if messages of this kind are not sent to it.

        Raise TemplateError where an expression can't be computed for this case.
        """
        try:
            return self._render(case, kind, message_id)
        except LeafError as error:
            # Not why: that may hold what is in the case, and this goes to a log.
            raise TemplateError(
                f"template {self.name}: [{kind}]: {error.leaf}: it can't be computed for this case"
            ) from None

    def _render(self, case: Case, kind: Kind, message_id: str) -> Rendered | None:
        section = self._sections.get(kind)
        if section is None:
            return None
        context: dict[str, Any] = {
            "case": case.model_dump(mode="json"),
            "kind": str(kind),
            "message_id": harmless_id(message_id, MOST_TEXT),
        }
        rendered = section.render(context)
        names_it = quote(context["case"]["alert_id"], safe="") in rendered.request.path
        return replace(rendered, of_case=names_it and not self._is_upsert(rendered.request, context))

    def _is_upsert(self, request: Request, context: Context) -> bool:
        """Return whether a create goes the same way: it makes what is not there, and is not told 404."""
        create = self._sections[Kind.CREATE].request
        path = create.path({**context, "kind": str(Kind.CREATE)})
        return (request.method, request.path) == (create.method, path)


def _check_tables(tables: Mapping[str, Any], name: str) -> None:
    known = [_COMMON, *Kind]
    for key, value in tables.items():
        if key not in known or not isinstance(value, dict):
            raise TemplateError(
                f"template {name}: {key}: no such section; write {', '.join(f'[{one}]' for one in known)}"
            )
    if not _is_sent(Kind.CREATE, tables):
        raise TemplateError(
            f"template {name}: [create] is missing: nothing would ever be sent; write it, or [{_COMMON}]"
        )


def _is_sent(kind: Kind, tables: Mapping[str, Any]) -> bool:
    section = tables.get(kind, {})
    return section.get("send") is not False and (bool(section) or _COMMON in tables)


def _section(kind: Kind, tables: Mapping[str, Any], name: str) -> _Section:
    merged = _laid_over(tables.get(_COMMON, {}), tables.get(kind, {}))
    if merged.pop("send", True) is not True:
        raise TemplateError(f"template {name}: [{kind}]: send: write true or false, not in [{_COMMON}]")
    try:
        return _Section.of(SectionTable.model_validate(merged))
    except ValidationError as error:
        reasons = "; ".join(_reason(one["loc"], one["type"], one["msg"]) for one in error.errors())
        raise TemplateError(f"template {name}: [{kind}]: {reasons}") from None
    except LeafError as error:
        _refuse(name, kind, error)


def _reason(place: tuple[int | str, ...], what: str, message: str) -> str:
    where = ".".join(str(one) for one in place)
    if what == "extra_forbidden":
        return f"{where}: no such key; take it out"
    if what == "missing":
        return f"{where} is missing; write it here or in [{_COMMON}]"
    return f"{where}: {message}"


def _refuse(name: str, kind: Kind, error: LeafError) -> NoReturn:
    raise TemplateError(
        f"template {name}: [{kind}]: {error}. A template can name kind, message_id, and of a case: "
        + ", ".join(f"case.{field}" for field in Case.model_fields)
    ) from None


def _laid_over(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(below)
    for key, value in above.items():
        under = merged.get(key)
        if isinstance(under, Mapping) and isinstance(value, Mapping):
            merged[key] = _laid_over(under, value)
        else:
            merged[key] = value
    return merged


def _named(place: str, compiled: Any, value: Any) -> Leaf:
    try:
        leaf: Leaf = compiled(value)
    except LeafError as error:
        raise error.at(place) from None
    return leaf


def _checked_path(path: str) -> str:
    if _PATH.fullmatch(path) is None or _STEP.search(path) or "#" in path or "\\" in path:
        raise LeafError("path", "it begins with / or ?, and has no blanks, #, \\, . or .. as a part")
    return path


def _check_header(name: str) -> None:
    if _HEADER.fullmatch(name) is None:
        raise LeafError("headers", f"{name!r} is no name of a header")
    if name.lower() in _OURS or name.lower().startswith("webhook-"):
        raise LeafError("headers", f"{name} is written by the bridge; take it out")
