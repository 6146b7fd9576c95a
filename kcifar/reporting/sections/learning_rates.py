"""Sweeps: recipes that differ in their learning rates alone, the best by validation, and the rates at which training diverged."""

import math
from collections.abc import Iterator, Mapping, Sequence
from statistics import fmean
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

from kcifar.pictures.style import BLACK
from kcifar.reporting.analysis.learning_rate_sweeps import (
    ALIKE,
    DIVERGED,
    LOWER,
    UNKNOWN,
    Sweep,
    distances,
    find_sweeps,
    findings,
    number_diverged,
    place_of_best,
)
from kcifar.reporting.analysis.studies import Point, first_ones, is_whole, left_out
from kcifar.reporting.charts.study_panels import MAX_PANELS, draw_test, draw_validation, finish, mark_best, study_figure
from kcifar.reporting.page.columns import COUNT, LEARNING_RATE, LOSS, SHARE, SPREAD, TEXT, frame, write_rate
from kcifar.reporting.page.content import Content, Drawing, Table
from kcifar.reporting.page.names import listed
from kcifar.reporting.stats.differences import mean_of_each_seed
from kcifar.runs.load import SavedRun

ORDER = 70
TITLE = "Learning rates"
NOTE = (
    "Runs whose recipes differ in nothing but learning rates, name, seed, and what is logged, saved or tested. Learning rate: the largest of those "
    "that differ. Means over the seeds, after those over the runs of each that finished, of their last epoch; deviations and uncertainty are in "
    "percentage points. Diverged: runs that met a loss or weight that is not finite. Best: the highest mean validation accuracy among rates at "
    "which no run diverged, of equal ones the smaller rate; test accuracy has no part in it. Lower: below the best by more than the uncertainty, "
    "the half-width of the interval of the difference, Welch's from seeds where both have two, else the binomial one from the validation images, "
    "which says nothing about other seeds. As the best is chosen by the same numbers, the interval's confidence is 1 - 0.05 / (rows it was chosen "
    "from - 1): a rate that is truly as good as any other is called lower in at most one sweep of twenty."
)
COLUMNS = {
    "study": TEXT,
    "learning_rate": LEARNING_RATE,
    "rates": TEXT,
    "runs": COUNT,
    "diverged": COUNT,
    "val_accuracy": SHARE,
    "val_deviation": SPREAD,
    "final_loss": LOSS,
    "test_accuracy": SHARE,
    "test_deviation": SPREAD,
    "below_best": SPREAD,
    "uncertainty": SPREAD,
    "uncertainty_from": TEXT,
    "finding": TEXT,
}
_NO_BEST = "No rate is called the best, as none without a diverged run has a validation accuracy; test accuracy must not choose."
_WORDS = {
    LOWER: "Clearly lower",
    ALIKE: "Not clearly different from the best",
    UNKNOWN: "Not known whether different",
    DIVERGED: "Diverged, in one run or more",
}
_MIN_DISTANCE = 0.14  # between named rates, as a share of the axis


def of_runs(runs: Sequence[SavedRun]) -> Content:
    """Return a table, a figure and a paragraph of each sweep; nothing where there is none of three rates or more."""
    sweeps = find_sweeps(runs)
    if not sweeps:
        return Content()
    rows = [row for name, sweep in sweeps.items() for row in _rows(name, sweep)]
    columns = {name: kind for name, kind in COLUMNS.items() if name != "rates" or any(row["rates"] for row in rows)}
    index = [name for name in ("study", "learning_rate", "rates") if name in columns]
    table = Table("learning_rates", "Learning rates", columns, frame(rows, columns, index), NOTE)
    paragraphs = first_ones([_described(name, sweep) for name, sweep in sweeps.items()])
    paragraphs += left_out([run for sweep in sweeps.values() for run in sweep.unfinished])
    paragraphs += _off_axis([run for sweep in sweeps.values() for run in sweep.off_axis])
    return Content(paragraphs, [table], [_drawing(dict(list(sweeps.items())[:MAX_PANELS]), len(sweeps))])


def _off_axis(runs: Sequence[SavedRun]) -> list[str]:
    whose = "its rate is" if len(runs) == 1 else "their rates are"
    return [f"Left out, as {whose} not above 0 or not in the range of float32: {listed([run.name for run in runs])}."] if runs else []


def _rows(name: str, sweep: Sweep) -> Iterator[dict[str, Any]]:
    for own, finding, apart in zip(sweep.points, findings(sweep), distances(sweep), strict=True):
        losses = mean_of_each_seed([run for run in own.runs if is_whole(run)], lambda run: float(run.history["loss"].iloc[-1]))
        row = {
            "study": name,
            "learning_rate": own.x,
            "rates": _rates(own) if len(sweep.keys) > 1 else None,
            "runs": len(own.runs),
            "diverged": number_diverged(own),
            "val_accuracy": own.validation.mean,
            "val_deviation": own.validation.deviation,
            "final_loss": fmean(losses) if losses else None,
            "test_accuracy": own.test.mean,
            "test_deviation": own.test.deviation,
            "finding": finding,
        }
        if apart:
            row |= {"below_best": apart.value, "uncertainty": apart.half_width, "uncertainty_from": apart.source}
        yield row


def _rates(own: Point) -> str:
    """Write the value of each key that differs, in the order of the keys."""
    return ", ".join(own.setting[1]) if isinstance(own.setting, tuple) else ""


def _named(own: Point, sweep: Sweep) -> str:
    return write_rate(own.x) + (f" ({_rates(own)})" if len(sweep.keys) > 1 else "")


def _described(name: str, sweep: Sweep) -> str:
    points, best = sweep.points, place_of_best(sweep)
    rates = sorted({own.x for own in points})
    sentences = [f"{name}: {len(rates)} rates from {write_rate(rates[0])} to {write_rate(rates[-1])}, set by {listed(sweep.keys)}."]
    sentences += [_NO_BEST] if best is None else _best_sentences(points[best], _named(points[best], sweep), rates)
    found = findings(sweep)
    for finding, words in _WORDS.items():
        if alike := [_named(own, sweep) for own, other in zip(points, found, strict=True) if other == finding]:
            sentences.append(f"{words}: {listed(alike)}.")
    return " ".join(sentences)


def _best_sentences(best: Point, name: str, rates: Sequence[float]) -> list[str]:
    sentences = [f"The highest mean validation accuracy, {SHARE.write(best.validation.mean)}, is that of {name}."]
    for end, word in ((rates[0], "smaller"), (rates[-1], "larger")):
        if best.x == end:
            sentences.append(f"It is the end of the sweep: {word} rates should be tried before this one is called the best.")
    return sentences


def _drawing(sweeps: Mapping[str, Sweep], count: int) -> Drawing:
    shown = f" The first {len(sweeps)} of {count} sweeps." if len(sweeps) < count else ""
    caption = (
        f"Mean accuracy against the learning rate; bars reach one deviation over seeds to either side, the star marks the best by validation.{shown}"
    )
    return Drawing("learning_rates", lambda: draw(sweeps), caption, " ".join(_described(name, sweep) for name, sweep in sweeps.items()))


def draw(sweeps: Mapping[str, Sweep]) -> Figure:
    """Draw a panel for each sweep: validation and test accuracy against the rate, crosses where a run diverged."""
    drawn, panels = study_figure(list(sweeps))
    for panel, sweep in zip(panels, sweeps.values(), strict=True):
        panel.set_xscale("log")
        draw_validation(panel, sweep.points)
        draw_test(panel, sweep.points)
        best = place_of_best(sweep)
        if best is not None:
            own = sweep.points[best]
            mark_best(panel, own.x, own.validation.mean, f"best validation: {SHARE.write(own.validation.mean)}, rate {write_rate(own.x)}")
        if diverged := [own.x for own in sweep.points if number_diverged(own)]:
            place = panel.get_xaxis_transform()  # y as a share of the panel: a run that diverged has no accuracy
            panel.plot(diverged, [0.03] * len(diverged), "X", color=BLACK, markersize=8, transform=place, label="diverged, no accuracy")
        _name_rates(panel, sorted({own.x for own in sweep.points}))
        finish(panel, "learning rate")
    return drawn


def _name_rates(panel: Axes, rates: Sequence[float]) -> None:
    """Name the rates on a log axis, but for those too close to the one named before."""
    named = list(rates[:1])
    for rate in rates[1:]:
        if math.log(rate / named[-1]) > math.log(rates[-1] / rates[0]) * _MIN_DISTANCE:
            named.append(rate)
    panel.set_xticks(named, [write_rate(rate) for rate in named])
    panel.xaxis.set_minor_locator(NullLocator())
