"""The common form of every data set: labeled uint8 images in splits that do not overlap."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from kcifar.core.errors import UserError, one_line
from kcifar.datasets.class_checks import check_class_names
from kcifar.datasets.reading import Reading


@dataclass(frozen=True)
class Source:
    """Where the user's files are, and how loaders report to the user.

    Attributes:
        data: The `--data` path, or None: use what is cached, else download.
        url: The `--url` mirror that replaces the official address, or None.
        say: Called with one line for anything worth reporting (a checksum that differs, unreadable files).
        may_download: Whether files that are missing are downloaded; otherwise a loader that would raises `DownloadNeeded`.
    """

    data: Path | None = None
    url: str | None = None
    say: Callable[[str], None] = lambda line: None
    may_download: bool = True


@dataclass(frozen=True)
class Split:
    """The train, validation or test split of a data set: images uint8 (count, height, width, 3), labels int64 (count,) in [0, classes)."""

    images: np.ndarray
    labels: np.ndarray

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True)
class Dataset:
    """Images and labels as loaded; the training images are in memory once and never copied.

    Attributes:
        name: As in the recipe.
        class_names: One per label, in the order of the labels; at least two, printable and different.
        train: All images for training and (unless `validation` is given) validation.
        test: The test split, or None.
        validation: The data set's own validation split, or None: one is split off `train`.
        notes: Anything else worth recording about this copy, one line each: counts that differ, unreadable files.
        reading: How its picture files were read; None if it was not made of picture files.
    """

    name: str
    class_names: tuple[str, ...]
    train: Split
    test: Split | None = None
    validation: Split | None = None
    notes: tuple[str, ...] = field(default=())
    reading: Reading | None = None

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """Height, width and channels of every image."""
        height, width, channels = self.train.images.shape[1:]
        return height, width, channels

    def __post_init__(self) -> None:
        for name, split in self.splits().items():
            _check_split(f"data set {self.name}: {name} split", split, self.train.images.shape[1:], len(self.class_names))
        check_class_names(f"data set {one_line(self.name, 40)}", self.class_names)

    def splits(self) -> dict[str, Split]:
        """Return the splits that exist, by name: train, validation, test."""
        named = {"train": self.train, "validation": self.validation, "test": self.test}
        return {name: split for name, split in named.items() if split is not None}


def _check_split(place: str, split: Split, shape: tuple[int, ...], num_classes: int) -> None:
    """Refuse what training would silently misread."""
    images, labels = split.images, split.labels
    if images.dtype != np.uint8 or images.ndim != 4 or images.shape[3] != 3:
        raise UserError(f"{place}: expected uint8 images (count, height, width, 3), got {images.dtype} {images.shape}")
    if images.shape[1:] != shape:
        raise UserError(f"{place}: expected images of {shape} like the train split, got {images.shape[1:]}")
    if labels.dtype != np.int64 or labels.shape != (len(images),):
        raise UserError(f"{place}: expected int64 labels ({len(images)},), got {labels.dtype} {labels.shape}")
    if len(images) == 0:
        raise UserError(f"{place}: expected at least one image, got none")
    if labels.min() < 0 or labels.max() >= num_classes:
        hint = "; labels count from 0: subtract 1" if (labels.min(), labels.max()) == (1, num_classes) else ""
        raise UserError(f"{place}: expected labels from 0 to {num_classes - 1}, got {labels.min()} to {labels.max()}{hint}")


class DownloadNeeded(UserError):
    """The files of a data set are not on this machine, and the source does not allow to download them.

    Attributes:
        stand_in: The data set with its official classes and counts, and black images that take no memory.
        url: What would be downloaded.
        size: Of the download, bytes.
    """

    def __init__(self, stand_in: Dataset, url: str, size: int) -> None:
        super().__init__(f"{stand_in.name}: its files are not here, and the download from {url} is not allowed")
        self.stand_in, self.url, self.size = stand_in, url, size
