"""One row a class: how well its images were told from the others."""

from dataclasses import asdict
from typing import Any

from kcifar.reporting.page.columns import COUNT, SHARE, TEXT, frame
from kcifar.reporting.page.content import Content, Table
from kcifar.runs.evaluation_result import scores_of
from kcifar.runs.load import SavedRun
from kcifar.runs.schemas import ClassResult

ORDER = 200
TITLE = "Classes"
PRINTED = True
ESSENTIAL = True
NOTE = (
    "Tp are of the class and called it, fp are called it but are not, fn are of it but called another, tn are neither. "
    "A class never called has no precision, one without images neither recall nor F1."
)
COLUMNS = {
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


def of_run(run: SavedRun) -> Content:
    """Return a row for each class, in the order of the labels; nothing where no part was evaluated."""
    if run.outcome is None:
        return Content()
    rows = [_row(result) for result in run.outcome.classes]
    title = f"Classes, {run.outcome.samples:,} {run.outcome.split} images"
    return Content(tables=[Table("classes", title, COLUMNS, frame(rows, COLUMNS, ("class",)), NOTE)])


def _row(result: ClassResult) -> dict[str, Any]:
    """The row of a class; its scores are those of its counts, since run folders hold 0 where there is none."""
    return {"class": result.name, **result.model_dump(), **asdict(scores_of(result.tp, result.fp, result.fn))}
