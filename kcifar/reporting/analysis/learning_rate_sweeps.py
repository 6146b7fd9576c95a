"""Sweeps of the learning rate: runs that differ in nothing else, and the finding for each rate."""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from kcifar.reporting.analysis.recipe_differences import Flat, find_differing_keys, flatten_together
from kcifar.reporting.analysis.studies import Finding, StudyPoint, group_similar_runs, has_diverged, is_complete, make_point, name_studies
from kcifar.reporting.stats.differences import Difference, compare_with_best
from kcifar.runs.load import LoadedRun

MIN_RATES = 3  # in a sweep

_RATE_KEY = re.compile(r"stages\[\d+\]\.learning_rate\.(value|peak|start|end|min_value|values)")
_SMALLEST, _LARGEST = 1e-38, 1e38  # about the range of float32


@dataclass(frozen=True)
class Sweep:
    """Runs that differ only in their learning rates.

    Attributes:
        keys: The keys that differ, at least one.
        points: One for each setting of these keys, smallest rate first; `x` is the rate, > 0.
        unfinished: Runs that neither completed nor diverged.
        off_axis: Completed or diverged runs whose rate is not a number > 0 in the range of float32.
    """

    keys: Sequence[str]
    points: Sequence[StudyPoint]
    unfinished: Sequence[LoadedRun]
    off_axis: Sequence[LoadedRun]


def find_sweeps(runs: Sequence[LoadedRun]) -> dict[str, Sweep]:
    """Return every sweep with at least three rates among the runs, by name."""
    sweeps = [(group, make_sweep(group)) for group in group_similar_runs(runs, is_rate)]
    groups = [(group, sweep) for group, sweep in sweeps if len({point.x for point in sweep.points}) >= MIN_RATES]
    return dict(zip(name_studies([group for group, _ in groups], is_rate), (sweep for _, sweep in groups), strict=True))


def is_rate(key: str) -> bool:
    """Whether a recipe key is a number in the learning rate of a stage."""
    return bool(_RATE_KEY.fullmatch(key))


def make_sweep(runs: Sequence[LoadedRun]) -> Sweep:
    """Return the sweep of runs that differ only in their learning rates; a run whose rate is not a number > 0 is not a point of it."""
    ended = [run for run in runs if _has_ended(run)]
    flats = flatten_together([run.settings for run in ended])
    keys = find_differing_keys(flats)
    off_axis = []
    by_rate: dict[tuple[float, tuple[str, ...]], list[LoadedRun]] = {}
    for run, flat in zip(ended, flats, strict=True):
        rate = _find_largest_rate(flat, keys)
        if _SMALLEST < rate < _LARGEST:
            by_rate.setdefault((rate, tuple(_write(flat.get(key)) for key in keys)), []).append(run)
        else:
            off_axis.append(run)
    points = [make_point(setting, setting[0], by_rate[setting]) for setting in sorted(by_rate)]
    return Sweep(keys, points, [run for run in runs if not _has_ended(run)], off_axis)


def find_best_point(sweep: Sweep) -> int | None:
    """Return the place of the point with the highest mean validation accuracy among those without a diverged run; of equal ones, the first."""
    return max(_find_candidates(sweep), key=lambda place: (sweep.points[place].validation.mean, -place), default=None)


def compute_distances(sweep: Sweep) -> list[Difference | None]:
    """Return how far the validation accuracy of each point is below that of the best point; None for the best, and if unknown."""
    candidates, best = _find_candidates(sweep), find_best_point(sweep)
    differences: list[Difference | None] = [None] * len(sweep.points)
    for place in candidates:
        if best is not None and place != best:
            difference = compare_with_best(sweep.points[best].validation, sweep.points[place].validation, len(candidates))
            differences[place] = difference if difference.source else None
    return differences


def classify_rates(sweep: Sweep) -> list[Finding]:
    """Return the finding for each point, by the rule in the `NOTE` of the section on learning rates."""
    best = find_best_point(sweep)
    differences = compute_distances(sweep)
    return [Finding.BEST if place == best else _classify_point(point, differences[place]) for place, point in enumerate(sweep.points)]


def _classify_point(point: StudyPoint, difference: Difference | None) -> Finding:
    if count_diverged(point):
        return Finding.DIVERGED
    if difference is None:
        return Finding.UNKNOWN
    return Finding.LOWER if difference.is_clear else Finding.ALIKE


def _find_candidates(sweep: Sweep) -> list[int]:
    """Return the places of the points that the best is chosen from."""
    return [place for place, point in enumerate(sweep.points) if point.validation.accuracies and not count_diverged(point)]


def _has_ended(run: LoadedRun) -> bool:
    return is_complete(run) or has_diverged(run)


def count_diverged(point: StudyPoint) -> int:
    """Return the number of runs of a point that diverged."""
    return sum(map(has_diverged, point.runs))


def _find_largest_rate(flat: Flat, keys: Sequence[str]) -> float:
    """Return the largest number among the values of the keys, including lists; NaN if there is none."""
    values = (inner for key in keys for inner in (flat[key] if isinstance(flat.get(key), list) else [flat.get(key)]))
    return max((float(value) for value in values if isinstance(value, int | float)), default=math.nan)


def _write(value: Any) -> str:
    return " ".join(map(_write, value)) if isinstance(value, list) else repr(float(value)) if isinstance(value, int | float) else str(value)
