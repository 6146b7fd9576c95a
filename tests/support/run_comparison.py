"""When two runs are the same run: history but for its times, batch rows, predictions and weights, all to the bit."""

import csv
from pathlib import Path

import numpy as np

TIMES = ("seconds", "images_per_second", "compilation_seconds")


def history_rows(run: Path) -> list[dict[str, str]]:
    """Return the rows of `history.csv` without the columns that are times."""
    with (run / "history.csv").open(newline="", encoding="utf-8") as file:
        return [{name: value for name, value in row.items() if name not in TIMES} for row in csv.DictReader(file)]


def last_variables(run: Path) -> dict[str, np.ndarray]:
    """Return the variables of the newest checkpoint."""
    newest = max((path for path in (run / "checkpoint").iterdir()), key=lambda path: int(path.name))
    with np.load(newest / "variables.npz", allow_pickle=False) as arrays:
        return dict(arrays)


def check_same_arrays(first: dict[str, np.ndarray], second: dict[str, np.ndarray]) -> None:
    """Check that two sets of arrays are equal to the bit."""
    assert first.keys() == second.keys()
    for name, value in first.items():
        assert value.dtype == second[name].dtype
        assert np.array_equal(value, second[name]), name


def check_same_run(first: Path, second: Path) -> None:
    """Check that two runs ended the same."""
    assert history_rows(first) == history_rows(second)
    assert (first / "batches.csv").read_text() == (second / "batches.csv").read_text()
    check_same_arrays(last_variables(first), last_variables(second))
    for name in ("predictions.npz", "examples.npz"):
        with np.load(first / name) as one, np.load(second / name) as other:
            check_same_arrays(dict(one), dict(other))
    assert (first / "test.json").read_text() == (second / "test.json").read_text()
