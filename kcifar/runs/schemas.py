"""The content that the report needs from the JSON and YAML files of a run folder; other keys are ignored."""

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from kcifar.runs.class_scores import ClassScores, compute_class_scores

_Count = Annotated[int, Field(ge=0, lt=2**63)]
_Fraction = Annotated[float, Field(ge=0, le=1)]
_ROUNDING = 1e-6  # allowed difference between an accuracy and the quotient of its counts


class _Schema(BaseModel):
    """Base of everything read from a run folder."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class NamedPart(_Schema):
    """a mapping with a name."""

    name: str


class PlannedStage(NamedPart):
    """a stage: a mapping with a name and epochs."""

    epochs: Annotated[int, Field(gt=0, lt=2**31)]


class RecipeFile(NamedPart):
    """a mapping, as training writes `recipe.yaml`."""

    seed: _Count = 0
    split_seed: _Count = 0
    dataset: NamedPart
    model: NamedPart
    precision: str = "auto"
    stages: Annotated[list[PlannedStage], Field(min_length=1)]


class DatasetFile(_Schema):
    """a mapping, as training writes `dataset.json`: name ("arrays" for arrays from Python), images in each split, checksum of all splits."""

    name: str = ""
    class_names: Annotated[list[str], Field(min_length=1)]
    counts: dict[str, _Count] = {}
    content_sha256: str = ""


class EnvironmentFile(_Schema):
    """a mapping, as training writes `environment.json`."""

    backend: str
    precision: str
    packages: dict[str, str] = {}
    devices: list[str] = []
    processor: str = ""
    cores: _Count | None = None
    git_commit: str | None = None
    command: list[str] = []

    @property
    def versions(self) -> str:
        """Versions of Keras and the backend: "keras 3.15.1, tensorflow 2.21.0"; empty if neither is known."""
        named = dict.fromkeys(("keras", self.backend))
        return ", ".join(f"{name} {self.packages[name]}" for name in named if name in self.packages)

    @property
    def hardware(self) -> str:
        """Processor, cores and devices in words; empty if nothing is known."""
        cores = f"{self.cores} cores" if self.cores else ""
        return ", ".join(part for part in (self.processor, cores, *self.devices) if part)


class SavedLayer(_Schema):
    """a mapping with the type of a layer."""

    type: str = ""


class ModelFile(_Schema):
    """a mapping, as training writes `model.json`; `bytes` is the size of the weights, multiply-accumulates count one forward pass of one image."""

    parameters: _Count
    bytes: _Count
    trainable_parameters: _Count | None = None
    multiply_accumulates: _Count | None = None
    layers: list[SavedLayer] = []

    @property
    def normalizes_batches(self) -> bool:
        """Whether the network has batch normalization."""
        return any("BatchNorm" in layer.type for layer in self.layers)


class ClassResult(NamedPart):
    """The result of one class in `test.json`: scores in [0, 1], counts of test images."""

    precision: _Fraction | None
    recall: _Fraction | None
    f1: _Fraction | None
    support: _Count
    tp: _Count
    fp: _Count
    fn: _Count
    tn: _Count

    @property
    def scores(self) -> ClassScores:
        """Scores computed from the counts: NaN for a score without a denominator, for which the file contains 0."""
        return compute_class_scores(self.tp, self.fp, self.fn)


class ViewsResult(_Schema):
    """Metrics over several test-time views of each image."""

    count: Annotated[int, Field(gt=1)]
    accuracy: _Fraction
    cross_entropy: float | None = None


class MetricsFile(_Schema):
    """a mapping, as training writes `test.json`: accuracy in [0, 1] over `samples` images, mean cross-entropy in nats, confusion matrix.

    The rows of the matrix are true classes, its columns predicted classes.
    """

    samples: Annotated[int, Field(gt=0, lt=2**63)]
    accuracy: _Fraction
    cross_entropy: Annotated[float, Field(ge=0)] | None
    classes: list[ClassResult]
    confusion_matrix: list[list[_Count]] | None = None
    weights: str = "last"
    views: ViewsResult | None = None

    @model_validator(mode="after")
    def _check_matrix(self) -> Self:
        matrix, count = self.confusion_matrix, len(self.classes)
        if matrix is not None and [len(row) for row in matrix] != [count] * count:
            raise ValueError(f"confusion_matrix: expected {count} rows of {count} counts, as there are {count} classes")
        if any(result.support != result.tp + result.fn or result.support > self.samples for result in self.classes):
            raise ValueError("classes: expected each support to be tp + fn and at most samples")
        if matrix is not None and sum(map(sum, matrix)) != self.samples:
            raise ValueError(f"confusion_matrix: expected counts that sum to samples ({self.samples}), got {sum(map(sum, matrix))}")
        diagonal = None if matrix is None else sum(row[k] for k, row in enumerate(matrix)) / self.samples
        if diagonal is not None and abs(diagonal - self.accuracy) > _ROUNDING:
            raise ValueError(f"confusion_matrix: expected the diagonal to match accuracy {self.accuracy}, got {diagonal:.6g}")
        return self


class StatusFile(_Schema):
    """a mapping, as training writes `status.json`."""

    state: Literal["running", "finished", "interrupted", "failed"]
    reason: str | None = None
