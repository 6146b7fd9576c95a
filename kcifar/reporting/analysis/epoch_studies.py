"""Studies of training time: runs that differ only in their numbers of epochs, and the finding for each number."""

import re
from collections.abc import Sequence

from kcifar.reporting.analysis.studies import (
    Finding,
    StudyPoint,
    is_complete,
    make_point,
)
from kcifar.reporting.page.names import join_names
from kcifar.reporting.stats.differences import Sample, compare_with_best
from kcifar.runs.load import LoadedRun


def is_epochs(key: str) -> bool:
    """Whether a recipe key is the number of epochs of a stage."""
    return bool(re.fullmatch(r"stages\[\d+\]\.epochs", key))


def make_points(runs: Sequence[LoadedRun]) -> list[StudyPoint]:
    """Return the points of a study, fewest epochs first; a point is one combination of planned epochs per stage."""
    by_epochs: dict[tuple[int, ...], list[LoadedRun]] = {}
    for run in filter(is_complete, runs):
        by_epochs.setdefault(tuple(stage.epochs for stage in run.recipe.stages), []).append(run)
    return [make_point(epochs, sum(epochs), by_epochs[epochs]) for epochs in sorted(by_epochs, key=lambda epochs: (sum(epochs), epochs))]


def choose_samples(points: Sequence[StudyPoint]) -> tuple[str, list[Sample]]:
    """Return the split by which points are judged, and the sample of each: validation if all points have it, else test, else "" and none."""
    for split, samples in (("validation", [point.validation for point in points]), ("test", [point.test for point in points])):
        if all(sample.accuracies for sample in samples):
            return split, samples
    return "", []


def classify_epochs(points: Sequence[StudyPoint]) -> list[Finding]:
    """Return the finding for each point, by the rule in the `NOTE` of the section on epochs."""
    _, samples = choose_samples(points)
    if not samples:
        return [Finding.UNKNOWN] * len(points)
    best = find_best_place(samples)
    return [Finding.BEST if place == best else _classify_point(points, samples, place, best) for place in range(len(points))]


def find_best_place(samples: Sequence[Sample]) -> int:
    """Return the place of the sample with the highest mean, the first of equal means."""
    return max(range(len(samples)), key=lambda place: (samples[place].mean, -place))


def _classify_point(points: Sequence[StudyPoint], samples: Sequence[Sample], place: int, best_place: int) -> Finding:
    point, best = points[place], points[best_place]
    difference = compare_with_best(samples[best_place], samples[place], len(samples))
    if not difference.source:
        return Finding.UNKNOWN
    if not difference.is_clear:
        return Finding.ALIKE
    if point.x < best.x and point.training.mean < best.training.mean:
        return Finding.UNDERFITTING
    return Finding.OVERFITTING if point.x > best.x and point.training.mean > best.training.mean else Finding.LOWER_UNEXPLAINED


def write_stages(point: StudyPoint) -> str:
    """Write the epochs of each stage: "10 + 5"."""
    return " + ".join(map(str, point.setting)) if isinstance(point.setting, tuple) else ""


def write_epochs(points: Sequence[StudyPoint]) -> str:
    """Write numbers of epochs, with the epochs of each stage if there are several: "5, 15 (10 + 5) epochs"."""
    texts = [f"{int(point.x):,}" + (f" ({write_stages(point)})" if "+" in write_stages(point) else "") for point in points]
    return join_names(texts) + (" epoch" if texts == ["1"] else " epochs")
