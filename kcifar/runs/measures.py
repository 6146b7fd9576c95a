"""What is measured of one run."""

import math

from kcifar.runs.load import SavedRun


def accuracy_of(run: SavedRun) -> float:
    """Return a run's test accuracy, each image seen once as it is; NaN without a test result."""
    return run.test.accuracy if run.test else math.nan


def minutes_of(run: SavedRun) -> float:
    """Return how long a run's completed epochs took; NaN where that of one is not known."""
    return float(run.history["seconds"].sum(skipna=False)) / 60


def compilation_minutes_of(run: SavedRun) -> float:
    """Return how much of a run's minutes went into compiling its programs; NaN where that of one epoch is not known."""
    return float(run.history["compilation_seconds"].sum(skipna=False)) / 60
