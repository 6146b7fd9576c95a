"""A plan's data: loaded, split and described, before a backend is needed."""

import hashlib
from dataclasses import dataclass
from typing import Any

import numpy as np

from kcifar.core.errors import UserError
from kcifar.datasets.checksum import compute_content_sha256
from kcifar.datasets.class_checks import check_trained_classes, describe_missing_classes
from kcifar.datasets.dataset import Dataset, Source, Split
from kcifar.datasets.imbalance import select_long_tailed
from kcifar.datasets.load import load_dataset
from kcifar.datasets.reading import Reading
from kcifar.datasets.statistics import compute_channel_statistics, count_classes
from kcifar.datasets.stratified_split import split_off
from kcifar.planning.class_weights import check_class_weights
from kcifar.planning.plan import Plan


@dataclass(frozen=True)
class PreparedData:
    """The data of a run; the train and validation splits may share one array and then differ in their indices.

    Attributes:
        dataset: As loaded.
        train_indices: Into `dataset.train`, int64, ascending.
        validation: The array of the validation images; None without a validation split.
        validation_indices: Into `validation`, int64, ascending.
        description: The contents of `dataset.json`.
    """

    dataset: Dataset
    train_indices: np.ndarray
    validation: Split | None
    validation_indices: np.ndarray
    description: dict[str, Any]

    @property
    def num_classes(self) -> int:
        """Number of classes."""
        return len(self.dataset.class_names)


def prepare_data(plan: Plan, source: Source, dataset: Dataset | None = None) -> PreparedData:
    """Load the data set (unless it is given), split off validation, thin out the training split if it is to be imbalanced, and describe the result.

    Args:
        plan: The plan.
        source: Where the files are, and how to report to the user: what the data set's loader says, then classes without images.
        dataset: The data set itself, instead of the files.
    Raises:
        UserError: Files that cannot be read, training images of one class only, class weights that do not fit the classes, or a
            validation split that cannot be made.
    """
    dataset = load_planned_dataset(plan, source) if dataset is None else dataset
    train_indices, validation, validation_indices = split_dataset(plan, dataset)
    description = _describe(dataset, train_indices, validation, validation_indices)
    for line in description["notes"][len(dataset.notes) :]:
        source.say(f"data set {dataset.name}: {line}")
    return PreparedData(dataset, train_indices, validation, validation_indices, description)


def load_planned_dataset(plan: Plan, source: Source) -> Dataset:
    """Load the data set that a recipe names.

    Raises:
        UserError: Files that are missing or cannot be read.
    """
    return load_dataset(plan.dataset.name, plan.dataset.arguments, source, f"{plan.recipe.origin.locate(('dataset', 'name'))}: dataset")


def split_dataset(plan: Plan, dataset: Dataset) -> tuple[np.ndarray, Split | None, np.ndarray]:
    """Return the indices of the training images, the split that holds the validation images (or None), and their indices in it.

    Raises:
        UserError: Training images of one class only, class weights that do not fit the classes, or a validation split that cannot be made.
    """
    check_class_weights(plan, dataset.class_names)
    document = plan.recipe.document
    place = plan.recipe.origin.place(("dataset", "validation"))
    train, validation, indices = _split_validation(dataset, document.dataset.validation, document.split_seed, place)
    train = select_long_tailed(dataset.train.labels, train, len(dataset.class_names), document.dataset.imbalance, document.split_seed)
    check_trained_classes(f"data set {dataset.name}", dataset.class_names, dataset.train.labels[train])
    return train, validation, indices


def collect_labels(dataset: Dataset, train: np.ndarray, validation: Split | None, validation_indices: np.ndarray) -> dict[str, np.ndarray]:
    """Return the labels of each split, by its name; the other arguments are what `split_dataset` returns."""
    labels = {"train": dataset.train.labels[train]}
    if validation is not None:
        labels["validation"] = validation.labels[validation_indices]
    if dataset.test is not None:
        labels["test"] = dataset.test.labels
    return labels


def _split_validation(dataset: Dataset, amount: float, split_seed: int, place: str) -> tuple[np.ndarray, Split | None, np.ndarray]:
    """Return training indices, the array of the validation images, and their indices; the data set's own validation split takes precedence."""
    all_training = np.arange(len(dataset.train))
    if dataset.validation is not None and amount:
        return all_training, dataset.validation, np.arange(len(dataset.validation))
    try:
        train, validation = split_off(dataset.train.labels, amount, split_seed)
    except UserError as error:
        raise UserError(f"{place}: {error}") from None
    return train, dataset.train if len(validation) else None, validation


def _describe(dataset: Dataset, train: np.ndarray, validation: Split | None, validation_indices: np.ndarray) -> dict[str, Any]:
    """Return the contents of `dataset.json`."""
    labels = collect_labels(dataset, train, validation, validation_indices)
    mean, deviation = compute_channel_statistics(dataset.train.images, train)
    return {
        "name": dataset.name,
        "class_names": list(dataset.class_names),
        "image_shape": list(dataset.image_shape),
        "counts": {title: len(part) for title, part in labels.items()},
        "class_counts": {title: count_classes(part, len(dataset.class_names)).tolist() for title, part in labels.items()},
        "content_sha256": compute_content_sha256(dataset),
        "split_sha256": hashlib.sha256(train.astype("<i8").tobytes() + b"|" + validation_indices.astype("<i8").tobytes()).hexdigest(),
        "channel_mean": [float(value) for value in mean],
        "channel_deviation": [float(value) for value in deviation],
        "notes": [*dataset.notes, *describe_missing_classes(dataset.class_names, labels)],
        "reading": (dataset.reading or Reading(*dataset.image_shape[:2])).describe(),
    }
