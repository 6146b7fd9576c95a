"""Images that a run called right, and its most confident mistakes."""

from collections.abc import Callable, Sequence

import numpy as np
from matplotlib.figure import Figure

from kcifar.core.errors import one_line
from kcifar.pictures.text import fit_text
from kcifar.pictures.thumbnails import CAPTION_SIZE, Thumbnail, caption_width, draw_thumbnails, split_into_rows
from kcifar.reporting.page.columns import PERCENT
from kcifar.reporting.page.content import FigureSpec, SectionContent
from kcifar.reporting.page.names import join_names
from kcifar.runs.arrays import KeptImages
from kcifar.runs.load import LoadedRun

ORDER = 260
TITLE = "Example images"

_COLUMNS = 4
_MAX_SHOWN = 20  # images of each figure
_MAX_NAME = 40

_Words = Callable[[int], tuple[str, ...]]


def of_run(run: LoadedRun) -> SectionContent:
    """Return the figures `correct` and `mistakes`, and words in place of one for which no image is kept."""
    kept = run.kept_images
    if kept is None:
        return SectionContent()
    parts = [_make_correct(run, kept), _make_mistakes(run, kept)]
    return SectionContent([text for part in parts for text in part.paragraphs], figures=[drawing for part in parts for drawing in part.figures])


def find_first_correct(kept: KeptImages) -> list[int]:
    """Return the places of the first images that are called right, in the order of their part."""
    return [int(place) for place in np.flatnonzero(kept.predicted == kept.labels)[:_MAX_SHOWN]]


def find_worst_mistakes(kept: KeptImages) -> list[int]:
    """Return the places of the images that are called wrong with the largest probabilities."""
    return kept.most_confident(kept.predicted != kept.labels, _MAX_SHOWN)


def _make_correct(run: LoadedRun, kept: KeptImages) -> SectionContent:
    names, places = run.class_names, find_first_correct(kept)
    if not places:
        return SectionContent([f"No image is called right among the {kept.quantity} that the run keeps."])

    def words(place: int) -> tuple[str, ...]:
        return _fit_line("", names[kept.labels[place]]), PERCENT.write(kept.confidence[place])

    caption = (
        f"The first images called right among the {kept.quantity} that the run keeps ({len(places)} shown), in the order of the data set; "
        "below each its class and the probability given to it."
    )
    spoken = [f"{one_line(names[kept.labels[place]], _MAX_NAME)} {PERCENT.write(kept.confidence[place])}" for place in places]
    text = f"Thumbnails of images called right, {len(places)} of them: {join_names(spoken)}."
    return SectionContent(figures=[FigureSpec("correct", lambda: _draw(run.name, "called right", kept, places, words), caption, text)])


def _make_mistakes(run: LoadedRun, kept: KeptImages) -> SectionContent:
    names, places = run.class_names, find_worst_mistakes(kept)
    if not places:
        return SectionContent([f"No image is called wrong among the {kept.quantity} that the run keeps."])

    def words(place: int) -> tuple[str, ...]:
        shares = f"{PERCENT.write(kept.confidence[place])} vs {PERCENT.write(kept.label_probability[place])}"
        return _fit_line("called ", names[kept.predicted[place]]), _fit_line("is ", names[kept.labels[place]]), shares

    caption = (
        f"The most confident mistakes among the {kept.quantity} that the run keeps ({len(places)} shown); "
        "below each what it is called, what it is, and the probabilities given to the one and the other."
    )
    spoken = [_describe_mistake(kept, place, names) for place in places]
    text = f"Thumbnails of images called wrong, {len(places)} of them: {join_names(spoken)}."
    return SectionContent(figures=[FigureSpec("mistakes", lambda: _draw(run.name, "most confident mistakes", kept, places, words), caption, text)])


def _describe_mistake(kept: KeptImages, place: int, names: Sequence[str]) -> str:
    label, predicted = (one_line(names[label], _MAX_NAME) for label in (kept.labels[place], kept.predicted[place]))
    return f"{label} called {predicted} {PERCENT.write(kept.confidence[place])}"


def _fit_line(before: str, name: str) -> str:
    return fit_text(name, caption_width(_COLUMNS), CAPTION_SIZE, before)


def _draw(name: str, kind: str, kept: KeptImages, places: Sequence[int], words: _Words) -> Figure:
    return draw_thumbnails(name, kind, split_into_rows([Thumbnail(kept.image(place), words(place)) for place in places], _COLUMNS), _COLUMNS)
