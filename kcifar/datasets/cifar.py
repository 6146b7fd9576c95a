"""CIFAR-10 and CIFAR-100 from whatever form is at hand.

`--data` takes the official Python or binary archive (.tar.gz) or its folder, a folder that holds one of these, Keras' own cache
folder, or a Keras-style .npz (x_train, y_train, x_test, y_test). Without `--data`: what Keras has downloaded, else what we have
downloaded, else a download. Source: A. Krizhevsky, Learning Multiple Layers of Features from Tiny Images, 2009.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Literal

from kcifar.core.cache import cache_folder, keras_datasets_folder
from kcifar.core.errors import UserError, one_line
from kcifar.core.files import sha256_of
from kcifar.datasets import DATASETS
from kcifar.datasets.archives import Entry, entries
from kcifar.datasets.cifar_files import SIDE, joined
from kcifar.datasets.cifar_layouts import CIFAR10, Cifar, Layout, cifar100_with
from kcifar.datasets.dataset import Dataset, Part, Source
from kcifar.datasets.download import download
from kcifar.datasets.npz import is_npz, npz_dataset

OFFICIAL_URL = "https://www.cs.toronto.edu/~kriz/"
OFFICIAL_TRAIN, OFFICIAL_TEST = 50_000, 10_000
_Say = Callable[[str], None]


@DATASETS.register("cifar10")
def cifar10(source: Source) -> Dataset:
    """Load CIFAR-10: 50,000 training and 10,000 test images of 32x32 in ten classes of equal size."""
    return load_cifar(CIFAR10, source)


@DATASETS.register("cifar100")
def cifar100(source: Source, *, labels: Literal["fine", "coarse"] = "fine") -> Dataset:
    """Load CIFAR-100: 50,000 training and 10,000 test images of 32x32, labelled by 100 fine or their 20 coarse classes.

    Args:
        source: Where the files are.
        labels: `fine` for the 100 classes, `coarse` for the 20.
    """
    return load_cifar(cifar100_with(labels), source)


def load_cifar(cifar: Cifar, source: Source) -> Dataset:
    """Load one CIFAR data set from the user's path, else Keras' cache, else ours, else the network.

    Raises:
        UserError: Names the file that is missing, damaged or not what it should be; or the download failed.
    """
    if source.data is not None:
        path = _located(cifar, source.data)
        _mention_sum(cifar, path, source.say)
        return _read(cifar, path, source.say)
    for folder in _copies(cifar, keras_datasets_folder()):
        try:
            return _read(cifar, folder, source.say)
        except UserError as error:
            source.say(f"Keras' copy is passed over: {error}")
    return _read(cifar, _downloaded(cifar, source), source.say)


def files_at_hand(cifar: Cifar, data: Path | None) -> Path:
    """Return the archive or folder that `load_cifar` would read, without downloading anything.

    Raises:
        UserError: There is none.
    """
    if data is not None:
        path = _located(cifar, data)
        if not path.exists():
            raise UserError(f"{path}: no such file or folder")
        return path
    ours = cache_folder() / cifar.archive
    found = [*_copies(cifar, keras_datasets_folder()), *([ours] if ours.is_file() else [])]
    if not found:
        raise UserError(f"no files of {cifar.name}, neither in {keras_datasets_folder()} nor in {ours.parent}; name them with --data")
    return found[0]


def _located(cifar: Cifar, data: Path) -> Path:
    """Return the file, or the folder that itself holds the data set's files."""
    if not data.is_dir():
        return data
    places = [data, data / "datasets"]
    found = [copy for place in places for copy in _copies(cifar, place)]
    found += [data / name for name in cifar.archive_sums.values() if (data / name).is_file()]
    if not found:
        expected = " or ".join(layout.folder for layout in cifar.layouts)
        holds = _listed(sorted(path.name for path in data.iterdir())) or "nothing"
        raise UserError(f"{data}: expected {cifar.name}: {expected}, or its archive; the folder holds {holds}")
    return found[0]


def _copies(cifar: Cifar, place: Path) -> list[Path]:
    """Return the folders in and below `place` that hold at least one of the data set's files (Keras adds "-target" to its own)."""
    candidates = [
        (folder, layout) for layout in cifar.layouts for folder in (place, place / layout.folder, place / f"{layout.folder}-target" / layout.folder)
    ]
    return [folder for folder, layout in candidates if any((folder / name).is_file() for name in layout.files)]


def _mention_sum(cifar: Cifar, path: Path, say: _Say) -> None:
    """Say so if the user's archive is not the official one, byte for byte; what counts is what it holds."""
    if path.is_file() and not is_npz(path):
        found = sha256_of(path)
        if found not in cifar.archive_sums:
            say(f"{path}: not the official archive byte for byte (sha256 {found[:12]}…); its contents are checked instead")


def _downloaded(cifar: Cifar, source: Source) -> Path:
    """Return the archive in our cache, downloaded if it is missing or no longer whole."""
    archive = cache_folder() / cifar.archive
    if archive.exists() and sha256_of(archive) not in cifar.archive_sums:
        source.say(f"{archive}: damaged; it is downloaded again")
        archive.unlink(missing_ok=True)
    if not archive.exists():
        download(source.url or OFFICIAL_URL + cifar.archive, archive, cifar.archive_sums, source.say)
    return archive


def _read(cifar: Cifar, path: Path, say: _Say) -> Dataset:
    dataset = _read_npz(cifar, path) if is_npz(path) else _read_archive(cifar, path)
    train, test = len(dataset.train), len(dataset.test or ())
    if (train, test) != (OFFICIAL_TRAIN, OFFICIAL_TEST):
        note = f"{train} training and {test} test images; the official set holds {OFFICIAL_TRAIN} and {OFFICIAL_TEST}"
        say(f"{path}: {note}")
        return replace(dataset, notes=(note,))
    return dataset


def _read_npz(cifar: Cifar, path: Path) -> Dataset:
    dataset = npz_dataset(path, name=cifar.name, class_names=cifar.class_names)
    if dataset.image_shape != (SIDE, SIDE, 3) or dataset.test is None:
        brought = "x_test" if dataset.test is not None else "no x_test"
        raise UserError(f"{path}: expected images (count, {SIDE}, {SIDE}, 3) in x_train and x_test, got {dataset.image_shape} and {brought}")
    return dataset


def _read_archive(cifar: Cifar, path: Path) -> Dataset:
    """Read the official files wherever they come in the folder or archive; stop when one layout is complete."""
    batches: dict[str, Part] = {}
    names: dict[str, tuple[str, ...]] = {}
    for entry, layout in _official_files(cifar, path):
        name = entry.path.name
        place = str(path / entry.path) if path.is_dir() else f"{path}: {entry.path}"
        if name == layout.names:
            names[name] = layout.read_names(_content(entry, place), place)
        elif name not in batches:
            batches[name] = layout.read_batch(_content(entry, place), place)
        if not set(layout.files) - batches.keys() - names.keys():
            break
    layout = _complete_layout(cifar, path, batches.keys() | names.keys())
    if names[layout.names] != cifar.class_names:
        raise UserError(f"{path}: {layout.names}: expected the classes {_listed(cifar.class_names)}, got {_listed(names[layout.names])}")
    test = batches.pop(layout.test)
    return Dataset(cifar.name, cifar.class_names, joined([batches.pop(name) for name in layout.train]), test)


def _official_files(cifar: Cifar, path: Path) -> Iterator[tuple[Entry, Layout]]:
    """Give the layouts' files that lie at the top, or in the one folder that the official archives make."""
    for entry in entries(path):
        for layout in cifar.layouts:
            if entry.path.name in layout.files and len(entry.path.parts) <= 2:
                yield entry, layout


def _content(entry: Entry, place: str) -> bytes:
    try:
        return entry.read()
    except OSError as error:
        raise UserError(f"{place}: cannot be read: {one_line(error)}") from None


def _complete_layout(cifar: Cifar, path: Path, found: set[str]) -> Layout:
    """Return the layout whose files were found, all of them."""
    layout = max(cifar.layouts, key=lambda candidate: len(found & set(candidate.files)))
    missing = [name for name in layout.files if name not in found]
    if len(missing) == len(layout.files):
        raise UserError(f"{path}: expected the files of {cifar.name} ({_listed(layout.files)}), found none of them")
    if missing:
        raise UserError(f"{path}: {_listed(missing)} missing; {cifar.name} needs {_listed(layout.files)}")
    return layout


def _listed(names: Iterable[str]) -> str:
    return one_line(", ".join(names), 120)
