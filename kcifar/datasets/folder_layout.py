"""Which folders of a user's images are splits and which are classes."""

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from kcifar.core.errors import UserError
from kcifar.datasets.messages import list_first

SPLITS = ("train", "validation", "test")
LINKS_HINT = "links to folders are followed only with follow_links: true"
# Folders that hold a split in other layouts: they must not pass for classes. -> what they are called here.
_OTHER_NAMES = {"training": "train", "val": "validation", "valid": "validation", "dev": "validation", "eval": "validation", "testing": "test"}


@dataclass(frozen=True)
class FolderLayout:
    """Where the classes are.

    Attributes:
        root: The folder that contains the splits or classes: the top or one enclosing folder.
        has_splits: Whether it contains `train/<class>/…`; else `<class>/…`.
    """

    root: PurePosixPath
    has_splits: bool

    def locate(self, path: PurePosixPath) -> tuple[str, str] | None:
        """Return the split and the class that a file's place gives it, or None."""
        inner = path.relative_to(self.root).parts if path.is_relative_to(self.root) else ()
        if not self.has_splits:
            return ("train", inner[0]) if len(inner) >= 2 else None
        return (inner[0], inner[1]) if len(inner) >= 3 and inner[0] in SPLITS else None

    def describe(self, *splits: str) -> str:
        """Return the places of images in words, of all splits unless some are named."""
        return ", ".join(f"{split}/<class>/…" for split in splits or SPLITS) if self.has_splits else "<class>/…"


def find_layout(images: Collection[PurePosixPath], source: Path) -> FolderLayout:
    """Return the layout of a folder or archive.

    `train` at the top or in the only folder that has one; otherwise at least two folders of images, at the top or in the only folder there.

    Args:
        images: The files whose names suggest images.
        source: For messages.
    Raises:
        UserError: There is neither, or folders of other names seem to be splits.
    """
    heads = {path.parts[:2] for path in images}
    if any(head[0] == "train" for head in heads if len(head) > 1):
        return FolderLayout(PurePosixPath(), True)
    enclosing = sorted({head[0] for head in heads if head[1:] == ("train",)})
    if len(enclosing) == 1:
        return FolderLayout(PurePosixPath(enclosing[0]), True)
    root, folders = _find_class_folders(images)
    _check_split_names(folders, source)
    if len(folders) < 2 or enclosing:
        contents = list_first(sorted({head[0] for head in heads})) or "no images"
        raise UserError(
            f"{source}: expected images in train/<class>/… or of at least two classes in <class>/…; it contains {contents} ({LINKS_HINT})"
        )
    return FolderLayout(root, False)


def _find_class_folders(images: Collection[PurePosixPath]) -> tuple[PurePosixPath, list[str]]:
    """Return the folder that contains the classes, and their names: the top, or the only folder with images if those are deeper in it."""
    root, inner = PurePosixPath(), [path.parts for path in images]
    tops = {parts[0] for parts in inner if len(parts) > 1}
    if len(tops) == 1 and any(len(parts) > 2 for parts in inner):
        root = PurePosixPath(tops.pop())
        inner = [parts[1:] for parts in inner]
    return root, sorted({parts[0] for parts in inner if len(parts) > 1})


def _check_split_names(folders: Collection[str], source: Path) -> None:
    """Refuse folders that are splits, without a `train`: they would be taken for classes."""
    for folder in folders:
        name = folder.lower()
        if name in SPLITS or name in _OTHER_NAMES:
            expected = _OTHER_NAMES.get(name, name)
            hint = f"; rename {folder!r} to {expected!r}" if folder != expected else ""
            raise UserError(f"{source}: expected images in train/<class>/…, got folders {list_first(map(repr, folders))} without 'train'{hint}")
