"""Which classes are taken for which, most often first, with examples."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from kcifar.core.errors import one_line
from kcifar.pictures.text_fit import fitted
from kcifar.pictures.thumbnails import HEADING, Row, Thumbnail, draw_thumbnails
from kcifar.reporting.page.columns import COUNT, SHARE, TEXT, frame
from kcifar.reporting.page.content import Content, Drawing, Table
from kcifar.reporting.stats.confusion import confused_pairs, shares_of_true_class
from kcifar.runs.evaluation_result import Outcome
from kcifar.runs.kept_images import KeptImages, kept_images
from kcifar.runs.load import SavedRun

ORDER = 215
TITLE = "Most confused pairs"
NOTE = (
    "Images: so many of the true class were called the other, ties in the order of the labels. Share: of all images of the true class. "
    "Reverse images: so many of the called class were called the true one."
)
COLUMNS = {"true": TEXT, "called": TEXT, "images": COUNT, "share": SHARE, "reverse_images": COUNT}

_MAX_PAIRS = 20
_MAX_ROWS, _COLUMNS = 8, 5  # pairs with examples, images of each
_MAX_SPOKEN = 3  # pairs told in the alternative text
_MAX_NAME = 40
_NAME_ROOM = 95.0  # points of a heading for each of its two names

Pair = tuple[int, int]


def of_run(run: SavedRun) -> Content:
    """Return the table of the most confused pairs and the figure of their examples; words where nothing is confused."""
    outcome = run.outcome
    if outcome is None or outcome.matrix is None or len(outcome.matrix) < 2:
        return Content()
    pairs = confused_pairs(outcome.matrix)
    if not len(pairs):
        return Content([f"Nothing is confused: all {outcome.samples:,} {outcome.split} images are called what they are."])
    shown = [(int(own), int(called)) for own, called in pairs[:_MAX_PAIRS]]
    title = f"Most confused pairs, {outcome.samples:,} {outcome.split} images"
    note = NOTE + (f" {len(pairs) - len(shown):,} rarer pairs are left out." if len(pairs) > len(shown) else "")
    table = Table("confused_pairs", title, COLUMNS, frame(_rows(outcome, outcome.matrix, shown), COLUMNS, ("true", "called")), note)
    return Content(tables=[table], drawings=_drawings(run, outcome.matrix, shown))


def _rows(outcome: Outcome, matrix: np.ndarray, pairs: list[Pair]) -> Iterator[dict[str, Any]]:
    names, shares = outcome.class_names, shares_of_true_class(matrix)
    for own, called in pairs:
        counts = {"images": matrix[own, called], "share": shares[own, called], "reverse_images": matrix[called, own]}
        yield {"true": names[own], "called": names[called], **counts}


def _drawings(run: SavedRun, matrix: np.ndarray, pairs: list[Pair]) -> list[Drawing]:
    """The figure of the first pairs of which images are kept; none where there is no such pair."""
    kept = kept_images(run)
    examples = examples_of_pairs(kept, pairs) if kept else {}
    if kept is None or not examples:
        return []
    names = [one_line(name, _MAX_NAME) for name in run.class_names]
    caption = (
        f"Examples of the most confused pairs, from the {kept.quantity} that the run keeps: of each pair at most {_COLUMNS}, "
        "the most confident first; below each the probability of what it is called."
    )
    spoken = [f"{names[own]} called {names[called]} ({matrix[own, called]:,})" for own, called in list(examples)[:_MAX_SPOKEN]]
    text = f"Thumbnails of images called wrong, a row for each of {len(examples)} pair{'s' * (len(examples) > 1)}, the first: {', '.join(spoken)}."
    return [Drawing("confused_pairs", lambda: _draw(run, kept, matrix, examples), caption, text)]


def examples_of_pairs(kept: KeptImages, pairs: list[Pair]) -> dict[Pair, list[int]]:
    """Return for the first pairs (true, called) that have any the places of their most confident mistakes."""
    found = {(own, called): kept.most_confident((kept.labels == own) & (kept.called == called), _COLUMNS) for own, called in pairs}
    return dict([(pair, places) for pair, places in found.items() if places][:_MAX_ROWS])


def _draw(run: SavedRun, kept: KeptImages, matrix: np.ndarray, examples: dict[Pair, list[int]]) -> Figure:
    rows = [
        Row(_heading(run.class_names, matrix, pair), [Thumbnail(kept.image(place), (SHARE.write(kept.confidence[place]),)) for place in places])
        for pair, places in examples.items()
    ]
    return draw_thumbnails(run.name, "most confused pairs", rows, _COLUMNS)


def _heading(names: list[str], matrix: np.ndarray, pair: Pair) -> str:
    """Return "cat called dog: 183 (18.30%)"."""
    own, called = (fitted(names[label], _NAME_ROOM, HEADING, weight="bold") for label in pair)
    count = matrix[pair]
    return f"{own} called {called}: {count:,} ({SHARE.write(count / matrix[pair[0]].sum())})"
