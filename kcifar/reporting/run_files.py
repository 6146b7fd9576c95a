"""What the report needs of each JSON and YAML file in a run folder; further keys may follow and are passed over."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Count = Annotated[int, Field(ge=0, lt=2**63)]


class _Saved(BaseModel):
    """Base of everything read from a run folder."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class Named(_Saved):
    """A part of the recipe: only its name is of interest here."""

    name: str


class PlannedStage(Named):
    """A stage as the recipe orders it."""

    epochs: Annotated[int, Field(gt=0, lt=2**31)]


class SavedRecipe(Named):
    """`recipe.yaml`."""

    seed: Count = 0
    dataset: Named
    model: Named
    precision: str = "auto"
    stages: Annotated[list[PlannedStage], Field(min_length=1)]


class Environment(_Saved):
    """`environment.json`."""

    backend: str
    precision: str


class ModelFacts(_Saved):
    """`model.json`; `bytes` is the size of the weights."""

    parameters: Count
    bytes: Count


class ClassResult(Named):
    """One class in `test.json`: shares in [0, 1], counts in test images."""

    precision: float | None
    recall: float | None
    f1: float | None
    support: Count
    tp: Count
    fp: Count
    fn: Count
    tn: Count


class TestResult(_Saved):
    """`test.json`: accuracy in [0, 1] over `samples` test images, mean cross-entropy in nats."""

    samples: Annotated[int, Field(gt=0, lt=2**63)]
    accuracy: Annotated[float, Field(ge=0, le=1)]
    cross_entropy: float | None
    classes: list[ClassResult]


class Status(_Saved):
    """`status.json`."""

    state: Literal["running", "finished", "interrupted", "failed"]
    reason: str | None = None
