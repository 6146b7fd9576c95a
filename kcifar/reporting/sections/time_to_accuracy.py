"""Accuracy against time: the best validation accuracy so far over the minutes of each run, and the time at which each recipe reaches each level."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from kcifar.reporting.analysis.claims import Claim, claim_difference
from kcifar.reporting.analysis.groups import group_by_data, group_by_recipe
from kcifar.reporting.analysis.hardware import describe_hardware, describe_origin
from kcifar.reporting.analysis.samples import make_validation_sample
from kcifar.reporting.analysis.time_to_accuracy import BestSoFar, average_curves, find_largest_gap, find_minutes_to_reach, make_curve
from kcifar.reporting.charts.line_looks import MAX_LINES
from kcifar.reporting.charts.time_to_accuracy import RecipeCurves, draw_time_to_accuracy
from kcifar.reporting.page.columns import COUNT, MINUTES, PERCENT, TEXT, make_frame, write_duration, write_unsigned_points
from kcifar.reporting.page.content import FigureSpec, SectionContent, Table
from kcifar.reporting.page.names import join_names, shorten_name
from kcifar.reporting.stats.proportions import make_proportion
from kcifar.runs.load import LoadedRun

ORDER = 45
TITLE = "Accuracy against time"
NOTE = (
    "Minutes to a level: time until the end of the first epoch whose validation accuracy reached it, including validation and compilation; mean over "
    "the runs of the recipe, missing unless all of them reached it. Best val: best validation accuracy of each run, mean over the runs. Levels that "
    "no run reached, and those that every run reached in its first epoch, are left out."
)
# Levels of accuracy; closer together where each percentage point takes more time.
LEVELS = (0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.85, 0.88, 0.9, 0.92, 0.93, 0.94, 0.95, 0.96, 0.97, 0.98, 0.99)
MAX_LEVELS = 8  # columns; the highest remaining levels
COLUMNS = {"recipe": TEXT, "dataset": TEXT, "runs": COUNT, "best_val": PERCENT, "minutes": MINUTES}
_LONGER = 1.2  # times as long as the next: less is within what the load of a machine changes
MAX_FIGURES = 3  # data sets, one figure each


@dataclass(frozen=True)
class TimedRecipe:
    """A recipe with the curves of its runs, in order, and the number of its validation images, None if unknown."""

    label: str
    curves: Sequence[BestSoFar]
    images: int | None

    @cached_property
    def mean(self) -> BestSoFar:
        """The mean curve over the runs."""
        return average_curves(self.curves)

    @property
    def minutes(self) -> float:
        """Time of all completed epochs, mean over the runs."""
        return self.mean.end


_Data = tuple[str, Sequence[TimedRecipe]]  # a data set and the recipes on it, highest accuracy first


def of_runs(runs: Sequence[LoadedRun]) -> SectionContent:
    """Return one figure per data set and one row per recipe; nothing if no two runs with validation share their data."""
    curves = {id(run): curve for run in runs if (curve := make_curve(run))}
    counted = [run for group in group_by_data(runs) if sum(id(run) in curves for run in group.runs) > 1 for run in group.runs if id(run) in curves]
    if not counted:
        return SectionContent()
    data = _group_recipes(counted, curves)
    comparisons = [sentence for entry in data for sentence in _describe_longest(entry)]
    paragraphs = [*comparisons, *describe_hardware(counted), *describe_origin(counted), *_describe_left_out(runs, counted, curves)]
    drawings = [_make_figure(place, entry) for place, entry in enumerate(data[:MAX_FIGURES], start=1)]
    return SectionContent(paragraphs, [_make_table(data)], drawings)


def _group_recipes(runs: Sequence[LoadedRun], curves: dict[int, BestSoFar]) -> list[_Data]:
    """Return the data sets, those with the most runs first."""
    data_labels = {id(run): group.label for group in group_by_data(runs) for run in group.runs}
    recipes: dict[str, list[TimedRecipe]] = {label: [] for label in data_labels.values()}
    for group in group_by_recipe(runs):
        recipes[data_labels[id(group.runs[0])]].append(
            TimedRecipe(group.label, [curves[id(run)] for run in group.runs], make_validation_sample(group.runs).images)
        )
    ordered = [(label, sorted(members, key=lambda recipe: -recipe.mean.best[-1])) for label, members in recipes.items()]
    return sorted(ordered, key=lambda entry: -sum(len(recipe.curves) for recipe in entry[1]))


def _make_table(data: Sequence[_Data]) -> Table:
    levels = choose_levels([curve for _, recipes in data for recipe in recipes for curve in recipe.curves])
    columns = COLUMNS | {_name_column(level): MINUTES for level in levels}
    rows = [{"dataset": label, **_make_row(recipe, levels)} for label, recipes in data for recipe in recipes]
    return Table("time_to_accuracy", "Time to accuracy", columns, make_frame(rows, columns, ("recipe",)), NOTE)


def choose_levels(curves: Sequence[BestSoFar]) -> list[float]:
    """Return the highest levels, at most `MAX_LEVELS`, that some curve reaches and not every curve starts with, ascending."""
    highest = max(curve.best[-1] for curve in curves)
    lowest_start = min(curve.best[0] for curve in curves)
    return [level for level in LEVELS if lowest_start < level <= highest][-MAX_LEVELS:]


def _name_column(level: float) -> str:
    return f"minutes_to_{level:.0%}"


def _make_row(recipe: TimedRecipe, levels: Sequence[float]) -> dict[str, Any]:
    row: dict[str, Any] = {"recipe": recipe.label, "runs": len(recipe.curves), "best_val": recipe.mean.best[-1], "minutes": recipe.minutes}
    return row | {_name_column(level): float(np.mean([find_minutes_to_reach(curve, level) for curve in recipe.curves])) for level in levels}


def _describe_longest(entry: _Data) -> Iterator[str]:
    """Say how far the recipe that takes longest is clearly below the others while it trains; nothing without the number of validation images."""
    label, recipes = entry
    if len(recipes) < 2 or any(recipe.images is None for recipe in recipes):
        return
    longest = max(recipes, key=lambda recipe: recipe.minutes)
    others = [recipe for recipe in recipes if recipe is not longest]
    largest = max(others, key=lambda recipe: find_largest_gap(longest.mean, recipe.mean)[0])
    gap, minute = find_largest_gap(longest.mean, largest.mean)
    if longest.minutes < _LONGER * max(recipe.minutes for recipe in others):
        return  # of times so near to each other, the longest is one by chance
    below = f"furthest behind after {write_duration(minute)}: {write_unsigned_points(gap)} points below {shorten_name(largest.label)}"
    position = below if gap > 0 and _claim_gap(longest, largest, minute, len(others)).holds else "never clearly below another recipe"
    yield (
        f"On {label}, {shorten_name(longest.label)} takes longest ({write_duration(longest.minutes)}); its best validation accuracy so far "
        f"(mean over the runs of a recipe) is {position}."
    )


def _claim_gap(longest: TimedRecipe, other: TimedRecipe, minute: float, recipes: int) -> Claim:
    """Return the claim that a recipe is below another at a minute, chosen from all recipes and all minutes at which either changes."""
    steps = len(longest.mean.minutes) + len(other.mean.minutes)
    ahead, behind = (float(recipe.mean.at(np.array([minute]))[0]) for recipe in (other, longest))
    return claim_difference(make_proportion(ahead, other.images or 0), make_proportion(behind, longest.images or 0), recipes * steps)


def _describe_left_out(runs: Sequence[LoadedRun], counted: Sequence[LoadedRun], curves: dict[int, BestSoFar]) -> Iterator[str]:
    counted_ids = set(map(id, counted))
    left_out = [f"{shorten_name(run.name)} ({_explain_left_out(run, curves)})" for run in runs if id(run) not in counted_ids]
    if left_out:
        yield f"Left out: {join_names(left_out)}."


def _explain_left_out(run: LoadedRun, curves: dict[int, BestSoFar]) -> str:
    if run.best_validation is None:
        return "no validation"
    return "the only run on its data" if id(run) in curves else "unknown time"


def _make_figure(place: int, entry: _Data) -> FigureSpec:
    label, recipes = entry
    lines = [RecipeCurves(recipe.label, recipe.curves) for recipe in recipes[:MAX_LINES]]
    which = f"; the {len(lines):,} best of {len(recipes):,} recipes are shown" if len(lines) < len(recipes) else ""
    caption = f"Best validation accuracy so far on {label} against minutes of training, one line per run; a dot marks its end{which}."
    readings = [f"{shorten_name(recipe.label)} {PERCENT.write(recipe.mean.best[-1])} after {write_duration(recipe.minutes)}" for recipe in recipes]
    text = f"Step chart of the best validation accuracy so far on {label} against minutes; final values by recipe: {join_names(readings)}."
    return FigureSpec("time_to_accuracy" if place == 1 else f"time_to_accuracy_{place}", lambda: draw_time_to_accuracy(lines), caption, text)
