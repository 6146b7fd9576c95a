"""Recipes ranked by the mean over their runs, which differ only in the seed."""

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from kcifar.reporting.analysis.groups import Group, distribute_evenly, group_by_data, group_by_recipe
from kcifar.reporting.analysis.recipe_tests import ENOUGH_SEEDS, RecipePair, compare_recipes
from kcifar.reporting.analysis.tested_epoch import find_tested_validation
from kcifar.reporting.charts.recipes import Ranking, RepeatedRecipe, draw_recipes
from kcifar.reporting.page.columns import (
    COUNT,
    MINUTES,
    P_VALUE,
    PERCENT,
    POINTS,
    TEXT,
    UNSIGNED_POINTS,
    ColumnKind,
    make_frame,
    write_named_p_value,
)
from kcifar.reporting.page.content import Fact, FigureSpec, SectionContent, Table
from kcifar.reporting.page.names import join_names, shorten_name
from kcifar.reporting.stats.intervals import Summary, summarize
from kcifar.reporting.stats.significance import SIGNIFICANCE_LEVEL
from kcifar.runs.load import LoadedRun

ORDER = 10
TITLE = "Recipes"
PRINTED = True
NOTE = (
    "Runs belong to the same recipe if name, settings and data are equal, except for the seed and how often files are written; backend and machine "
    "may differ. Standard deviation: over the sample of runs (divisor n - 1), in percentage points; standard error: standard deviation divided by "
    "the square root of n, in percentage points; a single run has neither. Val: validation in the epoch whose weights were tested. Minutes: time of "
    "all completed epochs, mean over the runs."
)
# Notes on columns that are left out if no recipe has them.
NOTES = {
    "views_mean": " Views: test accuracy over several views of each image, for recipes whose runs all measured it.",
    "minutes_compiling": " Compiling: the part of the minutes spent compiling programs; missing if a run does not record it.",
}
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
    "minutes": MINUTES,
    "minutes_compiling": ColumnKind("float64", "{:.2f}".format),
}
WHERE_KNOWN = ("views_mean", "views_deviation", "minutes_compiling")  # columns that are left out if no recipe has them
PAGE_COLUMNS = ("test_mean", "test_deviation", "runs", "minutes", "val_mean", "views_mean", "dataset", "test_standard_error", "seeds")
PAIR_NOTE = (
    "Difference: mean test accuracy of recipe a minus that of recipe b, one value per seed, in percentage points. Low and high: the bounds of "
    "Welch's 95% interval of the difference. P value: Welch's test over the seeds, two-sided; adjusted p value: by Holm's method over all tested "
    f"pairs of this table; the verdict is based on it, at the significance level {SIGNIFICANCE_LEVEL}. The test covers other seeds on the same test "
    f"images. It needs at least two seeds of both recipes, and shows only very large differences with fewer than {ENOUGH_SEEDS}."
)
PAIR_COLUMNS = {
    "recipe_a": TEXT,
    "recipe_b": TEXT,
    "seeds_a": COUNT,
    "seeds_b": COUNT,
    "difference": POINTS,
    "low": POINTS,
    "high": POINTS,
    "p_value": P_VALUE,
    "adjusted_p_value": P_VALUE,
    "verdict": TEXT,
}
PAIR_PAGE_COLUMNS = ("difference", "adjusted_p_value", "verdict", "low", "high", "seeds_a", "seeds_b")
_MAX_PAIRED = 20  # recipes
_MAX_DRAWN = 30
_MAX_FACTS = 3


def of_runs(runs: Sequence[LoadedRun]) -> SectionContent:
    """Return one row per recipe and the figure of their means; nothing if no recipe has two finished runs with a test result."""
    ranking = rank_recipes([run for run in runs if _is_counted(run)])
    if not any(len(recipe.runs) > 1 for _, recipes in ranking for recipe in recipes):
        return SectionContent()
    pairs = compare_recipes(_take_paired(ranking))
    paragraphs = [
        _describe_highest(label if len(ranking) > 1 else "", recipes, group) for (label, recipes), group in zip(ranking, pairs, strict=True)
    ]
    paragraphs += [*_describe_pairs(pairs), *_describe_seeds(ranking)]
    left_out = [f"{shorten_name(run.name)} ({run.progress or 'no test result'})" for run in runs if not _is_counted(run)]
    paragraphs += [f"Left out of the means: {join_names(left_out)}."] if left_out else []
    rows = [{"dataset": label, **_make_row(recipe)} for label, recipes in ranking for recipe in recipes]
    columns = {name: kind for name, kind in COLUMNS.items() if name not in WHERE_KNOWN or any(name in row for row in rows)}
    note = NOTE + "".join(text for name, text in NOTES.items() if name in columns)
    table = Table("recipes", "Recipes", columns, make_frame(rows, columns, ("recipe",)), note, page_columns=PAGE_COLUMNS)
    return SectionContent(paragraphs, [table, *_make_pair_table(pairs)], [_make_figure(ranking)], list(_list_facts(ranking, pairs)))


def _take_paired(ranking: Ranking) -> list[list[Group]]:
    """Return the best recipes of each data set, at most `_MAX_PAIRED` in all."""
    shares = distribute_evenly([len(recipes) for _, recipes in ranking], _MAX_PAIRED)
    return [[Group(recipe.label, recipe.runs) for recipe in recipes[:share]] for (_, recipes), share in zip(ranking, shares, strict=True)]


def _make_pair_table(pairs: Sequence[Sequence[RecipePair]]) -> list[Table]:
    rows = [_make_pair_row(pair) for group in pairs for pair in group]
    frame = make_frame(rows, PAIR_COLUMNS, ("recipe_a", "recipe_b"))
    return [Table("recipe_pairs", "Pairs of recipes", PAIR_COLUMNS, frame, PAIR_NOTE, page_columns=PAIR_PAGE_COLUMNS)] if rows else []


def _make_pair_row(pair: RecipePair) -> dict[str, Any]:
    return {
        "recipe_a": pair.a,
        "recipe_b": pair.b,
        **{f"seeds_{name}": len(sample.accuracies) for name, sample in zip("ab", pair.samples, strict=True)},
        "difference": pair.difference,
        "low": pair.difference - pair.half_width,
        "high": pair.difference + pair.half_width,
        "p_value": pair.p_value,
        "adjusted_p_value": pair.adjusted,
        "verdict": "a better" if pair.holds else "too few seeds" if math.isnan(pair.p_value) else "no difference shown",
    }


def _list_facts(ranking: Ranking, pairs: Sequence[Sequence[RecipePair]]) -> Iterator[Fact]:
    """Yield the highest mean on each data set and its test against the next; of many data sets, on those with the most runs."""
    counted = sorted(zip(ranking, pairs, strict=True), key=lambda entry: -sum(len(recipe.runs) for recipe in entry[0][1]))
    for (label, recipes), tested in counted[:_MAX_FACTS]:
        best, several = recipes[0], len(recipes) > 1
        among = f", highest of {len(recipes):,} recipes" if several else ", the only recipe"
        lead = [_summarize_lead(tested[0])] if tested else []
        name = f"highest mean on {label}" if several else f"mean test accuracy on {label}"
        yield Fact(name, best.reading, [shorten_name(best.label), f"{_describe_reading(best)}{among}", *lead])


def _describe_reading(recipe: RepeatedRecipe) -> str:
    """Say what `RepeatedRecipe.reading` is."""
    count = len(recipe.runs)
    if count == 1:
        return "test accuracy of its only run"
    over = "seeds" if len({run.recipe.seed for run in recipe.runs}) == count else "runs"
    return f"mean test accuracy ± sample standard deviation over {count:,} {over}"


def _summarize_lead(pair: RecipePair) -> str:
    """Say in a few words whether the first is better than the second, which has the next highest mean."""
    rival = shorten_name(pair.b)
    if math.isnan(pair.p_value):
        return f"{'no variation over seeds' if pair.seeds > 1 else 'too few seeds'} to compare with the next, {rival}"
    first, second = (len(sample.accuracies) for sample in pair.samples)
    seeds = f"{first:,} seeds each" if first == second else f"{first:,} and {second:,} seeds"
    test = f"Welch's test, adjusted {write_named_p_value(pair.adjusted)}, {seeds}"
    return f"clearly above the next, {rival} ({test})" if pair.holds else f"no difference shown to the next, {rival} ({test})"


def rank_recipes(runs: Sequence[LoadedRun]) -> Ranking:
    """Return the recipes of runs with a test result, by data set, highest mean first."""
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
    """Return mean and standard deviation of the test accuracy over several views; nothing unless every run measured it."""
    accuracies = [run.test.views.accuracy for run in runs if run.test and run.test.views]
    if len(accuracies) < len(runs):
        return {}
    summary = summarize(accuracies)
    return {"views_mean": summary.mean, "views_deviation": summary.deviation}


def _list_measures(split: str, summary: Summary) -> dict[str, float]:
    return dict(
        zip(
            [f"{split}_{name}" for name in MEASURES],
            (summary.mean, summary.deviation, summary.lowest, summary.highest, summary.standard_error),
            strict=True,
        )
    )


def _describe_highest(place: str, recipes: Sequence[RepeatedRecipe], pairs: Sequence[RecipePair]) -> str:
    """Say which recipe has the highest mean, which is next, and whether they differ by more than their seeds do."""
    means = [f"{recipe.reading} ({shorten_name(recipe.label)}, {len(recipe.runs):,} run{'s' * (len(recipe.runs) != 1)})" for recipe in recipes[:2]]
    subject = f"On {place}, the" if place else "The"
    if len(recipes) == 1:
        return f"{subject} mean test accuracy of the only recipe is {means[0]}."
    if PERCENT.write(recipes[0].test.mean) == PERCENT.write(recipes[1].test.mean):
        return f"{subject} highest mean test accuracy of {len(recipes):,} recipes is shared: {means[0]} and {means[1]}."
    verdict = f" {_describe_lead(pairs[0])}" if pairs else ""
    return f"{subject} highest mean test accuracy of {len(recipes):,} recipes is {means[0]}; the next is {means[1]}.{verdict}"


def _describe_lead(pair: RecipePair) -> str:
    if math.isnan(pair.p_value):
        reason = "their accuracies do not vary over seeds" if pair.seeds > 1 else "one of them has a single seed"
        return f"Whether the recipes differ by more than seeds do cannot be tested: {reason}."
    verdict = "shows a difference" if pair.holds else "shows no difference"
    few = (
        "" if pair.holds or pair.seeds >= ENOUGH_SEEDS else f"; with two seeds, one below {UNSIGNED_POINTS.write(pair.half_width)} points cannot show"
    )
    return f"Welch's test over seeds, adjusted by Holm's method for all pairs, {verdict} ({write_named_p_value(pair.adjusted)}){few}."


def _describe_pairs(pairs: Sequence[Sequence[RecipePair]]) -> Iterator[str]:
    """Count the pairs of recipes that differ, and name the recipes with too few seeds for a test."""
    every = [pair for group in pairs for pair in group]
    tested = [pair for pair in every if not math.isnan(pair.p_value)]
    if tested:
        shown = sum(pair.holds for pair in tested)
        compared = f"{len(tested):,} pair{'s' * (len(tested) != 1)} of recipes with two or more seeds each"
        yield f"Over their seeds, {shown:,} of {compared} show{'s' * (shown == 1)} a difference at the significance level {SIGNIFICANCE_LEVEL}."
    seeds = {label: len(sample.accuracies) for pair in every for label, sample in zip((pair.a, pair.b), pair.samples, strict=True)}
    few = [shorten_name(label) for label, count in seeds.items() if count < ENOUGH_SEEDS]
    if few:
        yield f"Fewer than {ENOUGH_SEEDS} seeds, too few to compare recipes by: {join_names(few)}."


def _describe_seeds(ranking: Ranking) -> Iterator[str]:
    """Name the recipes whose standard deviation is not only over seeds."""
    twice = [
        shorten_name(recipe.label)
        for _, recipes in ranking
        for recipe in recipes
        if max(Counter(run.recipe.seed for run in recipe.runs).values()) > 1
    ]
    if twice:
        yield f"Some runs of these recipes share a seed, so their standard deviation partly measures repetitions: {join_names(twice)}."


def _make_figure(ranking: Ranking) -> FigureSpec:
    shares = distribute_evenly([len(recipes) for _, recipes in ranking], _MAX_DRAWN)
    shown = [(label, recipes[:share]) for (label, recipes), share in zip(ranking, shares, strict=True) if share]
    total = sum(len(recipes) for _, recipes in ranking)
    left_out = f"; the {sum(shares):,} best of {total:,} recipes are shown" if sum(shares) < total else ""
    caption = f"Test accuracy by recipe: each run (circle), the mean (diamond), and one sample standard deviation to either side (line){left_out}."
    readings = "; ".join(join_names([f"{shorten_name(recipe.label)} {recipe.reading}" for recipe in recipes]) for _, recipes in shown[:3])
    return FigureSpec(
        "recipes",
        lambda: draw_recipes(shown),
        caption,
        f"Dot chart of mean test accuracy and standard deviation in percentage points, highest mean first: {readings}.",
        leads=True,
    )
