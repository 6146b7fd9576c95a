"""Classes of every source: names that cannot be shown or told apart are refused, classes without images are said."""

import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
from archives import (
    TEST_ROWS,
    TRAIN_ROWS,
    Sample,
    cifar100_binary,
    cifar100_python,
    keras_npz,
    private_caches,
    refusal,
    sample,
    write_folder,
    write_tar,
)
from PIL import Image
from tiny_recipe import tiny_recipe

from kcifar.datasets.arrays import from_arrays
from kcifar.datasets.cifar import cifar10, cifar100
from kcifar.datasets.cifar_names import CIFAR10_NAMES, CIFAR100_FINE_NAMES
from kcifar.datasets.class_checks import describe_missing_classes
from kcifar.datasets.dataset import Dataset, Source, Split
from kcifar.datasets.folder import folder
from kcifar.datasets.load import load_dataset
from kcifar.datasets.summary import summarize_dataset
from kcifar.planning.plan import make_plan
from kcifar.planning.prepared_data import PreparedData, prepare_data
from kcifar.recipe.load import load_recipe

IMAGES = np.random.default_rng(0).integers(0, 256, (40, 32, 32, 3), np.uint8)
LABELS = np.arange(40) % 2
# From U+0001 on, what moves the cursor, breaks a line, hides or reverses text; and what cannot be told apart.
BAD_NAMES = {
    "newline": ("cat\ndog", "hen"),
    "escape": ("\x1b[31mcat", "hen"),
    "carriage return": ("cat\rhen", "hen"),
    "tab": ("cat\t", "hen"),
    "line separator": ("cat\u2028", "hen"),
    "right-to-left override": ("cat\u202e", "hen"),
    "blank": ("  ", "hen"),
    "long": ("x" * 201, "hen"),
    "same": ("hen", "hen"),
    "same but for white space": ("guinea hen", "guinea  hen "),
    "same letters, encoded in two ways": ("caf\u00e9", "cafe\u0301"),
}
ODD_NAMES = ("naïve café", "猫 (画)", "<b>&amp;</b>", "-1", "a/b", "'")


@pytest.fixture(autouse=True)
def _caches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    private_caches(tmp_path, monkeypatch)


def load_arrays(names: tuple[str, ...], path: Path) -> Dataset:
    return from_arrays((IMAGES, LABELS), class_names=names)


def load_npz(names: tuple[str, ...], path: Path) -> Dataset:
    np.savez(path / "own.npz", x_train=IMAGES, y_train=LABELS, class_names=np.array(names))
    return load_dataset("npz", {}, Source(path / "own.npz"))


def make_registered(names: tuple[str, ...], path: Path) -> Dataset:
    """Do what a user's own registered data set does."""
    return Dataset("made", names, Split(IMAGES, LABELS))


def load_folder(names: tuple[str, ...], path: Path) -> Dataset:
    Image.fromarray(IMAGES[0]).save(path / "1.png")
    content = (path / "1.png").read_bytes()
    return folder(Source(write_tar(path / "own.tar", {f"train/{name}/1.png": content for name in names}, "w")))


SOURCES: dict[str, Callable[[tuple[str, ...], Path], Dataset]] = {"arrays": load_arrays, "npz": load_npz, "Dataset": make_registered}


@pytest.mark.parametrize("names", BAD_NAMES.values(), ids=BAD_NAMES)
@pytest.mark.parametrize("source", SOURCES)
def test_names_that_cannot_be_shown_or_told_apart_are_refused(source: str, names: tuple[str, ...], tmp_path: Path) -> None:
    message = refusal(SOURCES[source], names, tmp_path)
    assert "expected a name of 1 to 200 printable characters" in message or "expected a different name for each class" in message
    assert message.isprintable()


@pytest.mark.parametrize("kind", [kind for kind in BAD_NAMES if not kind.startswith(("same", "long", "blank", "line"))])
def test_folders_have_no_other_rule(kind: str, tmp_path: Path) -> None:
    message = refusal(load_folder, BAD_NAMES[kind], tmp_path)
    assert "class 0: expected a name of 1 to 200 printable characters" in message
    assert message.isprintable()


@pytest.mark.parametrize("source", SOURCES)
def test_other_names_are_kept_as_they_are(source: str, tmp_path: Path) -> None:
    assert SOURCES[source](ODD_NAMES, tmp_path).class_names == ODD_NAMES


def test_one_class_is_refused_by_name_and_by_images() -> None:
    assert "expected at least two classes, got '0'" in refusal(from_arrays, (IMAGES, LABELS * 0))
    assert "expected at least two classes, got 'cat'" in refusal(from_arrays, (IMAGES, LABELS * 0), class_names=("cat",))
    one = from_arrays((IMAGES, LABELS * 0 + 1), test=(IMAGES, LABELS), class_names=("cat", "hen"))
    assert "train: expected images of at least two classes, got only 'hen'" in refusal(prepare, one)


def test_labels_from_1_get_a_hint() -> None:
    assert "from 0 to 1, got 1 to 2; labels count from 0: subtract 1" in refusal(from_arrays, (IMAGES, LABELS + 1), class_names=("cat", "hen"))
    assert "got 0 to 2" in (message := refusal(from_arrays, (IMAGES, LABELS * 2), class_names=("cat", "hen")))
    assert "subtract" not in message


@pytest.mark.parametrize(
    ("names", "train", "others", "expected"),
    [
        ("ab", [0, 1], {"validation": [0, 1], "test": [1, 0]}, []),
        ("0123", [1, 2, 3], {}, ["train: no image of '0' (1 of 4 classes); if the labels count from 1, subtract 1"]),
        ("abcd", [1, 2, 3], {}, ["train: no image of 'a' (1 of 4 classes)"]),
        ("0123", [0, 1, 2], {}, ["train: no image of '3' (1 of 4 classes)"]),
        ("abcdefg", [0, 6], {}, ["train: no image of 'b', 'c', 'd', and 2 more (5 of 7 classes)"]),
        ("abc", [0, 1, 2], {"test": [0, 0]}, ["test: no image of 'b', 'c' (2 of 3 classes)"]),
        (
            "abc",
            [0, 1],
            {"validation": [0, 1], "test": [0, 1, 2, 2]},
            ["train: no image of 'c' (1 of 3 classes)", "test: 2 images of 'c', of which train has none: they cannot be recognized"],
        ),
        ("abc", [0, 1], {"test": [0, 1]}, ["train: no image of 'c' (1 of 3 classes)"]),
    ],
)
def test_every_missing_class_is_said_once(names: str, train: list[int], others: dict[str, list[int]], expected: list[str]) -> None:
    labels = {"train": np.array(train)} | {split: np.array(values) for split, values in others.items()}
    assert describe_missing_classes(tuple(names), labels) == expected


def prepare(dataset: Dataset | None = None, say: Callable[[str], None] = print, data: Path | None = None, **settings: Any) -> PreparedData:
    plan = make_plan(load_recipe(tiny_recipe(dataset={"name": "npz"} | settings)))
    return prepare_data(plan, Source(data, say=say), dataset)


def test_training_says_and_records_which_classes_have_no_images(tmp_path: Path) -> None:
    """The same from arrays, from a file and from a user's registered data set; so does `datasets info`."""
    names, labels, test = tuple("abcd"), np.array([0, 1, 3] * 4), np.array([2, 0, 1])
    made = Dataset("npz", names, Split(IMAGES[:12], labels), Split(IMAGES[:3], test))
    np.savez(tmp_path / "own.npz", x_train=IMAGES[:12], y_train=labels, x_test=IMAGES[:3], y_test=test, class_names=np.array(names))
    expected = [
        "train: no image of 'c' (1 of 4 classes)",
        "test: no image of 'd' (1 of 4 classes)",
        "test: 1 image of 'c', of which train has none: they cannot be recognized",
    ]
    for dataset, data in ((made, None), (None, tmp_path / "own.npz")):
        said: list[str] = []
        prepared = prepare(dataset, said.append, data, validation=0)
        assert prepared.description["notes"] == expected
        assert said == [f"data set npz: {line}" for line in expected]
    assert summarize_dataset(made)["notes"] == expected


def test_a_validation_split_without_a_class_is_said() -> None:
    said: list[str] = []
    prepare(from_arrays((IMAGES, np.array([0] * 39 + [1])), name="npz"), said.append, validation=0.1)
    assert said == ["data set npz: validation: no image of '1' (1 of 2 classes)"]


def as_coarse(data: Sample) -> Sample:
    """Return the sample with its coarse labels in the place of the fine ones."""
    return Sample(data.images, data.labels, data.coarse, data.fine)


CIFAR10_AS_100 = Sample(sample().images, sample().labels, sample().labels, sample().labels)


@pytest.mark.parametrize(
    ("data", "labels", "expected"),
    [
        (CIFAR10_AS_100, "fine", "from 0 to 99 of cifar100, got 0 to 9: those of cifar10?"),
        (CIFAR10_AS_100, "coarse", "from 0 to 19 of cifar100, got 0 to 9: those of cifar10?"),
        (as_coarse(sample()), "fine", "those of cifar100 with labels: coarse?"),
        (as_coarse(sample()), "coarse", "expected labels from 0 to 19"),
    ],
)
def test_labels_of_one_cifar_do_not_pass_for_those_of_another(data: Sample, labels: Literal["fine", "coarse"], expected: str, tmp_path: Path) -> None:
    """In Keras' form and in both official layouts: the names of another data set would be given to every class."""
    forms = (
        keras_npz(tmp_path / "own.npz", data, data.fine if labels == "fine" else data.coarse),
        write_folder(tmp_path, cifar100_python(data)) / "cifar-100-python",
        write_tar(tmp_path / "b.tar.gz", cifar100_binary(data)),
    )
    for form in forms:
        assert expected in refusal(cifar100, Source(form), labels=labels)


def test_an_npz_with_other_class_names_is_not_renamed(tmp_path: Path) -> None:
    data = {"x_train": IMAGES, "y_train": np.arange(40) % 10, "x_test": IMAGES, "y_test": np.arange(40) % 10}
    np.savez(tmp_path / "own.npz", class_names=np.array(CIFAR100_FINE_NAMES[:10]), **data)
    assert "class_names: expected airplane, automobile, bird" in refusal(cifar10, Source(tmp_path / "own.npz"))
    np.savez(tmp_path / "own.npz", class_names=np.array(CIFAR10_NAMES), **data)
    assert cifar10(Source(tmp_path / "own.npz")).class_names == CIFAR10_NAMES


def write_zip_with_folders(path: Path, root: Path) -> Path:
    import shutil

    return Path(shutil.make_archive(str(path.with_suffix("")), "zip", root))


def write_tar_with_folders(path: Path, root: Path) -> Path:
    with tarfile.open(path, "w") as archive:
        archive.add(root, "photos")
    return path


@pytest.mark.parametrize("form", ["folder", "tar", "zip"])
def test_an_empty_class_folder_is_said(form: str, tmp_path: Path) -> None:
    """Without any file, and with files that are no images."""
    Image.fromarray(IMAGES[0]).save(tmp_path / "1.png")
    content = (tmp_path / "1.png").read_bytes()
    files = {f"{split}/{name}/1.png": content for split in ("train", "test") for name in ("cat", "hen")}
    root = write_folder(tmp_path / "photos", files | {"train/cow/list.txt": b""})
    (root / "train" / "owl").mkdir()
    (root / "test" / "elk").mkdir()
    forms = {
        "folder": lambda: root,
        "tar": lambda: write_tar_with_folders(tmp_path / "a.tar", root),
        "zip": lambda: write_zip_with_folders(tmp_path / "a.zip", root),
    }
    said: list[str] = []
    assert folder(Source(forms[form](), say=said.append)).class_names == ("cat", "hen")
    assert [line.split(": ", 1)[1] for line in said if "left out" in line] == ["train: no image of 'cow', 'owl': left out of the classes"]


def test_the_samples_of_these_tests_are_official(tmp_path: Path) -> None:
    """What is refused above is accepted with the right labels."""
    loaded = cifar100(Source(write_tar(tmp_path / "a.tar.gz", cifar100_python(sample()))))
    assert loaded.test is not None
    assert (len(loaded.train), len(loaded.test)) == (TRAIN_ROWS, TEST_ROWS)
