"""What every data set comes down to: labelled uint8 images in parts that do not overlap."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from kcifar.core.errors import UserError


@dataclass(frozen=True)
class Source:
    """Where the user said the files are, and what loaders may tell the user on the way.

    Attributes:
        data: The `--data` path, or None: use what is cached, else download.
        url: The `--url` mirror that replaces the official address, or None.
        say: Called with one line for anything worth mentioning (a sum that differs, unreadable files).
    """

    data: Path | None = None
    url: str | None = None
    say: Callable[[str], None] = lambda line: None


@dataclass(frozen=True)
class Part:
    """One part of a data set: images uint8 (count, height, width, 3), labels int64 (count,) in [0, classes)."""

    images: np.ndarray
    labels: np.ndarray

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True)
class Dataset:
    """Images and labels as loaded; the training images are held once and never copied.

    Attributes:
        name: As the recipe names it.
        class_names: One for each label, in the order of the labels.
        train: All images that training and (unless `validation` is given) validation are taken from.
        test: The held-out part, or None.
        validation: A validation part that the data set itself brings, or None: one is split off `train`.
        notes: What else is worth recording of this copy, a line each: counts that differ, files that could not be read.
    """

    name: str
    class_names: tuple[str, ...]
    train: Part
    test: Part | None = None
    validation: Part | None = None
    notes: tuple[str, ...] = field(default=())

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """Height, width and channels of every image."""
        height, width, channels = self.train.images.shape[1:]
        return height, width, channels

    def __post_init__(self) -> None:
        for title, part in self.parts().items():
            _check_part(f"data set {self.name}: {title} part", part, self.train.images.shape[1:], len(self.class_names))

    def parts(self) -> dict[str, Part]:
        """Return the parts that exist, by name: train, validation, test."""
        named = {"train": self.train, "validation": self.validation, "test": self.test}
        return {title: part for title, part in named.items() if part is not None}


def _check_part(place: str, part: Part, shape: tuple[int, ...], classes: int) -> None:
    """Refuse what training would silently misread."""
    images, labels = part.images, part.labels
    if images.dtype != np.uint8 or images.ndim != 4 or images.shape[3] != 3:
        raise UserError(f"{place}: expected uint8 images (count, height, width, 3), got {images.dtype} {images.shape}")
    if images.shape[1:] != shape:
        raise UserError(f"{place}: expected images of {shape} like the training part, got {images.shape[1:]}")
    if labels.dtype != np.int64 or labels.shape != (len(images),):
        raise UserError(f"{place}: expected int64 labels ({len(images)},), got {labels.dtype} {labels.shape}")
    if len(images) == 0:
        raise UserError(f"{place}: expected at least one image, got none")
    if labels.min() < 0 or labels.max() >= classes:
        raise UserError(f"{place}: expected labels from 0 to {classes - 1}, got {labels.min()} to {labels.max()}")
