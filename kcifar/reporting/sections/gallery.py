"""Images that a run called right, and its most confident mistakes."""

from collections.abc import Callable, Sequence

import numpy as np
from matplotlib.figure import Figure

from kcifar.core.errors import one_line
from kcifar.pictures.text_fit import fitted
from kcifar.pictures.thumbnails import WORDS, Thumbnail, draw_thumbnails, in_rows, words_room
from kcifar.reporting.page.columns import SHARE
from kcifar.reporting.page.content import Content, Drawing
from kcifar.runs.kept_images import KeptImages, kept_images
from kcifar.runs.load import SavedRun

ORDER = 260
TITLE = "Example images"

_COLUMNS = 4
_MAX_SHOWN = 20  # images of each figure
_MAX_SPOKEN = 5  # of them told in the alternative text
_MAX_NAME = 40

Words = Callable[[int], tuple[str, ...]]


def of_run(run: SavedRun) -> Content:
    """Return the figures `correct` and `mistakes`, and words in place of one for which no image is kept."""
    kept = kept_images(run)
    if kept is None:
        return Content()
    parts = [_correct(run, kept), _mistakes(run, kept)]
    return Content([text for part in parts for text in part.paragraphs], drawings=[drawing for part in parts for drawing in part.drawings])


def first_correct(kept: KeptImages) -> list[int]:
    """Return the places of the first images that are called right, in the order of their part."""
    return [int(place) for place in np.flatnonzero(kept.called == kept.labels)[:_MAX_SHOWN]]


def worst_mistakes(kept: KeptImages) -> list[int]:
    """Return the places of the images that are called wrong with the largest probabilities."""
    return kept.most_confident(kept.called != kept.labels, _MAX_SHOWN)


def _correct(run: SavedRun, kept: KeptImages) -> Content:
    names, places = run.class_names, first_correct(kept)
    if not places:
        return Content([f"No image is called right among the {kept.quantity} that the run keeps."])

    def words(place: int) -> tuple[str, ...]:
        return _line("", names[kept.labels[place]]), SHARE.write(kept.confidence[place])

    caption = (
        f"The first images called right among the {kept.quantity} that the run keeps ({len(places)} shown), in the order of the data set; "
        "below each its class and the probability given to it."
    )
    spoken = [f"{one_line(names[kept.labels[place]], _MAX_NAME)} {SHARE.write(kept.confidence[place])}" for place in places]
    text = f"Thumbnails of images called right, {len(places)} of them: {_listed(spoken)}."
    return Content(drawings=[Drawing("correct", lambda: _draw(run.name, "called right", kept, places, words), caption, text)])


def _mistakes(run: SavedRun, kept: KeptImages) -> Content:
    names, places = run.class_names, worst_mistakes(kept)
    if not places:
        return Content([f"No image is called wrong among the {kept.quantity} that the run keeps."])

    def words(place: int) -> tuple[str, ...]:
        shares = f"{SHARE.write(kept.confidence[place])} vs {SHARE.write(kept.label_probability[place])}"
        return _line("called ", names[kept.called[place]]), _line("is ", names[kept.labels[place]]), shares

    caption = (
        f"The most confident mistakes among the {kept.quantity} that the run keeps ({len(places)} shown); "
        "below each what it is called, what it is, and the probabilities given to the one and the other."
    )
    spoken = [_spoken_mistake(kept, place, names) for place in places]
    text = f"Thumbnails of images called wrong, {len(places)} of them: {_listed(spoken)}."
    return Content(drawings=[Drawing("mistakes", lambda: _draw(run.name, "most confident mistakes", kept, places, words), caption, text)])


def _spoken_mistake(kept: KeptImages, place: int, names: Sequence[str]) -> str:
    own, called = (one_line(names[label], _MAX_NAME) for label in (kept.labels[place], kept.called[place]))
    return f"{own} called {called} {SHARE.write(kept.confidence[place])}"


def _line(before: str, name: str) -> str:
    return fitted(name, words_room(_COLUMNS), WORDS, before)


def _listed(spoken: Sequence[str]) -> str:
    more = len(spoken) - _MAX_SPOKEN
    return ", ".join(spoken[:_MAX_SPOKEN]) + (f" and {more} more" if more > 0 else "")


def _draw(name: str, kind: str, kept: KeptImages, places: Sequence[int], words: Words) -> Figure:
    return draw_thumbnails(name, kind, in_rows([Thumbnail(kept.image(place), words(place)) for place in places], _COLUMNS), _COLUMNS)
