"""Recipes by the mean over their runs, which differ by seed alone."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from kcifar.pictures.style import BLACK, BLUE, VERMILION
from kcifar.reporting.analysis.groups import group_by_data, group_by_recipe, share_evenly
from kcifar.reporting.analysis.tested_epoch import find_tested_validation
from kcifar.reporting.charts.dot_plot import RowGroup, draw_dot_plot
from kcifar.reporting.page.columns import COUNT, DECIMAL, PERCENT, TEXT, UNSIGNED_POINTS, ColumnKind, make_frame
from kcifar.reporting.page.content import FigureSpec, SectionContent, Table
from kcifar.reporting.page.names import join_names, shorten_name
from kcifar.reporting.stats.intervals import Summary, summarize
from kcifar.runs.load import LoadedRun

ORDER = 20
TITLE = "Recipes"
PRINTED = True
NOTE = (
    "Runs are of one recipe when its name, their settings and their data are equal, but for the seed and how often files are written; backend "
    "and machine may differ. Deviation: sample standard deviation over the runs (divisor n - 1), in percentage points; standard error: "
    "deviation divided by the root of n, in percentage points; a single run has neither. Val: validation in the epoch whose weights were "
    "tested. Minutes: of all completed epochs, the mean over the runs."
)
# Of columns that are left out where no recipe has them.
NOTES = {
    "views_mean": " Views: test accuracy over several views of each image, of recipes whose runs all measured it.",
    "minutes_compiling": " Compiling: the part of the minutes in which programs were compiled, missing where a run does not tell.",
}
_LIFT, _DROP = 0.14, 0.2  # rows; the mean stands a little above its runs, so that neither hides the other


MEASURES = {"mean": PERCENT, "deviation": UNSIGNED_POINTS, "lowest": PERCENT, "highest": PERCENT, "standard_error": UNSIGNED_POINTS}
COLUMNS = {
    "recipe": TEXT,
    "dataset": TEXT,
    "runs": COUNT,
    "seeds": TEXT,
    **{f"test_{name}": kind for name, kind in MEASURES.items()},
    "views_mean": PERCENT,
    "views_deviation": UNSIGNED_POINTS,
    **{f"val_{name}": kind for name, kind in MEASURES.items()},
    "minutes": DECIMAL,
    "minutes_compiling": ColumnKind("float64", "{:.2f}".format),
}
WHERE_KNOWN = ("views_mean", "views_deviation", "minutes_compiling")  # columns that are left out where no recipe has them
_MAX_DRAWN = 30


@dataclass(frozen=True)
class RepeatedRecipe:
    """A recipe, its runs, and what they reached on the test part."""

    label: str
    runs: Sequence[LoadedRun]
    test: Summary

    @property
    def reading(self) -> str:
        """Mean and deviation: "71.42% ± 0.11"."""
        return PERCENT.write(self.test.mean) + (f" ± {UNSIGNED_POINTS.write(self.test.deviation)}" if len(self.runs) > 1 else "")


_Ranking = Sequence[tuple[str, Sequence[RepeatedRecipe]]]  # data sets, and the recipes over each


def of_runs(runs: Sequence[LoadedRun]) -> SectionContent:
    """Return a row for each recipe and the figure of their means; nothing where no recipe has two finished runs with a test result."""
    ranking = rank_recipes([run for run in runs if _is_counted(run)])
    if not any(len(recipe.runs) > 1 for _, recipes in ranking for recipe in recipes):
        return SectionContent()
    paragraphs = [_describe_highest(label if len(ranking) > 1 else "", recipes) for label, recipes in ranking] + list(_describe_seeds(ranking))
    left_out = [f"{shorten_name(run.name)} ({run.progress or 'no test result'})" for run in runs if not _is_counted(run)]
    paragraphs += [f"Left out of the means: {join_names(left_out)}."] if left_out else []
    rows = [{"dataset": label, **_make_row(recipe)} for label, recipes in ranking for recipe in recipes]
    columns = {name: kind for name, kind in COLUMNS.items() if name not in WHERE_KNOWN or any(name in row for row in rows)}
    note = NOTE + "".join(text for name, text in NOTES.items() if name in columns)
    return SectionContent(paragraphs, [Table("recipes", "Recipes", columns, make_frame(rows, columns, ("recipe",)), note)], [_make_figure(ranking)])


def rank_recipes(runs: Sequence[LoadedRun]) -> _Ranking:
    """Return the recipes of runs that have a test result, over each data set, the highest mean first."""
    recipes = [RepeatedRecipe(group.label, group.runs, summarize([run.test_accuracy for run in group.runs])) for group in group_by_recipe(runs)]
    data = {id(run): group.label for group in group_by_data(runs) for run in group.runs}
    by_data: dict[str, list[RepeatedRecipe]] = {label: [] for label in data.values()}
    for recipe in sorted(recipes, key=lambda recipe: -recipe.test.mean):
        by_data[data[id(recipe.runs[0])]].append(recipe)
    return list(by_data.items())


def _is_counted(run: LoadedRun) -> bool:
    return run.test is not None and run.status.state == "finished"


def _make_row(recipe: RepeatedRecipe) -> dict[str, Any]:
    seeds = sorted({run.recipe.seed for run in recipe.runs})
    row: dict[str, Any] = {"recipe": recipe.label, "runs": len(recipe.runs), "seeds": join_names(list(map(str, seeds)))}
    row |= _list_measures("test", recipe.test) | _summarize_views(recipe.runs)
    validation = [find_tested_validation(run) for run in recipe.runs]
    if not np.isnan(validation).any():
        row |= _list_measures("val", summarize(validation))
    compiling = float(np.mean([run.compilation_minutes for run in recipe.runs]))
    row |= {} if np.isnan(compiling) else {"minutes_compiling": compiling}
    return row | {"minutes": float(np.mean([run.minutes for run in recipe.runs]))}


def _summarize_views(runs: Sequence[LoadedRun]) -> dict[str, float]:
    """Return mean and deviation of the test accuracy over several views; nothing unless every run measured it."""
    accuracies = [run.test.views.accuracy for run in runs if run.test and run.test.views]
    if len(accuracies) < len(runs):
        return {}
    summary = summarize(accuracies)
    return {"views_mean": summary.mean, "views_deviation": summary.deviation}


def _list_measures(part: str, summary: Summary) -> dict[str, float]:
    return dict(
        zip(
            [f"{part}_{name}" for name in MEASURES],
            (summary.mean, summary.deviation, summary.lowest, summary.highest, summary.standard_error),
            strict=True,
        )
    )


def _describe_highest(place: str, recipes: Sequence[RepeatedRecipe]) -> str:
    """Say which recipe has the highest mean, and that of the next."""
    means = [f"{recipe.reading} ({shorten_name(recipe.label)}, {len(recipe.runs):,} run{'s' * (len(recipe.runs) != 1)})" for recipe in recipes[:2]]
    over = f"Over {place}, the" if place else "The"
    if len(recipes) == 1:
        return f"{over} mean test accuracy of the only recipe is {means[0]}."
    if PERCENT.write(recipes[0].test.mean) == PERCENT.write(recipes[1].test.mean):
        return f"{over} highest mean test accuracy of {len(recipes):,} recipes is shared: {means[0]} and {means[1]}."
    return f"{over} highest mean test accuracy of {len(recipes):,} recipes is {means[0]}, the next {means[1]}."


def _describe_seeds(ranking: _Ranking) -> Iterator[str]:
    """Say where a deviation is not one over seeds alone."""
    twice = [
        shorten_name(recipe.label)
        for _, recipes in ranking
        for recipe in recipes
        if max(Counter(run.recipe.seed for run in recipe.runs).values()) > 1
    ]
    if twice:
        yield f"Some runs of these recipes share a seed, so that their deviation is partly one between repetitions: {join_names(twice)}."


def _make_figure(ranking: _Ranking) -> FigureSpec:
    shares = share_evenly([len(recipes) for _, recipes in ranking], _MAX_DRAWN)
    shown = [(label, recipes[:share]) for (label, recipes), share in zip(ranking, shares, strict=True) if share]
    total = sum(len(recipes) for _, recipes in ranking)
    left_out = f"; the {sum(shares):,} best of {total:,} recipes are shown" if sum(shares) < total else ""
    caption = f"Test accuracy by recipe: each run (circle), their mean (diamond), and one sample standard deviation to either side (line){left_out}."
    readings = "; ".join(join_names([f"{shorten_name(recipe.label)} {recipe.reading}" for recipe in recipes]) for _, recipes in shown[:3])
    return FigureSpec(
        "recipes",
        lambda: draw_recipes(shown),
        caption,
        f"Dot chart of mean test accuracy and deviation in percentage points, the highest mean first: {readings}.",
    )


def draw_recipes(ranking: _Ranking) -> Figure:
    """Draw the accuracies of each recipe's runs with their mean and deviation, a row a recipe, a block a data set."""
    blocks = [RowGroup(label, [recipe.label for recipe in recipes], [recipe.reading for recipe in recipes]) for label, recipes in ranking]
    figure, panel, heights = draw_dot_plot(blocks, "test accuracy")
    rows = [(recipe, height) for (_, recipes), places in zip(ranking, heights, strict=True) for recipe, height in zip(recipes, places, strict=True)]
    repeated = [(recipe.test, height) for recipe, height in rows if len(recipe.runs) > 1]
    means, deviations = (np.array([getattr(test, name) for test, _ in repeated]) for name in ("mean", "deviation"))
    panel.hlines([height + _LIFT for _, height in repeated], means - deviations, means + deviations, color=BLACK, linewidth=1.6)
    panel.plot(
        [recipe.test.mean for recipe, _ in rows], [height + _LIFT for _, height in rows], "D", color=BLACK, markerfacecolor=VERMILION, markersize=5.5
    )
    single = [(run.test_accuracy, height - _DROP) for recipe, height in rows for run in recipe.runs]
    panel.plot(*zip(*single, strict=True), "o", color=BLUE, markerfacecolor="none", markersize=4.5, markeredgewidth=1.2)
    return figure
