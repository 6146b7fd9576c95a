"""Laws of CIFAR's loaders: every official form gives the same data set, and damaged or malicious files are refused by name."""

import io
import pickle
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
from archives import (
    TEST_ROWS,
    TRAIN_ROWS,
    Files,
    cifar10_binary,
    cifar10_python,
    cifar100_binary,
    cifar100_python,
    keras_npz,
    private_caches,
    python2,
    refusal,
    sample,
    write_folder,
    write_tar,
)

from kcifar.datasets.checksum import compute_content_sha256
from kcifar.datasets.cifar import cifar10, cifar100
from kcifar.datasets.cifar_names import CIFAR10_NAMES, CIFAR100_COARSE_NAMES, CIFAR100_FINE_NAMES
from kcifar.datasets.dataset import Source

DATA = sample()
PYTHON, BINARY = cifar10_python(DATA), cifar10_binary(DATA)
PY, BIN = "cifar-10-batches-py", "cifar-10-batches-bin"


@pytest.fixture(autouse=True)
def _caches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    private_caches(tmp_path, monkeypatch)


def python3(protocol: int) -> Callable[[object], bytes]:
    return lambda content: pickle.dumps(content, protocol)


def shuffled(files: Files) -> Files:
    """The official archive does not hold its batches in order either."""
    return dict(sorted(files.items(), reverse=True))


CIFAR10_FORMS: dict[str, Callable[[Path], Path]] = {
    "Python folder": lambda root: write_folder(root, PYTHON) / PY,
    "folder around the Python folder": lambda root: write_folder(root, PYTHON),
    "Python archive": lambda root: write_tar(root / "a.tar.gz", shuffled(PYTHON)),
    "Python archive without compression": lambda root: write_tar(root / "a", PYTHON, "w"),
    "Python archive without a folder": lambda root: write_tar(root / "a.tgz", {"./" + name.split("/")[1]: raw for name, raw in PYTHON.items()}),
    "folder around the Python archive": lambda root: write_tar(root / "cifar-10-python.tar.gz", PYTHON).parent,
    "written by Python 3, protocol 2": lambda root: write_folder(root, cifar10_python(DATA, python3(2))),
    "written by Python 3, protocol 4": lambda root: write_folder(root, cifar10_python(DATA, python3(4))),
    "binary folder": lambda root: write_folder(root, BINARY) / BIN,
    "folder around the binary folder": lambda root: write_folder(root, BINARY),
    "binary archive": lambda root: write_tar(root / "b.tar.gz", shuffled(BINARY)),
    "folder around the binary archive": lambda root: write_tar(root / "cifar-10-binary.tar.gz", BINARY).parent,
    "npz": lambda root: keras_npz(root / "cifar10.npz", DATA, DATA.labels),
}


@pytest.mark.parametrize("form", CIFAR10_FORMS)
def test_every_form_of_cifar10_has_the_same_data(form: str, tmp_path: Path) -> None:
    data = CIFAR10_FORMS[form](tmp_path)
    loaded = cifar10(Source(data))
    assert loaded.test is not None
    assert loaded.class_names == CIFAR10_NAMES
    np.testing.assert_array_equal(loaded.train.images, DATA.images[:TRAIN_ROWS])
    np.testing.assert_array_equal(loaded.train.labels, DATA.labels[:TRAIN_ROWS])
    np.testing.assert_array_equal(loaded.test.images, DATA.images[TRAIN_ROWS:])
    np.testing.assert_array_equal(loaded.test.labels, DATA.labels[TRAIN_ROWS:])


@pytest.mark.parametrize("labels", ["fine", "coarse"])
def test_every_form_of_cifar100_has_the_same_data(labels: Literal["fine", "coarse"], tmp_path: Path) -> None:
    column = DATA.fine if labels == "fine" else DATA.coarse
    forms = [
        write_folder(tmp_path, cifar100_python(DATA)) / "cifar-100-python",
        write_tar(tmp_path / "p.tar.gz", cifar100_python(DATA)),
        write_folder(tmp_path, cifar100_binary(DATA)) / "cifar-100-binary",
        write_tar(tmp_path / "b.tar.gz", cifar100_binary(DATA)),
        keras_npz(tmp_path / "100.npz", DATA, column),
    ]
    datasets = [cifar100(Source(form), labels=labels) for form in forms]
    assert len({compute_content_sha256(dataset) for dataset in datasets}) == 1
    assert datasets[0].class_names == (CIFAR100_FINE_NAMES if labels == "fine" else CIFAR100_COARSE_NAMES)
    np.testing.assert_array_equal(datasets[0].train.images, DATA.images[:TRAIN_ROWS])
    np.testing.assert_array_equal(datasets[0].train.labels, column[:TRAIN_ROWS])


def test_class_names_are_the_official_ones() -> None:
    """Counts and places from https://www.cs.toronto.edu/~kriz/cifar.html: fine names are sorted, coarse ones are too."""
    assert (len(CIFAR10_NAMES), len(CIFAR100_FINE_NAMES), len(CIFAR100_COARSE_NAMES)) == (10, 100, 20)
    assert list(CIFAR100_FINE_NAMES) == sorted(set(CIFAR100_FINE_NAMES))
    assert list(CIFAR100_COARSE_NAMES) == sorted(set(CIFAR100_COARSE_NAMES))
    assert (CIFAR10_NAMES[1], CIFAR10_NAMES[9]) == ("automobile", "truck")
    assert (CIFAR100_FINE_NAMES[19], CIFAR100_FINE_NAMES[77], CIFAR100_COARSE_NAMES[13]) == ("cattle", "snail", "non-insect_invertebrates")


@pytest.mark.parametrize("below", ["datasets", "datasets/cifar-10-batches-py-target"], ids=["Keras 2", "Keras 3"])
def test_keras_cache_is_used_on_its_own_and_on_request(below: str, tmp_path: Path) -> None:
    write_folder(tmp_path / "keras home" / below, PYTHON)
    by_itself, on_request = cifar10(Source()), cifar10(Source(tmp_path / "keras home"))
    assert compute_content_sha256(by_itself) == compute_content_sha256(on_request)
    np.testing.assert_array_equal(by_itself.train.images, DATA.images[:TRAIN_ROWS])


def test_damaged_keras_cache_is_ignored_with_a_message(tmp_path: Path) -> None:
    write_folder(tmp_path / "keras home" / "datasets", {name: raw for name, raw in PYTHON.items() if "batch_3" not in name})
    said: list[str] = []
    assert "--url" in refusal(cifar10, Source(url="ftp://nowhere", say=said.append))
    assert any("is ignored" in line and "data_batch_3" in line for line in said)


def test_differences_from_the_official_data_set_are_reported_not_refused(tmp_path: Path) -> None:
    said: list[str] = []
    loaded = cifar10(Source(write_tar(tmp_path / "a.tar.gz", PYTHON), say=said.append))
    assert len(said) == 2
    assert "SHA-256" in said[0]
    assert f"{TRAIN_ROWS} training and {TEST_ROWS} test images; the official data set has 50000 and 10000" in said[1]
    assert len(loaded.notes) == 1


@pytest.mark.parametrize("lost", [name for name in (*PYTHON, *BINARY) if "readme" not in name])
def test_missing_file_is_named(lost: str, tmp_path: Path) -> None:
    files = {name: raw for name, raw in (PYTHON if lost in PYTHON else BINARY).items() if name != lost}
    for data in (write_folder(tmp_path, files), write_tar(tmp_path / "a.tar.gz", files)):
        assert f": {lost.split('/')[1]} missing" in refusal(cifar10, Source(data))


def test_foreign_data_is_refused(tmp_path: Path) -> None:
    other = write_tar(tmp_path / "100.tar.gz", cifar100_python(DATA))
    assert "found none of them" in refusal(cifar10, Source(other))
    assert "the folder contains 100.tar.gz" in refusal(cifar10, Source(tmp_path))
    assert "no such file" in refusal(cifar10, Source(tmp_path / "nothing"))
    (tmp_path / "text").write_text("no archive")
    assert "damaged, or not a folder" in refusal(cifar10, Source(tmp_path / "text"))


@pytest.mark.parametrize("keep", [0.1, 0.5, 0.9, 0.99])
@pytest.mark.parametrize("mode", ["w", "w:gz", "w:xz"])
def test_truncated_archive_is_refused(mode: str, keep: float, tmp_path: Path) -> None:
    whole = write_tar(tmp_path / "a.tar", {name: raw for name, raw in PYTHON.items() if "readme" not in name}, mode)
    content = whole.read_bytes().rstrip(b"\0")
    whole.write_bytes(content[: int(keep * len(content))])
    assert str(whole) in refusal(cifar10, Source(whole))


@pytest.mark.parametrize("keep", [0, 1, 100, 5000, -1])
@pytest.mark.parametrize("name", [f"{PY}/data_batch_2", f"{PY}/batches.meta", f"{BIN}/data_batch_2.bin"])
def test_truncated_file_is_named(name: str, keep: int, tmp_path: Path) -> None:
    files = PYTHON if name in PYTHON else BINARY
    if keep >= len(files[name]):
        keep = 50
    data = write_folder(tmp_path, files | {name: files[name][:keep]})
    assert name.split("/")[1] in refusal(cifar10, Source(data))


def batch(**changes: object) -> bytes:
    """A batch of two images, with changes."""
    return python2({"data": np.zeros((2, 3072), np.uint8), "labels": [0, 1], **changes})


def laughs(depth: int = 60) -> list[object]:
    """2**60 numbers, for code that reads them all."""
    nested: list[object] = [1]
    for _ in range(depth):
        nested = [nested, nested]
    return nested


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (batch(labels=[0, 10]), "labels from 0 to 9, got 0 to 10"),
        (batch(labels=[-1, 0]), "labels from 0 to 9, got -1 to 0"),
        (batch(labels=[0, 10**30]), "labels from 0 to 9"),
        (batch(labels=[0]), "1 labels and 2 images"),
        (batch(labels=[0, True]), "labels as a list of integers"),
        (batch(labels=laughs()), "labels as a list of integers"),
        (batch(labels="01"), "labels as a list of integers"),
        (batch(data=np.zeros((2, 3071), np.uint8)), "(rows, 3072), got (2, 3071)"),
        (batch(data=np.zeros(3072, np.uint8)), "(rows, 3072)"),
        (batch(data=np.zeros((2, 3072), np.float32)), "array of bytes"),
        (batch(data=np.full((2, 3072), None)), "array of bytes"),
        (batch(data=np.zeros((0, 3072), np.uint8), labels=[]), "at least one"),
        (batch(data=[0] * 3072), "(rows, 3072), got none"),
        (python2({"labels": [0]}), "(rows, 3072), got none"),
        (python2([1, 2]), "dictionary"),
        (python2({1: 2}), "keys of text"),
        (b"no pickle", "damaged"),
        (b"\x80\x02Nr\xff\xff\xff\x7f.", "dictionary"),  # asks for a memo of 2**31 places
        (b"\x80\x05\x96\xff\xff\xff\xff\xff\xff\xff\x7f.", "damaged"),  # asks for 2**63 bytes
        (batch().replace(b"M\x00\x0c", b"J\x00\x00\x00\x7f"), "expected 4261412864 bytes, got 6144"),  # claims 2**31 columns
    ],
)
def test_damaged_batch_is_named_with_the_reason(content: bytes, expected: str, tmp_path: Path) -> None:
    message = refusal(cifar10, Source(write_folder(tmp_path, PYTHON | {f"{PY}/data_batch_4": content})))
    assert "data_batch_4" in message
    assert expected in message


class Calls:
    """Unpickling this calls the given function."""

    def __init__(self, function: object, *arguments: object) -> None:
        self.function, self.arguments = function, arguments

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        return self.function, self.arguments


@pytest.mark.parametrize("name", ["data_batch_1", "test_batch", "batches.meta"])
@pytest.mark.parametrize(
    ("evil", "called"),
    [
        (b"cposix\nsystem\n(S'touch {}'\ntR.", "posix.system"),
        (b"\x80\x02}U\x04data(iposix\nsystem\n", "posix.system"),
        (python2({"data": np.zeros(1, np.uint8)}).replace(b"cnumpy.core.multiarray\n_reconstruct", b"cnumpy\nload"), "numpy.load"),
        *[(pickle.dumps({"data": Calls(eval, "open('{}', 'w')")}, protocol), "eval") for protocol in range(6)],
        *[(pickle.dumps({"labels": [Calls(getattr, [], "append")]}, protocol), "getattr") for protocol in (2, 4)],
    ],
)
def test_pickle_that_calls_anything_is_refused_by_name(evil: bytes, called: str, name: str, tmp_path: Path) -> None:
    trace = tmp_path / "trace"
    data = write_folder(tmp_path, PYTHON | {f"{PY}/{name}": evil.replace(b"{}", str(trace).encode())})
    message = refusal(cifar10, Source(data))
    assert name in message
    assert f"{called};" in message
    assert "refused" in message
    assert not trace.exists()


@pytest.mark.parametrize("name", ["../data_batch_1", "/data_batch_1", "cifar-10-batches-py/../../data_batch_1"])
def test_archive_that_points_outside_is_refused_and_nothing_is_written(name: str, tmp_path: Path) -> None:
    before = sorted(tmp_path.parent.rglob("data_batch_1"))
    data = write_tar(tmp_path / "a.tar.gz", {name: b"", **PYTHON})
    message = refusal(cifar10, Source(data))
    assert name in message
    assert "outside the archive" in message
    assert sorted(tmp_path.parent.rglob("data_batch_1")) == before


def test_stored_links_and_huge_files_are_refused_by_name(tmp_path: Path) -> None:
    for name, change in (("link", {"type": tarfile.SYMTYPE, "linkname": "/etc/passwd"}), ("huge", {"size": 2**40})):
        member = tarfile.TarInfo(f"{PY}/data_batch_1")
        for field, value in change.items():
            setattr(member, field, value)
        path = tmp_path / name
        path.write_bytes(member.tobuf() + bytes(1024))
        message = refusal(cifar10, Source(path))
        assert f"{path}: {PY}/data_batch_1: cannot be read" in message
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "data_batch_1").symlink_to(tmp_path / "link")
    assert "leaves the folder" in refusal(cifar10, Source(tmp_path / "folder"))


def test_class_names_that_are_not_the_official_ones_are_refused(tmp_path: Path) -> None:
    swapped = ["truck", *CIFAR10_NAMES[1:]]
    for name, content in ((f"{PY}/batches.meta", python2({"label_names": swapped})), (f"{BIN}/batches.meta.txt", "\n".join(swapped).encode())):
        files = (PYTHON if name in PYTHON else BINARY) | {name: content}
        assert f"{name.split('/')[1]}: expected the classes airplane" in refusal(cifar10, Source(write_folder(tmp_path / name, files)))


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"y_train": np.full(TRAIN_ROWS, 10)}, "labels from 0 to 9"),
        ({"x_train": np.zeros((TRAIN_ROWS, 28, 28, 3), np.uint8)}, "train"),
        ({"x_test": None, "y_test": None}, "no x_test"),
        ({"y_test": None}, "y_test missing"),
        ({"x_train": None}, "x_train missing"),
        ({"y_train": np.array([None] * TRAIN_ROWS)}, "y_train: cannot be read"),
    ],
)
def test_npz_of_another_shape_is_refused(change: dict[str, np.ndarray | None], expected: str, tmp_path: Path) -> None:
    with np.load(keras_npz(tmp_path / "a.npz", DATA, DATA.labels)) as arrays:
        changed = dict(arrays) | change
    np.savez(tmp_path / "b.npz", **{name: array for name, array in changed.items() if array is not None})
    message = refusal(cifar10, Source(tmp_path / "b.npz"))
    assert "b.npz" in message
    assert expected in message


@pytest.mark.parametrize("keep", [0, 10, 1000, -1])
def test_truncated_npz_is_named(keep: int, tmp_path: Path) -> None:
    path = keras_npz(tmp_path / "a.npz", DATA, DATA.labels)
    path.write_bytes(path.read_bytes()[:keep])
    assert "a.npz" in refusal(cifar10, Source(path))


def test_python2_dialect_of_these_tests_is_the_official_one() -> None:
    """The first bytes of the official data_batch_1 (sha256 of the archive: 6d958be0…): strings of Python 2, NumPy's old names."""
    content = PYTHON[f"{PY}/data_batch_1"]
    assert content.startswith(b"\x80\x02}")
    assert b"cnumpy.core.multiarray\n_reconstruct\n" in content
    assert b"U\x04data" in content
    assert b"_codecs" not in content
    assert io.BytesIO(content).read(1) == b"\x80"
