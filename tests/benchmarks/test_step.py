"""`python -m kcifar.bench step`: the advice, what is measured and what is skipped, errors, and a small complete run."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tiny_recipe import TINY_MODEL, tiny_recipe

from kcifar.bench import app
from kcifar.benchmarks import step, synthetic, updates
from kcifar.benchmarks.advice import CAUTION, SAME, Setting, write_advice
from kcifar.benchmarks.synthetic import ImageKind, find_image_kind, make_random_data
from kcifar.benchmarks.updates import UpdatesRequest, measure_updates
from kcifar.core.command import run_command
from kcifar.core.errors import Failure, UserError
from kcifar.models.build import build_model
from kcifar.models.summary import summarize_model
from kcifar.planning.plan import make_plan
from kcifar.recipe.load import load_recipe

CURRENT = Setting("tensorflow", "float32", 64)
OTHER = Setting("jax", "mixed_bfloat16", 64)
LARGER = Setting("tensorflow", "float32", 256)
KIND = ImageKind(32, 10, True)

settings = st.builds(
    Setting, st.sampled_from(["tensorflow", "jax", "torch"]), st.sampled_from(["float32", "mixed_bfloat16"]), st.sampled_from([64, 256])
)
speeds = st.dictionaries(settings, st.floats(1, 1e6), min_size=1)


def rows(measured: dict[Setting, float]) -> list[dict[str, Any]]:
    return [vars(setting) | {"images_per_second": speed} for setting, speed in measured.items()]


def request(**changes: Any) -> UpdatesRequest:
    plan = make_plan(load_recipe(tiny_recipe()))
    return UpdatesRequest(**{"recipe": plan.to_dict(), "kind": KIND, "precisions": ["float32"], "batch_sizes": [16, 32], "repeats": 1} | changes)


def test_advice_keeps_what_is_fastest() -> None:
    assert write_advice(rows({CURRENT: 300, OTHER: 200, LARGER: 250}), CURRENT) == (
        "the recipe's current setting, tensorflow, float32, batch size 64, is the fastest at its batch size; no other measured batch size is faster"
    )


def test_advice_ignores_two_percent() -> None:
    assert write_advice(rows({CURRENT: 300, OTHER: 305, LARGER: 304}), CURRENT) == write_advice(
        rows({CURRENT: 300, OTHER: 200, LARGER: 250}), CURRENT
    )
    assert f"use {OTHER}" in write_advice(rows({CURRENT: 300, OTHER: 307}), CURRENT)


def test_advice_at_the_recipes_batch_size_comes_before_that_of_another_which_is_cautioned() -> None:
    assert write_advice(rows({CURRENT: 100, OTHER: 150, LARGER: 1200}), CURRENT) == (
        "at the recipe's batch size use jax, mixed_bfloat16, batch size 64 (150 images/s, 1.50 times as fast as the current setting); "
        f"the fastest of all is tensorflow, float32, batch size 256 (1,200 images/s, 12.00 times as fast as the current setting), but {CAUTION}"
    )


def test_advice_says_what_it_could_not_compare_with() -> None:
    assert "the recipe's batch size, 64, was not measured" in write_advice(rows({LARGER: 200}), CURRENT)
    assert "the current setting, tensorflow, float32, batch size 64, was not measured" in write_advice(rows({OTHER: 200}), CURRENT)


@given(speeds, settings)
def test_advice_names_the_fastest_and_cautions_wherever_it_names_another_batch_size(measured: dict[Setting, float], current: Setting) -> None:
    text = write_advice(rows(measured), current)
    fastest = max(measured.values())
    assert any(str(setting) in text for setting, speed in measured.items() if speed * SAME >= fastest)
    names_another = any(str(setting) in text for setting in measured if setting.batch_size != current.batch_size)
    assert (CAUTION in text) == names_another
    own = [speed for setting, speed in measured.items() if setting.batch_size == current.batch_size]
    if own and f"use {current.backend}, {current.precision}" not in text:
        assert any(
            str(setting) in text for setting, speed in measured.items() if setting.batch_size == current.batch_size and speed * SAME >= max(own)
        )


@pytest.mark.parametrize(
    ("dataset", "side", "classes", "expected"),
    [
        ({"name": "cifar10"}, None, None, ImageKind(32, 10, True)),
        ({"name": "cifar100"}, None, None, ImageKind(32, 100, True)),
        ({"name": "cifar100", "labels": "coarse"}, None, None, ImageKind(32, 20, True)),
        ({"name": "digits"}, 48, None, ImageKind(48, 10, True)),
        ({"name": "npz"}, None, None, ImageKind(32, 10, False)),
        ({"name": "npz"}, 64, 7, ImageKind(64, 7, True)),
        ({"name": "npz"}, None, 7, ImageKind(32, 7, False)),
        ({"name": "folder", "image_size": 96}, None, None, ImageKind(96, 10, False)),
        ({"name": "folder", "image_size": 96}, None, 5, ImageKind(96, 5, True)),
    ],
)
def test_the_kind_of_images_is_known_without_reading_them_or_assumed(
    dataset: dict[str, Any], side: int | None, classes: int | None, expected: ImageKind
) -> None:
    kind = find_image_kind(make_plan(load_recipe(tiny_recipe(dataset=dataset))), side, classes)
    assert kind == expected
    assert ("assumed" in str(kind)) == (not expected.is_known)


def test_random_data_is_an_epoch_of_fifty_thousand_images_whatever_their_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(synthetic, "_BYTES", 100 * 8 * 8 * 3)
    data = make_random_data(ImageKind(8, 7, True))
    assert data.dataset.train.images.shape == (100, 8, 8, 3)
    assert len(data.train_indices) == 50_000
    assert (np.bincount(data.train_indices) == 500).all()
    assert data.num_classes == 7
    assert set(data.dataset.train.labels) == set(range(7))


@pytest.fixture
def peak(monkeypatch: pytest.MonkeyPatch) -> float:
    """Stand for the measurement of the peak, which takes seconds, by a number of multiply-accumulates a second."""
    monkeypatch.setattr(updates, "measure_peak", lambda dtype: 3e9)
    return 3e9


def test_a_row_counts_operations_by_the_networks_products(peak: float) -> None:
    (row,) = measure_updates(request(batch_sizes=[16]))
    products = summarize_model(build_model("residual_cnn", (32, 32, 3), 10, **{key: value for key, value in TINY_MODEL.items() if key != "name"}))
    assert {value > 0 for name, value in row.items() if name != "precision"} == {True}
    # An operation is a product or a sum, and the two backward passes take as many as the forward one.
    assert row["gigaflops"] == pytest.approx(6 * products["multiply_accumulates"] * row["images_per_second"] / 1e9)
    assert row["peak_gigaflops"] == pytest.approx(2 * peak / 1e9)


def test_what_takes_too_long_is_left_out_with_all_larger_batches(peak: float, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(updates, "PATIENCE", 1e-9)
    first, second = measure_updates(request(batch_sizes=[32, 16]))
    assert (first["batch_size"], second["batch_size"]) == (16, 32)
    assert first["reason"] == second["reason"] == "an update of 16 images would take at least 0 seconds (limit: 0)"
    assert "images_per_second" not in first
    assert not first["is_user_error"]


@pytest.mark.parametrize("error", [MemoryError(), RuntimeError("RESOURCE_EXHAUSTED: Out of memory allocating 1 bytes")])
def test_what_does_not_fit_the_memory_is_left_out_with_all_larger_batches(peak: float, error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(updates, "_measure_case", lambda *arguments: _raise(error))
    assert {row["reason"] for row in measure_updates(request())} == {"out of memory at 16 images"}


def test_another_error_is_not_taken_for_a_lack_of_memory(peak: float, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(updates, "_measure_case", lambda *arguments: _raise(RuntimeError("there is room enough")))
    with pytest.raises(RuntimeError, match="room enough"):
        list(measure_updates(request()))


def _raise(error: Exception) -> None:
    raise error


def test_a_schedule_that_a_larger_batch_leaves_no_room_for_is_a_note(peak: float) -> None:
    recipe = tiny_recipe(stages=[{"name": "only", "epochs": 1, "learning_rate": {"name": "constant", "value": 0.1, "warm_up": "100 steps"}}])
    asked = request(recipe=make_plan(load_recipe(recipe)).to_dict(), batch_sizes=[1024])
    (row,) = measure_updates(asked)
    assert "warm_up" in row["reason"]
    assert row["is_user_error"]


def test_a_recipe_that_no_combination_fits_is_a_user_error_and_a_slow_machine_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    mistake, slow = ({"backend": "jax", "precision": "float32", "batch_size": 64, "reason": "why", "is_user_error": it} for it in (True, False))
    for made_rows, expected in (([mistake, mistake], UserError), ([mistake, slow], Failure)):
        monkeypatch.setattr(step, "_measure_backend", lambda backend, asked, imports, measured, rows=made_rows: measured.rows.extend(rows))
        with pytest.raises(expected, match="why"):
            step.measure_backends(request(), ["jax"], ())


def test_notes_tell_each_reason_once_with_its_batch_sizes() -> None:
    left_out = [{"backend": "jax", "precision": "float32", "batch_size": size, "reason": "too slow"} for size in (256, 1024)]
    measured = step.Measurements(
        [{"backend": "jax", "precision": "float32", "batch_size": 64, "images_per_second": 9.0}, *left_out], failures=["torch: gone"]
    )
    assert measured.make_notes() == ["jax, float32, batch size 256, 1,024: too slow", "torch: gone"]
    assert [row["batch_size"] for row in measured.find_measured()] == [64]


def test_a_table_has_the_shares_and_gaps_for_what_was_left_out() -> None:
    whole = {"images_per_second": 10.0, "compilation_seconds": 1.0, "gigaflops": 30.0, "peak_gigaflops": 120.0, "times_convolutions": None}
    both = [
        {"backend": "jax", "precision": "float32", "batch_size": 64} | whole,
        {"backend": "jax", "precision": "float32", "batch_size": 256, "reason": "x", "is_user_error": True},
    ]
    table = step.make_table(step.Measurements(both))
    assert table["share_of_peak"].tolist() == pytest.approx([0.25, float("nan")], nan_ok=True)
    assert table.iloc[1].drop(["backend", "precision", "batch_size"]).isna().all()
    assert not {"reason", "is_user_error"} & set(table)


def test_a_process_that_fails_is_told_and_nothing_measured_is_a_failure() -> None:
    with pytest.raises(Failure, match="nothing was measured: nonsense: its process ended with exit code 2"):
        step.measure_backends(request(), ["nonsense"], [])


def test_a_backend_that_is_not_installed_is_refused_by_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(step, "find_installed_backends", lambda: ["tensorflow"])
    with pytest.raises(UserError, match=r"--backend: jax is not installed; install it with pip install 'kcifar\[jax\]'"):
        step.Choices(backends=["tensorflow", "jax"]).check()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["none.yaml"], "none.yaml: no such file"),
        (["{recipe}", "--backend", "tensorflw"], "--backend: expected one of tensorflow, jax, torch, got 'tensorflw'; did you mean 'tensorflow'?"),
        (["{recipe}", "--precision", "float31"], "--precision: expected one of float32, mixed_bfloat16, mixed_float16, got 'float31'"),
        (["{recipe}", "--batch-size", "0"], "'--batch-size'"),
        (["{recipe}", "--batch-size", "64.5"], "'--batch-size'"),
        (["{recipe}", "--repeats", "0"], "'--repeats'"),
        (["{recipe}", "--image-size", "0"], "'--image-size'"),
        (["{recipe}", "--classes", "1"], "'--classes'"),
        (["{recipe}", "--set", "model.name=resnet81"], "no model 'resnet81'; did you mean 'resnet18'?"),
        (["{recipe}", "--import", "parts.py"], "--import parts.py: expected a Python file, found none"),
        ([], "'RECIPE'"),
    ],
)
def test_an_error_is_one_line(
    options: list[str], message: str, recipe_file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["bench", "step", *[option.replace("{recipe}", str(recipe_file)) for option in options]])
    assert run_command(app) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert error.count("\n") == 1
    assert message in error


def test_the_command_imports_no_backend_itself_and_shows_table_and_write_advice(recipe_file: Path) -> None:
    script = (
        "import sys\nfrom kcifar.bench import app\nfrom kcifar.core.command import run_command\n"
        "print(run_command(app), sorted({'keras', 'tensorflow', 'jax', 'torch'} & set(sys.modules)))"
    )
    options = ["--backend", "tensorflow", "--precision", "float32", "--batch-size", "8", "--repeats", "1", "--set", "stages.learn.batch_size=8"]
    command = [sys.executable, "-c", script, "step", str(recipe_file), *options]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
    lines = done.stdout.splitlines()
    assert lines[0] == "Training updates of mine, stage learn: residual_cnn, 32x32x3, 10 classes"
    assert "tensorflow 2" in lines[1]
    assert lines[3].split()[:4] == ["backend", "precision", "batch_size", "images_per_second"]
    assert lines[4].split()[:3] == ["tensorflow", "float32", "8"]
    assert lines[-2].startswith("advice: the recipe's current setting") or "use tensorflow, float32, batch size 8" in lines[-2]
    assert lines[-1] == "0 []"
    assert "tensorflow, float32, batch size 8: " in done.stderr
