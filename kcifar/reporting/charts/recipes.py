"""A chart of the test accuracies of recipes: their runs, means and standard deviations, one block per data set."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure

from kcifar.pictures.style import BLACK, BLUE, VERMILION
from kcifar.reporting.charts.dot_plot import RowGroup, draw_dot_plot
from kcifar.reporting.page.columns import PERCENT, UNSIGNED_POINTS
from kcifar.reporting.stats.intervals import Summary
from kcifar.runs.load import LoadedRun

_LIFT, _DROP = 0.14, 0.2  # rows; the mean is a little above its runs, so that neither hides the other


@dataclass(frozen=True)
class RepeatedRecipe:
    """A recipe, its runs, and the summary of their test accuracies."""

    label: str
    runs: Sequence[LoadedRun]
    test: Summary

    @property
    def reading(self) -> str:
        """Mean and standard deviation: "71.42% ± 0.11"."""
        return PERCENT.write(self.test.mean) + (f" ± {UNSIGNED_POINTS.write(self.test.deviation)}" if len(self.runs) > 1 else "")


Ranking = Sequence[tuple[str, Sequence[RepeatedRecipe]]]  # data sets, and the recipes on each


def draw_recipes(ranking: Ranking) -> Figure:
    """Draw the accuracies of the runs with their mean and standard deviation: one row per recipe, one block per data set."""
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
