"""Sweeps: recipes that differ only in their learning rates, the best by validation accuracy, and the rates at which training diverged."""

from collections.abc import Iterator, Mapping, Sequence
from statistics import fmean
from typing import Any

from kcifar.core.number_format import write_rate
from kcifar.reporting.analysis.learning_rate_sweeps import (
    Sweep,
    classify_rates,
    compute_distances,
    count_diverged,
    find_best_point,
    find_sweeps,
)
from kcifar.reporting.analysis.samples import average_by_seed
from kcifar.reporting.analysis.studies import Finding, StudyPoint, describe_left_out, is_complete, limit_descriptions
from kcifar.reporting.charts.learning_rates import draw_learning_rates
from kcifar.reporting.charts.study_panels import MAX_PANELS
from kcifar.reporting.page.columns import COUNT, LEARNING_RATE, LOSS, PERCENT, TEXT, UNSIGNED_POINTS, make_frame
from kcifar.reporting.page.content import FigureSpec, SectionContent, Table
from kcifar.reporting.page.names import join_names
from kcifar.runs.load import LoadedRun

ORDER = 70
TITLE = "Learning rates"
NOTE = (
    "Runs whose recipes differ only in learning rates, name, seed, and what is logged, saved or tested. Learning rate: the largest of those that "
    "differ. Values are means over seeds, after averaging the finished runs of each seed, in the last epoch; standard deviations and uncertainty are "
    "in percentage points. Diverged: runs with a loss or weight that is not finite. Best: the highest mean validation accuracy among rates at which "
    "no run diverged; among equals, the smaller rate; test accuracy is not used. Lower: below the best by more than the uncertainty, the half-width "
    "of the confidence interval of the difference: Welch's interval over seeds if both have at least two, otherwise the binomial interval over the "
    "validation images, which does not account for other seeds. Because the best is chosen by the same numbers, the confidence is 1 - 0.05 / (rows "
    "it was chosen from - 1): a rate that is truly as good as any other is reported as lower in at most one sweep in twenty."
)
COLUMNS = {
    "study": TEXT,
    "learning_rate": LEARNING_RATE,
    "rates": TEXT,
    "runs": COUNT,
    "diverged": COUNT,
    "val_accuracy": PERCENT,
    "val_deviation": UNSIGNED_POINTS,
    "final_loss": LOSS,
    "test_accuracy": PERCENT,
    "test_deviation": UNSIGNED_POINTS,
    "below_best": UNSIGNED_POINTS,
    "uncertainty": UNSIGNED_POINTS,
    "uncertainty_from": TEXT,
    "finding": TEXT,
}
PAGE_COLUMNS = ("learning_rate", "val_accuracy", "test_accuracy", "finding", "diverged", "below_best", "uncertainty", "runs", "rates")
_NO_BEST = "No rate is reported as best: none without a diverged run has a validation accuracy, and test accuracy must not be used to choose."
_WORDS = {
    Finding.LOWER: "Clearly lower",
    Finding.ALIKE: "Not clearly different from the best",
    Finding.UNKNOWN: "Unknown whether different",
    Finding.DIVERGED: "Diverged in at least one run",
}


def of_runs(runs: Sequence[LoadedRun]) -> SectionContent:
    """Return a table, a figure and a paragraph for each sweep; nothing without a sweep of at least three rates."""
    sweeps = find_sweeps(runs)
    if not sweeps:
        return SectionContent()
    rows = [row for name, sweep in sweeps.items() for row in _make_rows(name, sweep)]
    columns = {name: kind for name, kind in COLUMNS.items() if name != "rates" or any(row["rates"] for row in rows)}
    index = [name for name in ("study", "learning_rate", "rates") if name in columns]
    table = Table("learning_rates", "Learning rates", columns, make_frame(rows, columns, index), NOTE, page_columns=PAGE_COLUMNS)
    paragraphs = limit_descriptions([_describe_study(name, sweep) for name, sweep in sweeps.items()])
    paragraphs += describe_left_out([run for sweep in sweeps.values() for run in sweep.unfinished])
    paragraphs += _describe_off_axis([run for sweep in sweeps.values() for run in sweep.off_axis])
    return SectionContent(paragraphs, [table], [_make_figure(dict(list(sweeps.items())[:MAX_PANELS]), len(sweeps))])


def _describe_off_axis(runs: Sequence[LoadedRun]) -> list[str]:
    subject = "its rate is" if len(runs) == 1 else "their rates are"
    return [f"Left out because {subject} not above 0 or not in the range of float32: {join_names([run.name for run in runs])}."] if runs else []


def _make_rows(name: str, sweep: Sweep) -> Iterator[dict[str, Any]]:
    for point, finding, difference in zip(sweep.points, classify_rates(sweep), compute_distances(sweep), strict=True):
        losses = average_by_seed([run for run in point.runs if is_complete(run)], lambda run: float(run.history["loss"].iloc[-1]))
        row = {
            "study": name,
            "learning_rate": point.x,
            "rates": _write_rates(point) if len(sweep.keys) > 1 else None,
            "runs": len(point.runs),
            "diverged": count_diverged(point),
            "val_accuracy": point.validation.mean,
            "val_deviation": point.validation.deviation,
            "final_loss": fmean(losses) if losses else None,
            "test_accuracy": point.test.mean,
            "test_deviation": point.test.deviation,
            "finding": finding,
        }
        if difference:
            row |= {"below_best": difference.value, "uncertainty": difference.half_width, "uncertainty_from": difference.source}
        yield row


def _write_rates(point: StudyPoint) -> str:
    """Return the value of each key that differs, in the order of the keys."""
    return ", ".join(point.setting[1]) if isinstance(point.setting, tuple) else ""


def _name_point(point: StudyPoint, sweep: Sweep) -> str:
    return write_rate(point.x) + (f" ({_write_rates(point)})" if len(sweep.keys) > 1 else "")


def _describe_study(name: str, sweep: Sweep) -> str:
    points, best = sweep.points, find_best_point(sweep)
    rates = sorted({point.x for point in points})
    sentences = [f"{name}: {len(rates)} rates from {write_rate(rates[0])} to {write_rate(rates[-1])}, set by {join_names(sweep.keys)}."]
    sentences += [_NO_BEST] if best is None else _describe_best(points[best], _name_point(points[best], sweep), rates)
    point_findings = classify_rates(sweep)
    for finding, words in _WORDS.items():
        if alike := [_name_point(point, sweep) for point, point_finding in zip(points, point_findings, strict=True) if point_finding == finding]:
            sentences.append(f"{words}: {join_names(alike)}.")
    return " ".join(sentences)


def _describe_best(best: StudyPoint, name: str, rates: Sequence[float]) -> list[str]:
    sentences = [f"The highest mean validation accuracy, {PERCENT.write(best.validation.mean)}, is reached at {name}."]
    for end, word in ((rates[0], "smaller"), (rates[-1], "larger")):
        if best.x == end:
            sentences.append(f"It is at the end of the sweep: try {word} rates before choosing it.")
    return sentences


def _make_figure(sweeps: Mapping[str, Sweep], count: int) -> FigureSpec:
    shown = f" The first {len(sweeps)} of {count} sweeps." if len(sweeps) < count else ""
    caption = (
        f"Mean accuracy against the learning rate; bars show one standard deviation over seeds to either side, and the star marks the "
        f"best by validation.{shown}"
    )
    return FigureSpec(
        "learning_rates", lambda: draw_learning_rates(sweeps), caption, " ".join(_describe_study(name, sweep) for name, sweep in sweeps.items())
    )
