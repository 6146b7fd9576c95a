"""Pictures with more than 8 bits per sample: how many of them count, and how they become 8.

A file of 16 bits often holds 10, 12 or 14: cameras and scanners store 0 to 4095 in it. Read as 16 bits, such a picture is nearly black.
"""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import numpy as np

from kcifar.core.errors import UserError
from kcifar.datasets.messages import count_noun, list_first

if TYPE_CHECKING:
    from PIL import Image

_BITS_PER_SAMPLE, _MAX_SAMPLE_VALUE = 258, 281  # TIFF 6.0
# A picture below this becomes at most 15 of 255.
_NEARLY_BLACK = 1 << 12


def reduce_to_eight_bits(image: "Image.Image", bits: int) -> "Image.Image":
    """Return an opened image with at most 8 bits per sample.

    Args:
        image: As opened by Pillow, its pixels not loaded yet.
        bits: Significant bits of gray images that have more than 8, unless the file itself says (TIFF): 8 to 16.
    Raises:
        ValueError: Floating-point pixels, values beyond those bits, or 16-bit color with fewer significant bits, which Pillow cannot scale.
    """
    from PIL import Image

    if image.mode == "F":
        raise ValueError("floating-point pixels have no scale of 0 to 255")
    if image.mode.startswith("I"):
        depth = _find_declared_bits(image) or bits
        values = np.asarray(image)
        if values.min() < 0 or values.max() >= 1 << depth:
            raise ValueError(f"expected gray values from 0 to {(1 << depth) - 1} ({depth} bits), got {values.min()} to {values.max()}")
        return Image.fromarray((values >> (depth - 8)).astype(np.uint8))
    if bits != 16 and _has_sixteen_bit_color(image):
        raise ValueError(f"16-bit color can be read with 16 significant bits only, got {bits}; scale its values to 0 to 65535 first")
    return image


def find_peak(image: "Image.Image") -> int | None:
    """Return the largest value of an image with more than 8 bits per sample, from 0 to 65535; None if it has 8, or says how many are significant.

    Args:
        image: As opened by Pillow, its pixels not loaded yet. Color, of which Pillow keeps the upper 8 bits, counts as the largest value with those.
    """
    if image.mode.startswith("I"):
        return None if _find_declared_bits(image) else int(np.asarray(image).max())
    return int(np.asarray(image.convert("RGB")).max()) * 256 + 255 if _has_sixteen_bit_color(image) else None


def check_peaks(place: object, peaks: Mapping[str, int]) -> None:
    """Refuse pictures of 16 bits that would become dark because fewer of them are significant.

    Args:
        place: What the message begins with.
        peaks: The largest value of each picture that has more than 8 bits per sample.
    Raises:
        UserError: No picture uses the upper half of 16 bits.
    """
    largest = max(peaks.values(), default=0xFFFF)
    if largest < 1 << 15:
        bits = max(largest.bit_length(), 8)
        raise UserError(
            f"{place}: {count_noun(len(peaks), 'picture')} of 16 bits use{'s' * (len(peaks) == 1)} "
            f"the values 0 to {largest} only, and would become as dark as {largest >> 8} of 255; "
            f"set dataset.bits: {bits} if that many are significant, 16 if they are meant to be dark: {list_first(peaks)}"
        )


def mention_dark_pictures(place: object, peaks: Mapping[str, int], say: Callable[[str], None]) -> tuple[str, ...]:
    """Report, and return one line for, each picture of 16 bits that becomes nearly black.

    Args:
        place: What the report begins with.
        peaks: As for `check_peaks`.
        say: Called with one line if there are such pictures.
    """
    dark = tuple(f"{path}: nearly black: 16-bit values up to {peak}" for path, peak in peaks.items() if peak < _NEARLY_BLACK)
    if dark:
        say(f"{place}: pictures of 16 bits that become nearly black (dataset.bits says how many are significant): {list_first(dark)}")
    return dark


def _find_declared_bits(image: "Image.Image") -> int | None:
    """Return the significant bits that a TIFF declares, if fewer than 16."""
    tags = getattr(image, "tag_v2", {})
    stored = min(np.ravel(tags.get(_BITS_PER_SAMPLE, 16)))
    largest = max(np.ravel(tags.get(_MAX_SAMPLE_VALUE, 0xFFFF)))
    bits = min(int(stored), int(largest).bit_length())
    return bits if 8 < bits < 16 else None


def _has_sixteen_bit_color(image: "Image.Image") -> bool:
    """Return whether Pillow will keep the upper byte of each sample: its decoders name such data "RGB;16B" and the like."""
    return not image.mode.startswith("I") and ";16" in repr(getattr(image, "tile", ()))
