"""CIFAR-10 and CIFAR-100, from any form in which the files are available.

`--data` accepts the official Python or binary archive (.tar.gz) or its folder, a folder that contains one of these, Keras' own cache
folder, or a Keras-style .npz (x_train, y_train, x_test, y_test). Without `--data`, the loader looks in Keras' cache, then in kcifar's
cache, and then downloads the archive. Source: A. Krizhevsky, Learning Multiple Layers of Features from Tiny Images, 2009.
"""

from collections.abc import Callable, Iterator, Set
from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np

from kcifar.core.cache import find_keras_datasets_folder, make_cache_folder
from kcifar.core.errors import UserError, one_line
from kcifar.core.files import compute_sha256
from kcifar.core.option_names import name_option
from kcifar.datasets import DATASETS
from kcifar.datasets.archives import Entry, iterate_entries
from kcifar.datasets.cifar_files import SIDE, concatenate_splits
from kcifar.datasets.cifar_layouts import CIFAR10, Cifar, Layout, describe_cifar100
from kcifar.datasets.cifar_names import CIFAR100_COARSE_NAMES
from kcifar.datasets.dataset import Dataset, DownloadNeeded, Source, Split
from kcifar.datasets.download import download
from kcifar.datasets.messages import join_names
from kcifar.datasets.npz import is_npz, read_npz_dataset

OFFICIAL_URL = "https://www.cs.toronto.edu/~kriz/"
OFFICIAL_TRAIN_IMAGES, OFFICIAL_TEST_IMAGES = 50_000, 10_000
_Say = Callable[[str], None]
# Whose labels may pass for those of a CIFAR with more classes, by their number.
_SMALLER_LABELS = {len(CIFAR10.class_names): "cifar10", len(CIFAR100_COARSE_NAMES): "cifar100 with labels: coarse"}


@DATASETS.register("cifar10")
def cifar10(source: Source) -> Dataset:
    """Load CIFAR-10: 50,000 training and 10,000 test images of 32x32 in ten classes of equal size."""
    return load_cifar(CIFAR10, source)


@DATASETS.register("cifar100")
def cifar100(source: Source, *, labels: Literal["fine", "coarse"] = "fine") -> Dataset:
    """Load CIFAR-100: 50,000 training and 10,000 test images of 32x32, labeled by 100 fine or 20 coarse classes of equal size.

    Args:
        source: Where the files are.
        labels: `fine` for the 100 classes, `coarse` for the 20.
    """
    return load_cifar(describe_cifar100(labels), source)


def load_cifar(cifar: Cifar, source: Source) -> Dataset:
    """Load a CIFAR data set from the user's path, Keras' cache, kcifar's cache or the network, in this order.

    Raises:
        UserError: A file is missing, damaged or not the expected one (the message names it), or the download failed.
    """
    if source.data is not None:
        path = _locate_files(cifar, source.data)
        _mention_checksum(cifar, path, source.say)
        return _read(cifar, path, source.say)
    for folder in _find_copies(cifar, find_keras_datasets_folder()):
        try:
            return _read(cifar, folder, source.say)
        except UserError as error:
            source.say(f"Keras' copy is ignored: {error}")
    return _read(cifar, _download_if_missing(cifar, source), source.say)


def find_files(cifar: Cifar, data: Path | None) -> Path:
    """Return the archive or folder that `load_cifar` would read, without downloading anything.

    Raises:
        UserError: There is none.
    """
    if data is not None:
        path = _locate_files(cifar, data)
        if not path.exists():
            raise UserError(f"{path}: no such file or folder")
        return path
    archive = make_cache_folder() / cifar.archive
    copies = [*_find_copies(cifar, find_keras_datasets_folder()), *([archive] if archive.is_file() else [])]
    if not copies:
        raise UserError(f"no files of {cifar.name} in {find_keras_datasets_folder()} or {archive.parent}; name them with {name_option('data')}")
    return copies[0]


def contains_files(cifar: Cifar, path: Path) -> bool:
    """Return whether a folder or archive contains any of a CIFAR's official files."""
    try:
        if path.is_dir():
            _locate_files(cifar, path)
            return True
        return next(_iterate_official_files(cifar, path), None) is not None
    except UserError:
        return False


def _locate_files(cifar: Cifar, data: Path) -> Path:
    """Return the file, or the folder that directly contains the data set's files."""
    if not data.is_dir():
        return data
    copies = [copy for folder in (data, data / "datasets") for copy in _find_copies(cifar, folder)]
    copies += [data / name for name in cifar.archive_checksums.values() if (data / name).is_file()]
    if not copies:
        expected = " or ".join(layout.folder for layout in cifar.layouts)
        contents = join_names(sorted(path.name for path in data.iterdir())) or "nothing"
        raise UserError(f"{data}: expected {cifar.name}: {expected}, or its archive; the folder contains {contents}")
    return copies[0]


def _find_copies(cifar: Cifar, folder: Path) -> list[Path]:
    """Return the folders at and below `folder` that contain at least one of the data set's files (Keras appends "-target" to its own)."""
    candidates = [
        (candidate, layout)
        for layout in cifar.layouts
        for candidate in (folder, folder / layout.folder, folder / f"{layout.folder}-target" / layout.folder)
    ]
    return [candidate for candidate, layout in candidates if any((candidate / name).is_file() for name in layout.files)]


def _mention_checksum(cifar: Cifar, path: Path, say: _Say) -> None:
    """Report an archive that is not the official one, byte for byte; its contents decide whether it is used."""
    if path.is_file() and not is_npz(path):
        checksum = compute_sha256(path)
        if checksum not in cifar.archive_checksums:
            say(f"{path}: differs from the official archive (SHA-256 {checksum[:12]}…); its contents are checked instead")


def _download_if_missing(cifar: Cifar, source: Source) -> Path:
    """Return the archive in kcifar's cache; download it if it is missing or damaged."""
    archive = make_cache_folder() / cifar.archive
    if source.may_download and archive.exists() and compute_sha256(archive) not in cifar.archive_checksums:
        source.say(f"{archive}: damaged; it is downloaded again")
        archive.unlink(missing_ok=True)
    if not archive.exists():
        url = source.url or OFFICIAL_URL + cifar.archive
        if not source.may_download:
            raise DownloadNeeded(_make_stand_in(cifar), url, cifar.archive_bytes)
        download(url, archive, cifar.archive_checksums, source.say)
    return archive


def _make_stand_in(cifar: Cifar) -> Dataset:
    """Return the official classes and counts, with black images."""
    classes = len(cifar.class_names)
    train, test = (
        Split(np.broadcast_to(np.uint8(0), (count, SIDE, SIDE, 3)), np.arange(count) % classes)
        for count in (OFFICIAL_TRAIN_IMAGES, OFFICIAL_TEST_IMAGES)
    )
    return Dataset(cifar.name, cifar.class_names, train, test)


def _read(cifar: Cifar, path: Path, say: _Say) -> Dataset:
    dataset = _read_npz(cifar, path) if is_npz(path) else _read_archive(cifar, path)
    _check_number_of_classes(cifar, dataset, path)
    train, test = len(dataset.train), len(dataset.test or ())
    if (train, test) != (OFFICIAL_TRAIN_IMAGES, OFFICIAL_TEST_IMAGES):
        note = f"{train} training and {test} test images; the official data set has {OFFICIAL_TRAIN_IMAGES} and {OFFICIAL_TEST_IMAGES}"
        say(f"{path}: {note}")
        return replace(dataset, notes=(note,))
    return dataset


def _read_npz(cifar: Cifar, path: Path) -> Dataset:
    dataset = read_npz_dataset(path, name=cifar.name, class_names=cifar.class_names)
    if dataset.image_shape != (SIDE, SIDE, 3) or dataset.test is None:
        test = "x_test" if dataset.test is not None else "no x_test"
        raise UserError(f"{path}: expected images (count, {SIDE}, {SIDE}, 3) in x_train and x_test, got {dataset.image_shape} and {test}")
    return dataset


def _check_number_of_classes(cifar: Cifar, dataset: Dataset, path: Path) -> None:
    """Refuse the labels of a smaller CIFAR: they are in range, but every class would get another one's name."""
    highest = max(int(split.labels.max()) for split in dataset.splits().values())
    expected = len(cifar.class_names)
    smaller = next((name for classes, name in _SMALLER_LABELS.items() if highest < classes < expected), None)
    if smaller is not None:
        raise UserError(
            f"{path}: expected labels from 0 to {expected - 1} of {cifar.name}, got 0 to {highest}: those of {smaller}? "
            "(For a part of the classes, use the data set npz with class_names, or folder.)"
        )


def _read_archive(cifar: Cifar, path: Path) -> Dataset:
    """Read the official files in the order of the folder or archive; stop when one layout is complete."""
    batches: dict[str, Split] = {}
    names: dict[str, tuple[str, ...]] = {}
    for entry, layout in _iterate_official_files(cifar, path):
        name = entry.path.name
        place = str(path / entry.path) if path.is_dir() else f"{path}: {entry.path}"
        if name == layout.names:
            names[name] = layout.read_names(_read_entry(entry, place), place)
        elif name not in batches:
            batches[name] = layout.read_batch(_read_entry(entry, place), place)
        if not set(layout.files) - batches.keys() - names.keys():
            break
    layout = _find_complete_layout(cifar, path, batches.keys() | names.keys())
    if names[layout.names] != cifar.class_names:
        raise UserError(f"{path}: {layout.names}: expected the classes {join_names(cifar.class_names)}, got {join_names(names[layout.names])}")
    test = batches.pop(layout.test)
    return Dataset(cifar.name, cifar.class_names, concatenate_splits([batches.pop(name) for name in layout.train]), test)


def _iterate_official_files(cifar: Cifar, path: Path) -> Iterator[tuple[Entry, Layout]]:
    """Yield the layouts' files at the top, or in the one folder of the official archives."""
    for entry in iterate_entries(path):
        for layout in cifar.layouts:
            if entry.path.name in layout.files and len(entry.path.parts) <= 2:
                yield entry, layout


def _read_entry(entry: Entry, place: str) -> bytes:
    try:
        return entry.read()
    except OSError as error:
        raise UserError(f"{place}: cannot be read: {one_line(error)}") from None


def _find_complete_layout(cifar: Cifar, path: Path, names: Set[str]) -> Layout:
    """Return the layout whose files are all among the names."""
    layout = max(cifar.layouts, key=lambda candidate: len(names & set(candidate.files)))
    missing = [name for name in layout.files if name not in names]
    if len(missing) == len(layout.files):
        raise UserError(f"{path}: expected the files of {cifar.name} ({join_names(layout.files)}), found none of them")
    if missing:
        raise UserError(f"{path}: {join_names(missing)} missing; {cifar.name} needs {join_names(layout.files)}")
    return layout
