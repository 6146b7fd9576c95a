"""Pictures with more than 8 bits per sample: scaled by the bits that are significant, and never silently dark."""

import struct
from pathlib import Path

import numpy as np
import pytest
from archives import encoded, private_caches, refusal, write_folder
from picture_files import make_png

from kcifar.datasets.dataset import Source
from kcifar.datasets.decoding import decode_image, measure_peak
from kcifar.datasets.folder import folder
from kcifar.datasets.reading import Reading

RAMP = np.linspace(0, 4095, 64).astype(np.uint16).reshape(8, 8)


@pytest.fixture(autouse=True)
def _caches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    private_caches(tmp_path, monkeypatch)


def twelve_bit_tiff(values: np.ndarray) -> bytes:
    """A TIFF that declares 12 bits per sample: two samples in three bytes (TIFF 6.0)."""
    first, second = values.reshape(-1, 2).astype(int).T
    packed = np.stack([first >> 4, (first & 15) << 4 | second >> 8, second & 255], axis=1).astype(np.uint8).tobytes()
    height, width = values.shape
    tags = {256: width, 257: height, 258: 12, 259: 1, 262: 1, 273: 8, 277: 1, 278: height, 279: len(packed)}
    directory = struct.pack("<H", len(tags)) + b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags.items()) + bytes(4)
    return b"II*\0" + struct.pack("<I", 8 + len(packed)) + packed + directory


def sixteen_bit_color_png(values: np.ndarray) -> bytes:
    height, width = values.shape
    return make_png(width, height, 16, 2, b"".join(b"\0" + np.repeat(row, 3).astype(">u2").tobytes() for row in values))


@pytest.mark.parametrize(("bits", "largest"), [(8, 255), (9, 511), (12, 4095), (14, 16383), (16, 65535)])
def test_the_significant_bits_become_zero_to_255(bits: int, largest: int) -> None:
    values = np.array([[0, largest], [largest // 2, largest]], np.uint16)
    loaded = decode_image(encoded(values), Reading(2, 2, "stretch", bits))
    assert loaded[..., 0].tolist() == [[0, 255], [127, 255]]


@pytest.mark.parametrize(
    "content",
    [twelve_bit_tiff(RAMP), encoded(RAMP, "TIFF", tiffinfo={281: 4095})],
    ids=["12 bits per sample", "16 bits per sample up to 4095"],
)
def test_a_tiff_that_says_how_many_bits_count_is_scaled_by_them(content: bytes) -> None:
    loaded = decode_image(content, Reading(8, 8, "stretch"))
    np.testing.assert_array_equal(loaded[..., 0], RAMP >> 4)
    assert measure_peak(content) is None


def test_values_beyond_the_significant_bits_are_refused() -> None:
    with pytest.raises(ValueError, match=r"expected gray values from 0 to 4095 \(12 bits\), got 0 to 4096"):
        decode_image(encoded(RAMP + (RAMP == 4095)), Reading(8, 8, "stretch", 12))
    with pytest.raises(ValueError, match="16-bit color can be read with 16 significant bits only, got 12; scale its values to 0 to 65535 first"):
        decode_image(sixteen_bit_color_png(RAMP), Reading(8, 8, "stretch", 12))


def write(root: Path, picture: bytes, other: bytes) -> Source:
    return Source(write_folder(root, {f"train/{name}/{number}": picture for name in ("cat", "dog") for number in range(3)} | {"train/dog/3": other}))


@pytest.mark.parametrize("picture", [encoded(RAMP), encoded(RAMP, "TIFF"), sixteen_bit_color_png(RAMP)], ids=["PNG", "TIFF", "color"])
def test_a_data_set_that_would_become_dark_is_refused_every_time(picture: bytes, tmp_path: Path) -> None:
    source = write(tmp_path / "f", picture, encoded((RAMP >> 4).astype(np.uint8)))
    for _ in range(2):
        message = refusal(folder, source, image_size=8)
        assert (
            f"{source.data}: 6 pictures of 16 bits use the values 0 to 4095 only, and would become as dark as 15 of 255; set dataset.bits: 12"
            in message
        )
        assert "16 if they are meant to be dark: train/cat/0, train/cat/1" in message
    assert folder(source, image_size=8, bits=16).train.images[:6].max() == 15


def test_a_data_set_of_twelve_bits_is_bright_once_it_says_so(tmp_path: Path) -> None:
    loaded = folder(write(tmp_path / "f", encoded(RAMP), encoded((RAMP >> 4).astype(np.uint8))), image_size=8, bits=12)
    np.testing.assert_array_equal(loaded.train.images[..., 0], np.stack([RAMP >> 4] * 7))
    assert loaded.reading == Reading(8, 8, "crop", 12)


def test_dark_pictures_beside_bright_ones_are_named_every_time(tmp_path: Path) -> None:
    source = write(tmp_path / "f", encoded(RAMP * 16), encoded(RAMP))
    for _ in range(2):
        said: list[str] = []
        loaded = folder(Source(source.data, say=said.append), image_size=8)
        assert loaded.notes == ("train/dog/3: nearly black: 16-bit values up to 4095",)
        assert "pictures of 16 bits that become nearly black (dataset.bits says how many are significant): train/dog/3: " in said[-1]


def test_pictures_of_eight_bits_have_no_peak() -> None:
    assert measure_peak(encoded((RAMP >> 4).astype(np.uint8))) is None
    assert measure_peak(encoded(RAMP)) == 4095
    assert measure_peak(sixteen_bit_color_png(RAMP)) == 15 * 256 + 255
