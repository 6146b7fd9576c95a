"""A user's own images: `train/<class>/…` and, optionally, `validation/<class>/…` and `test/<class>/…`; or `<class>/…` alone.

The images may be in a folder or in a .tar, .tar.gz, .tar.xz or .zip archive, with or without one enclosing folder. Links that leave it
are followed only with `follow_links`. Images are decoded once and cached; the cache key depends on their contents, so a changed image is
never missed.
"""

from collections import Counter
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import Annotated, Literal

import numpy as np
from pydantic import Field

from kcifar.core.errors import UserError, one_line
from kcifar.core.option_names import name_option
from kcifar.datasets import DATASETS
from kcifar.datasets.archives import iterate_entries
from kcifar.datasets.dataset import Dataset, Source, Split
from kcifar.datasets.decoding import decode_image, measure_peak
from kcifar.datasets.folder_cache import DecodedImages, compute_key, load_cached, save_to_cache
from kcifar.datasets.folder_files import ImageFiles, find_images
from kcifar.datasets.folder_layout import SPLITS
from kcifar.datasets.messages import count_noun, describe_unreadable, list_first
from kcifar.datasets.progress import count_bar
from kcifar.datasets.reading import Reading, Resize
from kcifar.datasets.sample_depth import check_peaks, mention_dark_pictures
from kcifar.datasets.statistics import count_classes
from kcifar.recipe.numbers import MAX_COUNT, Fraction, at_most


@DATASETS.register("folder")
def folder(
    source: Source,
    *,
    image_size: Annotated[int, Field(gt=0, le=1024)] = 32,
    resize: Resize = "crop",
    bits: Annotated[int, Field(ge=8, le=16)] | Literal["auto"] = "auto",
    unreadable: Literal["skip", "fail"] = "skip",
    test: Annotated[int, Field(ge=0), at_most(MAX_COUNT)] | Fraction = 0,
    follow_links: bool = False,
) -> Dataset:
    """Load a folder of images, its classes sorted by name.

    Args:
        source: `data` is the folder or archive.
        image_size: Height and width to which every image is resized.
        resize: crop, stretch or pad: see `decode_image`, also for gray, palette, 16-bit and transparent images.
        bits: Significant bits of gray pictures with more than 8 (12 from many cameras and scanners), unless a TIFF says. auto: 16, and refused if
            no such picture uses their upper half, as it would be dark.
        unreadable: Whether files that cannot be decoded are skipped and listed, or stop the command.
        test: Where there is no `test` folder: how many images to split off for test, as a number or a fraction below 1, the same fraction
            of each class. Which ones depends on the files alone, never on a seed. 0: none.
        follow_links: Whether links are followed, to folders and out of the data's folder too.
    Raises:
        UserError: No images in train, a class that train lacks, a damaged archive, a class without a readable image, or pictures of 16 bits of
            which fewer seem to be significant.
    """
    if source.data is None:
        raise UserError(f"data set folder: expected {name_option('data')} with a folder or archive of images, got none")
    files = find_images(source.data, source.say, test=test, follow_links=follow_links)
    reading = Reading(image_size, image_size, resize, 16 if bits == "auto" else bits)
    decoded = read_images(source.data, files, reading, source.say)
    _check_readable(decoded, source, unreadable)
    if bits == "auto":
        check_peaks(source.data, decoded.peaks)
    dark = mention_dark_pictures(source.data, decoded.peaks, source.say) if bits == "auto" else ()
    splits, notes = decoded.splits, (*(f"not readable: {line}" for line in decoded.unreadable), *dark)
    return Dataset("folder", decoded.class_names, splits["train"], splits.get("test"), splits.get("validation"), notes, reading)


def read_images(source: Path, files: ImageFiles, reading: Reading, say: Callable[[str], None]) -> DecodedImages:
    """Return the pixels of image files, from the cache if they were decoded before."""
    key = compute_key(source, files, reading)
    decoded = load_cached(key, say)
    if decoded is None:
        say(f"decoding {count_noun(len(files.labels), 'image')} of {source}")
        decoded = _decode(source, files, reading)
        save_to_cache(key, decoded, say)
    return decoded


def _decode(source: Path, files: ImageFiles, reading: Reading) -> DecodedImages:
    sizes = Counter(split for split, _label in files.labels.values())
    images = {split: np.empty((sizes[split], reading.height, reading.width, 3), np.uint8) for split in SPLITS if sizes[split]}
    rows = _assign_rows(files)
    problems: dict[PurePosixPath, str] = {}
    peaks: dict[PurePosixPath, int | None] = {}
    with count_bar("decoding", len(rows)) as advance:
        for entry in iterate_entries(source, files.follow_links):
            if entry.path not in rows:
                continue
            split, row = rows[entry.path]
            try:
                content = entry.read()
                images[split][row] = decode_image(content, reading)
                peaks[entry.path] = measure_peak(content)
            except UserError:  # the archive is damaged as a whole
                raise
            except Exception as error:  # Pillow's decoders fail in almost any way
                problems[entry.path] = one_line(error) or type(error).__name__
            advance(1)
    return _assemble(files, images, problems, {str(path): peak for path in files.labels if (peak := peaks.get(path)) is not None})


def _assign_rows(files: ImageFiles) -> dict[PurePosixPath, tuple[str, int]]:
    """Return each file's split and its row in that split."""
    counts: Counter[str] = Counter()
    rows = {}
    for path, (split, _label) in files.labels.items():
        rows[path] = split, counts[split]
        counts[split] += 1
    return rows


def _assemble(files: ImageFiles, images: dict[str, np.ndarray], problems: dict[PurePosixPath, str], peaks: dict[str, int]) -> DecodedImages:
    """Return the splits without the rows of unreadable files; nothing is copied if all could be read."""
    splits = {}
    for split, pixels in images.items():
        members = {path: label for path, (owner, label) in files.labels.items() if owner == split}
        readable = np.array([path not in problems for path in members])
        labels = np.array(list(members.values()), np.int64)
        splits[split] = Split(pixels, labels) if readable.all() else Split(pixels[readable], labels[readable])
    return DecodedImages(files.class_names, splits, tuple(f"{path}: {problems[path]}" for path in sorted(problems)), peaks)


def _check_readable(decoded: DecodedImages, source: Source, unreadable: str) -> None:
    if decoded.unreadable:
        line = f"{source.data}: {describe_unreadable(decoded.unreadable, are_skipped=unreadable != 'fail')}"
        if unreadable == "fail":
            raise UserError(line)
        source.say(line)
    counts = count_classes(decoded.splits["train"].labels, len(decoded.class_names))
    empty = [name for name, count in zip(decoded.class_names, counts, strict=True) if not count]
    if empty:
        reason = f" ({one_line(decoded.unreadable[0], 120)})" if decoded.unreadable else ""
        raise UserError(f"{source.data}: train: no readable image of {list_first(empty)}{reason}")
