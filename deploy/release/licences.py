"""Whether every package of both locks has a licence that is looked at, and allowed where the package is used.

The list is licences.toml, kept by hand; what the packages say of themselves is held against it.
"""

import sys
import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, metadata
from pathlib import Path
from typing import Any, Final

from license_expression import ExpressionError, LicenseExpression, get_spdx_licensing

from deploy.release.lock import SHIPPED, TOP, part, pins

OWN: Final = "retention-signals-native"
_SPDX: Final = get_spdx_licensing()
_STRICT: Final = ("GPL", "General Public", "Affero", "Proprietary", "Commercial")
"""What a package may only say of itself if the list says so too."""


@dataclass(frozen=True, slots=True)
class Licences:
    """The list: the licence of each package, in SPDX, and what is allowed."""

    python: dict[str, str]
    rust: dict[str, str]
    shipped: frozenset[str]
    tools: frozenset[str]


def read(text: str) -> Licences:
    """Return what licences.toml says."""
    found = tomllib.loads(text)
    allowed = found["allowed"]
    return Licences(
        python=_by_name(found["python"]),
        rust=_by_name(found["rust"]),
        shipped=frozenset(allowed["shipped"]),
        tools=frozenset(allowed["shipped"]) | frozenset(allowed["tools"]),
    )


def listed() -> Licences:
    """Return the list that is kept here."""
    return read((Path(__file__).parent / "licences.toml").read_text(encoding="utf-8"))


def crates() -> list[dict[str, Any]]:
    """Return name, version and checksum of what the hot path is compiled with."""
    lock = tomllib.loads((TOP / "streams/native/Cargo.lock").read_text(encoding="utf-8"))
    return [one for one in lock["package"] if one["name"] != OWN]


def allows(expression: str, allowed: Iterable[str]) -> bool:
    """Return whether one may use what has this licence: of an OR one side is enough."""
    return _allows(_SPDX.parse(expression), frozenset(allowed))


def problems(licences: Licences) -> Iterator[str]:
    """Yield a sentence for each package that may not be used, or that the list is wrong about."""
    shipped = {one.name for one in part(*SHIPPED)}
    names = {one.name for one in pins()}
    for name in sorted(names):
        yield from _of_one(name, licences.python, licences.shipped if name in shipped else licences.tools)
        yield from _contradicted(name, licences.python.get(name))
    of_rust = {one["name"] for one in crates()}
    for name in sorted(of_rust):
        yield from _of_one(name, licences.rust, licences.shipped)
    for name in sorted((licences.python.keys() - names) | (licences.rust.keys() - of_rust)):
        yield f"{name}: is in the list, and in no lock"


def _by_name(groups: dict[str, list[str]]) -> dict[str, str]:
    return {name: expression for expression, names in groups.items() for name in names}


def _of_one(name: str, known: dict[str, str], allowed: frozenset[str]) -> Iterator[str]:
    expression = known.get(name)
    if expression is None:
        yield f"{name}: not in the list; it says of itself: {'; '.join(_said(name)) or 'nothing'}"
        return
    try:
        if not allows(expression, allowed):
            yield f"{name}: {expression} is not allowed here"
    except ExpressionError as error:
        yield f"{name}: {expression}: {error}"


def _contradicted(name: str, expression: str | None) -> Iterator[str]:
    said = _said(name)
    if expression is None or not said:
        return
    exact = _metadata(name, "License-Expression")
    if exact and _SPDX.parse(exact[0]) != _SPDX.parse(expression):
        yield f"{name}: says of itself {exact[0]}, the list says {expression}"
    strict = [text for text in said if any(word in text for word in _STRICT)]
    if strict and "GPL" not in expression:
        yield f"{name}: says of itself {strict[0]}, the list says {expression}"


def _said(name: str) -> list[str]:
    """Return what a package says of its licence; nothing if it is not installed here."""
    classifiers = [one for one in _metadata(name, "Classifier") if one.startswith("License ::")]
    texts = [*_metadata(name, "License-Expression"), *classifiers, *_metadata(name, "License")]
    return [text.splitlines()[0] for text in texts if text.strip()]


def _metadata(name: str, field: str) -> list[str]:
    try:
        return metadata(name).get_all(field) or []
    except PackageNotFoundError:
        return []


def _allows(expression: LicenseExpression, allowed: frozenset[str]) -> bool:
    if isinstance(expression, _SPDX.OR):
        return any(_allows(one, allowed) for one in expression.args)
    if isinstance(expression, _SPDX.AND):
        return all(_allows(one, allowed) for one in expression.args)
    return str(expression) in allowed


def main() -> int:
    """Print what is wrong, if anything is; the exit code says whether."""
    found = list(problems(listed()))
    for one in found:
        print(one, file=sys.stderr)
    if found:
        print(f"{len(found)} licences: look at each, then mend deploy/release/licences.toml", file=sys.stderr)
        return 65
    names = {one.name for one in pins()}
    print(f"licences of {len(names)} packages and {len(crates())} crates: all known and allowed")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
