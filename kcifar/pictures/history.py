"""A chart of accuracy and loss over epochs with named stages, and the learning rate below."""

import numpy as np
import pandas
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

from kcifar.pictures.learning_rate_panel import draw_learning_rate
from kcifar.pictures.stage_marks import find_stage_ranges, mark_boundaries, name_stages
from kcifar.pictures.style import BLACK, BLUE, FIGURE_WIDTH, VERMILION
from kcifar.pictures.text import fit_text

_SIZE = (FIGURE_WIDTH, 5.1)  # inches
_PANEL_WIDTH = 4.1  # inches
_MAX_MARKED = 60  # epochs; the markers of more would merge into the line


def draw_history(name: str, summary: str, history: pandas.DataFrame, best_validation: tuple[float, int] | None) -> Figure:
    """Draw accuracy, loss and learning rate of every completed epoch; values that are not finite leave a gap.

    Args:
        name: Name of the run; truncated if it is too wide.
        summary: One short line below the name.
        history: The rows of `history.csv`, at least one; it may lack the columns of validation.
        best_validation: The best validation accuracy, a fraction, and its epoch; None for none.
    """
    figure = Figure(figsize=_SIZE)
    accuracy, loss, rate = figure.subplots(3, 1, sharex=True, height_ratios=(4, 4, 1.5))
    spans = find_stage_ranges(history)
    _draw_accuracy(accuracy, history, best_validation)
    _draw_pair(loss, history, "loss")
    loss.legend(loc="upper right")
    _draw_rate(rate, history)
    for panel in (accuracy, loss, rate):
        mark_boundaries(panel, spans)
    name_stages(accuracy, spans, _PANEL_WIDTH)
    accuracy.set_title(f"{fit_text(name, _PANEL_WIDTH * 72, 10)}\n{fit_text(summary, _PANEL_WIDTH * 72, 9)}", fontsize=9, linespacing=1.5)
    return figure


def _draw_accuracy(panel: Axes, history: pandas.DataFrame, best_validation: tuple[float, int] | None) -> None:
    _draw_pair(panel, history, "accuracy")
    panel.yaxis.set_major_formatter(PercentFormatter(1.0))
    if best_validation:
        best, epoch = best_validation
        label = f"best validation: {best:.2%}, epoch {epoch}"
        panel.plot([epoch], [best], "*", color=BLACK, markerfacecolor=VERMILION, markersize=13, label=label, zorder=4, clip_on=False)
    panel.legend(loc="best")


def _draw_pair(panel: Axes, history: pandas.DataFrame, measure: str) -> None:
    """Draw a measure for training and, if recorded, validation."""
    marked = len(history) <= _MAX_MARKED
    panel.set_ylabel(measure)
    if history[measure].isna().all():
        panel.text(0.5, 0.5, "no finite value", ha="center", transform=panel.transAxes)
    for column, name, color, marker in ((measure, "training", BLUE, "o"), (f"val_{measure}", "validation", VERMILION, "s")):
        if column in history and (name == "training" or history[column].notna().any()):
            panel.plot(history["epoch"], history[column], color=color, marker=marker if marked else "", markersize=3.5, linewidth=1.6, label=name)


def _draw_rate(panel: Axes, history: pandas.DataFrame) -> None:
    """Draw the learning rate in steps one epoch wide."""
    edges = np.array([0.5, *(history["epoch"] + 0.5)])
    draw_learning_rate(panel, history["learning_rate"].to_numpy(), edges)
    panel.set(xlabel="epoch", xlim=(edges[0], edges[-1]))
    panel.xaxis.set_major_locator(MaxNLocator(integer=True, steps=[1, 2, 5, 10], min_n_ticks=1))
