"""JSON Schema 2020-12 of one model."""

from typing import Final, Literal

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from typing_extensions import override

from schemas.common import InputModel

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"


class _Untitled(GenerateJsonSchema):
    """Leaves out the titles of fields, which repeat their names."""

    @override
    def field_title_should_be_set(self, schema: object) -> bool:
        return False


def json_schema(
    model: type[BaseModel], mode: Literal["validation", "serialization"] = "validation"
) -> JsonSchemaValue:
    """Return the schema of what a model reads (`validation`) or writes (`serialization`).

    Where unknown fields are left out it says that they may be there, though silence would mean the same.
    """
    schema = model.model_json_schema(schema_generator=_Untitled, mode=mode)
    return {"additionalProperties": True} | schema if issubclass(model, InputModel) else schema


def schema_file(name: str) -> str:
    """Return the name of the file that holds the schema of a type of event."""
    return f"{name}.schema.json"
