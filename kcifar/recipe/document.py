"""The keys of a recipe file, their types, ranges and defaults.

The keys of a stage are in `stage_settings.py`. The arguments of parts (`model:`, `optimizer:`, …) are checked against the parts
themselves by `kcifar.planning`. Nothing here imports a backend.
"""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

from kcifar.core.checks import Strict
from kcifar.recipe.stage_settings import Monitor, Part, Positive, Share

Seed = Annotated[int, Field(ge=0, lt=2**32)]


def _merged_already(extend: str | None) -> str | None:
    """Refuse what only an override can bring here: files are merged, and their `extend` taken out, before anything is checked."""
    if extend is not None:
        raise ValueError(f"expected in a recipe itself, as files are merged before values are set, got {extend!r}")
    return extend


class DatasetPart(Part):
    """a mapping with the name of a data set and its arguments, such as {name: cifar10, validation: 0.2}"""

    validation: Annotated[int, Field(ge=0)] | Share = 0.2
    imbalance: Annotated[float, Field(gt=0, le=1)] = 1.0


class Input(Strict):
    """How pixels 0..255 become the network's input, inside the model."""

    normalization: Literal["unit", "standardize", "none"] = "unit"


class Document(Strict):
    """The keys of a recipe file. `stages` and `defaults` are checked one by one, so that a message names the right line."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$", description="a name of letters, digits, '.', '_' and '-'")]
    seed: Seed = 0
    split_seed: Seed = 0
    dataset: DatasetPart
    model: Part
    input: Input = Input()
    precision: Literal["auto", "float32", "mixed_bfloat16", "mixed_float16"] = "auto"
    deterministic: bool = False
    select: Literal["last", "best"] = "last"
    monitor: Monitor = "val_accuracy"
    test: Literal["end", "never"] = "end"
    checkpoint_every: Positive = 1
    log_every: Positive = 50
    defaults: dict[str, Any] = Field(default_factory=dict)
    stages: Annotated[list[dict[str, Any]], Field(min_length=1)]
    extend: Annotated[str | None, AfterValidator(_merged_already)] = None
