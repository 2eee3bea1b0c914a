"""The contract for others: JSON Schema 2020-12 of every event, and AsyncAPI 3.0 of every topic."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Final

from pydantic.json_schema import JsonSchemaValue

from schemas.alert import Alert
from schemas.asyncapi import asyncapi
from schemas.json_schema import DIALECT, json_schema, schema_file
from schemas.topics import INPUTS

EXPORTED: Final = Path(__file__).parent / "exported"
"""Where the documents are checked in."""


def paths(directory: Path) -> list[Path]:
    """Return where `export` writes, in order of name."""
    return [directory / name for name in sorted(_documents())]


def export(directory: Path, write: Callable[[Path, bytes], object] = Path.write_bytes) -> list[Path]:
    """Write the documents into `directory`, created if need be, and return their paths in order of name.

    The same contract gives the same bytes. Raises OSError if the directory cannot be written.
    """
    directory.mkdir(parents=True, exist_ok=True)
    for name, content in _documents().items():
        write(directory / name, json.dumps(content, indent=2, ensure_ascii=False).encode() + b"\n")
    return paths(directory)


def _documents() -> dict[str, JsonSchemaValue]:
    models = {name: model for topic in INPUTS for name, model in topic.models.items()}
    schemas = {name: json_schema(model) for name, model in models.items()}
    schemas["alert"] = json_schema(Alert, "serialization")
    return {
        "asyncapi.json": asyncapi(),
        **{
            schema_file(name): {"$schema": DIALECT, "$id": f"urn:retention-signals:{name}"} | schema
            for name, schema in schemas.items()
        },
    }
