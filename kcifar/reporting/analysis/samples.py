"""The accuracies of the runs of one recipe, as samples: one accuracy per seed."""

import math
from collections.abc import Callable, Sequence
from statistics import fmean

from kcifar.reporting.stats.differences import Sample
from kcifar.runs.load import LoadedRun


def make_training_sample(runs: Sequence[LoadedRun]) -> Sample:
    """Return the training accuracies of the runs in their last epochs, by seed."""
    return _make_sample(runs, lambda run: float(run.history["accuracy"].iloc[-1]), [None])


def make_validation_sample(runs: Sequence[LoadedRun]) -> Sample:
    """Return the validation accuracies of the runs in their last epochs, by seed."""
    counts = [run.dataset.counts.get("validation") if run.dataset else None for run in runs]
    return _make_sample(runs, lambda run: float(run.history["val_accuracy"].iloc[-1]), counts)


def make_test_sample(runs: Sequence[LoadedRun]) -> Sample:
    """Return the test accuracies of the runs, over a single view, by seed."""
    counts = [run.test.samples for run in runs if run.test]
    return _make_sample(runs, lambda run: run.test.accuracy if run.test else math.nan, counts)


def average_by_seed(runs: Sequence[LoadedRun], number: Callable[[LoadedRun], float]) -> list[float]:
    """Return the mean of a number over the runs of each seed, in the order of their first runs; numbers that are not finite are left out.

    Runs of one seed differ only by the order of floating-point sums, if at all: counted separately, they would make a mean look more
    certain than it is.
    """
    by_seed: dict[int, list[float]] = {}
    for run in runs:
        if math.isfinite(value := number(run)):
            by_seed.setdefault(run.recipe.seed, []).append(value)
    return [fmean(values) for values in by_seed.values()]


def _make_sample(runs: Sequence[LoadedRun], accuracy: Callable[[LoadedRun], float], counts: Sequence[int | None]) -> Sample:
    """Return the sample of an accuracy; its number of images is the smallest of the runs, and unknown if that of any run is."""
    known = [count for count in counts if count]
    images = min(known) if known and len(known) == len(counts) else None
    return Sample(tuple(average_by_seed(runs, accuracy)), images)
