"""The keys of a recipe file, their types, ranges and defaults.

The keys of a stage are in `stage_settings.py`. The arguments of parts (`model:`, `optimizer:`, …) are checked against the parts
themselves by `kcifar.planning`. Nothing here imports a backend.
"""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

from kcifar.core.checks import Strict
from kcifar.recipe.numbers import MAX_COUNT, Fraction, Positive, at_most
from kcifar.recipe.stage_settings import ModelPart, Monitor, Part

Seed = Annotated[int, Field(ge=0, lt=2**32)]
RecipeFile = Annotated[str, Field(json_schema_extra={"allowed": "the path of a recipe file"})]


def _refuse_override(extend: str | None) -> str | None:
    """Refuse an `extend` that is set by an override: files are merged, and their `extend` removed, before the check."""
    if extend is not None:
        raise ValueError(f"expected in the recipe file, as files are merged before values are set, got {extend!r}")
    return extend


class DatasetPart(Part):
    """a mapping with the name of a data set and its arguments, such as {name: cifar10, validation: 0.2}"""

    validation: Annotated[int, Field(ge=0), at_most(MAX_COUNT)] | Fraction = Field(
        default=0.2,
        description="Training images that become the validation split: a count, a fraction in [0, 1), or 0 for none. "
        "Not used if the data set has its own validation split.",
        examples=[0.1, 5000],
    )
    imbalance: Annotated[float, Field(gt=0, le=1)] = Field(
        default=1.0,
        description="Makes the training set long-tailed: the last class keeps this fraction of the first one's images; 1 keeps all.",
        examples=[0.01],
    )


class Input(Strict):
    """a mapping {normalization: unit, standardize or none}"""

    normalization: Literal["unit", "standardize", "none"] = Field(
        default="unit",
        description="`unit`: to [0, 1]; `standardize`: by mean and standard deviation of the training images, per channel; `none`: 0..255.",
    )


class Document(Strict):
    """The keys of a recipe file. `stages` and `defaults` are checked one by one, so that a message names the right line."""

    name: Annotated[
        str,
        Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$", json_schema_extra={"allowed": "a name of letters, digits, '.', '_' and '-'"}),
    ] = Field(description="Name of the recipe; its runs are saved in `runs/<name>-seed<N>`.", examples=["mine"])
    seed: Seed = Field(default=0, description="Seed of the initial weights, the order of the images and the random draws of the augmentation.")
    split_seed: Seed = Field(
        default=0, description="Seed of the validation split; the split does not depend on `seed`, so runs with other seeds can be compared."
    )
    dataset: DatasetPart = Field(description="The data set and its arguments.", examples=[{"name": "cifar10", "validation": 0.2}])
    model: ModelPart = Field(
        description="The network and its arguments, which `python -m kcifar.models NAME` prints.",
        examples=[{"name": "resnet18", "dropout_rate": 0.1}],
    )
    input: Input = Field(
        default=Input(), description="How pixels 0..255 become the network's input, inside the model.", examples=[{"normalization": "standardize"}]
    )
    precision: Literal["auto", "float32", "mixed_bfloat16", "mixed_float16"] = Field(
        default="auto", description="Number format of the computation; `auto` takes what suits the hardware, and the run stores the choice."
    )
    deterministic: bool = Field(
        default=False,
        description="Whether the backend is asked for deterministic operations during the run; exact resume on a GPU needs them. "
        "XLA under JAX decides it once for a process, with its first run.",
    )
    select: Literal["last", "best"] = Field(
        default="last", description="Weights that become `model.keras`: those of the last epoch, or of the best one by `monitor`."
    )
    monitor: Monitor = Field(default="val_accuracy", description="Column of `history.csv` that decides which epoch is best.")
    test: Literal["end", "never"] = Field(default="end", description="When the test split is read: once, after the last stage, or `never`.")
    checkpoint_every: Positive = Field(default=1, description="Epochs between checkpoints.", examples=[5])
    log_every: Positive = Field(default=50, description="Updates between rows of `batches.csv`.", examples=[10])
    defaults: dict[str, Any] = Field(
        default_factory=dict,
        description="Keys that every stage starts from; a value in a stage replaces the default completely.",
        examples=[{"batch_size": 128, "optimizer": {"name": "adam"}}],
    )
    stages: Annotated[list[dict[str, Any]], Field(min_length=1)] = Field(
        description="The stages, which are trained in this order.",
        examples=[[{"name": "learn", "epochs": 20, "learning_rate": 3e-4}, {"name": "refine", "epochs": 10, "learning_rate": 1e-4}]],
    )
    extend: Annotated[RecipeFile | None, AfterValidator(_refuse_override)] = Field(
        default=None, description="Recipe file that this one changes; its path is relative to this file.", examples=["three_stage.yaml"]
    )
