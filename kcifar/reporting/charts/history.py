"""A chart of accuracy and loss over epochs, stages marked and named, the learning rate underneath."""

import numpy as np
import pandas
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

from kcifar.core.errors import one_line
from kcifar.pictures.stage_marks import find_stage_ranges, mark_boundaries, name_stages
from kcifar.pictures.style import BLACK, BLUE, VERMILION
from kcifar.pictures.text_fit import fitted
from kcifar.reporting.charts.learning_rate_panel import draw_learning_rate
from kcifar.reporting.page.columns import PERCENT
from kcifar.runs.load import LoadedRun

_SIZE = (8.0, 7.5)  # inches
_PANEL_WIDTH = 7.0  # inches
_MAX_MARKED = 60  # epochs; more points than that melt into the line


def draw_history(run: LoadedRun) -> Figure:
    """Draw accuracy, loss and learning rate of every completed epoch; what is not finite leaves a gap."""
    figure = Figure(figsize=_SIZE)
    accuracy, loss, rate = figure.subplots(3, 1, sharex=True, height_ratios=(4, 4, 1.5))
    spans = find_stage_ranges(run.history)
    _draw_accuracy(accuracy, run)
    _draw_pair(loss, run.history, "loss")
    loss.legend(loc="upper right")
    _draw_rate(rate, run.history)
    for panel in (accuracy, loss, rate):
        mark_boundaries(panel, spans)
    name_stages(accuracy, spans, _PANEL_WIDTH)
    accuracy.set_title(f"{fitted(run.name, _PANEL_WIDTH * 72, 10)}\n{_summarize(run)}", fontsize=10, linespacing=1.5)
    return figure


def _summarize(run: LoadedRun) -> str:
    epochs = len(run.history)
    test = f"test accuracy {PERCENT.write(run.test.accuracy)}" if run.test else "test split not evaluated"
    parts = (run.recipe.dataset.name, run.recipe.model.name, run.progress or f"{epochs} epoch{'s' * (epochs != 1)}", test)
    return " · ".join(one_line(part, 40) for part in parts)


def _draw_accuracy(panel: Axes, run: LoadedRun) -> None:
    _draw_pair(panel, run.history, "accuracy")
    panel.yaxis.set_major_formatter(PercentFormatter(1.0))
    if run.best_validation:
        best, epoch = run.best_validation
        label = f"best validation: {PERCENT.write(best)}, epoch {epoch}"
        panel.plot([epoch], [best], "*", color=BLACK, markerfacecolor=VERMILION, markersize=13, label=label, zorder=4, clip_on=False)
    panel.legend(loc="best")


def _draw_pair(panel: Axes, history: pandas.DataFrame, measure: str) -> None:
    """Draw a measure of training and, where there is any, validation."""
    marked = len(history) <= _MAX_MARKED
    panel.set_ylabel(measure)
    if history[measure].isna().all():
        panel.text(0.5, 0.5, "no finite value", ha="center", transform=panel.transAxes)
    for column, name, colour, marker in ((measure, "training", BLUE, "o"), (f"val_{measure}", "validation", VERMILION, "s")):
        if name == "training" or history[column].notna().any():
            panel.plot(history["epoch"], history[column], color=colour, marker=marker if marked else "", markersize=3.5, linewidth=1.6, label=name)


def _draw_rate(panel: Axes, history: pandas.DataFrame) -> None:
    """Draw the learning rate as steps as wide as an epoch."""
    edges = np.array([0.5, *(history["epoch"] + 0.5)])
    draw_learning_rate(panel, history["learning_rate"].to_numpy(), edges)
    panel.set(xlabel="epoch", xlim=(edges[0], edges[-1]))
    panel.xaxis.set_major_locator(MaxNLocator(integer=True, steps=[1, 2, 5, 10], min_n_ticks=1))
