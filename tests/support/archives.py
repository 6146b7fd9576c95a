"""Small archives of CIFAR in the exact official formats, and helpers for the tests of data sets."""

import io
import os
import pickle
import struct
import tarfile
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
from PIL import Image

from kcifar.core.errors import UserError
from kcifar.datasets.cifar_names import CIFAR10_NAMES, CIFAR100_COARSE_NAMES, CIFAR100_FINE_NAMES

Files = dict[str, bytes]
Dump = Callable[[object], bytes]
BATCH_ROWS = (3, 4, 5, 4, 3)
TRAIN_ROWS, TEST_ROWS = sum(BATCH_ROWS), 6


@dataclass(frozen=True)
class Sample:
    """A few random images with three kinds of labels; train before test."""

    images: np.ndarray
    labels: np.ndarray
    fine: np.ndarray
    coarse: np.ndarray


def sample(seed: int = 0) -> Sample:
    random, rows = np.random.default_rng(seed), TRAIN_ROWS + TEST_ROWS
    images = random.integers(0, 256, (rows, 32, 32, 3), np.uint8)
    return Sample(images, *(random.integers(0, classes, rows) for classes in (10, 100, 20)))


class Python2Pickler(pickle._Pickler):
    """Writes what cPickle of Python 2 wrote for CIFAR: texts as strings of bytes, NumPy under its old name."""

    dispatch: ClassVar[dict[type, Any]] = dict(pickle._Pickler.dispatch)

    def save_string(self, text: bytes | str) -> None:
        raw = text.encode() if isinstance(text, str) else text
        self.write(b"U" + bytes([len(raw)]) + raw if len(raw) < 256 else b"T" + struct.pack("<i", len(raw)) + raw)
        self.memoize(text)

    dispatch[bytes] = dispatch[str] = save_string

    def save_global(self, obj: Any, name: str | None = None) -> None:
        module = obj.__module__.replace("numpy._core", "numpy.core")
        self.write(f"c{module}\n{name or obj.__qualname__}\n".encode())
        self.memoize(obj)


def python2(content: object) -> bytes:
    file = io.BytesIO()
    Python2Pickler(file, protocol=2).dump(content)
    return file.getvalue()


def cifar10_python(data: Sample, dump: Dump = python2) -> Files:
    files = {}
    for number, rows in enumerate(_batches(), start=1):
        files[f"data_batch_{number}"] = dump(
            {
                "data": _planes(data.images[rows]),
                "labels": data.labels[rows].tolist(),
                "batch_label": f"training batch {number} of 5",
                "filenames": [],
            }
        )
    test = slice(TRAIN_ROWS, None)
    files["test_batch"] = dump({"data": _planes(data.images[test]), "labels": data.labels[test].tolist(), "batch_label": "testing batch 1 of 1"})
    files["batches.meta"] = dump({"num_cases_per_batch": 10000, "label_names": list(CIFAR10_NAMES), "num_vis": 3072})
    files["readme.html"] = b"<html></html>"
    return _below("cifar-10-batches-py", files)


def cifar10_binary(data: Sample) -> Files:
    files = {f"data_batch_{number}.bin": _records(data, rows, data.labels) for number, rows in enumerate(_batches(), start=1)}
    files["test_batch.bin"] = _records(data, slice(TRAIN_ROWS, None), data.labels)
    files["batches.meta.txt"] = ("\n".join(CIFAR10_NAMES) + "\n\n").encode()
    return _below("cifar-10-batches-bin", files)


def cifar100_python(data: Sample, dump: Dump = python2) -> Files:
    files = {}
    for name, rows in (("train", slice(TRAIN_ROWS)), ("test", slice(TRAIN_ROWS, None))):
        labels = {"fine_labels": data.fine[rows].tolist(), "coarse_labels": data.coarse[rows].tolist()}
        files[name] = dump({"filenames": [], "batch_label": "batch", "data": _planes(data.images[rows]), **labels})
    files["meta"] = dump({"fine_label_names": list(CIFAR100_FINE_NAMES), "coarse_label_names": list(CIFAR100_COARSE_NAMES)})
    return _below("cifar-100-python", files)


def cifar100_binary(data: Sample) -> Files:
    files = {
        "train.bin": _records(data, slice(TRAIN_ROWS), data.coarse, data.fine),
        "test.bin": _records(data, slice(TRAIN_ROWS, None), data.coarse, data.fine),
        "fine_label_names.txt": "\n".join(CIFAR100_FINE_NAMES).encode(),
        "coarse_label_names.txt": "\n".join(CIFAR100_COARSE_NAMES).encode(),
    }
    return _below("cifar-100-binary", files)


def keras_npz(path: Path, data: Sample, labels: np.ndarray) -> Path:
    column = labels.astype(np.uint8)[:, np.newaxis]
    train, test = slice(TRAIN_ROWS), slice(TRAIN_ROWS, None)
    np.savez(path, x_train=data.images[train], y_train=column[train], x_test=data.images[test], y_test=column[test])
    return path


def write_folder(root: Path, files: Mapping[str, bytes]) -> Path:
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return root


def write_tar(path: Path, files: Mapping[str, bytes], mode: str = "w:gz") -> Path:
    with tarfile.open(path, mode) as archive:  # type: ignore[call-overload]
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return path


def write_zip(path: Path, files: Mapping[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def encoded(image: Image.Image | np.ndarray, kind: str = "PNG", **settings: object) -> bytes:
    file = io.BytesIO()
    (Image.fromarray(image) if isinstance(image, np.ndarray) else image).save(file, kind, **settings)
    return file.getvalue()


def private_caches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep a test away from the user's caches, and from proxies on the way to its own server."""
    monkeypatch.setenv("KCIFAR_CACHE", str(tmp_path / "our cache"))
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras home"))
    monkeypatch.setenv("no_proxy", "127.0.0.1")


def refusal(function: Callable[..., object], *arguments: object, **named: object) -> str:
    """Return the one line that refuses a user's error."""
    with pytest.raises(UserError) as caught:
        function(*arguments, **named)
    message = str(caught.value)
    assert "\n" not in message
    assert os.linesep not in message
    assert len(message) < 600
    return message


def _planes(images: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(images.transpose(0, 3, 1, 2)).reshape(len(images), -1)


def _records(data: Sample, rows: slice, *labels: np.ndarray) -> bytes:
    columns = [column[rows].astype(np.uint8)[:, np.newaxis] for column in labels]
    return np.hstack([*columns, _planes(data.images[rows])]).tobytes()


def _batches() -> list[slice]:
    ends = np.cumsum(BATCH_ROWS)
    return [slice(int(end) - rows, int(end)) for end, rows in zip(ends, BATCH_ROWS, strict=True)]


def _below(folder: str, files: Files) -> Files:
    return {f"{folder}/{name}": content for name, content in files.items()}
