"""Laws of `kcifar.open_run`: tables and arrays are those of the files, and a damaged file is refused by its name."""

import math
from pathlib import Path

import numpy as np
import pandas
import pytest
from hypothesis import given
from hypothesis import strategies as st
from run_folders import write_run

import kcifar
from kcifar.core.errors import UserError
from kcifar.runs.csv_files import read_batch_table, read_history_table
from kcifar.runs.folder import BATCHES_FILE, HISTORY_FILE, PREDICTIONS_FILE, TEST_FILE, RunFolder
from kcifar.runs.load import load_run

NUMBERS = st.floats(allow_nan=False) | st.just(math.nan)


@given(rows=st.lists(st.tuples(st.text(max_size=8), st.integers(-(2**62), 2**62), NUMBERS), min_size=1, max_size=5))
def test_a_history_is_read_as_it_was_written(rows: list[tuple[str, int, float]], tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = RunFolder(tmp_path_factory.mktemp("run"))
    stages = [stage.encode("utf-8", "replace").decode().replace("\r", "").replace("\0", "") for stage, _, _ in rows]
    folder.write_history([{"stage": stage, "epoch": epoch, "loss": loss} for stage, (_, epoch, loss) in zip(stages, rows, strict=True)])
    table = read_history_table(folder / HISTORY_FILE)
    assert table["stage"].tolist() == stages
    assert table["epoch"].tolist() == [epoch for _, epoch, _ in rows]
    np.testing.assert_array_equal(table["loss"], [loss for _, _, loss in rows])


def test_a_row_of_batches_that_is_being_written_is_left_out(tmp_path: Path) -> None:
    (tmp_path / BATCHES_FILE).write_text("step,stage,epoch,loss,accuracy\n10,NA,1,2.5,0.1\n20,NA,1,2.")
    table = read_batch_table(tmp_path / BATCHES_FILE)
    expected = pandas.DataFrame({"step": [10], "stage": ["NA"], "epoch": [1], "loss": [2.5], "accuracy": [0.1]})
    pandas.testing.assert_frame_equal(table, expected)


def test_run_and_report_read_the_same_numbers(tmp_path: Path) -> None:
    write_run(tmp_path / "run")
    run, loaded = kcifar.open_run(tmp_path / "run"), load_run(tmp_path / "run", "run")
    assert run.recipe == loaded.settings
    for column in ("stage", *loaded.history[list(run.history)].select_dtypes("number")):
        np.testing.assert_array_equal(run.history[column], loaded.history[column])
    assert loaded.test is not None
    assert run.test["accuracy"] == loaded.test.accuracy
    assert loaded.test_predictions is not None
    np.testing.assert_array_equal(run.predictions["test_labels"], loaded.test_predictions.labels)


@pytest.mark.parametrize(("name", "attribute"), [(TEST_FILE, "test"), (HISTORY_FILE, "history"), (PREDICTIONS_FILE, "predictions")])
def test_a_damaged_file_is_refused_by_its_name(name: str, attribute: str, tmp_path: Path) -> None:
    write_run(tmp_path / "run")
    (tmp_path / "run" / name).write_bytes(b"\xff\xfe damaged")
    with pytest.raises(UserError, match=name.replace(".", r"\.")):
        getattr(kcifar.open_run(tmp_path / "run"), attribute)
