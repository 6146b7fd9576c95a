"""Which class was called what: the confusion matrix as counts in the order of the labels, and as shares with alike classes side by side."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from kcifar.core.errors import one_line
from kcifar.reporting.charts.confusion_matrix import MOST_DRAWN, draw_matrix, naming_step, number_size
from kcifar.reporting.page.columns import COUNT, SHARE, TEXT, frame
from kcifar.reporting.page.content import Content, Drawing, Table
from kcifar.reporting.stats.confusion import order_by_similarity, shares_of_true_class
from kcifar.runs.evaluation_result import Outcome
from kcifar.runs.load import SavedRun

ORDER = 210
TITLE = "Confusion matrix"
ESSENTIAL = True
NOTE = "A row for each cell of the matrix that holds images. Share: of all images of the true class."
COLUMNS = {"true": TEXT, "called": TEXT, "images": COUNT, "share": SHARE}

_PAGE_ROWS = 10  # the figures show what the table holds
_MAX_NAME = 40
_PERCENT = "percent of the true class"


def of_run(run: SavedRun) -> Content:
    """Return both figures and the matrix in long form; nothing for a single class, or where no matrix is known."""
    outcome = run.outcome
    if outcome is None or outcome.matrix is None or len(outcome.matrix) < 2:
        return Content()
    title = f"Confusion matrix, {outcome.samples:,} {outcome.split} images"
    table = Table("confusion", title, COLUMNS, frame(_rows(outcome, outcome.matrix), COLUMNS, ("true", "called")), NOTE, _PAGE_ROWS)
    if len(outcome.matrix) > MOST_DRAWN:
        return Content([f"The matrix of {len(outcome.matrix):,} classes is too large to be drawn; the table holds it."], [table])
    return Content(tables=[table], drawings=[_counts(run.name, outcome, outcome.matrix), _shares(run.name, outcome, outcome.matrix)])


def _rows(outcome: Outcome, matrix: np.ndarray) -> Iterator[dict[str, Any]]:
    names, shares = outcome.class_names, shares_of_true_class(matrix)
    for own, called in np.argwhere(matrix):
        yield {"true": names[own], "called": names[called], "images": matrix[own, called], "share": shares[own, called]}


def _counts(name: str, outcome: Outcome, matrix: np.ndarray) -> Drawing:
    def draw() -> Figure:
        return draw_matrix(name, _title(outcome, "counts"), outcome.class_names, matrix, _whole, "images")

    right = f"{np.trace(matrix):,} ({SHARE.write(np.trace(matrix) / matrix.sum())})"
    text = f"Confusion matrix of {len(matrix):,} classes over {outcome.samples:,} {outcome.split} images, {right} of them on the diagonal; "
    caption = f"How many images of each class are called what, in the order of the labels: {_reading(matrix, _whole)}"
    return Drawing("confusion_counts", draw, caption, text + _largest(outcome, matrix, COUNT.write))


def _shares(name: str, outcome: Outcome, matrix: np.ndarray) -> Drawing:
    shares = shares_of_true_class(matrix)

    def draw() -> Figure:
        order = order_by_similarity(matrix)
        names = [outcome.class_names[label] for label in order]
        return draw_matrix(name, _title(outcome, _PERCENT), names, 100 * shares[np.ix_(order, order)], _tenths, _PERCENT)

    text = f"The same matrix as shares of the true class, {len(matrix):,} classes ordered by similarity; "
    caption = f"The same in {_PERCENT}, classes that are often confused side by side: {_reading(100 * shares, _tenths)}"
    return Drawing("confusion_shares", draw, caption, text + _largest(outcome, shares, SHARE.write))


def _whole(count: float) -> str:
    return f"{count:,}"


def _tenths(percent: float) -> str:
    return f"{percent:.1f}"


def _reading(values: np.ndarray, write: Callable[[float], str]) -> str:
    """Say how to read a matrix, and what of it is not written."""
    numbers = " A cell without a number holds no image." if number_size(values, write) else ""
    step = naming_step(len(values))
    names = f" One class in {step} is named on the axes." if step > 1 else ""
    return f"rows are the true classes; right ones are on the diagonal in grey, errors in blue, the darker the more.{numbers}{names}"


def _largest(outcome: Outcome, values: np.ndarray, write: Callable[[Any], str]) -> str:
    """Say what is largest off the diagonal; of several the first is named."""
    errors = np.where(np.eye(len(values), dtype=bool), 0, values)
    own, called = np.unravel_index(errors.argmax(), errors.shape)
    if not errors[own, called]:
        return "nothing is confused."
    names = [one_line(outcome.class_names[int(label)], _MAX_NAME) for label in (own, called)]
    return f"no error is larger than {names[0]} called {names[1]}: {write(errors[own, called])}."


def _title(outcome: Outcome, unit: str) -> str:
    return f"{outcome.samples:,} {outcome.split} images, {unit}"
