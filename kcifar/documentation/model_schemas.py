"""JSON schemas of pydantic models, with all keys in the order in which they are declared."""

from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue, models_json_schema


class _InOrder(GenerateJsonSchema):
    def sort(self, value: JsonSchemaValue, parent_key: str | None = None) -> JsonSchemaValue:
        """Leave the keys, those of examples among them, in their order."""
        return value


def make_schema(model: type[BaseModel]) -> dict[str, Any]:
    """Return the JSON schema of a model."""
    return model.model_json_schema(schema_generator=_InOrder)


def make_definitions(models: Sequence[type[BaseModel]]) -> dict[str, Any]:
    """Return the JSON schemas of models and of all models inside them, by the name of the class."""
    _, schema = models_json_schema([(model, "validation") for model in models], schema_generator=_InOrder)
    definitions: dict[str, Any] = schema["$defs"]
    return definitions
