"""Which classes are confused: the confusion matrix as counts in the order of the labels, and as percentages with similar classes side by side."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from kcifar.core.errors import one_line
from kcifar.pictures.confusion_matrix import MAX_CLASSES, compute_label_step, compute_number_size, compute_scale_end, draw_confusion_matrix
from kcifar.pictures.figure import Figure
from kcifar.reporting.page.columns import COUNT, PERCENT, TEXT, make_frame
from kcifar.reporting.page.content import FigureSpec, SectionContent, Table
from kcifar.reporting.stats.confusion import normalize_rows, order_by_similarity
from kcifar.runs.evaluation_result import EvaluationResult
from kcifar.runs.load import LoadedRun

ORDER = 210
TITLE = "Confusion matrix"
ESSENTIAL = True
NOTE = "One row for each nonzero cell of the matrix. Fraction: of all images of the true class."
COLUMNS = {"true": TEXT, "predicted": TEXT, "images": COUNT, "share": PERCENT}

_PAGE_ROWS = 10  # the figures show the complete matrix
_MAX_NAME = 40
_PERCENT = "percent of the true class"


def of_run(run: LoadedRun) -> SectionContent:
    """Return both figures and the matrix in long form; nothing for a single class, or without a matrix."""
    evaluation = run.evaluation
    if evaluation is None or evaluation.matrix is None or len(evaluation.matrix) < 2:
        return SectionContent()
    title = f"Confusion matrix, {evaluation.samples:,} {evaluation.split} images"
    table = Table(
        "confusion", title, COLUMNS, make_frame(_make_rows(evaluation, evaluation.matrix), COLUMNS, ("true", "predicted")), NOTE, _PAGE_ROWS
    )
    if len(evaluation.matrix) > MAX_CLASSES:
        return SectionContent([f"The matrix of {len(evaluation.matrix):,} classes is too large to be drawn; see the table."], [table])
    return SectionContent(
        tables=[table],
        figures=[_make_counts_figure(run.name, evaluation, evaluation.matrix), _make_percent_figure(run.name, evaluation, evaluation.matrix)],
    )


def _make_rows(evaluation: EvaluationResult, matrix: np.ndarray) -> Iterator[dict[str, Any]]:
    names, fractions = evaluation.class_names, normalize_rows(matrix)
    for label, predicted in np.argwhere(matrix):
        yield {"true": names[label], "predicted": names[predicted], "images": matrix[label, predicted], "share": fractions[label, predicted]}


def _make_counts_figure(name: str, evaluation: EvaluationResult, matrix: np.ndarray) -> FigureSpec:
    scale_end = compute_scale_end(matrix, int(matrix.sum(axis=1).max()))

    def draw() -> Figure:
        return draw_confusion_matrix(name, _make_title(evaluation, "counts"), evaluation.class_names, matrix, _write_count, "images", scale_end)

    correct = f"{np.trace(matrix):,} ({PERCENT.write(np.trace(matrix) / matrix.sum())})"
    text = f"Confusion matrix of {len(matrix):,} classes over {evaluation.samples:,} {evaluation.split} images, {correct} of them on the diagonal; "
    reading = _explain_reading(matrix, _write_count, f"{scale_end:,.0f} images")
    caption = f"Number of images by true and predicted class, in the order of the labels: {reading}"
    return FigureSpec("confusion_counts", draw, caption, text + _describe_largest(evaluation, matrix, COUNT.write), leads=True)


def _make_percent_figure(name: str, evaluation: EvaluationResult, matrix: np.ndarray) -> FigureSpec:
    fractions = normalize_rows(matrix)
    scale_end = compute_scale_end(100 * fractions, int(matrix.sum(axis=1).max()))

    def draw() -> Figure:
        order = order_by_similarity(matrix)
        names, percent = [evaluation.class_names[label] for label in order], 100 * fractions[np.ix_(order, order)]
        return draw_confusion_matrix(name, _make_title(evaluation, _PERCENT), names, percent, _write_tenths, _PERCENT, scale_end)

    text = f"The same matrix as fractions of the true class, {len(matrix):,} classes ordered by similarity; "
    reading = _explain_reading(100 * fractions, _write_tenths, f"{scale_end:.1f}%")
    caption = f"The same in {_PERCENT}, with classes that are often confused side by side: {reading}"
    return FigureSpec("confusion_shares", draw, caption, text + _describe_largest(evaluation, fractions, PERCENT.write))


def _write_count(count: float) -> str:
    return f"{count:,}"


def _write_tenths(percent: float) -> str:
    return f"{percent:.1f}"


def _explain_reading(values: np.ndarray, write: Callable[[float], str], darkest: str) -> str:
    """Say how to read a matrix, which error has the darkest color, and which numbers and names are omitted."""
    numbers = " Cells without a number contain no image." if compute_number_size(values, write) else ""
    step = compute_label_step(len(values))
    names = f" One class in {step} is named on the axes." if step > 1 else ""
    colors = f"the diagonal (correct) is gray, errors are blue, stronger for more; the strongest blue stands for {darkest}"
    return f"rows are true classes, columns predicted ones; {colors}.{numbers}{names}"


def _describe_largest(evaluation: EvaluationResult, values: np.ndarray, write: Callable[[Any], str]) -> str:
    """Name the largest error, the first of several."""
    errors = np.where(np.eye(len(values), dtype=bool), 0, values)
    label, predicted = np.unravel_index(errors.argmax(), errors.shape)
    if not errors[label, predicted]:
        return "no classes are confused."
    names = [one_line(evaluation.class_names[int(label)], _MAX_NAME) for label in (label, predicted)]
    return f"no error is more frequent than {names[0]} predicted as {names[1]}: {write(errors[label, predicted])}."


def _make_title(evaluation: EvaluationResult, unit: str) -> str:
    return f"{evaluation.samples:,} {evaluation.split} images, {unit}"
