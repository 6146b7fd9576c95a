"""Decoded images kept between runs, found again by the content of the files that they came from."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from kcifar.core.cache import cache_folder, whole_file
from kcifar.core.errors import UserError, one_line
from kcifar.core.files import sha256_of
from kcifar.datasets.archives import entries
from kcifar.datasets.dataset import Part
from kcifar.datasets.folder_files import Listing

# Counts up when the same files would decode to other pixels.
_VERSION = 1


@dataclass(frozen=True)
class Decoded:
    """What a folder or archive came to: the parts by name, and a line for each file that could not be read."""

    class_names: tuple[str, ...]
    parts: dict[str, Part]
    unreadable: tuple[str, ...]


def content_key(source: Path, listing: Listing, image_size: int, resize: str) -> str:
    """Return a name for the decoded images: it changes with any byte of any image, with their paths and with the settings."""
    total = hashlib.sha256(f"{_VERSION} {image_size} {resize}\n".encode())
    if source.is_file():
        total.update(sha256_of(source).encode())
        return total.hexdigest()
    for entry in entries(source):
        if entry.path in listing.files:
            try:
                content = hashlib.sha256(entry.read()).hexdigest()
            except OSError as error:
                content = one_line(error)
            total.update(f"{entry.path}\0{content}\n".encode("utf-8", "surrogateescape"))
    return total.hexdigest()


def cached(key: str, say: Callable[[str], None]) -> Decoded | None:
    """Return the decoded images of this key if they are there and whole."""
    try:
        path = _path(key)
    except UserError:  # no cache folder can be made: `keep` says so
        return None
    if not path.exists():
        return None
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            names = {name.removesuffix("_images") for name in arrays if name.endswith("_images")}
            parts = {name: Part(arrays[f"{name}_images"], arrays[f"{name}_labels"]) for name in sorted(names)}
            return Decoded(tuple(arrays["class_names"].tolist()), parts, tuple(arrays["unreadable"].tolist()))
    except Exception as error:  # a damaged file can fail in almost any way
        say(f"{path}: damaged ({one_line(error)}); the images are decoded again")
        return None


def keep(key: str, decoded: Decoded, say: Callable[[str], None]) -> None:
    """Write the decoded images for the next run; a run goes on without."""
    arrays: dict[str, np.ndarray] = {"class_names": np.array(decoded.class_names), "unreadable": np.array(decoded.unreadable, np.str_)}
    for name, part in decoded.parts.items():
        arrays |= {f"{name}_images": part.images, f"{name}_labels": part.labels}
    try:
        path = _path(key)
        path.parent.mkdir(parents=True, exist_ok=True)
        with whole_file(path) as temporary, temporary.open("wb") as file:
            np.savez(file, allow_pickle=False, **arrays)
    except (OSError, UserError) as error:
        say(f"decoded images are not kept for the next run: {one_line(error)}")


def _path(key: str) -> Path:
    return cache_folder() / "folder" / f"{key}.npz"
