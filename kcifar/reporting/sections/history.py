"""A run's history: accuracy and loss over epochs, stages marked and named, the learning rate underneath."""

import numpy as np
import pandas
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

from kcifar.core.errors import one_line
from kcifar.pictures.stage_marks import mark_boundaries, name_stages, stage_spans
from kcifar.pictures.style import BLACK, BLUE, VERMILION
from kcifar.pictures.text_fit import fitted
from kcifar.reporting.charts.learning_rate_panel import draw_rates
from kcifar.reporting.page.columns import SHARE
from kcifar.reporting.page.content import Content, Drawing
from kcifar.runs.load import SavedRun

ORDER = 130
TITLE = "History"
ESSENTIAL = True
CAPTION = "Accuracy and loss of every completed epoch in training and on validation; dashed lines part the stages, the rate is each epoch's last."

_SIZE = (8.0, 7.5)  # inches
_PANEL_WIDTH = 7.0  # inches
_MAX_MARKED = 60  # epochs; more points than that melt into the line


def of_run(run: SavedRun) -> Content:
    """Return the figure over epochs."""
    return Content(drawings=[Drawing("history", lambda: draw(run), CAPTION, _text(run))])


def _text(run: SavedRun) -> str:
    last, epochs = run.history.iloc[-1], len(run.history)
    named = (("training", "accuracy"), ("validation", "val_accuracy"))
    reached = [f"{name} accuracy {SHARE.write(last[column])}" for name, column in named if pandas.notna(last[column])]
    text = f"Line chart of accuracy, loss and learning rate over {epochs} epoch{'s' * (epochs != 1)}"
    best = run.best_validation
    at_best = f"; the best validation accuracy is {SHARE.write(best[0])}, in epoch {best[1]}" if best else ""
    return f"{text}. The last has {' and '.join(reached) or 'no finite accuracy'}{at_best}."


def draw(run: SavedRun) -> Figure:
    """Draw accuracy, loss and learning rate of every completed epoch; what is not finite leaves a gap."""
    drawn = Figure(figsize=_SIZE)
    accuracy, loss, rate = drawn.subplots(3, 1, sharex=True, height_ratios=(4, 4, 1.5))
    spans = stage_spans(run.history)
    _draw_accuracy(accuracy, run)
    _draw_pair(loss, run.history, "loss")
    loss.legend(loc="upper right")
    _draw_rate(rate, run.history)
    for panel in (accuracy, loss, rate):
        mark_boundaries(panel, spans)
    name_stages(accuracy, spans, _PANEL_WIDTH)
    accuracy.set_title(f"{fitted(run.name, _PANEL_WIDTH * 72, 10)}\n{_summary(run)}", fontsize=10, linespacing=1.5)
    return drawn


def _summary(run: SavedRun) -> str:
    epochs = len(run.history)
    test = f"test accuracy {SHARE.write(run.test.accuracy)}" if run.test else "test split not evaluated"
    parts = (run.recipe.dataset.name, run.recipe.model.name, run.progress or f"{epochs} epoch{'s' * (epochs != 1)}", test)
    return " · ".join(one_line(part, 40) for part in parts)


def _draw_accuracy(panel: Axes, run: SavedRun) -> None:
    _draw_pair(panel, run.history, "accuracy")
    panel.yaxis.set_major_formatter(PercentFormatter(1.0))
    if run.best_validation:
        best, epoch = run.best_validation
        label = f"best validation: {SHARE.write(best)}, epoch {epoch}"
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
    draw_rates(panel, history["learning_rate"].to_numpy(), edges)
    panel.set(xlabel="epoch", xlim=(edges[0], edges[-1]))
    panel.xaxis.set_major_locator(MaxNLocator(integer=True, steps=[1, 2, 5, 10], min_n_ticks=1))
