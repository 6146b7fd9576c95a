"""Complete runs with the settings of a stage: the validated weights are the saved ones, and the saved model takes the data set's images."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tiny_recipe import TINY_MODEL, tiny_recipe

import kcifar
from kcifar.datasets.dataset import Source
from kcifar.planning.prepared_data import PreparedData, prepare_data

RESNET = {"name": "cifar_resnet", "depth": 8}


def train_stages(folder: Path, *stages: dict[str, Any], **changes: Any) -> kcifar.Run:
    named = [{"name": f"stage{k}", "epochs": 2, "learning_rate": 3e-3} | stage for k, stage in enumerate(stages)]
    return kcifar.train(tiny_recipe(stages=named, **changes), run=folder / "run")


def load_data(run: kcifar.Run) -> PreparedData:
    from kcifar.training.request import make_run_plan

    return prepare_data(make_run_plan(None, run.path), Source())


def compute_validation_accuracy(run: kcifar.Run, file: str) -> float:
    from kcifar.runs.folder import load_saved_model

    data = load_data(run)
    images, labels = (getattr(data.validation, name)[data.validation_indices] for name in ("images", "labels"))
    probabilities = np.asarray(load_saved_model(run.path / file).predict_on_batch(images.astype(np.float32)))
    return float((probabilities.argmax(axis=1) == labels).mean())


@pytest.mark.parametrize("average", [{"ema": 0.9}, {"lookahead": {"every": 3, "keep": 0.5}}], ids=["ema", "lookahead"])
def test_the_averages_are_validated_and_saved(average: dict[str, Any], tmp_path: Path) -> None:
    run = train_stages(tmp_path, average | {"epochs": 3})
    assert compute_validation_accuracy(run, "model.keras") == pytest.approx(run.history["val_accuracy"].iloc[-1])
    assert compute_validation_accuracy(run, "best.keras") == pytest.approx(run.history["val_accuracy"].max())


def test_a_stage_stopped_early_restores_its_best_weights_for_the_next_stage(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = TINY_MODEL | {"dropout_rate": 0.0}
    never_better = {"early_stopping": {"patience": 2, "min_delta": 1.0, "restore_best": True}, "epochs": 6}
    run = train_stages(tmp_path, never_better, {"epochs": 1, "learning_rate": 1e-30, "optimizer": {"name": "sgd"}}, model=model)
    assert run.history["stage_index"].tolist() == [0, 0, 0, 1]
    assert run.history["epoch"].tolist() == [1, 2, 3, 4]
    lines = capsys.readouterr().out.splitlines()
    place = lines.index("stage stage0 stopped early, after 3 of 6 epochs")
    assert lines[place - 1].startswith("stage0 3/7")
    # The second stage changes only the statistics of batch normalization, so its weights are those of the first epoch.
    short = kcifar.train(tiny_recipe(stages=[{"name": "stage0", "epochs": 1, "learning_rate": 3e-3}], model=model), run=tmp_path / "short")
    expected, actual = (each.load_model().get_layer("residual_cnn").trainable_variables for each in (short, run))
    assert all(np.array_equal(*(variable.numpy() for variable in pair)) for pair in zip(expected, actual, strict=True))


def test_plateau_lowers_the_rate_according_to_the_history(tmp_path: Path) -> None:
    plateau = {"name": "plateau", "value": 0.01, "factor": 0.5, "patience": 0, "min_delta": 1.0, "monitor": "val_accuracy"}
    run = train_stages(tmp_path, {"epochs": 4, "learning_rate": plateau})
    assert run.history["learning_rate"].tolist() == pytest.approx([0.01, 0.01, 0.005, 0.0025])


def test_image_sizes_may_grow_from_stage_to_stage(tmp_path: Path) -> None:
    run = train_stages(tmp_path, {"image_size": 16, "epochs": 1}, {"image_size": 24, "views": 6}, model=RESNET)
    model = run.load_model()
    assert model.input_shape == (None, 32, 32, 3)
    assert model.get_layer("cifar_resnet").input_shape == (None, 24, 24, 3)
    assert compute_validation_accuracy(run, "model.keras") == pytest.approx(run.history["val_accuracy"].iloc[-1])
    views = run.test["views"]
    assert views["count"] == 6
    assert views["accuracy"] == pytest.approx(run.test["accuracy"], abs=0.15)
    assert views["cross_entropy"] != run.test["cross_entropy"]


def test_imbalance_thins_only_the_training_images(tmp_path: Path) -> None:
    run = train_stages(tmp_path, {"sampling": "balanced", "epochs": 1}, dataset={"name": "digits", "validation": 0.2, "imbalance": 0.1})
    counts = run.dataset["class_counts"]
    assert counts["train"][-1] == pytest.approx(0.1 * counts["train"][0], abs=1)
    assert min(counts["validation"]) > 25
    assert run.history["images_seen"].iloc[-1] == sum(counts["train"])


def test_mixed_images_can_be_trained_on(tmp_path: Path) -> None:
    choice = {"name": "one_of", "operations": [{"name": "mixup", "alpha": 0.2}, {"name": "cutmix"}], "probability": 0.5}
    run = train_stages(tmp_path, {"augmentation": [choice, {"name": "random_crop", "padding": 2}]})
    assert np.isfinite(run.history["loss"]).all()
    assert run.history["val_accuracy"].iloc[-1] > 0.15
