"""A chart of accuracy and loss over updates with named stages, and the learning rate below."""

import numpy as np
import pandas
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator, PercentFormatter

from kcifar.pictures.learning_rate_panel import draw_learning_rate
from kcifar.pictures.stage_marks import StageRange, mark_boundaries, name_stages
from kcifar.pictures.style import BLUE, FIGURE_WIDTH
from kcifar.pictures.text import fit_text
from kcifar.reporting.stats.downsampling import downsample_m4, running_mean
from kcifar.runs.load import LoadedRun

_SIZE = (FIGURE_WIDTH, 5.1)  # inches
_PANEL_WIDTH = 4.0  # inches
_MAX_PLAIN = 100  # rows without a running mean
_MAX_MARKED = 60  # rows; the markers of more would merge into the line
_WINDOWS = 50  # windows of the running mean per run
_POINTS = 400  # per drawn line: buckets of the raw values, points of the mean
_MAX_STEP = 2**53  # updates; above, floats are not exact
_MAX_VALUE = 1e38  # about the largest float32; larger values were not measured, and overflow when drawn
_LOGARITHMIC = 100  # ratio of largest to smallest loss above which the axis is logarithmic


def select_usable(batches: pandas.DataFrame | None) -> pandas.DataFrame:
    """Return the rows sorted by update, without those whose update or epoch is impossible; impossible values become NaN."""
    if batches is None:
        return pandas.DataFrame({"step": []})
    possible = batches["step"].between(1, _MAX_STEP) & (batches["epoch"] >= 1)
    rows = batches[possible].sort_values("step", kind="stable", ignore_index=True)
    return rows.assign(**{name: rows[name].where(rows[name].abs() < _MAX_VALUE) for name in ("loss", "accuracy")})


def compute_window(rows: pandas.DataFrame) -> int:
    """Return the number of rows in the running mean; 1 if there are too few for one."""
    return 1 if len(rows) <= _MAX_PLAIN else round(len(rows) / _WINDOWS)


def draw_batches(run: LoadedRun) -> Figure:
    """Draw accuracy, loss and learning rate over the updates of the run; values that are not finite leave a gap."""
    rows = select_usable(run.batches)
    figure = Figure(figsize=_SIZE)
    accuracy, loss, rate = figure.subplots(3, 1, sharex=True, height_ratios=(4, 4, 1.5))
    spans = make_stage_ranges(rows, len(run.recipe.stages))
    for panel, measure in ((accuracy, "accuracy"), (loss, "loss")):
        _draw_measure(panel, rows, spans, measure)
    if compute_window(rows) > 1:
        accuracy.legend(loc="lower right")  # for both panels; rising accuracy leaves room there
    accuracy.yaxis.set_major_formatter(PercentFormatter(1.0))
    ends = estimate_epoch_ends(rows, len(run.history))
    draw_learning_rate(rate, run.history["learning_rate"].to_numpy()[: len(ends) - 1], ends)
    for panel in (accuracy, loss, rate):
        mark_boundaries(panel, spans)
    rate.set(xlabel="updates", xlim=(0, rows["step"].iloc[-1]))
    rate.xaxis.set_major_locator(MaxNLocator(nbins=7, integer=True, min_n_ticks=1))
    rate.xaxis.set_major_formatter(FuncFormatter(lambda step, _: f"{step:,.0f}"))
    name_stages(accuracy, spans, _PANEL_WIDTH)
    accuracy.set_title(fit_text(run.name, _PANEL_WIDTH * 72, 10), fontsize=10)
    return figure


def make_stage_ranges(rows: pandas.DataFrame, most: int) -> list[StageRange]:
    """Return name, first and last update of each stage; a single unnamed range if names change more often than the recipe has stages."""
    changes = np.flatnonzero(rows["stage"].to_numpy()[1:] != rows["stage"].to_numpy()[:-1])
    if len(changes) >= most:
        return [StageRange("", 0.0, float(rows["step"].iloc[-1]))]
    lasts = [*changes, len(rows) - 1]
    ends = [float(rows["step"].iloc[last]) for last in lasts]
    return [StageRange(str(rows["stage"].iloc[last]), begin, end) for last, begin, end in zip(lasts, [0.0, *ends], ends, strict=False)]


def estimate_epoch_ends(rows: pandas.DataFrame, epochs: int) -> np.ndarray:
    """Return 0 and the update at which each completed epoch ended, float64 (at most epochs + 1,), ascending.

    The last update of an epoch has a row. The ends of epochs without rows are interpolated; epochs after the last one with rows are left out.
    """
    lasts = rows.groupby("epoch")["step"].max()
    known = np.concatenate([[0.0], np.maximum.accumulate(lasts.to_numpy())])
    places = np.concatenate([[0.0], lasts.index.to_numpy()])
    return np.asarray(np.interp(np.arange(min(epochs, int(places[-1])) + 1), places, known))


def _draw_measure(panel: Axes, rows: pandas.DataFrame, spans: list[StageRange], measure: str) -> None:
    steps, values, window = rows["step"].to_numpy(), rows[measure].to_numpy(), compute_window(rows)
    panel.set_ylabel(measure)
    finite = values[np.isfinite(values)]
    if not len(finite):
        panel.text(0.5, 0.5, "no finite value", ha="center", transform=panel.transAxes)
        panel.set_yticks([])
    elif measure == "loss" and finite.min() > 0 and finite.max() > _LOGARITHMIC * finite.min():
        panel.set_yscale("log")
        panel.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    places = downsample_m4(steps, values, _POINTS)
    if window == 1:
        look = "o-" if len(rows) <= _MAX_MARKED else "-"
        panel.plot(steps[places], values[places], look, color=BLUE, markersize=3.5, linewidth=1.6, clip_on=False)
        return
    panel.plot(steps[places], values[places], color=BLUE, alpha=0.35, linewidth=0.8, label="batches")
    panel.plot(*_compute_mean_line(steps, values, spans, window), color=BLUE, linewidth=2, label=f"running mean of {window} points")


def _compute_mean_line(steps: np.ndarray, values: np.ndarray, spans: list[StageRange], window: int) -> tuple[np.ndarray, np.ndarray]:
    """Return x and y of the running mean, computed within each stage, with a gap between stages."""
    x: list[np.ndarray] = []
    y: list[np.ndarray] = []
    begin, gap = 0, np.array([np.nan])
    for span in spans:
        end = int(np.searchsorted(steps, span.end, side="right"))
        places = np.unique(np.linspace(0, end - begin - 1, max(2, round(_POINTS * (end - begin) / len(steps)))).astype(np.int64))
        x += [steps[begin:end][places], gap]
        y += [running_mean(values[begin:end], window, places), gap]
        begin = end
    return np.concatenate(x), np.concatenate(y)
