"""Accuracy against time: the best validation accuracy so far over the minutes of each run, and when each recipe reaches which level."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from kcifar.reporting.analysis.groups import same_data, same_recipe
from kcifar.reporting.analysis.hardware import hardware_sentences, origin_sentences
from kcifar.reporting.analysis.time_to_accuracy import Curve, curve_of, largest_gap, mean_curve, minutes_until
from kcifar.reporting.charts.time_to_accuracy import MAX_DRAWN, Lines, draw
from kcifar.reporting.page.columns import COUNT, DECIMAL, SHARE, TEXT, frame, write_spread
from kcifar.reporting.page.content import Content, Drawing, Table
from kcifar.reporting.page.names import called, listed
from kcifar.runs.load import SavedRun

ORDER = 45
TITLE = "Accuracy against time"
NOTE = (
    "Minutes until validation first reached a level, at the end of an epoch, validation and compilation included: the mean over the runs of the "
    "recipe, missing unless all of them reached it. Best val: the best validation accuracy of each run, the mean over the runs. Levels that no "
    "run reached, and those that each passed in its first epoch, are left out."
)
# Of accuracy; closer together where each point costs more time.
LEVELS = (0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.85, 0.88, 0.9, 0.92, 0.93, 0.94, 0.95, 0.96, 0.97, 0.98, 0.99)
MAX_LEVELS = 8  # columns; the highest levels that are left
COLUMNS = {"recipe": TEXT, "dataset": TEXT, "runs": COUNT, "best_val": SHARE, "minutes": DECIMAL}
MAX_FIGURES = 3  # data sets, a figure each


@dataclass(frozen=True)
class Timed:
    """A recipe with the curves of its runs, in their order."""

    label: str
    curves: Sequence[Curve]

    @cached_property
    def mean(self) -> Curve:
        """The mean over the runs at every minute."""
        return mean_curve(self.curves)

    @property
    def minutes(self) -> float:
        """Of all completed epochs, the mean over the runs."""
        return self.mean.end


Data = tuple[str, Sequence[Timed]]  # a data set, and the recipes over it, the highest accuracy first


def of_runs(runs: Sequence[SavedRun]) -> Content:
    """Return a figure for each data set and a row for each recipe; nothing where no two runs with validation share their data."""
    curves = {id(run): curve for run in runs if (curve := curve_of(run))}
    counted = [run for group in same_data(runs) if sum(id(run) in curves for run in group.runs) > 1 for run in group.runs if id(run) in curves]
    if not counted:
        return Content()
    data = _by_data(counted, curves)
    comparisons = [sentence for entry in data for sentence in _longest_sentences(entry)]
    paragraphs = [*comparisons, *hardware_sentences(counted), *origin_sentences(counted), *_left_out_sentences(runs, counted, curves)]
    drawings = [_drawing(place, entry) for place, entry in enumerate(data[:MAX_FIGURES], start=1)]
    return Content(paragraphs, [_table(data)], drawings)


def _by_data(runs: Sequence[SavedRun], curves: dict[int, Curve]) -> list[Data]:
    """Return the data sets, that of the most runs first."""
    found = {id(run): group.label for group in same_data(runs) for run in group.runs}
    recipes: dict[str, list[Timed]] = {label: [] for label in found.values()}
    for group in same_recipe(runs):
        recipes[found[id(group.runs[0])]].append(Timed(group.label, [curves[id(run)] for run in group.runs]))
    ordered = [(label, sorted(members, key=lambda recipe: -recipe.mean.best[-1])) for label, members in recipes.items()]
    return sorted(ordered, key=lambda entry: -sum(len(recipe.curves) for recipe in entry[1]))


def _table(data: Sequence[Data]) -> Table:
    levels = telling_levels([curve for _, recipes in data for recipe in recipes for curve in recipe.curves])
    columns = COLUMNS | {_column(level): DECIMAL for level in levels}
    rows = [{"dataset": label, **_row(recipe, levels)} for label, recipes in data for recipe in recipes]
    return Table("time_to_accuracy", "Time to accuracy", columns, frame(rows, columns, ("recipe",)), NOTE)


def telling_levels(curves: Sequence[Curve]) -> list[float]:
    """Return the highest levels that some curve reaches and not every one begins with, ascending, at most `MAX_LEVELS`."""
    highest = max(curve.best[-1] for curve in curves)
    lowest_start = min(curve.best[0] for curve in curves)
    return [level for level in LEVELS if lowest_start < level <= highest][-MAX_LEVELS:]


def _column(level: float) -> str:
    return f"minutes_to_{level:.0%}"


def _row(recipe: Timed, levels: Sequence[float]) -> dict[str, Any]:
    row: dict[str, Any] = {"recipe": recipe.label, "runs": len(recipe.curves), "best_val": recipe.mean.best[-1], "minutes": recipe.minutes}
    return row | {_column(level): float(np.mean([minutes_until(curve, level) for curve in recipe.curves])) for level in levels}


def _longest_sentences(entry: Data) -> Iterator[str]:
    """Say how far the recipe that takes longest lies below the others while it trains."""
    label, recipes = entry
    if len(recipes) < 2:
        return
    longest = max(recipes, key=lambda recipe: recipe.minutes)
    gaps = [(*largest_gap(longest.mean, other.mean), called(other.label)) for other in recipes if other is not longest]
    gap, minute, other = max(gaps, key=lambda found: found[0])
    where = f"at most {write_spread(gap)} points below the best of the others, {other}, at {minute:.1f} min" if gap > 0 else "never below another"
    yield (
        f"Over {label}, {called(longest.label)} takes longest ({longest.minutes:.1f} min); its best validation accuracy so far (by recipe the mean "
        f"over the runs) is {where}."
    )


def _left_out_sentences(runs: Sequence[SavedRun], counted: Sequence[SavedRun], curves: dict[int, Curve]) -> Iterator[str]:
    known = set(map(id, counted))
    left_out = [f"{called(run.name)} ({_why_left_out(run, curves)})" for run in runs if id(run) not in known]
    if left_out:
        yield f"Left out: {listed(left_out)}."


def _why_left_out(run: SavedRun, curves: dict[int, Curve]) -> str:
    if run.best_validation is None:
        return "no validation"
    return "the only one over its data" if id(run) in curves else "its time is not known"


def _drawing(place: int, entry: Data) -> Drawing:
    label, recipes = entry
    lines = [Lines(recipe.label, recipe.curves) for recipe in recipes[:MAX_DRAWN]]
    which = f"; the {len(lines):,} best of {len(recipes):,} recipes are shown" if len(lines) < len(recipes) else ""
    caption = f"Best validation accuracy so far on {label} against the minutes of training, a line for each run; a dot ends it{which}."
    readings = [f"{called(recipe.label)} {SHARE.write(recipe.mean.best[-1])} after {recipe.minutes:.1f} min" for recipe in recipes]
    text = f"Step chart of the best validation accuracy so far on {label} against minutes, at its end by recipe: {listed(readings)}."
    return Drawing("time_to_accuracy" if place == 1 else f"time_to_accuracy_{place}", lambda: draw(lines), caption, text)
