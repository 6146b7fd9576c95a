"""One row a class: how well its images were told from the others."""

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
    "Tp are of the class and called it, fp are called it but are not, fn are of it but called another, tn are neither. "
    "A class never called has no precision, one without images neither recall nor F1."
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
    """Return a row for each class, in the order of the labels; nothing where no part was evaluated."""
    if run.evaluation is None:
        return SectionContent()
    rows = [_make_row(result) for result in run.evaluation.classes]
    title = f"Classes, {run.evaluation.samples:,} {run.evaluation.split} images"
    return SectionContent(tables=[Table("classes", title, COLUMNS, make_frame(rows, COLUMNS, ("class",)), NOTE)])


def _make_row(result: ClassResult) -> dict[str, Any]:
    """The row of a class; its scores are those of its counts, since run folders hold 0 where there is none."""
    return {"class": result.name, **result.model_dump(), **asdict(result.scores)}
