"""The figure of a run's history: accuracy and loss over epochs, stages marked and named, the learning rate underneath."""

import pandas
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator, NullLocator, PercentFormatter

from kcifar.errors import one_line
from kcifar.reporting.columns import SHARE, write_rate
from kcifar.reporting.figures import BLACK, BLUE, VERMILION
from kcifar.reporting.load import SavedRun
from kcifar.reporting.stage_marks import mark_boundaries, name_stages, stage_spans

ORDER = 40
TITLE = "History"

_SIZE = (8.0, 7.5)  # inches
_PANEL_WIDTH = 7.0  # inches
_MAX_MARKED = 60  # epochs; more points than that melt into the line
_MAX_RATES = 5  # learning rates named on the axis one by one


def figure(run: SavedRun) -> Figure:
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
    accuracy.set_title(f"{one_line(run.name, 70)}\n{_summary(run)}", fontsize=10, linespacing=1.5)
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
    rates = history["learning_rate"]
    edges = [0.5, *(history["epoch"] + 0.5)]
    panel.margins(y=0.15)
    panel.stairs(rates, edges, color=BLACK, linewidth=1.6, baseline=None)
    if rates.min() > 0 and rates.max() / rates.min() > 3:
        panel.set_yscale("log")
        panel.yaxis.set_minor_locator(NullLocator())
    named = sorted(set(rates.dropna()))
    if len(named) <= _MAX_RATES:
        panel.set_yticks(named)
    panel.yaxis.set_major_formatter(FuncFormatter(lambda rate, _: write_rate(rate)))
    panel.set(xlabel="epoch", ylabel="learning rate", xlim=(edges[0], edges[-1]))
    panel.xaxis.set_major_locator(MaxNLocator(integer=True, steps=[1, 2, 5, 10], min_n_ticks=1))
