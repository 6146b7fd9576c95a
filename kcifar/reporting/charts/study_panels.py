"""The figure of studies: one panel each, with accuracies against the varied setting."""

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from kcifar.core.errors import one_line
from kcifar.pictures.style import BLACK, BLUE, FIGURE_WIDTH, GREEN, VERMILION
from kcifar.reporting.analysis.studies import StudyPoint
from kcifar.reporting.stats.differences import Sample

MAX_PANELS = 3  # studies drawn

_HEIGHT = 3.4  # inches, of a panel
_TITLE = 60  # letters that fit above a panel
_MAX_MARKED = 60  # points; the markers of more would merge into the line


def make_study_figure(titles: Sequence[str]) -> tuple[Figure, list[Axes]]:
    """Return a figure and its panels, one per title, one below the other."""
    figure = Figure(figsize=(FIGURE_WIDTH, 0.3 + _HEIGHT * len(titles)))
    panels = list(figure.subplots(len(titles), 1, squeeze=False)[:, 0])
    for panel, title in zip(panels, titles, strict=True):
        panel.set_title(one_line(title, _TITLE), fontsize=9, loc="left")
        panel.set_ylabel("accuracy")
        panel.yaxis.set_major_formatter(PercentFormatter(1.0))
    return figure, panels


def draw_training(panel: Axes, points: Sequence[StudyPoint]) -> None:
    """Draw the mean training accuracy of each point."""
    _draw_means(panel, [(point.x, point.training) for point in points], "training", BLUE, "o-")


def draw_validation(panel: Axes, points: Sequence[StudyPoint]) -> None:
    """Draw the mean validation accuracy of each point."""
    _draw_means(panel, [(point.x, point.validation) for point in points], "validation", VERMILION, "s--")


def draw_test(panel: Axes, points: Sequence[StudyPoint]) -> None:
    """Draw the mean test accuracy of each point."""
    _draw_means(panel, [(point.x, point.test) for point in points], "test", GREEN, "^:")


def mark_best_point(panel: Axes, x: float, accuracy: float, label: str) -> None:
    """Draw a star around the best point."""
    panel.plot([x], [accuracy], "*", color=BLACK, markerfacecolor="none", markersize=16, markeredgewidth=1.3, label=label, zorder=4, clip_on=False)


def finish_panel(panel: Axes, axis: str) -> None:
    """Label the x axis, and put the legend below it, where it covers nothing."""
    panel.set_xlabel(axis)
    panel.legend(loc="upper center", bbox_to_anchor=(0.5, -0.16), ncols=2)


def _draw_means(panel: Axes, samples: Sequence[tuple[float, Sample]], name: str, color: str, look: str) -> None:
    """Draw means as a line and standard deviations as bars; samples without accuracies are skipped, and the line if none is left."""
    shown = [(x, sample.mean, sample.deviation) for x, sample in samples if sample.accuracies]
    if not shown:
        return
    look = look if len(shown) <= _MAX_MARKED else look[1:]
    panel.plot([x for x, _, _ in shown], [mean for _, mean, _ in shown], look, color=color, markersize=5, linewidth=1.6, label=name)
    bars = [(x, mean - deviation, mean + deviation) for x, mean, deviation in shown if deviation > 0]
    if bars:
        panel.vlines(*zip(*bars, strict=True), color=color, linewidth=2.5, alpha=0.5, zorder=1.9)
