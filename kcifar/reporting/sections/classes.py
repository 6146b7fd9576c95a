"""One row per class: how well its images were classified."""

from dataclasses import asdict
from typing import Any

from kcifar.reporting.page.columns import COUNT, PERCENT, TEXT, make_frame
from kcifar.reporting.page.content import SectionContent, Table
from kcifar.runs.load import LoadedRun
from kcifar.runs.schemas import ClassResult

ORDER = 200
TITLE = "Classes"
PRINTED = True
ESSENTIAL = True
NOTE = (
    "True positives: images of the class predicted as such; false positives: images of other classes predicted as this class; false negatives: "
    "images of the class predicted as another; true negatives: all others. A class that is never predicted has no precision; one without images "
    "has neither recall nor F1."
)
COLUMNS = {
    "class": TEXT,
    "precision": PERCENT,
    "recall": PERCENT,
    "f1": PERCENT,
    "support": COUNT,
    "tp": COUNT,
    "fp": COUNT,
    "fn": COUNT,
    "tn": COUNT,
}


def of_run(run: LoadedRun) -> SectionContent:
    """Return one row per class, in the order of the labels; nothing if no split was evaluated."""
    if run.evaluation is None:
        return SectionContent()
    rows = [_make_row(result) for result in run.evaluation.classes]
    title = f"Classes, {run.evaluation.samples:,} {run.evaluation.split} images"
    return SectionContent(tables=[Table("classes", title, COLUMNS, make_frame(rows, COLUMNS, ("class",)), NOTE)])


def _make_row(result: ClassResult) -> dict[str, Any]:
    """Return the row of a class; its scores are computed from its counts, because run folders contain 0 for missing ones."""
    return {"class": result.name, **result.model_dump(), **asdict(result.scores)}
