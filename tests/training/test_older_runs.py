"""Run folders that were written before the packages were reorganized open, resume, evaluate and report as they did.

`tests/fixtures/runs` holds two runs of version 0.1.0 at commit f28aa09, trained on two cores of an Intel Xeon under TensorFlow:
`finished`, and `interrupted` (killed in epoch 5 of 6, in a stage with Lookahead, kept optimizer state and early stopping that restores
the best weights). `interrupted_continued.csv` is the history of that run when it was not interrupted.
"""

import csv
import shutil
from pathlib import Path

import numpy as np
import pytest
from places import ROOT
from run_comparison import history_rows

import kcifar

RUNS = ROOT / "tests" / "fixtures" / "runs"
EXACT = ("stage", "stage_index", "epoch", "stage_epoch", "learning_rate", "images_seen")
# Other processors round otherwise; two epochs at a learning rate of 0.001 keep that far below these.
LOSS_TOLERANCE, ACCURACY_TOLERANCE = 0.02, 0.03


@pytest.fixture
def interrupted(tmp_path: Path) -> Path:
    return Path(shutil.copytree(RUNS / "interrupted", tmp_path / "interrupted"))


def test_a_finished_run_opens() -> None:
    run = kcifar.open_run(RUNS / "finished")
    assert run.status["state"] == "finished"
    assert list(run.history["epoch"]) == [1, 2, 3, 4, 5]
    assert [stage["name"] for stage in run.recipe["stages"]] == ["learn", "refine", "polish"]
    assert run.test["accuracy"] == pytest.approx(161 / 360)
    assert run.predictions["test_probabilities"].shape == (360, 10)


def test_its_model_predicts_what_was_stored() -> None:
    run = kcifar.open_run(RUNS / "finished")
    images = kcifar.load_dataset("digits").test.images  # type: ignore[union-attr]
    np.testing.assert_allclose(run.load_model().predict(np.float32(images), verbose=0), run.predictions["test_probabilities"], atol=1e-4)


def test_it_is_evaluated_as_it_was(tmp_path: Path) -> None:
    run = kcifar.open_run(shutil.copytree(RUNS / "finished", tmp_path / "finished"))
    measured = kcifar.evaluate(run)
    assert abs(measured["accuracy"] - run.test["accuracy"]) <= 1 / 360
    assert kcifar.train(resume=True, run=run.path).path == run.path  # finished: nothing is trained


@pytest.mark.parametrize("damaged", [False, True])
def test_an_interrupted_run_resumes_as_if_it_had_not_been_interrupted(interrupted: Path, damaged: bool, capsys: pytest.CaptureFixture[str]) -> None:
    if damaged:
        (interrupted / "checkpoint" / "4" / "variables.npz").write_bytes(b"cut")
    with (RUNS / "interrupted_continued.csv").open(newline="", encoding="utf-8") as file:
        expected = list(csv.DictReader(file))
    before = history_rows(interrupted)
    kcifar.train(resume=True, run=interrupted)
    lines = capsys.readouterr().out
    assert f"resuming after epoch {3 if damaged else 4}:" in lines  # from the newest checkpoint that is intact
    assert ("the checkpoint after epoch 4; the one after epoch 3, the newest that is intact, is used" in lines) == damaged
    rows = history_rows(interrupted)
    same = 3 if damaged else len(before)  # epoch 4 is trained again
    assert rows[:same] == before[:same]
    assert [{key: row[key] for key in EXACT} for row in rows] == [{key: row[key] for key in EXACT} for row in expected]
    for row, other in zip(rows[same:], expected[same:], strict=True):
        assert float(row["loss"]) == pytest.approx(float(other["loss"]), abs=LOSS_TOLERANCE)
        assert float(row["val_accuracy"]) == pytest.approx(float(other["val_accuracy"]), abs=ACCURACY_TOLERANCE)


def test_both_are_reported(tmp_path: Path) -> None:
    report = kcifar.report([RUNS / "finished", RUNS / "interrupted"], out=tmp_path / "report")
    assert report.run_names == ("finished", "interrupted")
    comparison = (tmp_path / "report" / "comparison.csv").read_text(encoding="utf-8")
    assert "0.4472" in comparison
    assert (tmp_path / "report" / "report.html").exists()
