"""The SavedModel: its two signatures answer as the run predicted, in a process that knows neither Keras nor kcifar."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import kcifar
from kcifar.core.errors import ExportFailed, UserError
from kcifar.exporting.check_saved_model import check_saved_model
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


@pytest.fixture(scope="module")
def exported(tiny_run: kcifar.Run, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    out = tmp_path_factory.mktemp("export") / "saved_model"
    return out, export_saved_model(tiny_run, out)


def test_the_export_answers_as_the_run_predicted(exported: tuple[Path, str], tiny_run: kcifar.Run, tmp_path: Path) -> None:
    out, found = exported
    assert "reloaded and compared with the run's stored predictions" in found
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
def reference(exported: tuple[Path, str], tiny_run: kcifar.Run, tmp_path_factory: pytest.TempPathFactory) -> dict[str, np.ndarray]:
    """Return what the Keras model predicts for the run's examples, which are also encoded as PNG."""
    from kcifar.exporting.write_saved_model import _write_reference

    path = tmp_path_factory.mktemp("reference") / "reference.npz"
    _write_reference(tiny_run, tiny_run.load_model(), path)
    with np.load(path) as arrays:
        return dict(arrays)


def check_export(run: kcifar.Run, out: Path, reference: dict[str, np.ndarray], folder: Path) -> str:
    """Check an export against reference predictions that a test may have changed."""
    np.savez(folder / "reference.npz", allow_pickle=False, **reference)
    return check_saved_model(run, out, folder / "reference.npz")


@pytest.mark.parametrize(
    ("precision", "difference", "is_allowed"),
    [
        ("float32", 5e-5, True),
        ("float32", 2e-4, False),
        ("mixed_float16", 5e-3, True),
        ("mixed_float16", 2e-2, False),
        ("mixed_bfloat16", 4e-2, True),
        ("mixed_bfloat16", 6e-2, False),
    ],
)
def test_a_probability_may_differ_by_as_much_as_its_precision_rounds(
    precision: str,
    difference: float,
    is_allowed: bool,
    exported: tuple[Path, str],
    reference: dict[str, np.ndarray],
    tiny_run: kcifar.Run,
    tmp_path: Path,
) -> None:
    """One probability of the last image, which is not among the encoded ones, is another in the reference."""
    shutil.copytree(tiny_run.path, tmp_path / "run")
    environment = tmp_path / "run" / "environment.json"
    environment.write_text(json.dumps(tiny_run.environment | {"precision": precision}))
    changed = reference | {"probabilities": reference["probabilities"].copy()}
    changed["probabilities"][-1, 0] += difference
    run = kcifar.open_run(tmp_path / "run")
    if is_allowed:
        assert "largest difference" in check_export(run, exported[0], changed, tmp_path)
    else:
        with pytest.raises(ValueError, match="a probability differs from the Keras model by"):
            check_export(run, exported[0], changed, tmp_path)


def test_both_signatures_are_compared(exported: tuple[Path, str], reference: dict[str, np.ndarray], tiny_run: kcifar.Run, tmp_path: Path) -> None:
    """An encoded image that is not the one the reference was made of is noticed; so is a probability that is no number."""
    assert check_export(tiny_run, exported[0], reference, tmp_path).startswith("reloaded and compared with the run's stored predictions on ")
    swapped = reference | {"png_0": reference["png_1"], "png_1": reference["png_0"]}
    with pytest.raises(ValueError, match=r"differs from the Keras model \(encoded images\) by"):
        check_export(tiny_run, exported[0], swapped, tmp_path)
    unknown = reference | {"probabilities": np.full_like(reference["probabilities"], np.nan)}
    with pytest.raises(ValueError, match="differs from the Keras model by nan"):
        check_export(tiny_run, exported[0], unknown, tmp_path)


def test_a_class_takes_one_line_whatever_an_older_run_allowed_in_its_name(tmp_path: Path) -> None:
    from kcifar.exporting.write_saved_model import write_class_names

    write_class_names(["a\nb", "\x1b[31mc", "d\u2028e", "é 画"], tmp_path / "classes.txt")
    assert (tmp_path / "classes.txt").read_text(encoding="utf-8") == "a b\n [31mc\nd e\né 画\n"
