"""What stands around the training loop, without training: rows, learning rates, time left, checkpoints, messages, environment."""

import subprocess
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from places import ROOT
from tiny_recipe import tiny_recipe

from kcifar.core.errors import TrainingFailed, UserError
from kcifar.core.option_names import python_names
from kcifar.core.processor import read_processor_features, read_processor_name
from kcifar.planning.plan import make_plan
from kcifar.planning.stage_plan import StagePlan
from kcifar.recipe.load import load_recipe
from kcifar.runs.checkpoint import Position
from kcifar.runs.folder import RunFolder
from kcifar.runs.resuming import check_finished, describe_resuming
from kcifar.runs.run import Run
from kcifar.training import best_weights, checkpoint_writer, history
from kcifar.training.best_weights import StageBestWeights, save_best_model
from kcifar.training.checkpoint_writer import CheckpointWriter
from kcifar.training.environment import CHECKOUT, describe_environment
from kcifar.training.run_messages import report_results


def make_stage(**settings: Any) -> StagePlan:
    stages = [{"name": "only", "epochs": 5, "learning_rate": 0.1} | settings]
    return make_plan(load_recipe(tiny_recipe(stages=stages))).stages[0]


@pytest.mark.parametrize(
    ("accumulate", "stage_epoch", "first", "last"),
    [
        (1, 0, 0, 2),
        (1, 1, 3, 5),
        (3, 1, 1, 1),
        (2, 0, 0, 0),  # 3 batches are one complete update
        (2, 1, 1, 2),
        (9, 0, 0, 0),  # an epoch without a complete update shows the rate of the first
        (1, 9, 9, 9),  # beyond its end the last learning rate holds
    ],
)
def test_an_epoch_shows_the_learning_rates_of_its_first_and_last_update(accumulate: int, stage_epoch: int, first: int, last: int) -> None:
    """Three batches per epoch; ten updates, whose learning rate is their number."""
    stage = make_stage(accumulate=accumulate)
    learning_rates = np.arange(10.0)
    assert history.find_first_learning_rate(Position(stage_epoch=stage_epoch), stage, learning_rates, 3) == first
    assert history.find_last_learning_rate(Position(stage_epoch=stage_epoch + 1), stage, learning_rates, 3) == last


def test_the_time_left_is_the_median_epoch_times_the_epochs_left() -> None:
    estimate = history.TimeEstimate(total_epochs=10)
    assert estimate.update({"epoch": 4, "seconds": 100.0}) == 600  # a resumed run begins anywhere
    assert estimate.update({"epoch": 5, "seconds": 2.0}) == 5 * 51
    assert estimate.update({"epoch": 6, "seconds": 4.0}) == 4 * 4
    assert estimate.update({"epoch": 10, "seconds": 4.0}) == 0


@pytest.mark.parametrize(("every", "saved"), [(1, [1, 2, 3, 4, 5]), (2, [2, 4, 5]), (3, [3, 5]), (9, [5])])
def test_a_checkpoint_is_saved_every_few_epochs_and_after_the_last(
    every: int, saved: list[int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[int] = []
    monkeypatch.setattr(checkpoint_writer, "save_checkpoint", lambda folder, position, arrays: written.append(position.epoch))
    writer = CheckpointWriter(RunFolder(tmp_path), every, num_stages=2)
    loop: Any = SimpleNamespace(collect_state=dict)
    for epoch in range(1, 6):
        writer.save_if_due(Position(epoch=epoch, stage=(0, 0, 1, 1, 2)[epoch - 1]), loop, StageBestWeights())
        assert writer.saved_epoch == max(written, default=0)
    assert written == saved


def test_a_failure_names_the_epoch_that_is_kept(tmp_path: Path) -> None:
    writer = CheckpointWriter(RunFolder(tmp_path), 1, 1, saved_epoch=3)
    variables = {"kernel": np.zeros(3), "bias": np.array([0.0, np.nan])}
    with pytest.raises(TrainingFailed, match=r"^stage 'a', epoch 4, last step: bias is not finite; the state after epoch 3 is kept$"):
        writer.check_finite("stage 'a', epoch 4", variables)
    writer.check_finite("stage 'a', epoch 4", {"kernel": np.zeros(3)})


def test_the_best_model_is_saved_when_the_monitored_value_improves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    saved: list[int] = []
    monkeypatch.setattr(best_weights, "save_model", lambda model, path: saved.append(position.epoch))
    loop: Any = SimpleNamespace(build_inference_model=lambda: None)
    position = Position()
    for value in (2.0, 3.0, float("nan"), 1.0, 1.0):
        position.epoch += 1
        save_best_model(RunFolder(tmp_path), "val_loss", position, {"val_loss": value}, loop)
    save_best_model(RunFolder(tmp_path), "val_loss", position, {}, loop)  # without a validation split there is no such value
    assert (saved, position.best) == ([1, 4], (4, 1.0))


def test_the_best_weights_of_a_stage_pass_through_a_checkpoint() -> None:
    first, resumed = StageBestWeights({"kernel": np.arange(3.0)}), StageBestWeights()
    arrays = {"kernel": np.zeros(3)} | first.to_checkpoint()
    assert len(arrays) == 2
    resumed.from_checkpoint(arrays)
    assert list(arrays) == ["kernel"]
    assigned: list[np.ndarray] = []
    resumed.restore({"kernel": SimpleNamespace(assign=assigned.append)})
    assert [value.tolist() for value in assigned] == [[0, 1, 2]]
    assert resumed.to_checkpoint() == {}


def test_resuming_is_described_in_the_readers_language(tmp_path: Path) -> None:
    assert describe_resuming(Path("runs/a")) == "python -m kcifar.train --resume --run runs/a"
    command = describe_resuming(Path("my runs/a"), [Path("/x/my parts.py")], "torch")
    assert command == "KERAS_BACKEND=torch python -m kcifar.train --import '/x/my parts.py' --resume --run 'my runs/a'"
    with python_names():
        assert describe_resuming(Path("runs/a"), [], "torch") == "kcifar.train(run='runs/a', resume=True)"
    with python_names(), pytest.raises(UserError, match=r"expected a finished run \(with model.keras\); continue it with kcifar.train\(run="):
        check_finished(Run(tmp_path))


def test_the_environment_names_the_commit_and_the_processor() -> None:
    assert CHECKOUT == ROOT
    environment = describe_environment("tensorflow", ["cpu:0"], "float32", ["python"])
    done = subprocess.run(["git", "rev-parse", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert environment["git_commit"] == (done.stdout.strip() if (ROOT / ".git").exists() else None)
    assert environment["processor"] == read_processor_name()


def test_the_processor_is_described_from_its_first_core(monkeypatch: pytest.MonkeyPatch) -> None:
    text = "processor\t: 0\nmodel name\t: Xeon: fast\nflags\t\t: fpu avx2\nvmx flags\t: vnmi\n\nmodel name\t: other\nflags\t\t: none\n"
    monkeypatch.setattr(Path, "read_text", lambda path, encoding: text)
    assert read_processor_name() == "Xeon: fast"
    assert read_processor_features() == {"fpu", "avx2"}
    monkeypatch.setattr(Path, "read_text", lambda path, encoding: "")
    assert read_processor_features() == set()


def test_the_result_is_reported_in_the_readers_language() -> None:
    lines: list[str] = []
    progress: Any = SimpleNamespace(say=lines.append)
    request: Any = SimpleNamespace(folder=RunFolder(Path("my runs/a")))
    results = {"accuracy": 0.5, "cross_entropy": 1.25, "samples": 1000, "views": {"count": 6, "accuracy": 0.75}}
    report_results(progress, request, results)
    with python_names():
        report_results(progress, request, None)
    assert lines == [
        "test accuracy 50.00%, cross-entropy 1.2500 (1,000 images)\naveraged over 6 views: 75.00%",
        "saved in my runs/a; for tables and figures:\n  python -m kcifar.report 'my runs/a'",
        "saved in my runs/a; for tables and figures:\n  kcifar.report('my runs/a')",
    ]
