"""Recipes that differ only in their numbers of epochs: where accuracy peaks, and how it changes on either side."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from kcifar.reporting.analysis.epoch_studies import (
    choose_samples,
    classify_epochs,
    find_best_place,
    is_epochs,
    make_points,
    write_epochs,
    write_stages,
)
from kcifar.reporting.analysis.studies import (
    Finding,
    StudyPoint,
    describe_left_out,
    group_similar_runs,
    is_complete,
    limit_descriptions,
    name_studies,
)
from kcifar.reporting.charts.epochs import draw_epochs
from kcifar.reporting.charts.study_panels import MAX_PANELS
from kcifar.reporting.page.columns import COUNT, PERCENT, POINTS, TEXT, UNSIGNED_POINTS, make_frame
from kcifar.reporting.page.content import FigureSpec, SectionContent, Table
from kcifar.reporting.page.names import join_names
from kcifar.reporting.stats.differences import compare_with_best
from kcifar.runs.load import LoadedRun

ORDER = 50
TITLE = "Number of epochs"
NOTE = (
    "Runs whose recipes differ only in epochs, name, seed, and what is logged, saved or tested. Values are means over seeds, after averaging the "
    "runs of each seed; training and validation accuracy are those of the last epoch, and training accuracy is measured on augmented images. "
    "Standard deviations, gap (training minus validation) and uncertainty are in percentage points. Best: the highest mean validation accuracy "
    "(test accuracy if any row has none); among equals, the fewest epochs. Another row differs clearly if it is below the best by more than the "
    "uncertainty, the half-width of the confidence interval of the difference: Welch's interval over seeds if both have at least two, otherwise the "
    "binomial interval over the images, which does not account for other seeds. Because the best is chosen by the same numbers, the confidence is "
    "1 - 0.05 / (rows of the study - 1): a row that is truly as good as any other is reported as clearly lower in at most one study in twenty. "
    "Clearly lower with fewer epochs and a lower training accuracy: underfitting; with more epochs and a higher training accuracy: overfitting."
)
COLUMNS = {
    "study": TEXT,
    "epochs": COUNT,
    "epochs_of_stages": TEXT,
    "runs": COUNT,
    "training_accuracy": PERCENT,
    "val_accuracy": PERCENT,
    "val_deviation": UNSIGNED_POINTS,
    "test_accuracy": PERCENT,
    "test_deviation": UNSIGNED_POINTS,
    "gap": POINTS,
    "below_best": UNSIGNED_POINTS,
    "uncertainty": UNSIGNED_POINTS,
    "uncertainty_from": TEXT,
    "finding": TEXT,
}
PAGE_COLUMNS = ("epochs", "val_accuracy", "test_accuracy", "finding", "gap", "below_best", "uncertainty", "runs", "training_accuracy")
BY_TEST = (
    "Not every number of epochs has a validation accuracy, so test accuracy is used here. Do not choose the epochs by it: it would no longer "
    "measure the accuracy on images that had no part in the choice."
)
_WORDS = {
    Finding.UNDERFITTING: "Underfitting",
    Finding.OVERFITTING: "Overfitting",
    Finding.LOWER_UNEXPLAINED: "Clearly lower, without signs of under- or overfitting",
    Finding.ALIKE: "Not clearly different from the best",
    Finding.UNKNOWN: "Unknown whether different, because there are too few seeds and no image counts",
}


def of_runs(runs: Sequence[LoadedRun]) -> SectionContent:
    """Return a table, a figure and a paragraph for each study; nothing if no recipes differ only in their epochs."""
    groups = [group for group in group_similar_runs(runs, is_epochs) if len({run.planned_epochs for run in group if is_complete(run)}) > 1]
    if not groups:
        return SectionContent()
    studies = dict(zip(name_studies(groups, is_epochs), map(make_points, groups), strict=True))
    paragraphs = limit_descriptions([_describe_study(name, points) for name, points in studies.items()])
    paragraphs += describe_left_out([run for group in groups for run in group if not is_complete(run)])
    rows = [row for name, points in studies.items() for row in _make_rows(name, points)]
    columns = {name: kind for name, kind in COLUMNS.items() if name != "epochs_of_stages" or any("+" in row[name] for row in rows)}
    index = [name for name in ("study", "epochs", "epochs_of_stages") if name in columns]
    table = Table("epochs", "Number of epochs", columns, make_frame(rows, columns, index), NOTE, page_columns=PAGE_COLUMNS)
    return SectionContent(paragraphs, [table], [_make_figure(dict(list(studies.items())[:MAX_PANELS]), len(studies))])


def _make_rows(name: str, points: Sequence[StudyPoint]) -> Iterator[dict[str, Any]]:
    _, samples = choose_samples(points)
    best = find_best_place(samples) if samples else 0
    for place, (point, finding) in enumerate(zip(points, classify_epochs(points), strict=True)):
        row = {
            "study": name,
            "epochs": int(point.x),
            "epochs_of_stages": write_stages(point),
            "runs": len(point.runs),
            "finding": finding,
        } | _list_accuracies(point)
        if samples and place != best:
            difference = compare_with_best(samples[best], samples[place], len(samples))
            row |= {"below_best": difference.value, "uncertainty": difference.half_width, "uncertainty_from": difference.source or None}
        yield row


def _list_accuracies(point: StudyPoint) -> dict[str, Any]:
    return {
        "training_accuracy": point.training.mean,
        "val_accuracy": point.validation.mean,
        "val_deviation": point.validation.deviation,
        "test_accuracy": point.test.mean,
        "test_deviation": point.test.deviation,
        "gap": point.training.mean - point.validation.mean,
    }


def _describe_study(name: str, points: Sequence[StudyPoint]) -> str:
    split, samples = choose_samples(points)
    if not samples:
        return f"{name}: neither validation nor test accuracy is available for every number of epochs, so none is reported as best."
    best = find_best_place(samples)
    sentences = [f"{name}: the highest mean {split} accuracy, {PERCENT.write(samples[best].mean)}, is reached with {write_epochs([points[best]])}."]
    point_findings = classify_epochs(points)
    for finding in (Finding.UNDERFITTING, Finding.OVERFITTING, Finding.LOWER_UNEXPLAINED, Finding.ALIKE, Finding.UNKNOWN):
        if alike := [point for point, point_finding in zip(points, point_findings, strict=True) if point_finding == finding]:
            sentences.append(f"{_WORDS[finding]}: {write_epochs(alike)}.")
    if points[best].x == points[-1].x:
        sentences.append("More epochs were not tried and may be better still.")
    if split == "test":
        sentences.append(BY_TEST)
    return " ".join(sentences + _describe_stopped_early(points))


def _describe_stopped_early(points: Sequence[StudyPoint]) -> list[str]:
    early = [run.name for point in points for run in point.runs if len(run.history) < run.planned_epochs]
    return [f"Stopped before the planned number of epochs: {join_names(early)}."] if early else []


def _make_figure(studies: Mapping[str, Sequence[StudyPoint]], count: int) -> FigureSpec:
    shown = f" The first {len(studies)} of {count} studies." if len(studies) < count else ""
    caption = (
        f"Mean accuracy against the number of epochs; bars show one standard deviation over seeds to either side, the star marks the best.{shown}"
    )
    text = " ".join(_describe_study(name, points) for name, points in studies.items())
    return FigureSpec("epochs", lambda: draw_epochs(studies), caption, text)
