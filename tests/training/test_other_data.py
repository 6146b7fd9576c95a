"""Laws of the evaluation on images other than the run's own: matched by class name, and never mixed with `test.json`."""

import json
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from archives import cifar10_binary, cifar10_python, encoded, private_caches, refusal, sample, write_folder, write_tar, write_zip
from picture_files import make_exif

import kcifar
from kcifar.core.errors import UserError
from kcifar.datasets.cifar_names import CIFAR10_NAMES
from kcifar.datasets.dataset import Split
from kcifar.datasets.decoding import decode_image
from kcifar.datasets.known_classes import Pictures, load_known_images
from kcifar.datasets.reading import Reading
from kcifar.training.evaluation import evaluate_run
from kcifar.training.metrics import format_metrics
from kcifar.training.other_data import load_other_images

DIGITS = tuple(map(str, range(10)))
PICTURES = Pictures(Reading(32, 32))
Files = dict[str, bytes]


@pytest.fixture(autouse=True)
def _caches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    private_caches(tmp_path, monkeypatch)


@pytest.fixture(name="run")
def copy_run(tiny_run: kcifar.Run, tmp_path: Path) -> kcifar.Run:
    return kcifar.open_run(shutil.copytree(tiny_run.path, tmp_path / "run"))


@pytest.fixture(name="images", scope="module")
def choose_images() -> Split:
    """Return 60 test images of the digits."""
    test = kcifar.load_dataset("digits").test
    assert test is not None
    return Split(test.images[:60], test.labels[:60])


def as_files(images: Split, labels: Sequence[int] = range(10), names: Sequence[str] = DIGITS) -> Files:
    """Return the images of some labels as PNG files, in folders by name."""
    chosen = [k for k in range(len(images)) if images.labels[k] in labels]
    return {f"{names[images.labels[k]]}/{k:03}.png": encoded(images.images[k]) for k in chosen}


def below(folder: str, files: Files) -> Files:
    return {f"{folder}/{name}": content for name, content in files.items()}


def save_npz(path: Path, images: Split, names: Sequence[str] | None) -> Path:
    """Save the images with labels that count the names."""
    labels = images.labels if names is None else np.array([names.index(DIGITS[label]) for label in images.labels])
    others = {} if names is None else {"class_names": np.array(names)}
    np.savez(path, x_test=images.images, y_test=labels, **others)
    return path


FORMS: dict[str, Callable[[Path, Split], Path]] = {
    "folders of classes": lambda root, images: write_folder(root / "f", as_files(images)),
    "in a folder": lambda root, images: write_folder(root / "f", below("photos", as_files(images))),
    "test folder": lambda root, images: write_folder(root / "f", below("test", as_files(images)) | below("train", {"1/x.png": b""})),
    "tar": lambda root, images: write_tar(root / "a.tar", below("photos/test", as_files(images)), "w"),
    "zip": lambda root, images: write_zip(root / "a.zip", as_files(images)),
    "npz": lambda root, images: save_npz(root / "a.npz", images, DIGITS[::-1]),
    "npz without names": lambda root, images: save_npz(root / "a.npz", images, None),
}


@pytest.mark.parametrize("form", FORMS)
def test_images_of_every_form_get_the_labels_of_their_names(form: str, images: Split, tmp_path: Path) -> None:
    loaded = load_known_images(FORMS[form](tmp_path, images), DIGITS, "test", PICTURES, lambda line: None)
    expected = sorted((image.tobytes(), int(label)) for image, label in zip(images.images, images.labels, strict=True))
    assert sorted((image.tobytes(), int(label)) for image, label in zip(loaded.split.images, loaded.split.labels, strict=True)) == expected


@pytest.mark.parametrize("known", [CIFAR10_NAMES, CIFAR10_NAMES[::-1], ("cat's", *CIFAR10_NAMES)])
@pytest.mark.parametrize("make", [cifar10_python, cifar10_binary])
def test_cifars_files_are_matched_by_name(make: Callable[..., Files], known: tuple[str, ...], tmp_path: Path) -> None:
    data = sample()
    for path in (write_folder(tmp_path / "f", make(data)), write_tar(tmp_path / "a.tar.gz", make(data))):
        loaded = load_known_images(path, known, "test", PICTURES, lambda line: None)
        assert loaded.form == "cifar10"
        assert [known[label] for label in loaded.split.labels] == [CIFAR10_NAMES[label] for label in data.labels[-6:]]


def test_a_folder_of_some_classes_is_evaluated_apart_from_the_runs_own_result(
    run: kcifar.Run, images: Split, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of classes 3 and 7 alone: their labels would be 0 and 1 by order. The run's stored probabilities say how many must be right."""
    own = {name: (run.path / name).read_bytes() for name in ("test.json", "predictions.npz", "examples.npz", "dataset.json")}
    data = write_folder(tmp_path / "photos", as_files(images, labels=(3, 7)))
    chosen = np.flatnonzero(np.isin(images.labels, (3, 7)))
    stored = run.predictions["test_probabilities"][chosen]
    measured = evaluate_run(run, data, "test")
    assert measured["samples"] == len(chosen)
    assert measured["accuracy"] == pytest.approx((stored.argmax(axis=1) == images.labels[chosen]).mean())
    assert [row["support"] for row in measured["classes"]] == np.bincount(images.labels[chosen], minlength=10).tolist()
    assert measured["notes"] == ["no image of '0', '1', '2', and 5 more (8 of 10 classes)"]
    assert {name: (run.path / name).read_bytes() for name in own} == own
    predictions = np.load(run.path / Path(measured["file"]).with_suffix(".npz"), allow_pickle=False)
    order = [int(Path(file).stem) for file in predictions["files"]]
    np.testing.assert_array_equal(predictions["labels"], images.labels[order])
    np.testing.assert_allclose(predictions["probabilities"], run.predictions["test_probabilities"][order], atol=1e-5)
    assert f"{data}: {measured['notes'][0]}\n" in capsys.readouterr().out
    head, *others = format_metrics(measured)[:2]
    assert head.startswith(f"{data}, test: accuracy ")
    assert others == [f"not the run's own data: written to the run's {measured['file']}, apart from test.json"]


def test_a_damaged_file_is_mentioned_once(run: kcifar.Run, images: Split, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = write_folder(tmp_path / "photos", as_files(images, labels=(3, 7)) | {"3/broken.png": b""})
    measured = evaluate_run(run, data, "test")
    text = capsys.readouterr().out + "\n".join(format_metrics(measured))
    assert text.count("3/broken.png") == 1
    assert f"{data}: 1 file cannot be read and is skipped: 3/broken.png: " in text
    assert measured["notes"][0].startswith("3/broken.png: ")


def test_files_are_named_by_their_images_or_by_the_user(run: kcifar.Run, images: Split, tmp_path: Path) -> None:
    one, other = (write_folder(tmp_path / f"{k}", as_files(images, labels=(k, 5))) for k in (3, 4))
    first = evaluate_run(run, one, "test")
    assert evaluate_run(run, one, "test") == first
    assert first["file"] == f"evaluations/{first['content_sha256'][:12]}.json"
    assert evaluate_run(run, other, "test")["file"] != first["file"]
    named = evaluate_run(run, one, "test", "mine")
    assert named == first | {"file": "evaluations/mine.json"}
    before = (run.path / "evaluations" / "mine.json").read_bytes()
    with pytest.raises(UserError, match="this is the evaluation of other images; choose another --name"):
        evaluate_run(run, other, "test", "mine")
    assert (run.path / "evaluations" / "mine.json").read_bytes() == before
    assert len(list((run.path / "evaluations").iterdir())) == 6


@pytest.mark.parametrize("name", ["", "../x", "a/b", ".hidden", "a b", "x" * 101, "a\nb", "é"])
def test_a_name_that_is_none_of_a_file_is_refused(name: str, run: kcifar.Run, tmp_path: Path) -> None:
    message = refusal(evaluate_run, run, tmp_path, "test", name)
    assert "--name: expected up to 100 letters" in message
    assert not (run.path / "evaluations").exists()


def test_pictures_are_read_as_the_run_reads_its_own(run: kcifar.Run, images: Split, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Wide pictures: the middle square of each is the digit, black to the left and right. The digits are no pictures: they are cropped."""
    wide = Split(np.pad(images.images, ((0, 0), (0, 0), (16, 16), (0, 0))), images.labels)
    measured = evaluate_run(run, write_folder(tmp_path / "f", as_files(wide)), "test")
    assert "resize: crop, to 32x32 pixels, since the run's data set, digits, is not made of picture files" in capsys.readouterr().out
    stored = run.predictions["test_probabilities"][: len(images)]
    assert measured["accuracy"] == pytest.approx((stored.argmax(axis=1) == images.labels).mean())


def spoil(run: kcifar.Run, name: str, old: str, new: str) -> None:
    path = run.path / name
    assert old in path.read_text(encoding="utf-8")
    path.write_text(path.read_text(encoding="utf-8").replace(old, new), encoding="utf-8")


def test_data_that_moved_give_a_hint(run: kcifar.Run, tmp_path: Path) -> None:
    spoil(run, "dataset.json", '"data": null', f'"data": "{tmp_path / "gone"}"')
    message = refusal(evaluate_run, run, None, "test")
    assert f"{tmp_path / 'gone'}: the data that {run.path} was trained with are no longer there; name their new place with --data" in message


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"3/1.png": b"", "33/1.png": b""}, "1 image of class '33'; expected the classes '0', '1', '2', and 7 more; did you mean '3'?"),
        ({"cat/1.png": b"", "dog/1.png": b""}, "expected folders named after the classes '0', '1', '2', and 7 more, got 'cat', 'dog'"),
        ({}, "got none"),
        ({"train/3/1.png": b"", "val/3/1.png": b""}, "name the folder to evaluate"),
        ({"3/1.png": b"no image"}, "no readable image"),
    ],
)
def test_images_of_other_classes_are_refused(files: Files, expected: str, run: kcifar.Run, tmp_path: Path) -> None:
    (tmp_path / "f").mkdir()
    with pytest.raises(UserError) as caught:
        evaluate_run(run, write_folder(tmp_path / "f", files), "test")
    assert expected in str(caught.value)
    assert str(caught.value).isprintable()
    assert not (run.path / "evaluations").exists()


def test_arrays_that_do_not_fit_are_refused(run: kcifar.Run, images: Split, tmp_path: Path) -> None:
    def refuse(**arrays: Any) -> str:
        np.savez(tmp_path / "a.npz", **arrays)
        return refusal(evaluate_run, run, tmp_path / "a.npz", "test")

    ok = {"x_test": images.images, "y_test": images.labels}
    assert "expected images of 32x32 pixels" in refuse(x_test=images.images[:, :16], y_test=images.labels)
    assert "x_test, y_test missing; it contains x_train, y_train" in refuse(x_train=images.images, y_train=images.labels)
    assert "expected labels from 0 to 1, one per class name, got 0 to 9" in refuse(class_names=np.array(["3", "4"]), **ok)
    assert "images of class 'cat'; expected the classes" in refuse(class_names=np.array(["cat", *DIGITS[1:]]), **ok)
    assert "no such file or folder" in refusal(evaluate_run, run, tmp_path / "none", "test")
    np.savez(tmp_path / "a.npz", **ok)
    unnamed = refusal(load_known_images, tmp_path / "a.npz", CIFAR10_NAMES, "test", PICTURES, print)
    assert "class_names missing: classes are matched by name" in unnamed


def test_both_reasons_are_given_where_they_differ(run: kcifar.Run, tmp_path: Path) -> None:
    (tmp_path / "text").write_text("no archive")
    message = refusal(evaluate_run, run, tmp_path / "text", "test")
    assert "damaged, or not a folder" in message
    assert "(as the run's data set: data set digits: it comes with scikit-learn" in message


def test_the_runs_own_data_are_not_taken_for_others(run: kcifar.Run, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="expected images other than the run's own"):
        evaluate_run(run, None, "test", "mine")
    assert "data" not in evaluate_run(run, None, "test")
    assert not (run.path / "evaluations").exists()


def test_photos_are_read_as_the_run_says(run: kcifar.Run, tmp_path: Path) -> None:
    """With black borders, 12 bits and upright, if dataset.json says so: as the run's own photos and those of its export."""
    reading = Reading(32, 32, "pad", 12)
    (run.path / "dataset.json").write_text(json.dumps(run.dataset | {"reading": reading.describe()}))
    deep = encoded((np.arange(40 * 90).reshape(40, 90) % 4096).astype(np.uint16), exif=make_exif(6))
    said: list[str] = []
    path = write_folder(tmp_path / "photos", {"3/deep.png": deep, "7/deep.png": encoded(np.full((9, 9), 4095, np.uint16))})
    images = load_other_images(kcifar.open_run(run.path), path, "test", said.append)
    np.testing.assert_array_equal(images.split.images[0], decode_image(deep, reading))
    assert images.split.images[1].max() == 255
    assert any("resize: pad, to 32x32 pixels" in line for line in said)
