"""The parts that a recipe names, with the JSON schema of their arguments; descriptions come from the factories' docstrings."""

import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from kcifar.augment import AUGMENTATIONS
from kcifar.augment.arguments import OPERATIONS
from kcifar.core.checks import make_argument_model
from kcifar.core.registry import Registry
from kcifar.datasets import DATASETS
from kcifar.documentation.docstrings import read_argument_descriptions
from kcifar.documentation.model_schemas import make_schema
from kcifar.losses import LOSSES
from kcifar.models import MODELS
from kcifar.optimizers import OPTIMIZERS
from kcifar.recipe.document import DatasetPart
from kcifar.recipe.stage_settings import SCHEDULE_PARTS, AugmentationPart, LossPart, ModelPart, OptimizerPart, Part, SchedulePart
from kcifar.schedules import SCHEDULES


@dataclass(frozen=True)
class Kind:
    """One kind of part.

    Attributes:
        registry: Where its factories are.
        base: The keys that every part of this kind has.
    """

    registry: Registry
    base: type[Part]

    def make_base_schema(self) -> dict[str, Any]:
        """Return the JSON schema of the keys that every part of this kind has besides `name`."""
        properties = make_schema(self.base)["properties"]
        return {key: node for key, node in properties.items() if key != "name"}

    def make_argument_schema(self, name: str) -> dict[str, Any]:
        """Return the JSON schema of a part's arguments, with descriptions: an object with `properties` and `required`."""
        factory = self.registry.get(name)
        supplied = {*self.registry.supplied, OPERATIONS}
        schema = make_schema(make_argument_model(factory, supplied))
        described = read_argument_descriptions(factory)
        properties = {key: _add_description(node, described.get(key)) for key, node in schema.get("properties", {}).items()}
        if OPERATIONS not in inspect.signature(factory).parameters:
            return {**schema, "properties": properties}
        operations = {"type": "array", "minItems": 1, "items": {"$ref": f"#/$defs/{AugmentationPart.__name__}"}}
        required = [OPERATIONS, *schema.get("required", ())]
        properties = {OPERATIONS: _add_description(operations, described.get(OPERATIONS)), **properties}
        return {**schema, "properties": properties, "required": required, "$defs": {AugmentationPart.__name__: make_schema(AugmentationPart)}}


def _add_description(node: Mapping[str, Any], description: str | None) -> dict[str, Any]:
    return {**node, "description": description} if description else dict(node)


# The key of a recipe that takes such a part: its kind. A number or schedule is a `schedule`.
KINDS = {
    "dataset": Kind(DATASETS, DatasetPart),
    "model": Kind(MODELS, ModelPart),
    "schedule": Kind(SCHEDULES, SchedulePart),
    "optimizer": Kind(OPTIMIZERS, OptimizerPart),
    "loss": Kind(LOSSES, LossPart),
    "augmentation": Kind(AUGMENTATIONS, AugmentationPart),
}


_KIND_OF_CLASS = {kind.base.__name__: name for name, kind in KINDS.items()} | {part.__name__: "schedule" for part in SCHEDULE_PARTS}


def find_kind(definition: str) -> str | None:
    """Return which kind of part a class of the JSON schema is, by its name; None for other classes."""
    return _KIND_OF_CLASS.get(definition)
