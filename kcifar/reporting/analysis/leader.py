"""Whether the best of several runs is better than the next, in words."""

from collections.abc import Sequence

from kcifar.core.errors import UserError, one_line
from kcifar.reporting.analysis.paired_predictions import judge, only_right, same_images
from kcifar.reporting.page.columns import SHARE
from kcifar.reporting.page.names import called, listed
from kcifar.reporting.stats.intervals import interval_of_share
from kcifar.reporting.stats.significance import LEVEL, mcnemar_exact, write_p
from kcifar.runs.load import SavedRun
from kcifar.runs.measures import accuracy_of

NETWORKS_ALONE = "The test speaks of these trained networks, not of their recipes: other seeds may turn the order."


def lead(runs: Sequence[SavedRun], pairs: int) -> str:
    """Say which run is best, by how much, and whether that is more than chance.

    Args:
        runs: Over the same data, each with a test result, the most accurate first; at least one.
        pairs: How many pairs of runs the whole report compares; where they are several, the one that is judged here is judged by itself.
    """
    best = runs[0]
    low, high = interval_of(best)
    reached = f"{SHARE.write(accuracy_of(best))} of the test images right (95% interval {SHARE.write(low)} to {SHARE.write(high)})"
    if len(runs) == 1:
        return f"The only run with a test result, {called(best.name)}, gets {reached}."
    level = [called(run.name) for run in runs if SHARE.write(accuracy_of(run)) == SHARE.write(accuracy_of(best))]
    if len(level) > 1:
        return f"Of {len(runs):,} runs with a test result, {len(level):,} are level at the top ({listed(level)}), with {reached}."
    points = 100 * (accuracy_of(best) - accuracy_of(runs[1]))
    ahead = f"{reached}, {points:.2f} percentage points above {called(runs[1].name)}"
    return f"Of {len(runs):,} runs with a test result, {called(best.name)} gets the most: {ahead}. {_worth(best, runs[1], pairs)}"


def interval_of(run: SavedRun) -> tuple[float, float]:
    """Return the ends of the 95% Wilson interval of a run's test accuracy."""
    if run.test is None:
        raise ValueError(f"{run.name}: expected a run with a test result")
    return interval_of_share(run.test.accuracy, run.test.samples)


def _worth(best: SavedRun, second: SavedRun, pairs: int) -> str:
    """Say whether the lead is more than chance: by the images where only one is right, else by the intervals."""
    try:
        judged = [judge(best), judge(second)]
    except UserError as error:
        return f"They cannot be compared image by image ({one_line(error, 120)}); {_intervals(best, second)}."
    if not same_images(*judged):
        return f"They cannot be compared image by image (their test images differ); {_intervals(best, second)}."
    only = only_right(judged)
    p_value = mcnemar_exact(int(only[0, 1]), int(only[1, 0]))
    counts = f"{only[0, 1]:,} are right with the first alone and {only[1, 0]:,} with the second alone"
    verdict = "shows a difference" if p_value < LEVEL else "shows no difference"
    alone = ", by itself (the pairs of runs are adjusted for their number)," if pairs > 1 else ""
    test = f"McNemar's exact test{alone} {verdict} at the level {LEVEL} ({say_p(p_value)})"
    return f"Of their {len(judged[0].labels):,} test images, {counts}; {test}. {NETWORKS_ALONE}"


def say_p(p_value: float) -> str:
    """Write a p-value with its name: "p = 0.0312", "p < 0.0001"."""
    written = write_p(p_value)
    return f"p {written}" if written.startswith("<") else f"p = {written}"


def _intervals(best: SavedRun, second: SavedRun) -> str:
    apart = interval_of(best)[0] > interval_of(second)[1]
    return "their 95% intervals do not overlap" if apart else "their 95% intervals overlap, so that the order may be chance"
