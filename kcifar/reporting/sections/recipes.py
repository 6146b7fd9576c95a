"""Recipes by the mean over their runs, which differ by seed alone."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from kcifar.pictures.style import BLACK, BLUE, VERMILION
from kcifar.reporting.analysis.group_shares import even_shares
from kcifar.reporting.analysis.groups import same_data, same_recipe
from kcifar.reporting.analysis.tested_epoch import validation_of_tested
from kcifar.reporting.charts.dot_plot import Block, chart
from kcifar.reporting.page.columns import COUNT, DECIMAL, SHARE, SPREAD, TEXT, Kind, frame
from kcifar.reporting.page.content import Content, Drawing, Table
from kcifar.reporting.page.names import called, listed
from kcifar.reporting.stats.significance import Spread, spread
from kcifar.runs.load import SavedRun
from kcifar.runs.measures import accuracy_of, compilation_minutes_of, minutes_of

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


MEASURES = {"mean": SHARE, "deviation": SPREAD, "lowest": SHARE, "highest": SHARE, "standard_error": SPREAD}
COLUMNS = {
    "recipe": TEXT,
    "dataset": TEXT,
    "runs": COUNT,
    "seeds": TEXT,
    **{f"test_{name}": kind for name, kind in MEASURES.items()},
    "views_mean": SHARE,
    "views_deviation": SPREAD,
    **{f"val_{name}": kind for name, kind in MEASURES.items()},
    "minutes": DECIMAL,
    "minutes_compiling": Kind("float64", "{:.2f}".format),
}
WHERE_KNOWN = ("views_mean", "views_deviation", "minutes_compiling")  # columns that are left out where no recipe has them
MAX_DRAWN = 30


@dataclass(frozen=True)
class Repeated:
    """A recipe, its runs, and what they reached on the test part."""

    label: str
    runs: Sequence[SavedRun]
    test: Spread

    @property
    def reading(self) -> str:
        """Mean and deviation: "71.42% ± 0.11"."""
        return SHARE.write(self.test.mean) + (f" ± {SPREAD.write(self.test.deviation)}" if len(self.runs) > 1 else "")


Ranking = Sequence[tuple[str, Sequence[Repeated]]]  # data sets, and the recipes over each


def of_runs(runs: Sequence[SavedRun]) -> Content:
    """Return a row for each recipe and the figure of their means; nothing where no recipe has two finished runs with a test result."""
    ranking = rank([run for run in runs if _counts(run)])
    if not any(len(recipe.runs) > 1 for _, recipes in ranking for recipe in recipes):
        return Content()
    paragraphs = [_highest(label if len(ranking) > 1 else "", recipes) for label, recipes in ranking] + list(_seed_sentences(ranking))
    left_out = [f"{called(run.name)} ({run.progress or 'no test result'})" for run in runs if not _counts(run)]
    paragraphs += [f"Left out of the means: {listed(left_out)}."] if left_out else []
    rows = [{"dataset": label, **_row(recipe)} for label, recipes in ranking for recipe in recipes]
    columns = {name: kind for name, kind in COLUMNS.items() if name not in WHERE_KNOWN or any(name in row for row in rows)}
    note = NOTE + "".join(text for name, text in NOTES.items() if name in columns)
    return Content(paragraphs, [Table("recipes", "Recipes", columns, frame(rows, columns, ("recipe",)), note)], [_drawing(ranking)])


def rank(runs: Sequence[SavedRun]) -> Ranking:
    """Return the recipes of runs that have a test result, over each data set, the highest mean first."""
    recipes = [Repeated(group.label, group.runs, spread([accuracy_of(run) for run in group.runs])) for group in same_recipe(runs)]
    data = {id(run): group.label for group in same_data(runs) for run in group.runs}
    found: dict[str, list[Repeated]] = {label: [] for label in data.values()}
    for recipe in sorted(recipes, key=lambda recipe: -recipe.test.mean):
        found[data[id(recipe.runs[0])]].append(recipe)
    return list(found.items())


def _counts(run: SavedRun) -> bool:
    return run.test is not None and run.status.state == "finished"


def _row(recipe: Repeated) -> dict[str, Any]:
    seeds = sorted({run.recipe.seed for run in recipe.runs})
    row: dict[str, Any] = {"recipe": recipe.label, "runs": len(recipe.runs), "seeds": listed(list(map(str, seeds)))}
    row |= _measures("test", recipe.test) | _over_views(recipe.runs)
    validation = [validation_of_tested(run) for run in recipe.runs]
    if not np.isnan(validation).any():
        row |= _measures("val", spread(validation))
    compiling = float(np.mean([compilation_minutes_of(run) for run in recipe.runs]))
    row |= {} if np.isnan(compiling) else {"minutes_compiling": compiling}
    return row | {"minutes": float(np.mean([minutes_of(run) for run in recipe.runs]))}


def _over_views(runs: Sequence[SavedRun]) -> dict[str, float]:
    """Return mean and deviation of the test accuracy over several views; nothing unless every run measured it."""
    accuracies = [run.test.views.accuracy for run in runs if run.test and run.test.views]
    if len(accuracies) < len(runs):
        return {}
    found = spread(accuracies)
    return {"views_mean": found.mean, "views_deviation": found.deviation}


def _measures(part: str, found: Spread) -> dict[str, float]:
    return dict(
        zip([f"{part}_{name}" for name in MEASURES], (found.mean, found.deviation, found.lowest, found.highest, found.standard_error), strict=True)
    )


def _highest(place: str, recipes: Sequence[Repeated]) -> str:
    """Say which recipe has the highest mean, and that of the next."""
    means = [f"{recipe.reading} ({called(recipe.label)}, {len(recipe.runs):,} run{'s' * (len(recipe.runs) != 1)})" for recipe in recipes[:2]]
    over = f"Over {place}, the" if place else "The"
    if len(recipes) == 1:
        return f"{over} mean test accuracy of the only recipe is {means[0]}."
    if SHARE.write(recipes[0].test.mean) == SHARE.write(recipes[1].test.mean):
        return f"{over} highest mean test accuracy of {len(recipes):,} recipes is shared: {means[0]} and {means[1]}."
    return f"{over} highest mean test accuracy of {len(recipes):,} recipes is {means[0]}, the next {means[1]}."


def _seed_sentences(ranking: Ranking) -> Iterator[str]:
    """Say where a deviation is not one over seeds alone."""
    twice = [
        called(recipe.label) for _, recipes in ranking for recipe in recipes if max(Counter(run.recipe.seed for run in recipe.runs).values()) > 1
    ]
    if twice:
        yield f"Some runs of these recipes share a seed, so that their deviation is partly one between repetitions: {listed(twice)}."


def _drawing(ranking: Ranking) -> Drawing:
    shares = even_shares([len(recipes) for _, recipes in ranking], MAX_DRAWN)
    shown = [(label, recipes[:share]) for (label, recipes), share in zip(ranking, shares, strict=True) if share]
    total = sum(len(recipes) for _, recipes in ranking)
    left_out = f"; the {sum(shares):,} best of {total:,} recipes are shown" if sum(shares) < total else ""
    caption = f"Test accuracy by recipe: each run (circle), their mean (diamond), and one sample standard deviation to either side (line){left_out}."
    readings = "; ".join(listed([f"{called(recipe.label)} {recipe.reading}" for recipe in recipes]) for _, recipes in shown[:3])
    return Drawing(
        "recipes",
        lambda: draw(shown),
        caption,
        f"Dot chart of mean test accuracy and deviation in percentage points, the highest mean first: {readings}.",
    )


def draw(ranking: Ranking) -> Figure:
    """Draw the accuracies of each recipe's runs with their mean and deviation, a row a recipe, a block a data set."""
    blocks = [Block(label, [recipe.label for recipe in recipes], [recipe.reading for recipe in recipes]) for label, recipes in ranking]
    drawn, panel, heights = chart(blocks, "test accuracy")
    rows = [(recipe, height) for (_, recipes), places in zip(ranking, heights, strict=True) for recipe, height in zip(recipes, places, strict=True)]
    repeated = [(recipe.test, height) for recipe, height in rows if len(recipe.runs) > 1]
    means, deviations = (np.array([getattr(test, name) for test, _ in repeated]) for name in ("mean", "deviation"))
    panel.hlines([height + _LIFT for _, height in repeated], means - deviations, means + deviations, color=BLACK, linewidth=1.6)
    panel.plot(
        [recipe.test.mean for recipe, _ in rows], [height + _LIFT for _, height in rows], "D", color=BLACK, markerfacecolor=VERMILION, markersize=5.5
    )
    single = [(accuracy_of(run), height - _DROP) for recipe, height in rows for run in recipe.runs]
    panel.plot(*zip(*single, strict=True), "o", color=BLUE, markerfacecolor="none", markersize=4.5, markeredgewidth=1.2)
    return drawn
