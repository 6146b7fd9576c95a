"""A validation that is not finite while the weights are: said in a line, kept in the history, never the best epoch, and resumable."""

import csv
import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from run_comparison import check_same_run
from tiny_recipe import tiny_recipe

import kcifar
from kcifar.core.errors import TrainingFailed

OVERFLOW = (2, 3)  # the calls for logits whose results are not finite: one in each epoch, then one for each split


def make_recipe(**stage: Any) -> dict[str, Any]:
    watching: dict[str, Any] = {"early_stopping": {"patience": 3, "monitor": "val_loss", "restore_best": True}} | stage
    rate = {"name": "plateau", "value": 1e-3, "patience": 1, "factor": 0.1, "monitor": "val_loss"}
    stages = [{"name": "only", "epochs": 4, "learning_rate": rate, "ema": 0.5} | watching]
    return tiny_recipe(stages=stages, defaults={"batch_size": 512}, select="best", monitor="val_loss")


@pytest.fixture
def overflow(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Return a function that sets which call comes next; the outputs of `OVERFLOW` are not finite, as an overflow of finite weights leaves them."""
    from kcifar.engine.training_loop import TrainingLoop

    compute, position = TrainingLoop.compute_logits, {"call": 0}

    def overflow_sometimes(loop: Any, images: np.ndarray, indices: np.ndarray) -> np.ndarray:
        position["call"] += 1
        logits = compute(loop, images, indices)
        if position["call"] in OVERFLOW:
            logits[::2] = math.inf
            logits[1::4] = math.nan
        return logits

    monkeypatch.setattr(TrainingLoop, "compute_logits", overflow_sometimes)
    return lambda call: position.update(call=call - 1)


def test_the_run_goes_on_and_resumes_from_such_an_epoch(
    overflow: Callable[[int], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from kcifar.engine.training_loop import TrainingLoop

    overflow(1)
    uninterrupted = kcifar.train(make_recipe(), run=tmp_path / "uninterrupted", verbose=2)
    said = [line for line in capsys.readouterr().out.splitlines() if line.startswith("warning")]
    assert said == [f"warning: epoch {epoch}: val_loss, val_cross_entropy: not finite; the weights are, so training continues" for epoch in OVERFLOW]
    with (uninterrupted.path / "history.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["epoch"] for row in rows if row["val_loss"] == "nan"] == ["2", "3"]
    assert rows[3]["learning_rate"] == "0.0001"  # two epochs without an improvement are one more than the plateau's patience
    # The best epoch is the first or the last: never one that is not finite, whose loss compares with nothing.
    assert uninterrupted.history["val_loss"].idxmin() in (0, 3)

    run_epoch = TrainingLoop.run_epoch

    def interrupt(loop: Any, batches: Any, *arguments: Any) -> Any:
        if batches.key.total_epoch == 2:
            raise KeyboardInterrupt
        return run_epoch(loop, batches, *arguments)

    overflow(1)
    monkeypatch.setattr(TrainingLoop, "run_epoch", interrupt)
    with pytest.raises(KeyboardInterrupt):
        kcifar.train(make_recipe(), run=tmp_path / "interrupted", verbose=0)
    monkeypatch.setattr(TrainingLoop, "run_epoch", run_epoch)
    overflow(3)
    kcifar.train(run=tmp_path / "interrupted", resume=True, verbose=0)
    check_same_run(uninterrupted.path, tmp_path / "interrupted")


def test_a_run_whose_test_is_not_finite_finishes_and_is_reported(overflow: Callable[[int], None], tmp_path: Path) -> None:
    recipe = make_recipe() | {"select": "last"}
    recipe["stages"][0] |= {"epochs": 1}
    overflow(1)  # the second and third call are not the validation of an epoch, but the predictions of both splits
    run = kcifar.train(recipe, run=tmp_path / "run", verbose=0)
    assert run.test["cross_entropy"] is None
    assert 0 <= run.test["accuracy"] <= 1
    assert json.loads((tmp_path / "run" / "status.json").read_text())["state"] == "finished"
    from kcifar.runs.load import load_runs

    (loaded,), skipped = load_runs([tmp_path / "run"])
    assert not skipped
    loaded.check_arrays()
    assert loaded.evaluation is not None
    assert loaded.evaluation.cross_entropy is None


def test_without_a_finite_epoch_there_is_no_best_one(overflow: Callable[[int], None], tmp_path: Path) -> None:
    recipe = make_recipe(epochs=3, early_stopping=2)
    recipe["stages"][0]["early_stopping"] = {"patience": 2, "monitor": "val_loss", "restore_best": True}
    overflow(2)
    for settings in ({"recipe": recipe}, {"resume": True}):
        with pytest.raises(TrainingFailed, match=r"^select: best: val_loss was not finite in any epoch; the state after the last one is kept$"):
            kcifar.train(**settings, run=tmp_path / "run", verbose=0)  # type: ignore[arg-type]
    with (tmp_path / "run" / "history.csv").open(newline="") as file:
        assert len(list(csv.DictReader(file))) == 2  # stopped early
