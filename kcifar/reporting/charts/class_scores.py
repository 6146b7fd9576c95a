"""A chart of precision, recall and F1 of each class, best class at the top."""

import math
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from kcifar.pictures.style import BLACK, BLUE, FIGURE_WIDTH, VERMILION
from kcifar.pictures.text import fit_text
from kcifar.runs.class_scores import ClassScores

MAX_SHOWN = 40  # classes; of more, the best and the worst half of this number

_NAME, _NAME_ROOM, _TITLE = 9.0, 105.0, 10.0  # points
_ROW, _AROUND = 0.27, 1.35  # inches: per class, and above and below
# Name, color, marker, size in points, and fill: the triangles stay visible where they meet, and the dot on top of both.
_MARKS = (("precision", BLUE, ">", 8.0, "none"), ("recall", VERMILION, "<", 8.0, "none"), ("F1", BLACK, "o", 4.5, BLACK))
_MARGIN, _MIN_SPAN = 0.02, 0.2  # of the axis, as fractions


@dataclass(frozen=True)
class NamedScores(ClassScores):
    """Scores and name of a class with images; the precision is NaN if the class is never predicted."""

    name: str


def draw_class_scores(name: str, words: str, ranked: list[NamedScores]) -> Figure:
    """Draw one row per class, or the best and the worst of them with a gap between."""
    half = MAX_SHOWN // 2
    shown = list(enumerate(ranked))
    gap = len(ranked) - MAX_SHOWN
    if gap > 0:
        shown = [*shown[:half], *((place + half + 1, score) for place, score in enumerate(ranked[-half:]))]
    rows = shown[-1][0] + 1
    figure = Figure(figsize=(FIGURE_WIDTH, _AROUND + _ROW * max(rows, 2)))
    panel = figure.subplots()
    panel.set(ylim=(rows - 0.4, -0.6), xlim=_compute_limits([score for _, score in shown]))
    figure.suptitle(f"{fit_text(name, 72 * FIGURE_WIDTH - 20, _TITLE)}\n{words}", fontsize=_TITLE, linespacing=1.4)
    _draw_scores(panel, shown)
    if gap > 0:
        between = f"{count_classes(gap)} between them"
        panel.text(0.5, half, between, transform=panel.get_yaxis_transform(), ha="center", va="center", fontsize=_NAME, color="0.3")
    panel.set_yticks([place for place, _ in shown], [fit_text(score.name, _NAME_ROOM, _NAME) for _, score in shown], fontsize=_NAME)
    panel.xaxis.set_major_formatter(PercentFormatter(1.0))
    figure.legend(*panel.get_legend_handles_labels(), loc="outside lower center", ncols=3)
    return figure


def _compute_limits(shown: list[NamedScores]) -> tuple[float, float]:
    """Return the limits of the axis: slightly beyond the scores, within [0, 1], and wide enough not to magnify chance differences."""
    values = [value for score in shown for value in _list_scores(score)]
    low, high = max(0.0, min(values) - _MARGIN), min(1.0, max(values) + _MARGIN)
    return min(low, max(0.0, high - _MIN_SPAN)), max(high, min(1.0, low + _MIN_SPAN))


def _list_scores(score: ClassScores) -> list[float]:
    """Return the scores of a class that are defined."""
    return [value for value in (score.precision, score.recall, score.f1) if not math.isnan(value)]


def _draw_scores(panel: Axes, shown: list[tuple[int, NamedScores]]) -> None:
    """Draw the three marks of each class and a thin line that joins them."""
    for place, score in shown:
        panel.plot([min(_list_scores(score)), max(_list_scores(score))], [place, place], color="0.75", linewidth=1, zorder=1)
    for name, color, marker, size, fill in _MARKS:
        values = [getattr(score, name.lower()) for _, score in shown]
        panel.plot(values, [place for place, _ in shown], marker, color=color, markersize=size, markerfacecolor=fill, label=name, clip_on=False)


def count_classes(count: int) -> str:
    """Return "1 class", "2,000 classes"."""
    return f"{count:,} class{'es' * (count != 1)}"
