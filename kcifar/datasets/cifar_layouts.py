"""The official archives of CIFAR-10 and CIFAR-100: their files, their checksums, and the function that reads each file."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Literal

from kcifar.datasets.cifar_files import read_binary_batch, read_pickled_batch, read_pickled_names, read_text_names
from kcifar.datasets.cifar_names import CIFAR10_NAMES, CIFAR100_COARSE_NAMES, CIFAR100_FINE_NAMES
from kcifar.datasets.dataset import Split


@dataclass(frozen=True)
class Layout:
    """The files of one official archive, the folder that it contains, and how to read them."""

    folder: str
    train: tuple[str, ...]
    test: str
    names: str
    read_batch: Callable[[bytes, str], Split]
    read_names: Callable[[bytes, str], tuple[str, ...]]

    @property
    def files(self) -> tuple[str, ...]:
        """All files that are required."""
        return (*self.train, self.test, self.names)


@dataclass(frozen=True)
class Cifar:
    """One of the CIFAR data sets.

    Attributes:
        name: As in the recipe.
        class_names: In the order of the labels.
        archive: File name of the archive that is downloaded.
        archive_bytes: Its size.
        archive_checksums: SHA-256 -> file name, of every official archive. Source: Keras (Python), TensorFlow Datasets (binary).
        layouts: Those of the Python and the binary archive.
    """

    name: str
    class_names: tuple[str, ...]
    archive: str
    archive_bytes: int
    archive_checksums: Mapping[str, str]
    layouts: tuple[Layout, ...]


_BATCHES = tuple(f"data_batch_{number}" for number in range(1, 6))

CIFAR10 = Cifar(
    name="cifar10",
    class_names=CIFAR10_NAMES,
    archive="cifar-10-python.tar.gz",
    archive_bytes=170_498_071,
    archive_checksums={
        "6d958be074577803d12ecdefd02955f39262c83c16fe9348329d7fe0b5c001ce": "cifar-10-python.tar.gz",
        "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd": "cifar-10-binary.tar.gz",
    },
    layouts=(
        Layout(
            folder="cifar-10-batches-py",
            train=_BATCHES,
            test="test_batch",
            names="batches.meta",
            read_batch=partial(read_pickled_batch, label_key="labels", num_classes=10),
            read_names=partial(read_pickled_names, key="label_names"),
        ),
        Layout(
            folder="cifar-10-batches-bin",
            train=tuple(f"{name}.bin" for name in _BATCHES),
            test="test_batch.bin",
            names="batches.meta.txt",
            read_batch=partial(read_binary_batch, label_bytes=1, label_column=0, num_classes=10),
            read_names=read_text_names,
        ),
    ),
)


def describe_cifar100(labels: Literal["fine", "coarse"]) -> Cifar:
    """Return CIFAR-100 with its fine or its coarse labels; both are in the same files."""
    class_names = CIFAR100_FINE_NAMES if labels == "fine" else CIFAR100_COARSE_NAMES
    python = Layout(
        folder="cifar-100-python",
        train=("train",),
        test="test",
        names="meta",
        read_batch=partial(read_pickled_batch, label_key=f"{labels}_labels", num_classes=len(class_names)),
        read_names=partial(read_pickled_names, key=f"{labels}_label_names"),
    )
    binary = Layout(
        folder="cifar-100-binary",
        train=("train.bin",),
        test="test.bin",
        names=f"{labels}_label_names.txt",
        read_batch=partial(read_binary_batch, label_bytes=2, label_column=int(labels == "fine"), num_classes=len(class_names)),
        read_names=read_text_names,
    )
    return Cifar(
        name="cifar100",
        class_names=class_names,
        archive="cifar-100-python.tar.gz",
        archive_bytes=169_001_437,
        archive_checksums={
            "85cd44d02ba6437773c5bbd22e183051d648de2e7d6b014e1ef29b855ba677a7": "cifar-100-python.tar.gz",
            "58a81ae192c23a4be8b1804d68e518ed807d710a4eb253b1f2a199162a40d8ec": "cifar-100-binary.tar.gz",
        },
        layouts=(python, binary),
    )
