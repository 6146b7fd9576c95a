"""Laws of a user's own folder of images: the same data from folder and archive, decoded once, and no unnecessary failures."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
from archives import encoded, private_caches, refusal, write_folder, write_tar, write_zip
from PIL import Image, UnidentifiedImageError

from kcifar.datasets.checksum import compute_content_sha256
from kcifar.datasets.dataset import Source
from kcifar.datasets.decoding import decode_image
from kcifar.datasets.folder import folder
from kcifar.datasets.reading import Reading, Resize

RANDOM = np.random.default_rng(0)
ORANGE = (250, 130, 20)


@pytest.fixture(autouse=True)
def _caches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    private_caches(tmp_path, monkeypatch)


def noise(size: int = 32) -> np.ndarray:
    return RANDOM.integers(0, 256, (size, size, 3), np.uint8)


PIXELS = {f"{part}/{name}/{number}.png": noise() for part in ("train", "validation", "test") for name in ("hen", "cat", "dog") for number in range(2)}
FILES = {name: encoded(pixels) for name, pixels in PIXELS.items()}


def wrapped(files: dict[str, bytes]) -> dict[str, bytes]:
    return {f"my images/{name}": content for name, content in reversed(files.items())}


FORMS: dict[str, Callable[[Path], Path]] = {
    "folder": lambda root: write_folder(root / "f", FILES),
    "wrapped folder": lambda root: write_folder(root / "f", wrapped(FILES)),
    "tar": lambda root: write_tar(root / "a.tar", FILES, "w"),
    "wrapped tar.gz": lambda root: write_tar(root / "a.tar.gz", wrapped(FILES), "w:gz"),
    "tar.xz": lambda root: write_tar(root / "a.tar.xz", FILES, "w:xz"),
    "tar of ./": lambda root: write_tar(root / "a.tar", {f"./{name}": content for name, content in FILES.items()}, "w"),
    "zip": lambda root: write_zip(root / "a.zip", FILES),
    "wrapped zip": lambda root: write_zip(root / "a.zip", wrapped(FILES)),
    "litter beside the images": lambda root: write_zip(
        root / "a.zip", {**FILES, "__MACOSX/train/x/._1.png": b"", ".DS_Store": b"", "train/cat/Thumbs.db": b"", "train/.hidden/1.png": b""}
    ),
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_has_the_same_images(form: str, tmp_path: Path) -> None:
    said: list[str] = []
    loaded = folder(Source(FORMS[form](tmp_path), say=said.append))
    assert loaded.class_names == ("cat", "dog", "hen")
    assert len(said) == 1
    assert said[0].startswith("decoding 18 images")
    for title, part in loaded.splits().items():
        expected = [PIXELS[f"{title}/{name}/{number}.png"] for name in ("cat", "dog", "hen") for number in range(2)]
        np.testing.assert_array_equal(part.images, np.stack(expected))
        assert part.labels.tolist() == [0, 0, 1, 1, 2, 2]


def solid(mode: str) -> Image.Image:
    return Image.new("RGB", (40, 40), ORANGE).convert(mode)


GREY = solid("L").getpixel((0, 0))
HALF = Image.new("RGBA", (40, 40), (*ORANGE, 128))
SIXTEEN = Image.fromarray(np.full((40, 40), 0x1234, np.uint16))


@pytest.mark.parametrize(
    ("image", "kind", "expected", "tolerance"),
    [
        (solid("RGB"), "PNG", ORANGE, 0),
        (solid("RGB"), "BMP", ORANGE, 0),
        (solid("RGB"), "TIFF", ORANGE, 0),
        (solid("RGB"), "PPM", ORANGE, 0),
        (solid("RGB"), "TGA", ORANGE, 0),
        (solid("RGB"), "ICO", ORANGE, 0),
        (solid("RGB"), "JPEG", ORANGE, 3),
        (solid("RGB"), "JPEG2000", ORANGE, 1),
        (solid("RGB"), "WEBP", ORANGE, 4),
        (solid("RGB"), "GIF", ORANGE, 8),
        (solid("L"), "PNG", GREY, 0),
        (solid("L"), "JPEG", GREY, 1),
        (solid("1"), "PNG", None, 0),
        (solid("P"), "PNG", None, 0),
        (solid("CMYK"), "TIFF", ORANGE, 2),
        (HALF, "PNG", ORANGE, 0),
        (HALF, "WEBP", ORANGE, 4),
        (HALF.convert("LA"), "PNG", GREY, 0),
        (SIXTEEN, "PNG", 0x12, 0),
        (SIXTEEN, "TIFF", 0x12, 0),
    ],
)
def test_formats_and_modes_become_rgb(image: Image.Image, kind: str, expected: object, tolerance: int) -> None:
    loaded = decode_image(encoded(image, kind), Reading(32, 32, "crop"))
    assert loaded.shape == (32, 32, 3)
    assert loaded.dtype == np.uint8
    if expected is not None:
        assert np.abs(loaded.astype(int) - np.array(expected)).max() <= tolerance
    else:
        np.testing.assert_array_equal(loaded[:32, :32], np.asarray(image.convert("RGB").resize((32, 32), Image.Resampling.BILINEAR)))


def test_resizing_by_hand() -> None:
    """Three squares side by side, black, white, black: the middle one is cropped, all are stretched, or black lies above and below."""
    strip = np.zeros((32, 96, 3), np.uint8)
    strip[:, 32:64] = 255
    content = encoded(strip)
    assert (decode_image(content, Reading(32, 32, "crop")) == 255).all()
    stretched = decode_image(content, Reading(32, 32, "stretch"))
    assert (stretched[:, 13:19] == 255).all()
    assert (stretched[:, [*range(9), *range(23, 32)]] == 0).all()
    padded = decode_image(content, Reading(32, 32, "pad"))
    assert (padded[[*range(10), *range(22, 32)]] == 0).all()
    assert (padded[13:19, 13:19] == 255).all()
    for resize in get_args(Resize):
        assert decode_image(encoded(np.zeros((1, 400, 3), np.uint8)), Reading(32, 32, resize)).shape == (32, 32, 3)


def test_eps_is_a_program_and_not_an_image() -> None:
    with pytest.raises(UnidentifiedImageError):
        decode_image(encoded(noise(), "EPS"), Reading(32, 32, "crop"))


def test_one_damaged_and_one_ignored_file_are_counted_as_one(tmp_path: Path) -> None:
    said: list[str] = []
    folder(Source(write_folder(tmp_path / "f", FILES | {"train/cat/cut.png": b"", "train/notes.md": b""}), say=said.append))
    assert any(": 1 file ignored; " in line for line in said)
    assert f"{tmp_path / 'f'}: 1 file cannot be read and is skipped: train/cat/cut.png: " in said[-1]


def test_damaged_files_are_listed_or_fatal_as_requested(tmp_path: Path) -> None:
    bomb = encoded(Image.new("1", (10_000, 10_000)))  # 12 kB that would fill 300 MB; Pillow warns from 89 million pixels on
    bad = {
        "train/cat/bomb.png": bomb,
        "train/cat/cut.png": FILES["train/cat/0.png"][:1000],
        "train/dog/empty.jpg": b"",
        "train/dog/text": b"no image",
        "test/dog/float.tif": encoded(Image.fromarray(np.zeros((4, 4), np.float32)), "TIFF"),
    }
    for data in (write_folder(tmp_path / "f", FILES | bad), write_tar(tmp_path / "a.tgz", FILES | bad), write_zip(tmp_path / "a.zip", FILES | bad)):
        said: list[str] = []
        loaded = folder(Source(data, say=said.append))
        assert len(loaded.train) == 6
        np.testing.assert_array_equal(loaded.train.images[0], PIXELS["train/cat/0.png"])
        assert loaded.train.labels.tolist() == [0, 0, 1, 1, 2, 2]
        assert "5 files cannot be read and are skipped: test/dog/float.tif" in said[-1]
        assert said[-1].endswith("and 2 more")
        assert len(loaded.notes) == 5
        again: list[str] = []
        assert compute_content_sha256(folder(Source(data, say=again.append))) == compute_content_sha256(loaded)
        assert again == said[-1:]
        message = refusal(folder, Source(data), unreadable="fail")
        assert "5 files cannot be read: " in message


def test_other_files_are_ignored_with_a_message(tmp_path: Path) -> None:
    said: list[str] = []
    extra = {"README.txt": b"", "train/labels.csv": b"", "val/cat/1.png": FILES["test/cat/0.png"], "train/cat/notes.txt": b""}
    loaded = folder(Source(write_folder(tmp_path, FILES | extra), say=said.append))
    assert len(loaded.train) == 6
    assert "4 files ignored" in said[0]
    assert "README.txt, train/cat/notes.txt, train/labels.csv, and 1 more" in said[0]


def test_images_deeper_in_a_class_belong_to_it(tmp_path: Path) -> None:
    loaded = folder(Source(write_folder(tmp_path, FILES | {"train/cat/2024/may/1.png": FILES["train/cat/0.png"]})))
    assert loaded.train.labels.tolist() == [0, 0, 0, 1, 1, 2, 2]


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({}, "it contains no images"),
        ({"list.txt": b"", "cat/notes.txt": b""}, "it contains no images"),
        ({"1.png": b"", "2.png": b""}, "it contains 1.png, 2.png"),
        ({"cat/1.png": b"", "cat/2.png": b""}, "it contains cat"),
        ({"cat/1.png": b"", "dog/1.png": b""}, "no readable image of cat, dog (cat/1.png: "),
        ({"train/1.png": b""}, "none (links to folders are followed only with follow_links: true)"),
        ({"train/cat/1.png": FILES["train/cat/0.png"]}, "at least two classes in train/<class>/…, got cat"),
        (FILES | {"test/dgo/1.png": b""}, "test has a class 'dgo' that train lacks; did you mean 'dog'?"),
        (FILES | {"validation/bird/1.png": b""}, "validation has a class 'bird'"),
        ({**FILES, "train/cow/1.png": b"damaged"}, "no readable image of cow"),
        ({"train/a\nb/1.png": b"", "train/c/1.png": b""}, "printable"),
    ],
)
def test_folder_of_another_shape_is_refused(files: dict[str, bytes], expected: str, tmp_path: Path) -> None:
    (tmp_path / "f").mkdir()
    assert expected in refusal(folder, Source(write_folder(tmp_path / "f", files)))


def test_folder_needs_data(tmp_path: Path) -> None:
    assert "--data" in refusal(folder, Source())
    assert "no such file" in refusal(folder, Source(tmp_path / "none"))


def test_decoded_images_are_cached_by_content_and_settings(tmp_path: Path) -> None:
    data = write_folder(tmp_path / "f", FILES)
    said: list[str] = []
    source = Source(data, say=said.append)

    def decodings() -> int:
        return sum(line.startswith("decoding") for line in said)

    first = compute_content_sha256(folder(source))
    assert compute_content_sha256(folder(source)) == first
    assert decodings() == 1
    assert folder(source, image_size=16).image_shape == (16, 16, 3)
    folder(source, resize="pad")
    assert decodings() == 3
    os.utime(data / "train/cat/0.png", (0, 0))
    data.rename(tmp_path / "moved")
    assert compute_content_sha256(folder(Source(tmp_path / "moved", say=said.append))) == first
    assert decodings() == 3
    write_folder(tmp_path / "moved", {"train/cat/0.png": encoded(noise())})
    assert compute_content_sha256(folder(Source(tmp_path / "moved", say=said.append))) != first
    assert decodings() == 4


@pytest.mark.parametrize("damage", [lambda raw: b"", lambda raw: raw[:-100], lambda raw: raw[:5000] + bytes(100) + raw[5100:], lambda raw: b"x" * 10])
def test_damaged_cache_is_rebuilt(damage: Callable[[bytes], bytes], tmp_path: Path) -> None:
    said: list[str] = []
    source = Source(write_folder(tmp_path / "f", FILES), say=said.append)
    first = compute_content_sha256(folder(source))
    (kept,) = (tmp_path / "our cache" / "folder").iterdir()
    whole = kept.read_bytes()
    kept.write_bytes(damage(whole))
    assert compute_content_sha256(folder(source)) == first
    assert any("damaged" in line for line in said)
    assert kept.read_bytes() == whole


def test_cache_that_cannot_be_written_is_no_obstacle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("KCIFAR_CACHE", str(tmp_path / "file"))
    said: list[str] = []
    assert len(folder(Source(write_folder(tmp_path / "f", FILES), say=said.append)).train) == 6
    assert any("not cached" in line for line in said)


def test_links_are_followed_inside_the_folder_only(tmp_path: Path) -> None:
    data = write_folder(tmp_path / "f", FILES)
    (tmp_path / "secret.png").write_bytes(FILES["test/cat/0.png"])
    (data / "train/cat/inside.png").symlink_to(data / "train/dog/0.png")
    (data / "train/cat/outside.png").symlink_to(tmp_path / "secret.png")
    (data / "train/cat/loop").symlink_to(data / "train")
    (data / "train/cat/nowhere.png").symlink_to(data / "gone.png")
    os.mkfifo(data / "train/cat/pipe.png")
    loaded = folder(Source(data))
    np.testing.assert_array_equal(loaded.train.images[2], PIXELS["train/dog/0.png"])
    assert len(loaded.train) == 7
    assert [note.split(": ")[1] for note in loaded.notes] == ["train/cat/loop", "train/cat/nowhere.png", "train/cat/outside.png"]


@pytest.mark.parametrize("name", ["../train/cat/9.png", "/train/cat/9.png", "train/../../cat/9.png"])
def test_archive_that_points_outside_is_refused(name: str, tmp_path: Path) -> None:
    for data in (write_tar(tmp_path / "a.tar", {**FILES, name: b""}, "w"), write_zip(tmp_path / "a.zip", {**FILES, name: b""})):
        assert "outside the archive" in refusal(folder, Source(data))


@pytest.mark.parametrize("form", ["tar", "wrapped tar.gz", "tar.xz", "zip"])
@pytest.mark.parametrize("keep", [0.1, 0.6, 0.95])
def test_truncated_archive_is_refused_entirely(form: str, keep: float, tmp_path: Path) -> None:
    data = FORMS[form](tmp_path)
    content = data.read_bytes().rstrip(b"\0")
    data.write_bytes(content[: int(keep * len(content))])
    assert str(data) in refusal(folder, Source(data))


def test_one_damaged_file_of_a_zip_is_only_listed(tmp_path: Path) -> None:
    data = write_zip(tmp_path / "a.zip", FILES)
    content = bytearray(data.read_bytes())
    content[2000:2010] = bytes(10)
    data.write_bytes(content)
    assert len(folder(Source(data)).notes) == 1
