"""Which classes are confused most often, with examples."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from kcifar.core.errors import one_line
from kcifar.pictures.figure import Figure
from kcifar.pictures.text import fit_text
from kcifar.pictures.thumbnails import HEADING_SIZE, Thumbnail, ThumbnailRow, draw_thumbnails
from kcifar.reporting.analysis.saved_errors import are_most_confident
from kcifar.reporting.page.columns import COUNT, PERCENT, TEXT, make_frame
from kcifar.reporting.page.content import FigureSpec, SectionContent, Table
from kcifar.reporting.stats.confusion import normalize_rows, rank_confused_pairs
from kcifar.runs.arrays import KeptImages
from kcifar.runs.evaluation_result import EvaluationResult
from kcifar.runs.load import LoadedRun

ORDER = 215
TITLE = "Most confused pairs"
NOTE = (
    "Images: images of the true class predicted as the other class; ties in the order of the labels. Fraction: of all images of the true class. "
    "Reverse images: images of the predicted class predicted as the true class."
)
COLUMNS = {"true": TEXT, "predicted": TEXT, "images": COUNT, "share": PERCENT, "reverse_images": COUNT}

_MAX_PAIRS = 20
_MAX_ROWS, _COLUMNS = 8, 5  # pairs with examples, images per pair
_MAX_SPOKEN = 3  # pairs named in the alternative text
_MAX_NAME = 40
_NAME_ROOM = 95.0  # points for each of the two names in a heading

_Pair = tuple[int, int]


def of_run(run: LoadedRun) -> SectionContent:
    """Return the table of the most confused pairs and the figure of their examples; a sentence if nothing is confused."""
    evaluation = run.evaluation
    if evaluation is None or evaluation.matrix is None or len(evaluation.matrix) < 2:
        return SectionContent()
    pairs = rank_confused_pairs(evaluation.matrix)
    if not len(pairs):
        return SectionContent([f"Nothing is confused: all {evaluation.samples:,} {evaluation.split} images are predicted correctly."])
    shown = [(int(label), int(predicted)) for label, predicted in pairs[:_MAX_PAIRS]]
    title = f"Most confused pairs, {evaluation.samples:,} {evaluation.split} images"
    note = NOTE + (f" {len(pairs) - len(shown):,} rarer pairs are left out." if len(pairs) > len(shown) else "")
    table = Table(
        "confused_pairs", title, COLUMNS, make_frame(_make_rows(evaluation, evaluation.matrix, shown), COLUMNS, ("true", "predicted")), note
    )
    return SectionContent(tables=[table], figures=_make_figures(run, evaluation.matrix, shown))


def _make_rows(evaluation: EvaluationResult, matrix: np.ndarray, pairs: list[_Pair]) -> Iterator[dict[str, Any]]:
    names, fractions = evaluation.class_names, normalize_rows(matrix)
    for label, predicted in pairs:
        counts = {"images": matrix[label, predicted], "share": fractions[label, predicted], "reverse_images": matrix[predicted, label]}
        yield {"true": names[label], "predicted": names[predicted], **counts}


def _make_figures(run: LoadedRun, matrix: np.ndarray, pairs: list[_Pair]) -> list[FigureSpec]:
    """Return the figure of the first pairs with saved images; none if there is no such pair."""
    kept = run.kept_images
    examples = find_pair_examples(kept, pairs) if kept else {}
    if kept is None or not examples:
        return []
    names = [one_line(name, _MAX_NAME) for name in run.class_names]
    caption = (
        f"Examples of the most confused pairs, from the {kept.quantity} saved with the run: at most {_COLUMNS} per pair, most confident first"
        f"{_describe_unsaved(run, kept, examples)}; below each image, the probability of its predicted class."
    )
    spoken = [f"{names[label]} predicted as {names[predicted]} ({matrix[label, predicted]:,})" for label, predicted in list(examples)[:_MAX_SPOKEN]]
    text = f"Thumbnails of misclassified images, one row for each of {len(examples)} pair{'s' * (len(examples) > 1)}; first: {', '.join(spoken)}."
    return [FigureSpec("confused_pairs", lambda: _draw(run, kept, matrix, examples), caption, text)]


def _describe_unsaved(run: LoadedRun, kept: KeptImages, examples: dict[_Pair, list[int]]) -> str:
    """Say for how many pairs more confident errors exist whose images were not saved; "" for none."""
    predictions = run.predictions
    if predictions is None:
        return ""
    unsaved = sum(
        not are_most_confident(kept.confidence[places], predictions.confidence[(predictions.labels == label) & (predictions.predicted == predicted)])
        for (label, predicted), places in examples.items()
    )
    return f" (in {unsaved} of {len(examples)} pairs, errors that were not saved are more confident)" if unsaved else ""


def find_pair_examples(kept: KeptImages, pairs: list[_Pair]) -> dict[_Pair, list[int]]:
    """Return the indices of the most confident errors for the first pairs (true, predicted) that have any."""
    places_of_pairs = {
        (label, predicted): kept.find_most_confident((kept.labels == label) & (kept.predicted == predicted), _COLUMNS) for label, predicted in pairs
    }
    return dict([(pair, places) for pair, places in places_of_pairs.items() if places][:_MAX_ROWS])


def _draw(run: LoadedRun, kept: KeptImages, matrix: np.ndarray, examples: dict[_Pair, list[int]]) -> Figure:
    rows = [
        ThumbnailRow(
            _write_heading(run.class_names, matrix, pair),
            [Thumbnail(kept.get_image(place), (PERCENT.write(kept.confidence[place]),)) for place in places],
        )
        for pair, places in examples.items()
    ]
    return draw_thumbnails(run.name, "most confused pairs", rows, _COLUMNS)


def _write_heading(names: list[str], matrix: np.ndarray, pair: _Pair) -> str:
    """Return "cat predicted as dog: 183 (18.30%)"."""
    label, predicted = (fit_text(names[label], _NAME_ROOM, HEADING_SIZE, weight="bold") for label in pair)
    count = matrix[pair]
    return f"{label} predicted as {predicted}: {count:,} ({PERCENT.write(count / matrix[pair[0]].sum())})"
