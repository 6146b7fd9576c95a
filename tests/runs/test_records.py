"""The append-only records: rows that add up, events that TensorBoard can read, files that can be truncated."""

import csv
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tensorboard_events import events_of

from kcifar.runs.event_file import append_scalars
from kcifar.runs.folder import BATCHES_FILE, RunFolder
from kcifar.runs.records import EVENT_PATH, BatchRecorder, begin_records, flush_records, record_epoch, truncate_records


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


@given(losses=st.lists(st.floats(0.1, 10), min_size=1, max_size=40), batch_size=st.integers(1, 9), rest=st.integers(0, 8), every=st.integers(1, 12))
def test_rows_are_means_since_the_previous_row(tmp_path: Path, losses: list[float], batch_size: int, rest: int, every: int) -> None:
    """From running means, as Keras gives them, come rows whose means, weighted by images, add up to the epoch's."""
    path = tmp_path / BATCHES_FILE
    path.unlink(missing_ok=True)
    begin_records(RunFolder(tmp_path))
    sizes = np.full(len(losses), batch_size)
    sizes[-1] -= rest % batch_size
    recorder = BatchRecorder(path, "a,b", 4, 100, int(sizes.sum()), batch_size, every)
    for step in range(1, len(losses) + 1):
        mean = float(np.average(losses[:step], weights=sizes[:step]))
        recorder.record(step, mean, mean / 10)
    rows = rows_of(path)
    ends = [int(row["step"]) - 100 for row in rows]
    assert ends == sorted({*range(every, len(losses) + 1, every), len(losses)})
    for first, last, row in zip([0, *ends], ends, rows, strict=False):
        expected = np.average(losses[first:last], weights=sizes[first:last])
        assert float(row["loss"]) == pytest.approx(expected, rel=1e-4)
        assert float(row["accuracy"]) == pytest.approx(expected / 10, rel=1e-4)
        assert (row["stage"], row["epoch"]) == ("a,b", "4")


def test_events_can_be_read_back(tmp_path: Path) -> None:
    path = tmp_path / "tensorboard" / "events"
    append_scalars(path, 1, {"train/loss": 0.5})
    append_scalars(path, 2, {"train/loss": 0.25, "validation/loss": 1.0})
    header, first, second = events_of(path)
    assert header.file_version == "brain.Event:2"
    assert (first.step, second.step) == (1, 2)
    assert {value.tag: value.simple_value for value in second.summary.value} == {"train/loss": 0.25, "validation/loss": 1.0}


def test_an_epochs_numbers_are_grouped_by_prefix(tmp_path: Path) -> None:
    names = ("loss", "cross_entropy", "accuracy", "val_loss", "learning_rate", "seconds")
    record_epoch(RunFolder(tmp_path), {"stage": "a", "stage_index": 0, "epoch": 7, "stage_epoch": 2} | dict.fromkeys(names, 0.5))
    _, event = events_of(tmp_path / EVENT_PATH)
    assert event.step == 7
    train = {"train/loss", "train/cross_entropy", "train/accuracy"}
    assert {value.tag for value in event.summary.value} == train | {"validation/loss", "run/learning_rate", "run/seconds"}


def test_records_are_truncated_to_a_checkpoint(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    begin_records(folder)
    record_epoch(folder, {"stage": "a", "epoch": 1, "loss": 0.5})
    lengths = flush_records(folder)
    before = {name: (tmp_path / name).read_bytes() for name in lengths}
    record_epoch(folder, {"stage": "a", "epoch": 2, "loss": 0.4})
    with (tmp_path / BATCHES_FILE).open("a") as file:
        file.write("1,a,1,0.5")  # a row cut in the middle
    truncate_records(folder, lengths)
    assert {name: (tmp_path / name).read_bytes() for name in lengths} == before
    truncate_records(folder, {})
    assert not (tmp_path / EVENT_PATH).exists()
