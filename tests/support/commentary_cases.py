"""Histories, recipes and confusion matrices for the tests of the commentary, and what a stage gained by its rows."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas
from hypothesis import strategies as st
from run_folders import metrics_row
from scipy.stats import chi2_contingency, fisher_exact

from kcifar.runs import schemas as run_files
from kcifar.runs.evaluation_result import EvaluationResult, convert_metrics_file

NAMES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck", "wolf", "yak")
FINISHED = run_files.StatusFile(state="finished")
STAGE = {
    "augmentation": [{"name": "horizontal_flip"}, {"name": "one_of", "operations": [{"name": "mixup"}]}],
    "dropout_rate": None,
    "ema": {"decay": 0.9},
}
RECIPE: Mapping[str, Any] = {"model": {"dropout_rate": 0.1}, "stages": [STAGE]}
NAN = math.nan
# Few values, some of which are written alike, so that ties are common; or any at all.
SHARES = st.sampled_from([0.0, 0.3, 0.5, 0.50001, 0.500049, 0.9, 0.99996, 1.0]) | st.floats(0, 1)


def history_of(
    validation: Sequence[float],
    *,
    lengths: Sequence[int] = (),
    training: Sequence[float] | None = None,
    val_loss: Sequence[float] | None = None,
    loss: Sequence[float] | None = None,
    rates: Sequence[float] | None = None,
) -> pandas.DataFrame:
    """A history with these validation accuracies, in stages of these lengths: one stage if none are given."""
    parts = [index for index, length in enumerate(lengths or [len(validation)]) for _ in range(length)]
    columns = {
        "stage": [f"s{index}" for index in parts],
        "stage_index": parts,
        "epoch": range(1, len(parts) + 1),
        "learning_rate": rates or [1e-3] * len(parts),
        "accuracy": training or list(validation),
        "val_accuracy": list(validation),
        "loss": loss or [1.0] * len(parts),
        "val_loss": val_loss or [1.0] * len(parts),
    }
    return pandas.DataFrame(columns)


@st.composite
def histories(draw: st.DrawFn, fewest_stages: int = 1) -> pandas.DataFrame:
    """One to twelve epochs in one to four stages, or some more; values that are not finite are NaN."""
    lengths = draw(st.lists(st.integers(1, 3), min_size=fewest_stages, max_size=fewest_stages + 3))
    values = SHARES | st.just(NAN) if draw(st.booleans()) else SHARES
    columns = [draw(st.lists(values, min_size=sum(lengths), max_size=sum(lengths))) for _ in range(4)]
    return history_of(columns[0], lengths=lengths, training=columns[1], val_loss=columns[2], loss=columns[3])


def alike(first: float, second: float) -> bool:
    return f"{first:.2%}" == f"{second:.2%}" or f"{100 * abs(first - second):.2f}" == "0.00"


def gains_of(history: pandas.DataFrame) -> list[tuple[float, float, int]]:
    """Start, end and counted epochs of each stage, from the history's own rows."""
    result: list[tuple[float, float, int]] = []
    for index in sorted(set(history["stage_index"])):
        rows = np.flatnonzero(history["stage_index"] == index)
        start = rows[0] - 1 if index else 0
        result.append((history["val_accuracy"][start], history["val_accuracy"][rows[-1]], rows[-1] - start))
    return result


def outcome_of(matrix: Sequence[Sequence[int]]) -> EvaluationResult:
    """The outcome that test.json has with this confusion matrix, of at most twelve classes."""
    return convert_metrics_file(run_files.MetricsFile.model_validate(metrics_row(NAMES[: len(matrix)], matrix)))


def is_clear(before: float, after: float, images: int | None, comparisons: int = 1) -> bool:
    """Whether an accuracy changed by more than chance, by SciPy's tests of two proportions, and not by a difference written as zero."""
    if not images or math.isnan(after - before) or f"{100 * abs(after - before):.2f}" == "0.00":
        return False
    return min(1.0, comparisons * p_value_of(before, after, images)) < 0.05


def p_value_of(before: float, after: float, images: int) -> float:
    """The p-value of two proportions on as many images each: Fisher's exact test where fewer than five are expected in a cell."""
    right = [round(before * images), round(after * images)]
    table = np.array([[count, images - count] for count in right])
    if table.sum(axis=0).min() / 2 < 5:
        return float(fisher_exact(table).pvalue)
    return float(chi2_contingency(table, correction=False).pvalue)


def clear_gains(gains: Sequence[tuple[float, float, int]], images: int | None) -> list[bool]:
    """Which stages changed accuracy clearly, by Holm's method over those with a known gain."""
    known = [place for place, (start, end, epochs) in enumerate(gains) if epochs and not math.isnan(end - start)]
    if not images:
        return [False] * len(gains)
    p_values = {place: p_value_of(gains[place][0], gains[place][1], images) for place in known}
    ranked = sorted(known, key=lambda place: p_values[place])
    clear, highest = [False] * len(gains), 0.0
    for rank, place in enumerate(ranked):
        highest = max(highest, (len(ranked) - rank) * p_values[place])
        clear[place] = highest < 0.05 and f"{100 * abs(gains[place][1] - gains[place][0]):.2f}" != "0.00"
    return clear
