"""Finds the image files of a folder or archive and their classes, before any is decoded."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from kcifar.core.errors import UserError, did_you_mean, one_line
from kcifar.datasets.archives import Entry, iterate_members
from kcifar.datasets.class_checks import check_class_names
from kcifar.datasets.messages import list_first

SPLITS = ("train", "validation", "test")
# Files that operating systems add to folders of images; like hidden files, they are ignored silently.
_SYSTEM_FILES = {"thumbs.db", "desktop.ini", "__macosx"}


@dataclass(frozen=True)
class ImageFiles:
    """The image files of a folder or archive.

    Attributes:
        class_names: The folders in `train`, sorted.
        labels: Path inside the folder or archive -> split and label, sorted by split, class and path.
    """

    class_names: tuple[str, ...]
    labels: dict[PurePosixPath, tuple[str, int]]


def find_images(source: Path, say: Callable[[str], None]) -> ImageFiles:
    """Find the images in `train/<class>/…`, `validation/<class>/…` and `test/<class>/…`, at the top or in one enclosing folder.

    Raises:
        UserError: Nothing in train, one class only, or a class that train lacks.
    """
    members = [member for member in iterate_members(source) if not _is_system_file(member.path)]
    paths = [member.path for member in members if not member.is_folder]
    root = _find_root(paths, source)
    classes: dict[PurePosixPath, tuple[str, str]] = {}
    ignored = []
    for path in sorted(paths):
        inner = path.relative_to(root).parts if path.is_relative_to(root) else ()
        if len(inner) >= 3 and inner[0] in SPLITS and _may_be_image(path):
            classes[path] = inner[0], inner[1]
        else:
            ignored.append(path)
    _mention_ignored(ignored, source, say)
    _mention_empty(_list_class_folders(members, root), classes.values(), source, say)
    return _assign_labels(classes, source)


def _assign_labels(classes: dict[PurePosixPath, tuple[str, str]], source: Path) -> ImageFiles:
    """Return the files with labels, from each file's split and class name."""
    class_names = tuple(sorted({name for split, name in classes.values() if split == "train"}))
    if len(class_names) < 2:
        raise UserError(f"{source}: expected images of at least two classes in train/<class>/…, got {list_first(class_names) or 'none'}")
    for path, (split, name) in classes.items():
        if name not in class_names:
            near = did_you_mean(name, class_names)
            raise UserError(f"{source}: {one_line(path)}: {split} has a class {one_line(name)!r} that train lacks{near}")
    check_class_names(str(source), class_names)
    labels = {name: label for label, name in enumerate(class_names)}
    order = sorted(classes, key=lambda path: (SPLITS.index(classes[path][0]), labels[classes[path][1]], path))
    return ImageFiles(class_names, {path: (classes[path][0], labels[classes[path][1]]) for path in order})


def _find_root(paths: Iterable[PurePosixPath], source: Path) -> PurePosixPath:
    """Return the folder that contains `train`: the top, or the only folder with a `train`."""
    heads = {path.parts[:2] for path in paths}
    if any(head[0] == "train" for head in heads if len(head) > 1):
        return PurePosixPath()
    enclosing = {head[0] for head in heads if head[1:] == ("train",)}
    if len(enclosing) != 1:
        contents = list_first(sorted({head[0] for head in heads})) or "nothing"
        raise UserError(f"{source}: expected images in train/<class>/… (links to folders are not followed); it contains {contents}")
    return PurePosixPath(enclosing.pop())


def _list_class_folders(members: Iterable[Entry], root: PurePosixPath) -> list[str]:
    """Return the names of the folders in `train`, with or without images, sorted."""
    train = root / "train"
    inner = [(member.path.relative_to(train).parts, member.is_folder) for member in members if member.path.is_relative_to(train)]
    return sorted({parts[0] for parts, is_folder in inner if len(parts) > (0 if is_folder else 1)})


def _mention_empty(folders: Iterable[str], used: Iterable[tuple[str, str]], source: Path, say: Callable[[str], None]) -> None:
    with_images = {name for split, name in used if split == "train"}
    if empty := [name for name in folders if name not in with_images]:
        say(f"{source}: train: no image of {list_first(map(repr, empty))}: left out of the classes")


def _mention_ignored(ignored: list[PurePosixPath], source: Path, say: Callable[[str], None]) -> None:
    if ignored:
        folders = ", ".join(f"{split}/<class>/…" for split in SPLITS)
        say(f"{source}: {len(ignored)} files ignored; only images in {folders} are used: {list_first(map(str, ignored))}")


def _is_system_file(path: PurePosixPath) -> bool:
    return any(name.startswith(".") or name.lower() in _SYSTEM_FILES for name in path.parts)


def _may_be_image(path: PurePosixPath) -> bool:
    """Return whether a file's name suggests an image; without a suffix, decoding decides."""
    from PIL import Image

    return not path.suffix or path.suffix.lower() in Image.registered_extensions()
