"""One row a class: how well the test images of it were told from the others."""

from collections.abc import Sequence

import pandas

from kcifar.reporting.columns import COUNT, SHARE, TEXT, frame
from kcifar.reporting.load import SavedRun

ORDER = 30
TITLE = "Classes"
NOTE = "Test images: tp are of the class and called it, fp are called it but are not, fn are of it but called another, tn are neither."
COLUMNS = {
    "run": TEXT,
    "class": TEXT,
    "precision": SHARE,
    "recall": SHARE,
    "f1": SHARE,
    "support": COUNT,
    "tp": COUNT,
    "fp": COUNT,
    "fn": COUNT,
    "tn": COUNT,
}


def table(runs: Sequence[SavedRun]) -> pandas.DataFrame:
    """Return a row for each class of each run whose test split was evaluated, in the order of the labels."""
    rows = [{"run": run.name, "class": result.name, **result.model_dump()} for run in runs if run.test for result in run.test.classes]
    return frame(rows, COLUMNS, ("run", "class"))
