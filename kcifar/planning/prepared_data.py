"""A plan's data, loaded, split and described: everything that is known before a backend is wanted."""

import hashlib
from dataclasses import dataclass
from typing import Any

import numpy as np

from kcifar.core.errors import UserError
from kcifar.datasets.dataset import Dataset, Part, Source
from kcifar.datasets.imbalance import long_tailed
from kcifar.datasets.load import load_dataset
from kcifar.datasets.splits import split
from kcifar.datasets.statistics import channel_statistics, class_counts, content_sha256
from kcifar.planning.plan import Plan


@dataclass(frozen=True)
class PreparedData:
    """The parts of a run; train and validation may share one array, told apart by their indices.

    Attributes:
        dataset: As loaded.
        train_indices: Into `dataset.train`, int64, ascending.
        validation: Where the validation images are; None without validation.
        validation_indices: Into `validation`, int64, ascending.
        description: What `dataset.json` holds.
    """

    dataset: Dataset
    train_indices: np.ndarray
    validation: Part | None
    validation_indices: np.ndarray
    description: dict[str, Any]

    @property
    def num_classes(self) -> int:
        """How many classes there are."""
        return len(self.dataset.class_names)


def prepare_data(plan: Plan, source: Source | Dataset) -> PreparedData:
    """Load the data set (unless it is handed over), take validation off the training part, thin that out, and describe all of it.

    Raises:
        UserError: Files that cannot be read, or a validation part that cannot be taken.
    """
    document, origin = plan.recipe.document, plan.recipe.origin
    if isinstance(source, Dataset):
        dataset = source
    else:
        dataset = load_dataset(plan.dataset.name, plan.dataset.arguments, source, f"{origin.locate(('dataset', 'name'))}: dataset")
    place = origin.place(("dataset", "validation"))
    train_indices, validation, validation_indices = _take_validation(dataset, document.dataset.validation, document.split_seed, place)
    train_indices = long_tailed(dataset.train.labels, train_indices, len(dataset.class_names), document.dataset.imbalance, document.split_seed)
    description = _describe(dataset, train_indices, validation, validation_indices)
    return PreparedData(dataset, train_indices, validation, validation_indices, description)


def _take_validation(dataset: Dataset, wanted: float, split_seed: int, place: str) -> tuple[np.ndarray, Part | None, np.ndarray]:
    """Return training indices, where the validation images are, and their indices; a part that the data set brings goes first."""
    everything = np.arange(len(dataset.train))
    if dataset.validation is not None and wanted:
        return everything, dataset.validation, np.arange(len(dataset.validation))
    try:
        train, validation = split(dataset.train.labels, wanted, split_seed)
    except UserError as error:
        raise UserError(f"{place}: {error}") from None
    return train, dataset.train if len(validation) else None, validation


def _describe(dataset: Dataset, train: np.ndarray, validation: Part | None, validation_indices: np.ndarray) -> dict[str, Any]:
    """Return what `dataset.json` holds."""
    labels = {"train": dataset.train.labels[train]}
    if validation is not None:
        labels["validation"] = validation.labels[validation_indices]
    if dataset.test is not None:
        labels["test"] = dataset.test.labels
    mean, deviation = channel_statistics(dataset.train.images, train)
    return {
        "name": dataset.name,
        "class_names": list(dataset.class_names),
        "image_shape": list(dataset.image_shape),
        "counts": {title: len(part) for title, part in labels.items()},
        "class_counts": {title: class_counts(part, len(dataset.class_names)).tolist() for title, part in labels.items()},
        "content_sha256": content_sha256(dataset),
        "split_sha256": hashlib.sha256(train.astype("<i8").tobytes() + b"|" + validation_indices.astype("<i8").tobytes()).hexdigest(),
        "channel_mean": [float(value) for value in mean],
        "channel_deviation": [float(value) for value in deviation],
        "notes": list(dataset.notes),
    }
