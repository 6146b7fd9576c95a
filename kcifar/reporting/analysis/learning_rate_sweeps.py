"""Sweeps of the learning rate: runs that differ in nothing else, and what is to be said of each rate."""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from kcifar.reporting.analysis.recipe_differences import Flat, differing_keys, flatten_alike
from kcifar.reporting.analysis.studies import Point, has_diverged, is_whole, point, runs_alike, study_names
from kcifar.reporting.stats.differences import Difference, below_best
from kcifar.runs.load import SavedRun

MIN_RATES = 3  # of a sweep
BEST, LOWER, ALIKE, DIVERGED, UNKNOWN = "best", "lower", "no clear difference", "diverged", "not known"

_RATE_KEY = re.compile(r"stages\[\d+\]\.learning_rate\.(value|peak|start|end|min_value|values)")
_SMALLEST, _LARGEST = 1e-38, 1e38  # as far as float32 goes


@dataclass(frozen=True)
class Sweep:
    """Runs that differ in their learning rates alone.

    Attributes:
        keys: Those that differ, at least one.
        points: One for each setting of them, smallest rate first; `x` is the rate, > 0.
        unfinished: Runs of neither a result nor a divergence.
        off_axis: Others, whose rate is no number > 0 that float32 holds.
    """

    keys: Sequence[str]
    points: Sequence[Point]
    unfinished: Sequence[SavedRun]
    off_axis: Sequence[SavedRun]


def find_sweeps(runs: Sequence[SavedRun]) -> dict[str, Sweep]:
    """Return every sweep of three rates or more among the runs, by name."""
    found = [(group, sweep_of(group)) for group in runs_alike(runs, is_rate)]
    groups = [(group, sweep) for group, sweep in found if len({own.x for own in sweep.points}) >= MIN_RATES]
    return dict(zip(study_names([group for group, _ in groups], is_rate), (sweep for _, sweep in groups), strict=True))


def is_rate(key: str) -> bool:
    """Whether a key of a recipe is a number in a stage's learning rate."""
    return bool(_RATE_KEY.fullmatch(key))


def sweep_of(runs: Sequence[SavedRun]) -> Sweep:
    """Return what runs that differ in their learning rates alone make up; one whose rate is no number > 0 is no point of it."""
    ended = [run for run in runs if _has_ended(run)]
    flats = flatten_alike([run.settings for run in ended])
    keys = differing_keys(flats)
    off_axis = []
    found: dict[tuple[float, tuple[str, ...]], list[SavedRun]] = {}
    for run, flat in zip(ended, flats, strict=True):
        rate = _largest_rate(flat, keys)
        if _SMALLEST < rate < _LARGEST:
            found.setdefault((rate, tuple(_write(flat.get(key)) for key in keys)), []).append(run)
        else:
            off_axis.append(run)
    points = [point(setting, setting[0], found[setting]) for setting in sorted(found)]
    return Sweep(keys, points, [run for run in runs if not _has_ended(run)], off_axis)


def place_of_best(sweep: Sweep) -> int | None:
    """Return which point has the highest mean validation accuracy of those where no run diverged, the smaller rate of equal ones."""
    return max(_candidates(sweep), key=lambda place: (sweep.points[place].validation.mean, -place), default=None)


def distances(sweep: Sweep) -> list[Difference | None]:
    """Return how far the validation accuracy of each point lies below that of the best; None for the best, and where one is not known."""
    candidates, best = _candidates(sweep), place_of_best(sweep)
    found: list[Difference | None] = [None] * len(sweep.points)
    for place in candidates:
        if best is not None and place != best:
            apart = below_best(sweep.points[best].validation, sweep.points[place].validation, len(candidates))
            found[place] = apart if apart.source else None
    return found


def findings(sweep: Sweep) -> list[str]:
    """Return what is to be said of each point, by the rule in `NOTE`."""
    best = place_of_best(sweep)
    apart = distances(sweep)
    return [BEST if place == best else _finding(own, apart[place]) for place, own in enumerate(sweep.points)]


def _finding(own: Point, apart: Difference | None) -> str:
    if number_diverged(own):
        return DIVERGED
    if apart is None:
        return UNKNOWN
    return LOWER if apart.is_clear else ALIKE


def _candidates(sweep: Sweep) -> list[int]:
    """The places that the best is chosen from."""
    return [place for place, own in enumerate(sweep.points) if own.validation.accuracies and not number_diverged(own)]


def _has_ended(run: SavedRun) -> bool:
    return is_whole(run) or has_diverged(run)


def number_diverged(own: Point) -> int:
    """How many runs of a point diverged."""
    return sum(map(has_diverged, own.runs))


def _largest_rate(flat: Flat, keys: Sequence[str]) -> float:
    """Return the largest number under the keys, lists included; NaN for none."""
    values = (inner for key in keys for inner in (flat[key] if isinstance(flat.get(key), list) else [flat.get(key)]))
    return max((float(value) for value in values if isinstance(value, int | float)), default=math.nan)


def _write(value: Any) -> str:
    return " ".join(map(_write, value)) if isinstance(value, list) else repr(float(value)) if isinstance(value, int | float) else str(value)
