"""Images of classes that are known already, from files of any form: what a trained network is evaluated on besides its own data set.

Classes are matched by name, not by their order: the images of a folder, of a .npz with `class_names`, or of CIFAR's files.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np

from kcifar.core.errors import UserError, did_you_mean
from kcifar.datasets.archives import iterate_entries
from kcifar.datasets.cifar import contains_files, load_cifar
from kcifar.datasets.cifar_layouts import CIFAR10, Cifar, describe_cifar100
from kcifar.datasets.class_checks import match_labels, simplify_name
from kcifar.datasets.dataset import Dataset, Source, Split
from kcifar.datasets.folder import read_images
from kcifar.datasets.folder_files import ImageFiles, is_system_file, may_be_image
from kcifar.datasets.messages import describe_unreadable, list_first
from kcifar.datasets.npz import is_npz, read_npz_split
from kcifar.datasets.reading import Reading
from kcifar.datasets.sample_depth import mention_dark_pictures

_MAX_DEPTH = 4  # folders around those of the classes


@dataclass(frozen=True)
class KnownImages:
    """Images of known classes.

    Attributes:
        form: Where they are from: "folder", "npz", or the name of a data set.
        split: Images and labels, in the order of the known classes.
        files: Path of each image inside the folder or archive; None for arrays.
        notes: One line for each file that cannot be read.
    """

    form: str
    split: Split
    files: tuple[str, ...] | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Pictures:
    """How picture files become pixels, see `decode_image`; and whether links are followed, see `iterate_entries`."""

    reading: Reading
    follow_links: bool = False


def load_known_images(path: Path, known: Sequence[str], split: str, pictures: Pictures, say: Callable[[str], None]) -> KnownImages:
    """Load the images of a split from a .npz, from CIFAR's files or from folders named after the classes.

    Args:
        path: The file or folder.
        known: The classes, in the order of the labels to return.
        split: "validation" or "test".
        pictures: How picture files are read.
        say: Called with one line for anything worth reporting.
    Raises:
        UserError: No such file, no such split, images of other classes, or labels without names for classes that have some.
    """
    if not path.exists():
        raise UserError(f"{path}: no such file or folder")
    if is_npz(path):
        return _load_npz(path, known, split)
    cifar = _find_cifar(path, known)
    if cifar is not None:
        return choose_known_split(load_cifar(cifar, Source(path, say=say)), known, split, str(path))
    return _load_pictures(path, known, split, pictures, say)


def choose_known_split(dataset: Dataset, known: Sequence[str], split: str, place: str) -> KnownImages:
    """Return one split of a data set, its labels in the order of the known classes.

    Raises:
        UserError: There is no such split, or it has images of other classes.
    """
    chosen = dataset.splits().get(split)
    if chosen is None:
        raise UserError(f"{place}: expected a {split} split, got only {list_first(dataset.splits())}")
    return KnownImages(dataset.name, Split(chosen.images, match_labels(place, chosen.labels, dataset.class_names, known)))


def _load_npz(path: Path, known: Sequence[str], split: str) -> KnownImages:
    loaded, names = read_npz_split(path, split)
    if names is None:
        names = [str(label) for label in range(1 + int(loaded.labels.max(initial=0)))]
        if not set(names) & set(known):
            raise UserError(f"{path}: class_names missing: classes are matched by name, and the known ones are {list_first(map(repr, known))}")
    if loaded.labels.min(initial=0) < 0 or loaded.labels.max(initial=0) >= len(names):
        raise UserError(f"{path}: expected labels from 0 to {len(names) - 1}, one per class name, got {loaded.labels.min()} to {loaded.labels.max()}")
    return KnownImages("npz", Split(loaded.images, match_labels(str(path), loaded.labels, names, known)))


def _find_cifar(path: Path, known: Sequence[str]) -> Cifar | None:
    """Return the CIFAR whose files these are, if its classes are among the known ones."""
    choices = (CIFAR10, describe_cifar100("fine"), describe_cifar100("coarse"))
    return next((cifar for cifar in choices if set(cifar.class_names) <= set(known) and contains_files(cifar, path)), None)


def _load_pictures(path: Path, known: Sequence[str], split: str, pictures: Pictures, say: Callable[[str], None]) -> KnownImages:
    entries = (entry.path for entry in iterate_entries(path, pictures.follow_links))
    images = [image for image in sorted(entries) if not is_system_file(image) and may_be_image(image)]
    root = _find_class_folders(images, path, known, split)
    inside = [image for image in images if image.is_relative_to(root) and len(image.relative_to(root).parts) > 1]
    names = sorted({image.relative_to(root).parts[0] for image in inside})
    labels = match_labels(str(path), np.array([names.index(image.relative_to(root).parts[0]) for image in inside]), names, known)
    files = ImageFiles(tuple(known), dict(zip(inside, ((split, int(label)) for label in labels), strict=True)), pictures.follow_links)
    decoded = read_images(path, files, pictures.reading, say)
    if decoded.unreadable:
        say(f"{path}: {describe_unreadable(decoded.unreadable, are_skipped=True)}")
    mention_dark_pictures(path, decoded.peaks, say)
    readable = tuple(str(image) for image in inside if not any(line.startswith(f"{image}: ") for line in decoded.unreadable))
    if not readable:
        raise UserError(f"{path}: no readable image")
    return KnownImages("folder", decoded.splits[split], readable, decoded.unreadable)


def _find_class_folders(images: Sequence[PurePosixPath], source: Path, known: Sequence[str], split: str) -> PurePosixPath:
    """Return the folder whose folders are named after known classes: the top, a single folder in it, or the split's."""
    root, folders, names = PurePosixPath(), set[str](), set(map(simplify_name, known))
    for _ in range(_MAX_DEPTH):
        inner = [image.relative_to(root).parts for image in images if image.is_relative_to(root)]
        folders = {parts[0] for parts in inner if len(parts) > 1}
        if split in folders and split not in known:
            root /= split
        elif names & set(map(simplify_name, folders)):
            return root
        elif len(folders) == 1:
            root /= next(iter(folders))
        else:
            break
    received = list_first(map(repr, sorted(folders))) or "none"
    if "train" in folders:
        hint = f"; without a folder {split!r} beside it, name the folder to evaluate: {source / root / 'train'}"
    else:
        hint = did_you_mean(min(folders, default=""), known)
    raise UserError(f"{source}: expected folders named after the classes {list_first(map(repr, known))}, got {received}{hint}")
