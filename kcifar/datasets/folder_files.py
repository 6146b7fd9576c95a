"""Finds the image files of a folder or archive, their splits and their classes, before any is decoded."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np

from kcifar.core.errors import UserError, did_you_mean, one_line
from kcifar.datasets.archives import Entry, iterate_members
from kcifar.datasets.class_checks import check_class_names
from kcifar.datasets.folder_layout import LINKS_HINT, SPLITS, FolderLayout, find_layout
from kcifar.datasets.messages import count_noun, list_first
from kcifar.datasets.stratified_split import split_off

# Files that operating systems add to folders of images; like hidden files, they are ignored silently.
_SYSTEM_FILES = {"thumbs.db", "desktop.ini", "__macosx"}
# Fixed: the test split belongs to the data set, as CIFAR's does, and neither `seed` nor `split_seed` may let its images into training.
_TEST_SEED = int.from_bytes(b"folder", "big")

# Split and class name of an image file.
_Place = tuple[str, str]


@dataclass(frozen=True)
class ImageFiles:
    """The image files of a folder or archive.

    Attributes:
        class_names: The class folders, sorted.
        labels: Path inside the folder or archive -> split and label, sorted by split, class and path.
        follow_links: Whether links of a folder were, and are to be, followed.
    """

    class_names: tuple[str, ...]
    labels: dict[PurePosixPath, tuple[str, int]]
    follow_links: bool = False


def find_images(source: Path, say: Callable[[str], None], *, test: int | float = 0, follow_links: bool = False) -> ImageFiles:
    """Find the images in `train/<class>/…`, `validation/<class>/…` and `test/<class>/…`, or in `<class>/…`: at the top or in one enclosing folder.

    Args:
        source: The folder or archive.
        say: Called with one line for whatever is ignored, and for a layout without `train`.
        test: Share (float) or number (int) of the training images to split off for test, stratified; 0 for none.
        follow_links: See `iterate_members`.
    Raises:
        UserError: Nothing to train on, one class only, a class that train lacks, or a test split that exists already or cannot be made.
    """
    members = [member for member in iterate_members(source, follow_links) if not is_system_file(member.path)]
    paths = sorted(member.path for member in members if not member.is_folder)
    layout = find_layout([path for path in paths if may_be_image(path)], source)
    places = {path: place for path in paths if may_be_image(path) and (place := layout.locate(path)) is not None}
    _mention_ignored([path for path in paths if path not in places], layout, source, say)
    _mention_empty(members, layout, places.values(), source, say)
    class_names = _list_classes(places, layout, source)
    files = ImageFiles(class_names, _split_off_test(_assign_labels(places, class_names), test, source), follow_links)
    if test or not layout.has_splits:
        say(f"{source}: {_describe(files, layout, bool(test))}")
    return files


def _list_classes(places: dict[PurePosixPath, _Place], layout: FolderLayout, source: Path) -> tuple[str, ...]:
    class_names = tuple(sorted({name for split, name in places.values() if split == "train"}))
    if len(class_names) < 2:
        received = f"{list_first(class_names) or 'none'} ({LINKS_HINT})"
        raise UserError(f"{source}: expected images of at least two classes in {layout.describe('train')}, got {received}")
    for path, (split, name) in places.items():
        if name not in class_names:
            near = did_you_mean(name, class_names)
            raise UserError(f"{source}: {one_line(path)}: {split} has a class {one_line(name)!r} that train lacks{near}")
    check_class_names(str(source), class_names)
    return class_names


def _assign_labels(places: dict[PurePosixPath, _Place], class_names: Sequence[str]) -> dict[PurePosixPath, tuple[str, int]]:
    """Return each file's split and label, sorted by split, class and path."""
    labels = {name: label for label, name in enumerate(class_names)}
    order = sorted(places, key=lambda path: (SPLITS.index(places[path][0]), labels[places[path][1]], path))
    return {path: (places[path][0], labels[places[path][1]]) for path in order}


def _split_off_test(labels: dict[PurePosixPath, tuple[str, int]], test: int | float, source: Path) -> dict[PurePosixPath, tuple[str, int]]:
    """Give the chosen fraction of every class of train to test."""
    if not test:
        return labels
    if any(split == "test" for split, _ in labels.values()):
        raise UserError(f"{source}: test: expected 0, since there is a test folder already, got {test}")
    train = [path for path, (split, _) in labels.items() if split == "train"]
    try:
        _, chosen = split_off(np.array([labels[path][1] for path in train]), test, _TEST_SEED)
    except UserError as error:
        raise UserError(f"{source}: test: {error}") from None
    moved = {train[row] for row in chosen}
    assigned = {path: ("test" if path in moved else split, label) for path, (split, label) in labels.items()}
    return dict(sorted(assigned.items(), key=lambda item: SPLITS.index(item[1][0])))  # stable: classes and paths stay sorted


def _describe(files: ImageFiles, layout: FolderLayout, has_split_off: bool) -> str:
    """Return what was understood of a folder that does not say it by itself."""
    counts = {name: sum(split == name for split, _ in files.labels.values()) for name in SPLITS}
    parts = ", ".join(f"{count} {name}" for name, count in counts.items() if count)
    classes = f"{len(files.class_names)} classes ({list_first(map(one_line, files.class_names))})"
    if layout.has_splits:
        return f"{classes}: {parts} images; test images are split off train"
    test = "test images are split off" if has_split_off else "without test images (dataset.test: 0.2 splits some off)"
    return f"no train folder: each folder is a class: {classes}, {parts} images; {test}, and validation as dataset.validation says"


def _mention_empty(members: Iterable[Entry], layout: FolderLayout, used: Iterable[_Place], source: Path, say: Callable[[str], None]) -> None:
    """Say which folders look like classes to train on but have no images."""
    # A file says of its folder, and a folder of itself, that it exists.
    folders = [layout.locate(member.path / "any" if member.is_folder else member.path) for member in members]
    existing = {place[1] for place in folders if place is not None and place[0] == "train"}
    if empty := sorted(existing - {name for split, name in used if split == "train"}):
        say(f"{source}: train: no image of {list_first(map(repr, empty))}: left out of the classes")


def _mention_ignored(ignored: list[PurePosixPath], layout: FolderLayout, source: Path, say: Callable[[str], None]) -> None:
    if ignored:
        hint = f" ({LINKS_HINT})" if any((source / path).is_symlink() for path in ignored) else ""
        used = f"only images in {layout.describe()} are used"
        say(f"{source}: {count_noun(len(ignored), 'file')} ignored; {used}: {list_first(map(str, ignored))}{hint}")


def is_system_file(path: PurePosixPath) -> bool:
    """Return whether a file is hidden or one that operating systems add."""
    return any(name.startswith(".") or name.lower() in _SYSTEM_FILES for name in path.parts)


def may_be_image(path: PurePosixPath) -> bool:
    """Return whether a file's name suggests an image; without a suffix, decoding decides."""
    from PIL import Image

    return not path.suffix or path.suffix.lower() in Image.registered_extensions()
