"""Decoded images cached between runs, under a key computed from the contents of their files."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from kcifar.core.cache import complete_cache_file, make_cache_folder
from kcifar.core.errors import UserError, one_line
from kcifar.core.files import compute_sha256
from kcifar.datasets.archives import iterate_entries
from kcifar.datasets.dataset import Split
from kcifar.datasets.folder_files import ImageFiles
from kcifar.datasets.reading import Reading

# Increase it when the same files would decode to other pixels.
_VERSION = 2


@dataclass(frozen=True)
class DecodedImages:
    """The decoded images of a folder or archive.

    Attributes:
        class_names: One per label.
        splits: By name.
        unreadable: One line for each file that cannot be read.
        peaks: The largest value of each picture with more than 8 bits per sample, by its path; see `find_peak`.
    """

    class_names: tuple[str, ...]
    splits: dict[str, Split]
    unreadable: tuple[str, ...]
    peaks: dict[str, int]


def compute_key(source: Path, files: ImageFiles, reading: Reading) -> str:
    """Return the cache key of the decoded images: it depends on every byte of every image, on their paths and labels and on how they are read."""
    checksum = hashlib.sha256(f"{_VERSION} {reading}\n".encode())
    for path, place in files.labels.items():
        checksum.update(f"{path}\0{place}\n".encode("utf-8", "surrogateescape"))
    if source.is_file():
        checksum.update(compute_sha256(source).encode())
        return checksum.hexdigest()
    for entry in iterate_entries(source, files.follow_links):
        if entry.path in files.labels:
            try:
                content = hashlib.sha256(entry.read()).hexdigest()
            except OSError as error:
                content = one_line(error)
            checksum.update(f"{entry.path}\0{content}\n".encode("utf-8", "surrogateescape"))
    return checksum.hexdigest()


def load_cached(key: str, say: Callable[[str], None]) -> DecodedImages | None:
    """Return the decoded images under this key, or None if they are missing or damaged."""
    try:
        path = _cache_path(key)
    except UserError:  # the cache folder cannot be made: `save_to_cache` reports it
        return None
    if not path.exists():
        return None
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            names = {name.removesuffix("_images") for name in arrays if name.endswith("_images")}
            splits = {name: Split(arrays[f"{name}_images"], arrays[f"{name}_labels"]) for name in sorted(names)}
            peaks = dict(zip(arrays["peak_paths"].tolist(), arrays["peaks"].tolist(), strict=True))
            return DecodedImages(tuple(arrays["class_names"].tolist()), splits, tuple(arrays["unreadable"].tolist()), peaks)
    except Exception as error:  # a damaged file can fail in almost any way
        say(f"{path}: damaged ({one_line(error)}); the images are decoded again")
        return None


def save_to_cache(key: str, decoded: DecodedImages, say: Callable[[str], None]) -> None:
    """Write the decoded images for the next run; if that fails, the run continues without."""
    texts = {"class_names": decoded.class_names, "unreadable": decoded.unreadable, "peak_paths": tuple(decoded.peaks)}
    arrays: dict[str, np.ndarray] = {name: np.array(lines, np.str_) for name, lines in texts.items()}
    arrays["peaks"] = np.array(list(decoded.peaks.values()), np.int64)
    for name, split in decoded.splits.items():
        arrays |= {f"{name}_images": split.images, f"{name}_labels": split.labels}
    try:
        path = _cache_path(key)
        path.parent.mkdir(parents=True, exist_ok=True)
        with complete_cache_file(path) as temporary, temporary.open("wb") as file:
            np.savez(file, allow_pickle=False, **arrays)
    except (OSError, UserError) as error:
        say(f"the decoded images are not cached for the next run: {one_line(error)}")


def _cache_path(key: str) -> Path:
    return make_cache_folder() / "folder" / f"{key}.npz"
