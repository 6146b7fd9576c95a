"""Correctly classified images of a run, and its most confident errors."""

from collections.abc import Callable, Sequence

import numpy as np

from kcifar.core.errors import one_line
from kcifar.pictures.figure import Figure
from kcifar.pictures.text import fit_text
from kcifar.pictures.thumbnails import CAPTION_SIZE, Thumbnail, caption_width, draw_thumbnails, split_into_rows
from kcifar.reporting.analysis.saved_errors import are_most_confident
from kcifar.reporting.page.columns import PERCENT
from kcifar.reporting.page.content import FigureSpec, SectionContent
from kcifar.reporting.page.names import join_names
from kcifar.runs.arrays import KeptImages
from kcifar.runs.load import LoadedRun

ORDER = 260
TITLE = "Example images"

_COLUMNS = 3
_MAX_SHOWN = 18  # images per figure
_MAX_NAME = 40

_Words = Callable[[int], tuple[str, ...]]


def of_run(run: LoadedRun) -> SectionContent:
    """Return the figures `correct` and `mistakes`, or a sentence instead of a figure without images."""
    kept = run.kept_images
    if kept is None:
        return SectionContent()
    contents = [_make_correct(run, kept), _make_errors(run, kept)]
    return SectionContent(
        [text for content in contents for text in content.paragraphs], figures=[figure for content in contents for figure in content.figures]
    )


def find_first_correct(kept: KeptImages) -> list[int]:
    """Return the indices of the first correctly classified images, in the order of their split."""
    return [int(place) for place in np.flatnonzero(kept.predicted == kept.labels)[:_MAX_SHOWN]]


def find_worst_errors(kept: KeptImages) -> list[int]:
    """Return the indices of the misclassified images with the largest probabilities."""
    return kept.find_most_confident(kept.predicted != kept.labels, _MAX_SHOWN)


def _make_correct(run: LoadedRun, kept: KeptImages) -> SectionContent:
    names, places = run.class_names, find_first_correct(kept)
    if not places:
        return SectionContent([f"No image is classified correctly among the {kept.quantity} saved with the run."])

    def words(place: int) -> tuple[str, ...]:
        return _fit_line("", names[kept.labels[place]]), PERCENT.write(kept.confidence[place])

    caption = (
        f"The first correctly classified images among the {kept.quantity} saved with the run ({len(places)} shown), in the order of the data set; "
        "below each image, its class and the probability of that class."
    )
    spoken = [f"{one_line(names[kept.labels[place]], _MAX_NAME)} ({PERCENT.write(kept.confidence[place])})" for place in places]
    text = f"Thumbnails of {len(places)} correctly classified images: {join_names(spoken)}."
    return SectionContent(figures=[FigureSpec("correct", lambda: _draw(run.name, "correctly classified", kept, places, words), caption, text)])


def _make_errors(run: LoadedRun, kept: KeptImages) -> SectionContent:
    names, places = run.class_names, find_worst_errors(kept)
    if not places:
        return SectionContent([f"No image is misclassified among the {kept.quantity} saved with the run."])

    def words(place: int) -> tuple[str, ...]:
        probabilities = f"{PERCENT.write(kept.confidence[place])} vs {PERCENT.write(kept.label_probability[place])}"
        return _fit_line("pred. ", names[kept.predicted[place]]), _fit_line("true ", names[kept.labels[place]]), probabilities

    title, which = _name_errors(run, kept, places)
    caption = f"{which} ({len(places)} shown); below each image, its predicted class, its true class, and the probabilities of both."
    spoken = [_describe_error(kept, place, names) for place in places]
    text = f"Thumbnails of {len(places)} misclassified images: {join_names(spoken)}."
    return SectionContent(figures=[FigureSpec("mistakes", lambda: _draw(run.name, title, kept, places, words), caption, text)])


def _name_errors(run: LoadedRun, kept: KeptImages, places: Sequence[int]) -> tuple[str, str]:
    """Return title and beginning of the caption: of all images if no error that was not saved is more confident, else of the saved ones."""
    predictions = run.predictions
    if predictions and are_most_confident(kept.confidence[places], predictions.confidence[~predictions.correct]):
        return "most confident errors", f"The most confident errors of all {predictions.quantity}"
    return "most confident saved errors", f"The most confident errors among the {kept.quantity} saved with the run, though not of all its images"


def _describe_error(kept: KeptImages, place: int, names: Sequence[str]) -> str:
    label, predicted = (one_line(names[label], _MAX_NAME) for label in (kept.labels[place], kept.predicted[place]))
    return f"{label} predicted as {predicted} ({PERCENT.write(kept.confidence[place])})"


def _fit_line(before: str, name: str) -> str:
    return fit_text(name, caption_width(_COLUMNS), CAPTION_SIZE, before)


def _draw(name: str, kind: str, kept: KeptImages, places: Sequence[int], words: _Words) -> Figure:
    return draw_thumbnails(name, kind, split_into_rows([Thumbnail(kept.get_image(place), words(place)) for place in places], _COLUMNS), _COLUMNS)
