"""When two runs are equal: history except its times, batch rows, predictions and weights, all bit for bit."""

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
    """Check that two sets of arrays are equal bit for bit."""
    assert first.keys() == second.keys()
    for name, value in first.items():
        assert value.dtype == second[name].dtype
        assert np.array_equal(value, second[name]), name


def check_same_run(first: Path, second: Path) -> None:
    """Check that two runs ended alike."""
    assert history_rows(first) == history_rows(second)
    assert (first / "batches.csv").read_text() == (second / "batches.csv").read_text()
    check_same_arrays(last_variables(first), last_variables(second))
    for name in ("predictions.npz", "examples.npz"):
        with np.load(first / name) as first_arrays, np.load(second / name) as second_arrays:
            check_same_arrays(dict(first_arrays), dict(second_arrays))
    assert (first / "test.json").read_text() == (second / "test.json").read_text()
