"""A chart of accuracy against epochs: one line per run, in the style of its recipe, and a published log."""

from collections.abc import Sequence
from dataclasses import dataclass

import pandas
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

from kcifar.pictures.stage_marks import find_stage_ranges, mark_boundaries
from kcifar.pictures.style import BLACK, BLUE, FIGURE_WIDTH, GREEN, ORANGE, VERMILION
from kcifar.pictures.text import shorten_middle

_LOOKS = ((VERMILION, "-"), (BLUE, "-."), (GREEN, (0, (6, 1, 1, 1, 1, 1))), (ORANGE, (0, (8, 4))))
MAX_RECIPES = len(_LOOKS)  # recipes
_SIZE = (FIGURE_WIDTH, 5.4)  # inches
_MAX_MARKED = 60  # epochs; the markers of more would merge into the line
_NAME_ROOM, _NAME_SIZE = 105.0, 9  # points


@dataclass(frozen=True)
class RecipeHistories:
    """The name of a recipe and the histories of its runs, at least one."""

    label: str
    histories: Sequence[pandas.DataFrame]


def draw_published_log(recipes: Sequence[RecipeHistories], log: pandas.DataFrame) -> Figure:
    """Draw validation accuracy above training accuracy with the stages of the first run, and a legend at the bottom.

    Args:
        recipes: At least one, at most `MAX_RECIPES`.
        log: See `csv_files.read_published_log`; missing values are left out.
    """
    figure = Figure(figsize=_SIZE)
    panels = figure.subplots(2, 1, sharex=True)
    for panel, column, name in zip(panels, ("val_accuracy", "accuracy"), ("validation", "training"), strict=True):
        for recipe, look in zip(recipes, _LOOKS, strict=False):
            _draw_runs(panel, recipe, column, look)
        _draw_log(panel, log, column)
        panel.set_ylabel(f"{name} accuracy")
        panel.yaxis.set_major_formatter(PercentFormatter(1.0))
        mark_boundaries(panel, find_stage_ranges(recipes[0].histories[0]))
    panels[-1].set_xlabel("epoch")
    panels[-1].xaxis.set_major_locator(MaxNLocator(integer=True, steps=[1, 2, 5, 10], min_n_ticks=1))
    handles = {label: handle for panel in panels for handle, label in zip(*panel.get_legend_handles_labels(), strict=True)}
    figure.legend(
        handles.values(), handles.keys(), loc="outside lower center", ncols=2, fontsize=_NAME_SIZE, frameon=False, handlelength=2.6, columnspacing=1.2
    )
    return figure


def _draw_runs(panel: Axes, recipe: RecipeHistories, column: str, look: tuple[str, object]) -> None:
    color, dashes = look
    runs = f" ({len(recipe.histories):,} runs)" if len(recipe.histories) > 1 else ""
    for place, history in enumerate(recipe.histories):
        label = shorten_middle(recipe.label, _NAME_ROOM, _NAME_SIZE) + runs if place == 0 else None
        panel.plot(history["epoch"], history[column], color=color, linestyle=dashes, linewidth=1.6, label=label)


def _draw_log(panel: Axes, log: pandas.DataFrame, column: str) -> None:
    known = log[log[column].notna()]
    if len(known):
        marker = "o" if len(known) <= _MAX_MARKED else ""
        panel.plot(known["epoch"], known[column], color=BLACK, linestyle=":", marker=marker, markersize=3.5, linewidth=1.4, label="published log")
