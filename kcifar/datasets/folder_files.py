"""Which files of a folder or archive are images of which class, before any is decoded."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from kcifar.core.errors import UserError, did_you_mean, one_line
from kcifar.datasets.archives import entries

PARTS = ("train", "validation", "test")
# Files that operating systems leave beside images; they are not worth a word, like everything whose name starts with a dot.
_LITTER = {"thumbs.db", "desktop.ini", "__macosx"}
_NAMED = 3


@dataclass(frozen=True)
class Listing:
    """The image files that were found.

    Attributes:
        class_names: The folders in `train`, sorted.
        files: Path inside the folder or archive -> part and label, in order of part, class and path.
    """

    class_names: tuple[str, ...]
    files: dict[PurePosixPath, tuple[str, int]]


def list_images(source: Path, say: Callable[[str], None]) -> Listing:
    """List the images of `train/<class>/…`, `validation/<class>/…` and `test/<class>/…`, at the top or in one wrapping folder.

    Raises:
        UserError: Nothing in train, one class only, or a class that train lacks.
    """
    paths = [entry.path for entry in entries(source) if not _is_litter(entry.path)]
    root = _root(paths, source)
    placed: dict[PurePosixPath, tuple[str, str]] = {}
    left_out = []
    for path in sorted(paths):
        inner = path.relative_to(root).parts if path.is_relative_to(root) else ()
        if len(inner) >= 3 and inner[0] in PARTS and _may_be_image(path):
            placed[path] = inner[0], inner[1]
        else:
            left_out.append(str(path))
    _mention(left_out, source, say)
    return _labelled(placed, source)


def first_few(lines: Iterable[str]) -> str:
    """Return the first few of many, and how many more there are."""
    listed = list(lines)
    more = f", and {len(listed) - _NAMED} more" if len(listed) > _NAMED else ""
    return ", ".join(one_line(line, 120) for line in listed[:_NAMED]) + more


def _labelled(placed: dict[PurePosixPath, tuple[str, str]], source: Path) -> Listing:
    class_names = tuple(sorted({name for part, name in placed.values() if part == "train"}))
    if len(class_names) < 2:
        raise UserError(f"{source}: expected images of at least two classes in train/<class>/…, got {first_few(class_names) or 'none'}")
    for path, (part, name) in placed.items():
        if name not in class_names:
            near = did_you_mean(name, class_names)
            raise UserError(f"{source}: {one_line(path)}: {part} has a class {one_line(name)!r} that train lacks{near}")
        if not name.isprintable():
            raise UserError(f"{source}: {one_line(path)}: expected a class name of printable characters in UTF-8")
    labels = {name: label for label, name in enumerate(class_names)}
    order = sorted(placed, key=lambda path: (PARTS.index(placed[path][0]), labels[placed[path][1]], path))
    return Listing(class_names, {path: (placed[path][0], labels[placed[path][1]]) for path in order})


def _root(paths: Iterable[PurePosixPath], source: Path) -> PurePosixPath:
    """Return the folder inside which `train` lies: the top, or the only one that holds a `train`."""
    heads = {path.parts[:2] for path in paths}
    if any(head[0] == "train" for head in heads if len(head) > 1):
        return PurePosixPath()
    wrapping = {head[0] for head in heads if head[1:] == ("train",)}
    if len(wrapping) != 1:
        tops = sorted({head[0] for head in heads})
        raise UserError(f"{source}: expected images in train/<class>/… (links to folders are not followed); it holds {first_few(tops) or 'nothing'}")
    return PurePosixPath(wrapping.pop())


def _mention(left_out: list[str], source: Path, say: Callable[[str], None]) -> None:
    if left_out:
        wanted = ", ".join(f"{part}/<class>/…" for part in PARTS)
        say(f"{source}: {len(left_out)} left out, since only images in {wanted} are used: {first_few(left_out)}")


def _is_litter(path: PurePosixPath) -> bool:
    return any(name.startswith(".") or name.lower() in _LITTER for name in path.parts)


def _may_be_image(path: PurePosixPath) -> bool:
    """Tell by the name whether a file is worth decoding; without an ending the content decides."""
    from PIL import Image

    return not path.suffix or path.suffix.lower() in Image.registered_extensions()
