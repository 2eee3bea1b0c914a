"""The JSON Schema of the generic JSON, for whoever writes the other side of it."""

import json
from pathlib import Path
from typing import Final

from schemas.json_schema import DIALECT, json_schema
from streams.crm.payload.fields import Case

SCHEMA: Final = Path(__file__).with_name("case.schema.json")
"""Where it is checked in."""


def case_schema() -> str:
    """Return the schema as it is checked in."""
    schema = {"$schema": DIALECT, "$id": "urn:retention-signals:case"} | json_schema(Case, "serialization")
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    print(case_schema(), end="")  # noqa: T201 - the schema is what it is for
