"""Laws of data sets from memory, from a user's .npz, of the digits, and of `load_dataset`."""

import zipfile
from pathlib import Path

import numpy as np
import pytest
from archives import private_caches, refusal
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from kcifar.datasets import DATASETS
from kcifar.datasets.arrays import from_arrays
from kcifar.datasets.checksum import compute_content_sha256
from kcifar.datasets.dataset import Dataset, Source
from kcifar.datasets.digits import digits
from kcifar.datasets.load import load_dataset
from kcifar.datasets.npz import npz
from kcifar.datasets.stratified_split import split_off

IMAGES = np.random.default_rng(0).integers(0, 256, (6, 5, 4, 3), np.uint8)
GOLDEN_DIGITS = "025e10549c4887359fe795b85ab2864b85d3dd53dc2e770c5aba325d0166214f"
LABELS = np.array([0, 1, 2, 0, 1, 2])


@pytest.fixture(autouse=True)
def _caches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    private_caches(tmp_path, monkeypatch)


@pytest.fixture(scope="module")
def loaded() -> Dataset:
    return digits(Source())


def test_bytes_are_used_as_they_are() -> None:
    assert from_arrays((IMAGES, LABELS)).train.images is IMAGES


@settings(deadline=None)
@given(arrays.arrays(np.uint8, (3, 2, 2, 3), elements=st.integers(0, 255)), st.sampled_from("iuf"), st.sampled_from([2, 4, 8]))
def test_whole_numbers_of_any_type_are_the_same_images(images: np.ndarray, kind: str, size: int) -> None:
    if images.max() == 1:
        images = images + np.uint8(2)
    result = from_arrays((images.astype(f"{kind}{size}"), [0, 1, 0])).train.images
    assert result.dtype == np.uint8
    np.testing.assert_array_equal(result, images)


@pytest.mark.parametrize("shape", [(6, 5, 4), (6, 5, 4, 1)])
def test_grey_is_repeated_to_three_channels(shape: tuple[int, ...]) -> None:
    gray = IMAGES[..., 0].reshape(shape)
    result = from_arrays((gray, LABELS)).train.images
    np.testing.assert_array_equal(result, np.stack([IMAGES[..., 0]] * 3, axis=-1))


@pytest.mark.parametrize("dtype", [np.uint8, np.int32, np.uint64])
@pytest.mark.parametrize("shape", [(6,), (6, 1)])
def test_labels_come_in_any_integer_type_and_keras_columns(shape: tuple[int, ...], dtype: type) -> None:
    result = from_arrays((IMAGES, LABELS.astype(dtype).reshape(shape)))
    assert result.train.labels.dtype == np.int64
    np.testing.assert_array_equal(result.train.labels, LABELS)
    assert result.class_names == ("0", "1", "2")


def test_class_names_count_the_labels_of_all_splits() -> None:
    assert from_arrays((IMAGES, LABELS), test=(IMAGES[:1], [4])).class_names == ("0", "1", "2", "3", "4")


@pytest.mark.parametrize(
    ("images", "labels", "expected"),
    [
        (IMAGES / 255, LABELS, "expected whole numbers from 0 to 255, got float64 from 0 to 1; multiply by 255 and round"),
        (IMAGES / 127.5 - 1, LABELS, "got float64 from -1 to 1; if 0 is the middle gray, add 1, multiply by 127.5 and round"),
        ((IMAGES - 120.0) / 60, LABELS, "got float64 from -2 to 2.25; undo the normalization: the recipe's input.normalization does it"),
        ((IMAGES > 100).astype(np.float32), LABELS, "expected whole numbers from 0 to 255, got only 0 and 1; multiply by 255"),
        ((IMAGES > 100).astype(np.int64), LABELS, "got only 0 and 1; multiply by 255"),
        ((IMAGES > 100).astype(np.uint8), LABELS, "got only 0 and 1; multiply by 255"),
        ((IMAGES > 100).astype(np.uint8)[..., 0], LABELS, "got only 0 and 1; multiply by 255"),
        (IMAGES * 0.5, LABELS, "got float64 from 0 to 127.5; round them"),
        (np.where(IMAGES > 100, np.nan, 7.0), LABELS, "got float64 from nan to nan; replace values that are no numbers"),
        (np.where(IMAGES > 100, np.inf, 7.0), LABELS, "got float64 from 7 to inf; replace values that are no numbers"),
        (IMAGES.astype(np.int16) - 1, LABELS, "from -1 to"),
        (IMAGES.astype(np.int16) + 1, LABELS, "to 256"),
        (IMAGES.astype(np.uint16) * 16, LABELS, "got uint16 from 0 to 4080; if 12 bits are significant, shift them with images >> 4"),
        (IMAGES > 100, LABELS, "got bool; convert with images.astype(np.uint8) * 255"),
        (IMAGES.astype(str), LABELS, "got <U3"),
        (IMAGES.transpose(0, 3, 1, 2), LABELS, "put the channels last"),
        (IMAGES[0, 0], LABELS, "got (4, 3)"),
        (IMAGES[..., :2], LABELS, "got (6, 5, 4, 2)"),
        (IMAGES[..., [0, 1, 2, 0]], LABELS, "got (6, 5, 4, 4); drop the alpha channel with images[..., :3]"),
        (IMAGES.reshape(6, -1)[:, :48], LABELS, "got (6, 48); if each row is an image, reshape to (count, 4, 4, 3)"),
        (IMAGES.reshape(6, -1)[:, :49], LABELS, "got (6, 49); if each row is an image, reshape to (count, 7, 7)"),
        ([*IMAGES[:5], IMAGES[5, :3]], LABELS, "expected images of one shape, got (5, 4, 3) at 0 and (3, 4, 3) at 5; resize them to one size first"),
        ([*IMAGES[:5], IMAGES[5, ..., 0]], LABELS, "got (5, 4, 3) at 0 and (5, 4) at 5; resize"),
        ([*IMAGES[:5], None], LABELS, "got (5, 4, 3) at 0 and NoneType at 5; resize"),
        (np.array([*IMAGES[:5], None], object), LABELS, "got (5, 4, 3) at 0 and NoneType at 5; resize"),
        (IMAGES, LABELS[:5], "int64 labels (6,)"),
        (IMAGES, LABELS - 1, "got -1 to 1"),
        (IMAGES, LABELS.astype(float), "expected integer labels (count,) or (count, 1), got float64 (6,); convert with labels.astype(int)"),
        (IMAGES, LABELS > 0, "got bool (6,); convert with labels.astype(int)"),
        (IMAGES, ["cat"] * 6, "got <U3 (6,); number the classes from 0, and give their names as class_names"),
        (IMAGES, [[0], [1, 2], 0, 1, 2, 0], "got (1,) at 0 and (2,) at 1; give each image one number"),
        (IMAGES, np.eye(3)[LABELS], "argmax"),
        (IMAGES[:0], LABELS[:0], "at least one image"),
    ],
)
def test_what_training_would_misread_is_refused(images: np.ndarray, labels: np.ndarray, expected: str) -> None:
    message = refusal(from_arrays, (images, labels))
    assert "data set arrays: train" in message
    assert expected in message


def test_black_images_are_images_and_an_image_of_zero_and_one_among_others_too() -> None:
    assert from_arrays((np.zeros_like(IMAGES), LABELS)).train.images.max() == 0
    mixed = np.minimum(IMAGES, 1)
    mixed[5, 4, 3, 2] = 2
    assert from_arrays((mixed, LABELS)).train.images is mixed


def test_images_are_looked_at_beyond_the_first_thousand() -> None:
    """A thousand are looked at together; the first thousand decides only if it holds more than 0 and 1."""
    images, labels = np.ones((1001, 1, 1, 3), np.uint8), np.arange(1001) % 2
    assert "got only 0 and 1" in refusal(from_arrays, (images, labels))
    images[1000] = 7
    assert from_arrays((images, labels)).train.images is images


def test_splits_must_be_pairs_and_fit_together() -> None:
    assert "pair (images, labels)" in refusal(from_arrays, IMAGES)
    assert "like the train split" in refusal(from_arrays, (IMAGES, LABELS), test=(IMAGES[:, :3], LABELS))
    assert "labels from 0 to 1, got 0 to 2" in refusal(from_arrays, (IMAGES, LABELS), class_names=("a", "b"))


def test_npz_holds_what_was_saved(tmp_path: Path) -> None:
    pairs = {"x_train": IMAGES, "y_train": LABELS, "x_val": IMAGES[:2], "y_val": LABELS[:2], "x_test": IMAGES[2:5], "y_test": LABELS[2:5]}
    np.savez_compressed(tmp_path / "own.npz", class_names=["cat", "dog", "hen"], **pairs)
    result = load_dataset("npz", {}, Source(tmp_path / "own.npz"))
    assert result.class_names == ("cat", "dog", "hen")
    assert result.validation is not None
    assert result.test is not None
    for split, (x, y) in zip(
        (result.train, result.validation, result.test), (("x_train", "y_train"), ("x_val", "y_val"), ("x_test", "y_test")), strict=True
    ):
        np.testing.assert_array_equal(split.images, pairs[x])
        np.testing.assert_array_equal(split.labels, pairs[y])


def test_npz_says_which_arrays_it_does_not_use(tmp_path: Path) -> None:
    np.savez(tmp_path / "own.npz", x_train=IMAGES, y_train=LABELS, x_tests=IMAGES)
    said: list[str] = []
    assert npz(Source(tmp_path / "own.npz", say=said.append)).test is None
    assert len(said) == 1
    assert "'x_tests' is not used; did you mean 'x_test'?" in said[0]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ({"x_train": IMAGES}, "y_train missing; it contains x_train"),
        ({"images": IMAGES}, "x_train, y_train missing; it contains no array with a known name"),
        ({"x_train": IMAGES, "y_train": LABELS, "x_val": IMAGES}, "y_val missing"),
        ({"x_train": IMAGES, "y_train": np.array([None] * 6)}, "y_train: cannot be read"),
        ({"x_train": IMAGES, "y_train": LABELS, "class_names": LABELS}, "class_names: expected a list of texts"),
        ({"x_train": IMAGES, "y_train": LABELS, "class_names": ["cat"]}, "labels from 0 to 0, got 0 to 2"),
        ({"x_train": IMAGES / 255, "y_train": LABELS}, "whole numbers"),
    ],
)
def test_npz_mistakes_name_file_and_array(content: dict[str, np.ndarray], expected: str, tmp_path: Path) -> None:
    np.savez(tmp_path / "own.npz", **content)
    message = refusal(npz, Source(tmp_path / "own.npz"))
    assert str(tmp_path / "own.npz") in message
    assert expected in message


def test_npz_needs_a_file(tmp_path: Path) -> None:
    assert "--data" in refusal(npz, Source())
    assert "found a folder" in refusal(npz, Source(tmp_path))
    assert "found nothing" in refusal(npz, Source(tmp_path / "none.npz"))
    np.save(tmp_path / "array.npy", IMAGES)
    assert "not a .npz file" in refusal(npz, Source(tmp_path / "array.npy"))


def test_npz_that_claims_more_than_there_is_is_one_line(tmp_path: Path) -> None:
    """A header is a few bytes; what it promises is not reserved."""
    with zipfile.ZipFile(tmp_path / "own.npz", "w") as archive:
        for name in ("x_train.npy", "y_train.npy"):
            with archive.open(name, "w") as file:
                np.lib.format.write_array_header_1_0(file, {"descr": "|u1", "fortran_order": False, "shape": (2**45, 32, 32, 3)})
    assert "x_train: cannot be read" in refusal(npz, Source(tmp_path / "own.npz"))


def test_digits_are_the_real_ones(loaded: Dataset) -> None:
    from sklearn.datasets import load_digits

    bunch = load_digits()
    assert loaded.test is not None
    assert (len(loaded.train), len(loaded.test), loaded.image_shape) == (1437, 360, (32, 32, 3))
    train, test = split_off(bunch.target, 360, int.from_bytes(b"digits", "big"))
    np.testing.assert_array_equal(loaded.train.labels, bunch.target[train])
    np.testing.assert_array_equal(loaded.test.labels, bunch.target[test])
    shrunk = loaded.train.images[..., 0].reshape(-1, 8, 4, 8, 4).mean(axis=(2, 4))
    original = bunch.images[train] * 255 / 16
    assert np.corrcoef(shrunk.ravel(), original.ravel())[0, 1] > 0.97
    assert (loaded.train.images.min(), loaded.train.images.max()) == (0, 255)
    np.testing.assert_array_equal(loaded.train.images[..., 0], loaded.train.images[..., 2])


def test_digits_are_stratified_and_golden(loaded: Dataset) -> None:
    assert loaded.test is not None
    shares = np.bincount(loaded.test.labels) / (np.bincount(loaded.train.labels) + np.bincount(loaded.test.labels))
    assert np.abs(shares - 360 / 1797).max() < 1 / 170
    assert compute_content_sha256(loaded) == GOLDEN_DIGITS


def test_digits_take_no_files(tmp_path: Path) -> None:
    assert "leave out --data" in refusal(digits, Source(tmp_path))
    assert "leave out --data" in refusal(digits, Source(url="http://127.0.0.1/"))


def test_front_door_knows_every_data_set_and_checks_its_arguments(tmp_path: Path) -> None:
    assert set(DATASETS.names()) >= {"cifar10", "cifar100", "digits", "folder", "npz"}
    assert "no data set 'cifar11'; did you mean 'cifar10'?" in refusal(load_dataset, "cifar11", {}, Source())
    place = "stages/mine.yaml:4: dataset"
    for name, arguments, expected in (
        ("cifar100", {"labels": "fin"}, "labels: expected one of 'fine', 'coarse', got 'fin'"),
        ("cifar10", {"labels": "fine"}, "unknown key"),
        ("folder", {"image_size": 0}, "image_size: expected an integer > 0 and <= 1024, got 0"),
        ("folder", {"image_size": 1025}, "got 1025"),
        ("folder", {"resize": "cut"}, "'crop', 'stretch', 'pad'"),
        ("folder", {"source": "x"}, "unknown key"),
    ):
        message = refusal(load_dataset, name, arguments, Source(tmp_path), place)
        assert message.startswith(place)
        assert expected in message
