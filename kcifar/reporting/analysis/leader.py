"""Whether the best of several runs is better than the next, in words."""

from collections.abc import Sequence

from kcifar.core.errors import UserError, one_line
from kcifar.reporting.analysis.paired_predictions import align_predictions, count_discordant, have_same_images
from kcifar.reporting.page.columns import PERCENT, write_named_p_value
from kcifar.reporting.page.names import join_names, shorten_name
from kcifar.reporting.stats.intervals import compute_fraction_interval
from kcifar.reporting.stats.significance import SIGNIFICANCE_LEVEL, mcnemar_exact
from kcifar.runs.load import LoadedRun

NETWORKS_ALONE = "The test speaks of these trained networks, not of their recipes: other seeds may turn the order."


def describe_leader(runs: Sequence[LoadedRun], pairs: int) -> str:
    """Say which run is best, by how much, and whether that is more than chance.

    Args:
        runs: Over the same data, each with a test result, the most accurate first; at least one.
        pairs: How many pairs of runs the whole report compares; where they are several, the one that is judged here is judged by itself.
    """
    best = runs[0]
    low, high = compute_accuracy_interval(best)
    reached = f"{PERCENT.write(best.test_accuracy)} of the test images right (95% interval {PERCENT.write(low)} to {PERCENT.write(high)})"
    if len(runs) == 1:
        return f"The only run with a test result, {shorten_name(best.name)}, gets {reached}."
    level = [shorten_name(run.name) for run in runs if PERCENT.write(run.test_accuracy) == PERCENT.write(best.test_accuracy)]
    if len(level) > 1:
        return f"Of {len(runs):,} runs with a test result, {len(level):,} are level at the top ({join_names(level)}), with {reached}."
    points = 100 * (best.test_accuracy - runs[1].test_accuracy)
    ahead = f"{reached}, {points:.2f} percentage points above {shorten_name(runs[1].name)}"
    return (
        f"Of {len(runs):,} runs with a test result, {shorten_name(best.name)} gets the most: {ahead}. {_describe_significance(best, runs[1], pairs)}"
    )


def compute_accuracy_interval(run: LoadedRun) -> tuple[float, float]:
    """Return the ends of the 95% Wilson interval of a run's test accuracy."""
    if run.test is None:
        raise ValueError(f"{run.name}: expected a run with a test result")
    return compute_fraction_interval(run.test.accuracy, run.test.samples)


def _describe_significance(best: LoadedRun, second: LoadedRun, pairs: int) -> str:
    """Say whether the lead is more than chance: by the images where only one is right, else by the intervals."""
    try:
        judged = [align_predictions(best), align_predictions(second)]
    except UserError as error:
        return f"They cannot be compared image by image ({one_line(error, 120)}); {_compare_intervals(best, second)}."
    if not have_same_images(*judged):
        return f"They cannot be compared image by image (their test images differ); {_compare_intervals(best, second)}."
    only = count_discordant(judged)
    p_value = mcnemar_exact(int(only[0, 1]), int(only[1, 0]))
    counts = f"{only[0, 1]:,} are right with the first alone and {only[1, 0]:,} with the second alone"
    verdict = "shows a difference" if p_value < SIGNIFICANCE_LEVEL else "shows no difference"
    alone = ", by itself (the pairs of runs are adjusted for their number)," if pairs > 1 else ""
    test = f"McNemar's exact test{alone} {verdict} at the level {SIGNIFICANCE_LEVEL} ({write_named_p_value(p_value)})"
    return f"Of their {len(judged[0].labels):,} test images, {counts}; {test}. {NETWORKS_ALONE}"


def _compare_intervals(best: LoadedRun, second: LoadedRun) -> str:
    apart = compute_accuracy_interval(best)[0] > compute_accuracy_interval(second)[1]
    return "their 95% intervals do not overlap" if apart else "their 95% intervals overlap, so that the order may be chance"
