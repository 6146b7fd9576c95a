"""The SavedModel: its two signatures answer as the run predicted, in a process that knows neither Keras nor kcifar."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

import kcifar
from kcifar.core.errors import ExportFailed, UserError
from kcifar.datasets.decoding import decode_image
from kcifar.datasets.reading import Reading
from kcifar.exporting.check_saved_model import compare_with_run
from kcifar.exporting.photos import make_photos
from kcifar.exporting.saved_model import export_saved_model

# What a service would do: TensorFlow alone.
SERVE = """
import json, sys
import numpy as np
import tensorflow as tf
loaded = tf.saved_model.load(sys.argv[1])
images = np.load(sys.argv[2])
answer = loaded.signatures["serving_default"](images=tf.constant(images))
png = [tf.io.encode_png(image).numpy() for image in images[:3]]
large = [tf.io.encode_jpeg(np.full((50, 70, 3), 128, np.uint8)).numpy()]
encoded = loaded.signatures["serve_image_bytes"](image_bytes=tf.constant(png))
resized = loaded.signatures["serve_image_bytes"](image_bytes=tf.constant(large))
print(json.dumps({
    "probabilities": answer["probabilities"].numpy().tolist(), "dtype": answer["class_ids"].dtype.name, "ids": answer["class_ids"].numpy().tolist(),
    "encoded": encoded["probabilities"].numpy().tolist(), "resized": resized["probabilities"].shape.as_list(),
    "input": loaded.signatures["serving_default"].structured_input_signature[1]["images"].dtype.name, "keras": "keras" in sys.modules,
}))
"""


# As a folder's run reads its pictures that says so; the default is another.
READING = Reading(32, 32, "pad", 12)


@pytest.fixture(scope="module")
def padding_run(tiny_run: kcifar.Run, tmp_path_factory: pytest.TempPathFactory) -> kcifar.Run:
    """Return the tiny run as if it had been trained on a folder of pictures of 12 bits, with black borders."""
    folder = tmp_path_factory.mktemp("runs") / "padding"
    shutil.copytree(tiny_run.path, folder)
    (folder / "dataset.json").write_text(json.dumps(tiny_run.dataset | {"reading": READING.describe()}))
    return kcifar.open_run(folder)


@pytest.fixture(scope="module")
def exported(padding_run: kcifar.Run, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    out = tmp_path_factory.mktemp("export") / "saved_model"
    return out, export_saved_model(padding_run, out)


@pytest.fixture(scope="module")
def signatures(exported: tuple[Path, str]) -> Any:
    return tf.saved_model.load(str(exported[0])).signatures


def test_an_export_says_that_it_takes_a_while_before_it_does(tiny_run: kcifar.Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []

    def run_module(module: str, run: str, partial: str, reference: str) -> str:
        assert said == [f"exporting {tiny_run.path} to {tmp_path / 'out'}, then comparing it with the run: about half a minute"], module
        Path(partial).mkdir(exist_ok=True)
        return "compared"

    monkeypatch.setattr("kcifar.exporting.saved_model._run_module", run_module)
    assert export_saved_model(tiny_run, tmp_path / "out", say=said.append) == "compared"


def test_the_export_says_what_it_compared_and_how_much_differed(exported: tuple[Path, str], tiny_run: kcifar.Run) -> None:
    count = len(np.load(tiny_run.path / "examples.npz")["images"])
    assert re.fullmatch(
        rf"reloaded and compared with the run's stored predictions on {count} images: largest difference \d\.\de-\d\d; "
        r"30 PNG and JPEG photos of other sizes and modes, read as the run reads files: \d+ the same in every pixel, "
        r"largest difference [01] of 255 in a pixel, \d\.\de[-+]\d\d in a probability",
        exported[1],
    )


def test_photos_are_read_as_the_run_reads_them(exported: tuple[Path, str], signatures: Any) -> None:
    """Photos that the export's own check has not seen: twice its size, of another content."""
    photos = make_photos(Reading(64, 64, "pad", 12), np.random.default_rng(5).integers(0, 256, (6, 8, 8, 3), np.uint8))
    pixels = signatures["read_image_bytes"](image_bytes=tf.constant(list(photos.values())))["images"].numpy()
    expected = np.stack([decode_image(content, READING) for content in photos.values()])
    assert pixels.dtype == np.uint8
    assert np.abs(pixels.astype(int) - expected).max() <= 1
    answers = signatures["serve_image_bytes"](image_bytes=tf.constant(list(photos.values())))["probabilities"].numpy()
    np.testing.assert_allclose(answers, signatures["serving_default"](images=tf.constant(pixels))["probabilities"].numpy(), atol=1e-6)
    assert json.loads((exported[0] / "assets.extra" / "reading.json").read_text()) == READING.describe()


@pytest.mark.parametrize(
    ("signature", "request_", "expected"),
    [
        ("serving_default", np.zeros((32, 32, 3), np.uint8), r"images \[32,32,3\] is not compatible with expected shape \[\?,32,32,3\]"),
        ("serving_default", np.zeros((1, 33, 32, 3), np.uint8), r"images \[1,33,32,3\] is not compatible with expected shape"),
        ("serving_default", np.zeros((1, 32, 32, 1), np.uint8), r"images \[1,32,32,1\] is not compatible with expected shape"),
        ("serving_default", np.zeros((0, 32, 32, 3), np.uint8), "images: expected a batch of at least one, got an empty one"),
        ("serving_default", np.zeros((1, 32, 32, 3), np.float32), "expected to be a uint8 tensor but is a float tensor"),
        ("serve_image_bytes", np.array(b"x"), r"image_bytes \[\] is not compatible with expected shape \[\?\]"),
        ("serve_image_bytes", np.array([[b"x"]]), r"image_bytes \[1,1\] is not compatible with expected shape \[\?\]"),
        ("serve_image_bytes", np.array([], bytes), "image_bytes: expected a batch of at least one, got an empty one"),
        ("serve_image_bytes", np.array([b"hello"]), r"image_bytes\[0\]: expected a PNG or JPEG file, got bytes of an unknown format"),
        ("serve_image_bytes", np.zeros(1, np.uint8), "expected to be a string tensor but is a uint8 tensor"),
        ("read_image_bytes", np.array([], bytes), "image_bytes: expected a batch of at least one, got an empty one"),
    ],
)
def test_a_malformed_request_is_an_error_of_the_signature(signature: str, request_: np.ndarray, expected: str, signatures: Any) -> None:
    """Without a check, an image without the batch's axis ends the process, and one of another size gets an answer."""
    name = "images" if signature == "serving_default" else "image_bytes"
    with pytest.raises(tf.errors.InvalidArgumentError, match=expected):
        signatures[signature](**{name: tf.constant(request_)})


def test_the_export_answers_as_the_run_predicted(exported: tuple[Path, str], tiny_run: kcifar.Run, tmp_path: Path) -> None:
    out, _ = exported
    with np.load(tiny_run.path / "examples.npz") as examples:
        images, indices = examples["images"], examples["indices"]
    np.save(tmp_path / "images.npy", images)
    done = subprocess.run([sys.executable, "-c", SERVE, str(out), str(tmp_path / "images.npy")], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout.splitlines()[-1])
    stored = tiny_run.predictions["test_probabilities"][indices]
    assert np.array(answer["probabilities"]) == pytest.approx(stored, abs=1e-5)
    assert answer["ids"] == stored.argmax(axis=1).tolist()
    assert (answer["dtype"], answer["input"]) == ("int64", "uint8")
    assert np.array(answer["encoded"]) == pytest.approx(stored[:3], abs=1e-5)
    assert answer["resized"] == [1, 10]


def test_class_names_are_next_to_the_model(exported: tuple[Path, str]) -> None:
    assert (exported[0] / "assets.extra" / "classes.txt").read_text().split() == [str(digit) for digit in range(10)]


def test_an_older_export_is_not_replaced_without_being_asked(exported: tuple[Path, str], tiny_run: kcifar.Run, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="there is already a SavedModel; use --overwrite to replace it"):
        export_saved_model(tiny_run, exported[0])
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(UserError, match="expected a new folder or an older SavedModel, got something else"):
        export_saved_model(tiny_run, tmp_path, overwrite=True)
    assert (tmp_path / "notes.txt").exists()


def test_an_unfinished_run_is_refused(tiny_run: kcifar.Run, tmp_path: Path) -> None:
    shutil.copytree(tiny_run.path, tmp_path / "run")
    (tmp_path / "run" / "model.keras").unlink()
    with pytest.raises(UserError, match=r"expected a finished run \(with model.keras\); continue it with python -m kcifar.train --resume"):
        export_saved_model(kcifar.open_run(tmp_path / "run"), tmp_path / "out")


def test_predictions_that_are_not_the_models_fail_and_leave_nothing(tiny_run: kcifar.Run, tmp_path: Path) -> None:
    shutil.copytree(tiny_run.path, tmp_path / "run")
    arrays = dict(tiny_run.predictions)
    arrays["test_probabilities"] = np.roll(arrays["test_probabilities"], 1, axis=1)
    np.savez(tmp_path / "run" / "predictions.npz", allow_pickle=False, **arrays)
    with pytest.raises(ExportFailed, match="a probability differs from the run's stored predictions by"):
        export_saved_model(kcifar.open_run(tmp_path / "run"), tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


@pytest.fixture(scope="module")
def reference(padding_run: kcifar.Run, tmp_path_factory: pytest.TempPathFactory) -> dict[str, np.ndarray]:
    """Return what the exported model must reproduce, as the export itself computes it."""
    return make_reference(padding_run, READING, tmp_path_factory.mktemp("reference"))


def make_reference(run: kcifar.Run, reading: Reading, folder: Path) -> dict[str, np.ndarray]:
    from kcifar.exporting.write_saved_model import write_reference

    write_reference(run, run.load_model(), reading, folder / "reference.npz")
    with np.load(folder / "reference.npz") as arrays:
        return dict(arrays)


def copy_run(run: kcifar.Run, folder: Path, precision: str) -> kcifar.Run:
    shutil.copytree(run.path, folder)
    (folder / "environment.json").write_text(json.dumps(run.environment | {"precision": precision}))
    return kcifar.open_run(folder)


LIMITS = {"float32": 1e-4, "mixed_float16": 1e-2, "mixed_bfloat16": 5e-2, "a precision of a later version": 1e-4}


@pytest.mark.parametrize("compared", ["images", "photos", "stored predictions"])
@pytest.mark.parametrize("precision", LIMITS)
def test_a_probability_may_differ_by_as_much_as_its_precision_rounds(
    precision: str, compared: str, signatures: Any, reference: dict[str, np.ndarray], padding_run: kcifar.Run, tmp_path: Path
) -> None:
    """Whatever is compared, nine tenths of the limit pass in one probability, and eleven tenths do not."""
    run = copy_run(padding_run, tmp_path / "run", precision)
    check_changed(run, compared, 0.9 * LIMITS[precision], signatures, reference)
    with pytest.raises(ValueError, match=f"a probability differs from the .* by .*; expected at most {LIMITS[precision]:g}"):
        check_changed(run, compared, 1.1 * LIMITS[precision], signatures, reference)


def check_changed(run: kcifar.Run, compared: str, difference: float, signatures: Any, reference: dict[str, np.ndarray]) -> str:
    """Check an export after adding a difference to one probability of what it is compared with."""
    changed = {name: array.copy() for name, array in reference.items()}
    if compared == "stored predictions":
        arrays = {name: array.copy() for name, array in run.predictions.items()}
        with np.load(run.path / "examples.npz") as examples:
            arrays["test_probabilities"][examples["indices"][-1], 0] = reference["probabilities"][-1, 0] + difference
        np.savez(run.path / "predictions.npz", allow_pickle=False, **arrays)
        return compare_with_run(kcifar.open_run(run.path), signatures, changed)
    changed["probabilities" if compared == "images" else "photo_probabilities"][-1, 0] += difference
    return compare_with_run(run, signatures, changed)


def test_a_pixel_may_differ_by_one_level(signatures: Any, reference: dict[str, np.ndarray], padding_run: kcifar.Run, tmp_path: Path) -> None:
    same = compare_with_run(padding_run, signatures, reference)
    pixels = reference["photo_pixels"].astype(int)
    inside = np.where(pixels < 128, 1, -1)
    one = compare_with_run(padding_run, signatures, reference | {"photo_pixels": (pixels + inside * one_pixel(pixels, 3)).astype(np.uint8)})
    counts = [int(re.search(r"(\d+) the same in every pixel, largest difference", text)[1]) for text in (same, one)]  # type: ignore[index]
    assert counts[1] == counts[0] - 1
    assert "largest difference 1 of 255 in a pixel" in one
    with pytest.raises(ValueError, match=r"portrait JPEG: a pixel differs from the run's reading by 2 of 255; expected at most 1"):
        compare_with_run(padding_run, signatures, reference | {"photo_pixels": (pixels + 2 * inside * one_pixel(pixels, 3)).astype(np.uint8)})


def one_pixel(pixels: np.ndarray, photo: int) -> np.ndarray:
    chosen = np.zeros_like(pixels)
    chosen[photo, 16, 16, 1] = 1
    return chosen


@pytest.mark.parametrize("reading", [Reading(32, 32, "crop", 12), Reading(32, 32, "stretch", 12)])
def test_an_export_that_reads_photos_otherwise_than_its_run_is_refused(
    reading: Reading, signatures: Any, padding_run: kcifar.Run, tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match="a pixel differs from the run's reading by"):
        compare_with_run(padding_run, signatures, make_reference(padding_run, reading, tmp_path))


def test_every_comparison_takes_place(signatures: Any, reference: dict[str, np.ndarray], padding_run: kcifar.Run, tmp_path: Path) -> None:
    """Photos that are not those of the reference are noticed; so is a probability that is no number."""
    swapped = reference | {"photo_0": reference["photo_2"], "photo_2": reference["photo_0"]}
    with pytest.raises(ValueError, match="a pixel differs from the run's reading by"):
        compare_with_run(padding_run, signatures, swapped)
    for name in ("probabilities", "photo_probabilities"):
        with pytest.raises(ValueError, match=r"differs from the Keras model.* by nan"):
            compare_with_run(padding_run, signatures, reference | {name: np.full_like(reference[name], np.nan)})


def test_a_run_that_was_trained_on_photos_on_their_side_is_told_so(
    signatures: Any, reference: dict[str, np.ndarray], padding_run: kcifar.Run, tmp_path: Path
) -> None:
    assert "EXIF" not in compare_with_run(padding_run, signatures, reference)
    shutil.copytree(padding_run.path, tmp_path / "run")
    older = {key: value for key, value in padding_run.dataset.items() if key != "reading"}
    (tmp_path / "run" / "dataset.json").write_text(json.dumps(older))
    assert "EXIF" not in compare_with_run(kcifar.open_run(tmp_path / "run"), signatures, reference)
    recipe = (tmp_path / "run" / "recipe.yaml").read_text()
    (tmp_path / "run" / "recipe.yaml").write_text(recipe.replace("name: digits", "name: folder"))
    assert "those with an EXIF orientation are turned upright now" in compare_with_run(kcifar.open_run(tmp_path / "run"), signatures, reference)


def test_a_class_takes_one_line_whatever_an_older_run_allowed_in_its_name(tmp_path: Path) -> None:
    from kcifar.exporting.write_saved_model import write_class_names

    write_class_names(["a\nb", "\x1b[31mc", "d\u2028e", "é 画"], tmp_path / "classes.txt")
    assert (tmp_path / "classes.txt").read_text(encoding="utf-8") == "a b\n [31mc\nd e\né 画\n"
