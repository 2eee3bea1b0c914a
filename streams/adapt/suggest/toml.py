"""A proposed mapping as text: strings, expressions, fields with what is said of them."""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from typing_extensions import override

from streams.console import visible

GUESS: Final = "guess: "
DECIDE: Final = "DECIDE: "
Value: TypeAlias = str | int | bool
_SHOWN: Final = 40
_WIDTH: Final = 108
_PLAIN: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def quoted(text: str) -> str:
    """Return a text as TOML has it, with as few escapes as can be."""
    if text.isprintable() and "'" not in text and ('"' in text or "\\" in text):
        return f"'{text}'"
    return f'"{"".join(map(_escaped, text))}"'


def _escaped(char: str) -> str:
    if char in {'"', "\\"}:
        return f"\\{char}"
    return char if char.isprintable() else f"\\U{ord(char):08X}"


def written(value: Value) -> str:
    """Return a value as TOML has it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return quoted(value) if isinstance(value, str) else str(value)


def table(entries: Mapping[str, str]) -> str:
    """Return a table in one line; its values are TOML already."""
    pairs = (
        f"{name if re.fullmatch(r'[A-Za-z0-9_-]+', name) else quoted(name)} = {value}"
        for name, value in entries.items()
    )
    return f"{{ {', '.join(pairs)} }}"


def path(column: str) -> str:
    """Return the expression that finds a column."""
    return column if _PLAIN.fullmatch(column) else json.dumps(column, ensure_ascii=False)


def literal(text: str) -> str:
    """Return the expression that stands for a text."""
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def one_of(expression: str, words: Iterable[str]) -> str:
    """Return the expression that is true if another finds one of some words."""
    several = [literal(word) for word in words]
    if len(several) == 1:
        return f"{expression} == {several[0]}"
    return f"contains([{', '.join(several)}], {expression})"


def without(expression: str, parts: Iterable[str]) -> str:
    """Return the expression that finds what another does, less some of its text."""
    for part in parts:
        expression = f"replace({expression}, {literal(part)}, '')"
    return expression


def shown(values: Iterable[str]) -> str:
    """Return some values as a comment shows them."""
    return ", ".join(visible(value)[:_SHOWN] for value in values)


def comment(text: str) -> list[str]:
    """Return a text as lines of comment."""
    lines, line = [], "#"
    for word in text.split():
        if len(line) + 1 + len(word) > _WIDTH and line != "#":
            lines.append(line)
            line = "#  "
        line += f" {word}"
    return [*lines, line]


@dataclass
class Found:
    """A way to find a field: an expression, and what is said of it."""

    expression: str
    options: dict[str, str] = field(default_factory=dict)
    """By name, as TOML has them."""

    @override
    def __str__(self) -> str:
        """Return it as TOML has it."""
        if not self.options:
            return quoted(self.expression)
        return table({"from": quoted(self.expression)} | self.options)


@dataclass
class Field:
    """A field of ours: how it is found, and what a reader should know."""

    name: str
    ways: list[str]
    """As TOML has them."""
    notes: list[str] = field(default_factory=list)

    def lines(self) -> list[str]:
        """Return its lines."""
        notes = [line for note in self.notes for line in comment(note)]
        value = self.ways[0] if len(self.ways) == 1 else f"[{', '.join(self.ways)}]"
        return [*notes, f"{self.name} = {value}"]


def always(name: str, value: Value, *notes: str) -> Field:
    """Return a field that is always the same."""
    return Field(name, [table({"value": written(value)})], list(notes))
