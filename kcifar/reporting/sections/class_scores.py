"""Precision, recall and F1 of each class in one picture, the best class on top."""

import math
from dataclasses import asdict, dataclass

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from kcifar.core.errors import one_line
from kcifar.pictures.style import BLACK, BLUE, VERMILION
from kcifar.pictures.text import fit_text
from kcifar.reporting.page.columns import PERCENT
from kcifar.reporting.page.content import FigureSpec, SectionContent
from kcifar.runs.class_scores import ClassScores
from kcifar.runs.evaluation_result import EvaluationResult
from kcifar.runs.load import LoadedRun

ORDER = 205
TITLE = "Scores of the classes"

_MOST_SHOWN = 40  # classes; of more the best and the worst halves of so many
_MAX_NAME = 40
_NAME, _NAME_ROOM, _TITLE = 9.0, 130.0, 10.0  # points
_WIDTH, _ROW, _AROUND = 6.2, 0.27, 1.35  # inches: of the figure, for each class, and above and below
# Name, colour, marker, points across, and filling: the two triangles stay in sight where they meet, and the dot on both of them.
_MARKS = (("precision", BLUE, ">", 8.0, "none"), ("recall", VERMILION, "<", 8.0, "none"), ("F1", BLACK, "o", 4.5, BLACK))
_MARGIN, _LEAST_SPAN = 0.02, 0.2  # of the axis, as shares


@dataclass(frozen=True)
class NamedScores(ClassScores):
    """Scores of a class that has images, and its name; the precision is NaN where it is never called."""

    name: str


def of_run(run: LoadedRun) -> SectionContent:
    """Return the figure; nothing where no part was evaluated."""
    evaluation = run.evaluation
    ranked = rank_scores(evaluation) if evaluation else []
    if evaluation is None or not ranked:
        return SectionContent()
    words = f"{evaluation.samples:,} {evaluation.split} images"
    return SectionContent(
        figures=[
            FigureSpec(
                "class_scores", lambda: draw_class_scores(run.name, words, ranked), _write_caption(evaluation, ranked), _describe_figure(ranked)
            )
        ]
    )


def rank_scores(evaluation: EvaluationResult) -> list[NamedScores]:
    """Return the scores of the classes that have images by falling F1, ties in the order of the labels."""
    all_scores = [NamedScores(**asdict(result.scores), name=result.name) for result in evaluation.classes]
    return sorted((scores for scores in all_scores if not math.isnan(scores.f1)), key=lambda scores: -scores.f1)


def _write_caption(evaluation: EvaluationResult, ranked: list[NamedScores]) -> str:
    parts = ["Precision, recall and F1 of each class, sorted by F1."]
    if len(ranked) > _MOST_SHOWN:
        parts = [f"Precision, recall and F1 of the {_MOST_SHOWN // 2} classes with the highest F1 and the {_MOST_SHOWN // 2} with the lowest."]
        parts += [f"Between them, left out: {_count_classes(len(ranked) - _MOST_SHOWN)}."]
    uncalled, empty = sum(math.isnan(score.precision) for score in ranked), len(evaluation.classes) - len(ranked)
    parts += [f"Never called, so without precision: {_count_classes(uncalled)}."] * bool(uncalled)
    parts += [f"Without {evaluation.split} images, so without recall and F1, and left out: {_count_classes(empty)}."] * bool(empty)
    return " ".join(parts)


def _count_classes(count: int) -> str:
    return f"{count:,} class{'es' * (count != 1)}"


def _describe_figure(ranked: list[NamedScores]) -> str:
    first, last = (f"{one_line(score.name, _MAX_NAME)}, F1 {PERCENT.write(score.f1)}" for score in (ranked[0], ranked[-1]))
    ends = f"from {first}, down to {last}" if len(ranked) > 1 else first
    return f"Dot plot of precision, recall and F1 of {_count_classes(len(ranked))}: {ends}."


def draw_class_scores(name: str, words: str, ranked: list[NamedScores]) -> Figure:
    """Draw a row for each class, or for the best and the worst of them with a gap between."""
    half = _MOST_SHOWN // 2
    shown = list(enumerate(ranked))
    gap = len(ranked) - _MOST_SHOWN
    if gap > 0:
        shown = [*shown[:half], *((place + half + 1, score) for place, score in enumerate(ranked[-half:]))]
    rows = shown[-1][0] + 1
    figure = Figure(figsize=(_WIDTH, _AROUND + _ROW * max(rows, 2)))
    panel = figure.subplots()
    panel.set(ylim=(rows - 0.4, -0.6), xlim=_compute_limits([score for _, score in shown]))
    figure.suptitle(f"{fit_text(name, 72 * _WIDTH - 20, _TITLE)}\n{words}", fontsize=_TITLE, linespacing=1.4)
    _draw_scores(panel, shown)
    if gap > 0:
        between = f"{_count_classes(gap)} between them"
        panel.text(0.5, half, between, transform=panel.get_yaxis_transform(), ha="center", va="center", fontsize=_NAME, color="0.3")
    panel.set_yticks([place for place, _ in shown], [fit_text(score.name, _NAME_ROOM, _NAME) for _, score in shown], fontsize=_NAME)
    panel.xaxis.set_major_formatter(PercentFormatter(1.0))
    figure.legend(*panel.get_legend_handles_labels(), loc="outside lower center", ncols=3)
    return figure


def _compute_limits(shown: list[NamedScores]) -> tuple[float, float]:
    """Return the ends of the axis: a little beyond the scores, within [0, 1], never so near that chance differences look large."""
    values = [share for score in shown for share in _list_scores(score)]
    low, high = max(0.0, min(values) - _MARGIN), min(1.0, max(values) + _MARGIN)
    return min(low, max(0.0, high - _LEAST_SPAN)), max(high, min(1.0, low + _LEAST_SPAN))


def _list_scores(score: ClassScores) -> list[float]:
    """The scores of a class that it has."""
    return [share for share in (score.precision, score.recall, score.f1) if not math.isnan(share)]


def _draw_scores(panel: Axes, shown: list[tuple[int, NamedScores]]) -> None:
    """Draw the three marks of each class and a thin line that joins them."""
    for place, score in shown:
        panel.plot([min(_list_scores(score)), max(_list_scores(score))], [place, place], color="0.75", linewidth=1, zorder=1)
    for name, colour, marker, size, fill in _MARKS:
        shares = [getattr(score, name.lower()) for _, score in shown]
        panel.plot(shares, [place for place, _ in shown], marker, color=colour, markersize=size, markerfacecolor=fill, label=name, clip_on=False)
