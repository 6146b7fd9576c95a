"""A run from start to end on real digits: what it leaves, and what stages, rates, penalties and optimizer states do."""

import json
import math
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from run_comparison import check_same_run, history_rows
from tensorboard_events import events_of
from tiny_recipe import TINY_MODEL, tiny_recipe

import kcifar
from kcifar.core.errors import TrainingFailed, UserError
from kcifar.datasets.dataset import Split
from kcifar.engine.backend import load_backend
from kcifar.planning.batches import EpochKey
from kcifar.planning.epoch_batches import make_epoch_batches
from kcifar.planning.plan import make_plan
from kcifar.planning.stage_plan import StagePlan
from kcifar.recipe.load import load_recipe
from kcifar.runs.folder import RunFolder

FILES = {
    "recipe.yaml", "environment.json", "dataset.json", "model.json", "history.csv", "batches.csv", "model.keras", "best.keras", "test.json",
    "predictions.npz", "examples.npz", "status.json", "checkpoint", "tensorboard", ".lock",
}  # fmt: skip
HISTORY_COLUMNS = [
    "stage", "stage_index", "epoch", "stage_epoch", "learning_rate", "loss", "cross_entropy", "accuracy", "val_loss", "val_cross_entropy", "val_accuracy",
    "images_seen", "seconds", "images_per_second", "compilation_seconds",
]  # fmt: skip


def test_a_run_leaves_every_file_and_no_other(tiny_run: kcifar.Run) -> None:
    assert {path.name for path in tiny_run.path.iterdir()} == FILES
    assert sorted(path.name for path in (tiny_run.path / "checkpoint").iterdir()) == ["3", "4"]
    assert tiny_run.status["state"] == "finished"
    assert tiny_run.status["epoch"] == 4


def test_the_history_has_a_row_an_epoch(tiny_run: kcifar.Run) -> None:
    history = tiny_run.history
    assert list(history.columns) == HISTORY_COLUMNS
    assert history["stage"].tolist() == ["learn", "learn", "refine", "polish"]
    assert history["stage_index"].tolist() == [0, 0, 1, 2]
    assert history["epoch"].tolist() == [1, 2, 3, 4]
    assert history["stage_epoch"].tolist() == [1, 2, 1, 1]
    assert history["learning_rate"].tolist() == [3e-3, 3e-3, 1e-3, 1e-4]
    assert history["images_seen"].tolist() == [1150, 2300, 3450, 4600]
    assert (history["loss"] > history["cross_entropy"]).all()  # the penalty
    assert (history["val_loss"] > history["val_cross_entropy"]).all()
    assert history["loss"].iloc[1] < history["loss"].iloc[0]
    assert history["accuracy"].iloc[-1] > 0.3  # ten classes: chance is 0.1
    assert history["accuracy"].between(0, 1).all()


def test_batch_rows_average_to_the_epochs(tiny_run: kcifar.Run) -> None:
    rows = tiny_run.batches
    assert list(rows.columns) == ["step", "stage", "epoch", "loss", "accuracy"]
    assert rows["step"].tolist() == [3, 6, 9, 12, 15, 18, 21, 24, 27, 30, 33, 36]
    first = rows[rows["epoch"] == 1]
    images = np.diff([0, *np.minimum(first["step"] * 128, 1150)])
    assert np.average(first["loss"], weights=images) == pytest.approx(tiny_run.history["loss"].iloc[0], rel=1e-4)


def test_events_hold_the_history(tiny_run: kcifar.Run) -> None:
    events = events_of(tiny_run.path / "tensorboard" / "events.out.tfevents.0.kcifar")[1:]
    losses = [next(value.simple_value for value in event.summary.value if value.tag == "validation/loss") for event in events]
    assert losses == pytest.approx(tiny_run.history["val_loss"].tolist(), rel=1e-6)


def test_test_metrics_and_predictions_agree(tiny_run: kcifar.Run) -> None:
    predictions, test = tiny_run.predictions, tiny_run.test
    hits = predictions["test_probabilities"].argmax(axis=1) == predictions["test_labels"]
    assert test["accuracy"] == hits.mean()
    assert test["samples"] == len(hits) == 360
    assert np.array_equal(predictions["test_indices"], np.arange(360))
    own = predictions["test_probabilities"][np.arange(360), predictions["test_labels"]]
    assert test["cross_entropy"] == pytest.approx(-np.log(own).mean(), rel=1e-5)
    assert predictions["test_probabilities"].sum(axis=1) == pytest.approx(np.ones(360), abs=1e-5)
    validation = predictions["validation_probabilities"].argmax(axis=1) == predictions["validation_labels"]
    assert validation.mean() == tiny_run.history["val_accuracy"].iloc[-1]


def test_the_saved_model_takes_pixels_and_repeats_the_predictions(tiny_run: kcifar.Run) -> None:
    model = tiny_run.load_model()
    with np.load(tiny_run.path / "examples.npz") as examples:
        images, indices, split = examples["images"], examples["indices"], set(examples["split"].tolist())
    assert split == {"test"}
    assert images.dtype == np.uint8
    assert len(images) <= 300
    found = model.predict(images, verbose=0)
    assert found == pytest.approx(tiny_run.predictions["test_probabilities"][indices], abs=1e-5)
    names = [layer.name for layer in model.layers]
    assert names == ["images", "normalization", "residual_cnn", "probabilities"]
    assert model.get_layer("normalization").weights == []


def test_the_resolved_recipe_is_complete_and_trains_again(tiny_run: kcifar.Run, tmp_path: Path) -> None:
    recipe = kcifar.load_recipe(tiny_run.path / "recipe.yaml")
    assert recipe.document.precision == "float32"
    again = kcifar.train(recipe, run=tmp_path / "again")
    check_same_run(tiny_run.path, again.path)


def test_data_and_environment_are_described(tiny_run: kcifar.Run) -> None:
    assert tiny_run.dataset["counts"] == {"train": 1150, "validation": 287, "test": 360}
    assert tiny_run.environment["backend"] == "tensorflow"
    assert tiny_run.environment["precision"] == "float32"
    assert tiny_run.environment["packages"]["keras"]
    assert tiny_run.model_summary["parameters"] == sum(row["parameters"] for row in tiny_run.model_summary["layers"])


def test_resuming_a_finished_run_says_so_and_changes_nothing(tiny_run: kcifar.Run, capsys: pytest.CaptureFixture[str]) -> None:
    before = {path: path.stat().st_mtime_ns for path in tiny_run.path.rglob("*")}
    assert kcifar.train(run=tiny_run.path, resume=True).path == tiny_run.path
    assert "the run is finished; nothing to do" in capsys.readouterr().out
    assert {path: path.stat().st_mtime_ns for path in tiny_run.path.rglob("*")} == before


def test_an_existing_run_is_not_touched_without_being_asked(tiny_run: kcifar.Run) -> None:
    with pytest.raises(UserError, match="there is already a run; use resume=True to continue it, overwrite=True to replace it"):
        kcifar.train(tiny_recipe(), run=tiny_run.path)


def test_another_recipe_is_refused_with_the_difference(tiny_run: kcifar.Run) -> None:
    with pytest.raises(UserError, match=r"differs from the run's in stages\[1\].epochs: the run has 1, got 5"):
        kcifar.train(tiny_recipe(), run=tiny_run.path, resume=True, **{"stages.refine.epochs": 5})
    with pytest.raises(UserError, match="differs from the run's in seed: the run has 0, got 3"):
        kcifar.train(tiny_recipe(), run=tiny_run.path, resume=True, seed=3)


def test_two_processes_cannot_train_into_one_folder(tmp_path: Path) -> None:
    with RunFolder(tmp_path / "run").lock(), pytest.raises(UserError, match="another process is training into this folder"):
        kcifar.train(tiny_recipe(), run=tmp_path / "run")
    assert [path.name for path in (tmp_path / "run").iterdir()] == [".lock"]


def test_a_foreign_folder_is_never_emptied(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("years of work")
    for overwrite in (False, True):
        with pytest.raises(UserError, match="expected a new folder or a run folder"):
            kcifar.train(tiny_recipe(), run=tmp_path, overwrite=overwrite)
    assert (tmp_path / "thesis.tex").read_text() == "years of work"


def test_contradicting_options_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="expected resume=True or overwrite=True, got both"):
        kcifar.train(tiny_recipe(), run=tmp_path, resume=True, overwrite=True)
    with pytest.raises(UserError, match="contains no run to resume"):
        kcifar.train(run=tmp_path / "none", resume=True)
    with pytest.raises(UserError, match="expected a recipe file"):
        kcifar.train()


ONE_EPOCH = [{"name": "only", "epochs": 1, "learning_rate": 1e-3}]


def test_a_loss_that_is_not_finite_stops_with_its_place(tmp_path: Path) -> None:
    stages = [{"name": "calm", "epochs": 1, "learning_rate": 1e-3}, {"name": "wild", "epochs": 1, "learning_rate": 1e30}]
    with pytest.raises(TrainingFailed, match=r"stage 'wild', epoch 2, step \d+: the loss is not finite"):
        kcifar.train(tiny_recipe(stages=stages), run=tmp_path / "run")
    status = json.loads((tmp_path / "run" / "status.json").read_text())
    assert status["state"] == "failed"
    assert "not finite" in status["reason"]
    assert [path.name for path in (tmp_path / "run" / "checkpoint").iterdir()] == ["1"]
    assert len(history_rows(tmp_path / "run")) == 1


def test_without_validation_and_test_there_are_no_such_columns_and_files(tmp_path: Path) -> None:
    run = kcifar.train(tiny_recipe(dataset={"name": "digits", "validation": 0}, test="never", stages=ONE_EPOCH), run=tmp_path / "run")
    assert [name for name in run.history.columns if name.startswith("val_")] == []
    assert {path.name for path in run.path.iterdir()} == FILES - {"best.keras", "test.json", "predictions.npz", "examples.npz"}
    assert run.dataset["counts"] == {"train": 1437, "test": 360}


def test_the_best_epoch_is_kept_and_selected(tmp_path: Path) -> None:
    stages = [{"name": "good", "epochs": 2, "learning_rate": 3e-3}, {"name": "ruin", "epochs": 1, "learning_rate": 0.5}]
    run = kcifar.train(tiny_recipe(stages=stages, select="best", monitor="val_loss"), run=tmp_path / "run")
    best = run.history["val_loss"].idxmin()
    assert best < 2
    probabilities = run.predictions["validation_probabilities"]
    own = probabilities[np.arange(len(probabilities)), run.predictions["validation_labels"]]
    assert -np.log(own).mean() == pytest.approx(run.history["val_cross_entropy"][best], rel=1e-3)
    assert run.test["weights"] == "best"


def test_arrays_from_python_can_be_trained_on(tmp_path: Path) -> None:
    generator = np.random.default_rng(0)
    images = generator.integers(0, 256, (60, 8, 8, 3), dtype=np.uint8)
    labels = generator.integers(0, 3, 60)
    run = kcifar.train(tiny_recipe(stages=ONE_EPOCH), {"train": (images, labels), "test": (images[:9], labels[:9])}, run=tmp_path / "run")
    assert run.dataset["counts"] == {"train": 48, "validation": 12, "test": 9}
    with pytest.raises(UserError, match="data: expected a path, a Dataset or a mapping with 'train'"):
        kcifar.train(tiny_recipe(), {"x": 3}, run=tmp_path / "other")
    assert not (tmp_path / "other").exists()


# The loop alone: rates, penalties, optimizer states, compilation.


def driver_and_stage(dropout_rate: float = 0.0, **settings: Any) -> tuple[Any, StagePlan, Split]:
    load_backend()
    from kcifar.datasets.dataset import Source
    from kcifar.datasets.load import load_dataset
    from kcifar.engine.network import build_network, make_normalization
    from kcifar.engine.training_loop import TrainingLoop

    stage_settings = {"name": "only", "epochs": 1, "learning_rate": 0.1, "optimizer": {"name": "sgd"}, "batch_size": 64} | settings
    recipe = tiny_recipe(defaults={}, stages=[stage_settings], model=TINY_MODEL | {"dropout_rate": dropout_rate})
    plan = make_plan(load_recipe(recipe))
    network = build_network(plan, (32, 32, 3), 10)
    part = load_dataset("digits", {}, Source()).train
    return TrainingLoop(network, make_normalization("unit", (), ()), 10, "float32"), plan.stages[0], part


def run_steps(loop: Any, stage: StagePlan, part: Split, steps: int, rates: np.ndarray) -> list[float]:
    """Train on the first images and return the running mean loss after each step."""
    losses: list[float] = []
    batches = make_epoch_batches(part, np.arange(steps * 64), EpochKey(0, 0, 0), stage.operations, 10, 64, "keep")
    loop.run_epoch(batches, {"learning_rate": rates}, lambda step, loss, accuracy: losses.append(loss))
    return losses


def weights(loop: Any) -> dict[str, np.ndarray]:
    return {variable.path: np.array(variable.numpy()) for variable in loop.network.trainable_variables}


def test_each_step_uses_its_own_rate() -> None:
    loop, stage, part = driver_and_stage()
    start = weights(loop)
    loop.begin_stage(stage)
    run_steps(loop, stage, part, 3, np.zeros(3))
    assert all(np.array_equal(value, start[path]) for path, value in weights(loop).items())
    loop.begin_stage(stage)
    run_steps(loop, stage, part, 3, np.array([0.1, 0.0, 0.0]))
    one_step = weights(loop)
    assert not np.array_equal(one_step["logits/kernel"], start["logits/kernel"])
    other, stage, part = driver_and_stage()
    other.begin_stage(stage)
    run_steps(other, stage, part, 3, np.array([0.1]))  # beyond the table the last rate holds
    assert not np.array_equal(weights(other)["logits/kernel"], one_step["logits/kernel"])


def test_the_penalty_adds_its_gradient_to_the_chosen_kernels_alone() -> None:
    """L2 of strength a adds 2 a w to the gradient: one plain SGD step differs by exactly rate * 2 a w."""
    found = {}
    for value in (None, {"value": 0.05, "layers": "*_conv*"}):
        loop, stage, part = driver_and_stage(l2=value)
        start = weights(loop)
        loop.begin_stage(stage)
        assert loop.compute_penalty() == pytest.approx(
            0.05 * sum((w**2).sum() for path, w in start.items() if "_conv" in path and "kernel" in path) if value else 0
        )
        run_steps(loop, stage, part, 1, np.array([0.1]))
        found[value is None] = weights(loop)
    for path, free in found[True].items():
        expected = 0.1 * 2 * 0.05 * start[path] if "_conv" in path and path.endswith("kernel") else 0.0
        assert free - found[False][path] == pytest.approx(np.broadcast_to(expected, free.shape), abs=1e-6)


@pytest.mark.parametrize(("kept", "iterations"), [("reset", 0), ("keep", 2)])
def test_a_stage_resets_or_keeps_the_optimizers_state(kept: str, iterations: int) -> None:
    loop, stage, part = driver_and_stage(optimizer={"name": "adam"}, optimizer_state=kept)
    loop.begin_stage(stage)
    run_steps(loop, stage, part, 2, np.array([0.1, 0.1]))
    slots = {path: np.array(variable.numpy()) for path, variable in loop.collect_state().items() if "momentum" in path or "velocity" in path}
    assert len(slots) == 2 * len(loop.network.trainable_variables)
    loop.begin_stage(stage)
    state = {path: np.array(variable.numpy()) for path, variable in loop.collect_state().items()}
    assert state["adam/iteration"] == iterations
    assert state["adam/table_start"] == iterations
    for path, value in slots.items():
        assert np.array_equal(state[path], value if kept == "keep" else np.zeros_like(value))


def test_stages_that_differ_in_numbers_alone_compile_once(monkeypatch: pytest.MonkeyPatch) -> None:
    from kcifar.augment import pipeline

    traced = []
    apply_all = pipeline.apply_all
    monkeypatch.setattr(pipeline, "apply_all", lambda *given: traced.append(1) or apply_all(*given))
    loop, stage, part = driver_and_stage(augmentation=[{"name": "horizontal_flip"}])
    loop.begin_stage(stage)
    run_steps(loop, stage, part, 2, np.array([0.1]))
    first = len(traced)
    assert first > 0
    loop.begin_stage(stage)
    run_steps(loop, stage, part, 2, np.array([0.01, 0.02]))
    assert len(traced) == first


def test_validation_sees_no_augmentation_and_no_dropout() -> None:
    plain, stage, part = driver_and_stage()
    strong = [{"name": "random_affine", "rotation": 90}, {"name": "horizontal_flip", "probability": 1.0}]
    loop, augmented, _ = driver_and_stage(dropout_rate=0.9, augmentation=strong)
    for one, its_stage in ((plain, stage), (loop, augmented)):
        one.begin_stage(its_stage)
    loop.network.set_weights([*plain.network.get_weights()][: len(loop.network.get_weights())])
    indices = np.arange(20)
    assert loop.compute_logits(part.images, indices) == pytest.approx(plain.compute_logits(part.images, indices), abs=1e-5)
    assert run_steps(loop, augmented, part, 1, np.array([0.0])) != pytest.approx(run_steps(plain, stage, part, 1, np.array([0.0])), abs=1e-3)


def test_mixed_precision_trains_with_float32_weights_and_outputs(tmp_path: Path) -> None:
    run = kcifar.train(tiny_recipe(precision="mixed_bfloat16", stages=ONE_EPOCH), run=tmp_path / "run")
    model = run.load_model()
    network = model.get_layer("residual_cnn")
    assert {str(weight.dtype) for weight in model.weights if "seed" not in weight.path} == {"float32"}
    assert network.get_layer("block1_conv1").compute_dtype == "bfloat16"
    assert str(model.output.dtype) == "float32"
    assert math.isfinite(run.history["loss"].iloc[0])
    import keras

    assert keras.config.dtype_policy().name == "float32"  # the caller's policy is put back


@pytest.mark.parametrize("kind", ["unit", "standardize", "none"])
def test_normalisation_is_inside_the_model(kind: str) -> None:
    load_backend()
    from kcifar.engine.network import make_normalization

    images = np.random.default_rng(0).integers(0, 256, (50, 4, 4, 3)).astype(np.float32)
    mean, deviation = (images / 255).mean(axis=(0, 1, 2)), (images / 255).std(axis=(0, 1, 2))
    found = np.asarray(make_normalization(kind, mean, deviation)(images))
    expected = {"unit": images / 255, "standardize": (images / 255 - mean) / deviation, "none": images}[kind]
    assert found == pytest.approx(expected, abs=1e-4)


def test_a_users_folder_with_a_recipe_of_its_own_is_foreign(tmp_path: Path) -> None:
    (tmp_path / "recipe.yaml").write_text("name: mine")
    (tmp_path / "thesis.tex").write_text("years of work")
    for options in ({"overwrite": True}, {"resume": True}, {}):
        with pytest.raises(UserError, match="expected a new folder or a run folder"):
            kcifar.train(tiny_recipe(), run=tmp_path, **options)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["recipe.yaml", "thesis.tex"]


def test_overwriting_begins_again_and_leaves_what_is_not_the_runs(tiny_run: kcifar.Run, tmp_path: Path) -> None:
    shutil.copytree(tiny_run.path, tmp_path / "run")
    (tmp_path / "run" / "notes.txt").write_text("mine")
    run = kcifar.train(tiny_recipe(stages=ONE_EPOCH, test="never"), run=tmp_path / "run", overwrite=True)
    assert len(run.history) == 1
    assert {path.name for path in run.path.iterdir()} == FILES - {"test.json"} | {"notes.txt"}


def test_a_run_that_began_meanwhile_is_not_replaced(tiny_run: kcifar.Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another process trains into the folder between the first look and the lock."""
    from kcifar.training import trainer

    original = trainer.prepare_data

    def prepare_slowly(*given: Any) -> Any:
        shutil.copytree(tiny_run.path, tmp_path / "run")
        return original(*given)

    monkeypatch.setattr(trainer, "prepare_data", prepare_slowly)
    with pytest.raises(UserError, match="there is already a run"):
        kcifar.train(tiny_recipe(), run=tmp_path / "run")
    check_same_run(tiny_run.path, tmp_path / "run")


def test_weights_spoiled_by_the_last_update_are_not_kept(tmp_path: Path) -> None:
    """One update an epoch: its loss, taken before the update, is finite; the weights after it are not."""
    steep = {"value": 100.0, "layers": "*_conv*"}  # its gradient alone, some 40 at the largest kernel, takes the update past float32
    stages = [
        {"name": "calm", "epochs": 1, "learning_rate": 1e-9},
        {"name": "wild", "epochs": 1, "learning_rate": 3e38, "batch_size": 2000, "l2": steep},
    ]
    raw = {"dataset": {"name": "digits", "validation": 0}, "input": {"normalization": "none"}, "defaults": {"optimizer": {"name": "sgd"}}}
    recipe = tiny_recipe(stages=stages, **raw)
    with pytest.raises(TrainingFailed, match=r"stage 'wild', epoch 2, last step: .* is not finite; the state after epoch 1 is kept"):
        kcifar.train(recipe, run=tmp_path / "run")
    assert [path.name for path in (tmp_path / "run" / "checkpoint").iterdir()] == ["1"]
    assert json.loads((tmp_path / "run" / "status.json").read_text())["state"] == "failed"


def test_checkpoints_every_few_epochs_resume_to_the_same_end(tiny_run: kcifar.Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from kcifar.engine.training_loop import TrainingLoop

    run_epoch, calls = TrainingLoop.run_epoch, []

    def fails_in_the_fourth(*given: Any) -> Any:
        calls.append(1)
        if len(calls) == 4:
            raise OSError("the disk is gone")
        return run_epoch(*given)

    monkeypatch.setattr(TrainingLoop, "run_epoch", fails_in_the_fourth)
    with pytest.raises(OSError, match="the disk is gone"):
        kcifar.train(tiny_recipe(checkpoint_every=2), run=tmp_path / "run")
    status = json.loads((tmp_path / "run" / "status.json").read_text())
    assert (status["state"], status["epoch"]) == ("failed", 2)
    kcifar.train(run=tmp_path / "run", resume=True)
    check_same_run(tiny_run.path, tmp_path / "run")


def test_resuming_under_another_backend_is_refused(tiny_run: kcifar.Run, tmp_path: Path) -> None:
    shutil.copytree(tiny_run.path, tmp_path / "run")
    for name, old, new in (("environment.json", '"backend": "tensorflow"', '"backend": "jax"'), ("status.json", "finished", "interrupted")):
        path = tmp_path / "run" / name
        path.write_text(path.read_text().replace(old, new))
    with pytest.raises(UserError, match=r"KERAS_BACKEND: .* began with jax and must continue with it; got tensorflow"):
        kcifar.train(run=tmp_path / "run", resume=True)


def test_overrides_need_a_recipe(tiny_run: kcifar.Run) -> None:
    with pytest.raises(UserError, match="seed: unexpected override; a resumed run keeps its own recipe"):
        kcifar.train(run=tiny_run.path, resume=True, seed=3)


def test_names_that_look_like_numbers_survive_the_run_folder(tmp_path: Path) -> None:
    stages = [{"name": "1e-3", "epochs": 1, "learning_rate": 1e-3}, {"name": "NA", "epochs": 1, "learning_rate": 1e-3}]
    run = kcifar.train(tiny_recipe(name="08", stages=stages), run=tmp_path / "run")
    assert run.history["stage"].tolist() == ["1e-3", "NA"]
    assert kcifar.load_recipe(run.path / "recipe.yaml").stages[0].name == "1e-3"


def test_a_batch_larger_than_the_data_is_one_update() -> None:
    plan = make_plan(load_recipe(tiny_recipe(defaults={"batch_size": 5000, "last_batch": "drop"})))
    assert plan.stages[0].batches_per_epoch(1150) == 1
