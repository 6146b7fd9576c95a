"""A user's own images: `train/<class>/…`, and if there are any `validation/<class>/…` and `test/<class>/…`.

The folder may come as it is or as a .tar, .tar.gz, .tar.xz or .zip, with or without one wrapping folder. Links that leave it are
not followed. Images are decoded once and kept in our cache; the cache is found by content, so a changed image is never missed.
"""

from collections import Counter
from pathlib import Path, PurePosixPath
from typing import Annotated, Literal

import numpy as np
from pydantic import Field

from kcifar.core.errors import UserError, one_line
from kcifar.datasets import DATASETS
from kcifar.datasets.archives import entries
from kcifar.datasets.dataset import Dataset, Part, Source
from kcifar.datasets.decoding import Resize, decode_image
from kcifar.datasets.folder_cache import Decoded, cached, content_key, keep
from kcifar.datasets.folder_files import PARTS, Listing, first_few, list_images
from kcifar.datasets.progress import count_bar


@DATASETS.register("folder")
def folder(
    source: Source,
    *,
    image_size: Annotated[int, Field(gt=0, le=1024)] = 32,
    resize: Resize = "crop",
    unreadable: Literal["skip", "fail"] = "skip",
) -> Dataset:
    """Load a folder of images, its classes in the order of their names.

    Args:
        source: `data` is the folder or archive.
        image_size: Height and width to which every image is brought.
        resize: crop, stretch or pad: see `decode_image`, which also says what becomes of grey, palette, 16-bit and transparent images.
        unreadable: Whether files that cannot be decoded are left out and listed, or end the command.
    Raises:
        UserError: No images in train, a class that train lacks, a damaged archive, a class without one readable image.
    """
    if source.data is None:
        raise UserError("data set folder: expected --data with a folder of images or an archive of one, got none")
    listing = list_images(source.data, source.say)
    key = content_key(source.data, listing, image_size, resize)
    decoded = cached(key, source.say)
    if decoded is None:
        source.say(f"decoding {len(listing.files)} images of {source.data}")
        decoded = _decode(source.data, listing, image_size, resize)
        keep(key, decoded, source.say)
    _check_readable(decoded, source, unreadable)
    parts, notes = decoded.parts, tuple(f"not readable: {line}" for line in decoded.unreadable)
    return Dataset("folder", decoded.class_names, parts["train"], parts.get("test"), parts.get("validation"), notes)


def _decode(source: Path, listing: Listing, image_size: int, resize: Resize) -> Decoded:
    sizes = Counter(part for part, _label in listing.files.values())
    images = {part: np.empty((sizes[part], image_size, image_size, 3), np.uint8) for part in PARTS if sizes[part]}
    rows = _rows(listing)
    problems: dict[PurePosixPath, str] = {}
    with count_bar("decoding", len(rows)) as advance:
        for entry in entries(source):
            if entry.path not in rows:
                continue
            part, row = rows[entry.path]
            try:
                images[part][row] = decode_image(entry.read(), image_size, resize)
            except UserError:  # the archive as a whole
                raise
            except Exception as error:  # Pillow's decoders fail in almost any way
                problems[entry.path] = one_line(error) or type(error).__name__
            advance(1)
    return _assembled(listing, images, problems)


def _rows(listing: Listing) -> dict[PurePosixPath, tuple[str, int]]:
    """Return each file's part and its row in that part."""
    counts: Counter[str] = Counter()
    rows = {}
    for path, (part, _label) in listing.files.items():
        rows[path] = part, counts[part]
        counts[part] += 1
    return rows


def _assembled(listing: Listing, images: dict[str, np.ndarray], problems: dict[PurePosixPath, str]) -> Decoded:
    """Return the parts without the rows of unreadable files; nothing is copied where all could be read."""
    parts = {}
    for part, pixels in images.items():
        files = {path: label for path, (owner, label) in listing.files.items() if owner == part}
        kept = np.array([path not in problems for path in files])
        labels = np.array(list(files.values()), np.int64)
        parts[part] = Part(pixels, labels) if kept.all() else Part(pixels[kept], labels[kept])
    return Decoded(listing.class_names, parts, tuple(f"{path}: {problems[path]}" for path in sorted(problems)))


def _check_readable(decoded: Decoded, source: Source, unreadable: str) -> None:
    if decoded.unreadable:
        line = f"{source.data}: {len(decoded.unreadable)} files cannot be read: {first_few(decoded.unreadable)}"
        if unreadable == "fail":
            raise UserError(line)
        source.say(line)
    present = np.bincount(decoded.parts["train"].labels, minlength=len(decoded.class_names))
    empty = [name for name, count in zip(decoded.class_names, present, strict=True) if not count]
    if empty:
        raise UserError(f"{source.data}: train: no readable image of {first_few(empty)}")
