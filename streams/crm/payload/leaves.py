"""The leaves of a template: text with Jinja expressions, in a sandbox. A value can't break what is around it.

A leaf that is one expression keeps the value's own type; any other is text. What an expression puts into a
path or a header is quoted there.
"""

import json
import re
from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import quote

from jinja2 import StrictUndefined, TemplateError, nodes
from jinja2.exceptions import SecurityError
from jinja2.runtime import Undefined
from jinja2.sandbox import ImmutableSandboxedEnvironment

from streams.crm.payload.plain import clip

Context = Mapping[str, Any]
"""What expressions can name."""
Leaf = Callable[[Context], Any]

_EXPRESSION: Final = re.compile(r"\{\{[-+]?(.*?)[-+]?\}\}", re.DOTALL)
_ENTITIES: Final = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
_HEADER: Final = "".join(chr(code) for code in range(0x20, 0x7F) if chr(code) != "%")
"""What stands in a header as it is."""


class LeafError(Exception):
    """A leaf that can't be read or computed, and why; of a real case `why` may hold what is in it."""

    def __init__(self, leaf: str, why: str) -> None:
        super().__init__(f"{leaf}: {why}")
        self.leaf = leaf
        self.why = why

    def at(self, place: object) -> "LeafError":
        """Return the same error with the place of the leaf before it."""
        return LeafError(f"{place}: {self.leaf}", self.why)


def chat(text: str, most: int) -> str:
    """Return text for Slack with &, < and > as entities, cut to `most` characters, never within an entity."""
    pieces = [_ENTITIES.get(char, char) for char in text]
    if sum(map(_units, pieces)) <= most:
        return "".join(pieces)
    kept, room = list[str](), most - 1
    while (room := room - _units(pieces[len(kept)])) >= 0:
        kept.append(pieces[len(kept)])
    return "".join([*kept, "…"])


def _units(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2


def _environment(finalize: Callable[[Any], Any] | None = None) -> ImmutableSandboxedEnvironment:
    # JSON, not HTML: what is needed is escaped by json.dumps.
    environment = ImmutableSandboxedEnvironment(
        undefined=StrictUndefined, autoescape=False, keep_trailing_newline=True, finalize=finalize
    )
    environment.filters |= {"clip": clip, "chat": chat}
    return environment


_PLAIN: Final = _environment()
_PATH: Final = _environment(lambda value: quote(str(value), safe=""))
_HEADERS: Final = _environment(lambda value: quote(str(value), safe=_HEADER))


def path_leaf(text: str) -> Callable[[Context], str]:
    """Return what computes a path: each value is percent-quoted, slashes and all. Raise LeafError."""
    return _text(_PATH, text)


def header_leaf(text: str) -> Callable[[Context], str]:
    """Return what computes a header; in values all but plain ASCII is percent-quoted. Raise LeafError."""
    return _text(_HEADERS, text)


def body_leaf(value: object) -> Leaf:
    """Return what computes a value of TOML, with all that is in it, as JSON has it. Raise LeafError."""
    if isinstance(value, str):
        return _value(value)
    if isinstance(value, Mapping):
        fields = {str(key): _at(key, one) for key, one in value.items()}
        return lambda context: {key: leaf(context) for key, leaf in fields.items()}
    if isinstance(value, list):
        items = [_at(place, one) for place, one in enumerate(value)]
        return lambda context: [leaf(context) for leaf in items]
    try:
        json.dumps(value, allow_nan=False)
    except (TypeError, ValueError):
        raise LeafError(str(value), "JSON has no such value; write it as text in quotes") from None
    return lambda _: value


def _at(place: object, value: object) -> Leaf:
    try:
        return body_leaf(value)
    except LeafError as error:
        raise error.at(place) from None


def _value(text: str) -> Leaf:
    expression = _only_expression(text)
    if expression is None:
        return _text(_PLAIN, text)
    with _Told(text):
        compiled = _PLAIN.compile_expression(expression, undefined_to_none=False)

    def leaf(context: Context) -> Any:
        with _Told(text):
            value = compiled(**context)
            if isinstance(value, Undefined):
                str(value)  # raises, and says what is unknown
            try:
                return json.loads(json.dumps(value, allow_nan=False))
            except (TypeError, ValueError):
                raise LeafError(repr(text), "JSON has no such value") from None

    return leaf


def _text(environment: ImmutableSandboxedEnvironment, text: str) -> Callable[[Context], str]:
    with _Told(text):
        compiled = environment.from_string(text)

    def leaf(context: Context) -> str:
        with _Told(text):
            return compiled.render(context)

    return leaf


def _only_expression(text: str) -> str | None:
    """Return the expression that a text is, if it is nothing but one."""
    with _Told(text):
        body = _PLAIN.parse(text).body
    if len(body) != 1 or not isinstance(body[0], nodes.Output):
        return None
    parts = body[0].nodes
    if len(parts) != 1 or isinstance(parts[0], nodes.TemplateData):
        return None
    found = _EXPRESSION.fullmatch(text)
    return None if found is None else found.group(1)


class _Told:
    """Turns what goes wrong inside into a LeafError that shows the leaf."""

    def __init__(self, text: str) -> None:
        self._text = text

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, SecurityError):
            raise LeafError(repr(self._text), f"{error}; templates only read the case") from None
        if isinstance(error, MemoryError | RecursionError):
            raise LeafError(repr(self._text), "it is too much to compute") from None
        if isinstance(error, TemplateError | ArithmeticError | LookupError | TypeError | ValueError):
            raise LeafError(repr(self._text), str(error)) from None
