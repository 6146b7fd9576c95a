"""The most accurate of several runs, and whether it is better than the next one, in words."""

from collections.abc import Sequence

from kcifar.core.errors import UserError, one_line
from kcifar.reporting.analysis.paired_predictions import align_predictions, count_discordant, have_same_images
from kcifar.reporting.page.columns import PERCENT, write_named_p_value
from kcifar.reporting.page.names import join_names, shorten_name
from kcifar.reporting.stats.intervals import compute_fraction_interval
from kcifar.reporting.stats.significance import SIGNIFICANCE_LEVEL, mcnemar_exact
from kcifar.runs.load import LoadedRun

NETWORKS_ALONE = "The test compares these trained networks, not their recipes: other seeds may reverse the order."


def describe_leader(runs: Sequence[LoadedRun], pairs: int) -> str:
    """Name the most accurate run and its lead, and say whether the lead is more than chance.

    Args:
        runs: Runs on the same data, each with a test result, the most accurate first; at least one.
        pairs: Number of pairs of runs that the entire report compares; if there are several, the test here is reported as unadjusted.
    """
    best = runs[0]
    low, high = compute_accuracy_interval(best)
    accuracy = f"{PERCENT.write(best.test_accuracy)} (95% interval: {PERCENT.write(low)} to {PERCENT.write(high)})"
    if len(runs) == 1:
        return f"The only run with a test result, {shorten_name(best.name)}, has a test accuracy of {accuracy}."
    tied = [shorten_name(run.name) for run in runs if PERCENT.write(run.test_accuracy) == PERCENT.write(best.test_accuracy)]
    if len(tied) > 1:
        return f"Of {len(runs):,} runs with a test result, {len(tied):,} tie for the highest test accuracy ({join_names(tied)}): {accuracy}."
    points = 100 * (best.test_accuracy - runs[1].test_accuracy)
    lead = f"{accuracy}, {points:.2f} percentage points above {shorten_name(runs[1].name)}"
    highest = f"Of {len(runs):,} runs with a test result, {shorten_name(best.name)} has the highest test accuracy: {lead}."
    return f"{highest} {_describe_significance(best, runs[1], pairs)}"


def compute_accuracy_interval(run: LoadedRun) -> tuple[float, float]:
    """Return the ends of the 95% Wilson interval of a run's test accuracy."""
    if run.test is None:
        raise ValueError(f"{run.name}: expected a run with a test result")
    return compute_fraction_interval(run.test.accuracy, run.test.samples)


def _describe_significance(best: LoadedRun, second: LoadedRun, pairs: int) -> str:
    """Say whether the lead is more than chance: by the images that only one run classifies correctly, else by the intervals."""
    try:
        aligned = [align_predictions(best), align_predictions(second)]
    except UserError as error:
        return f"They cannot be compared image by image ({one_line(error, 120)}); {_compare_intervals(best, second)}."
    if not have_same_images(*aligned):
        return f"They cannot be compared image by image (their test images differ); {_compare_intervals(best, second)}."
    discordant = count_discordant(aligned)
    p_value = mcnemar_exact(int(discordant[0, 1]), int(discordant[1, 0]))
    first, second_alone = int(discordant[0, 1]), int(discordant[1, 0])
    counts = f"{first:,} {'is' if first == 1 else 'are'} classified correctly by the first run alone and {second_alone:,} by the second alone"
    verdict = "shows a difference" if p_value < SIGNIFICANCE_LEVEL else "shows no difference"
    unadjusted = " (not adjusted for the number of pairs)" if pairs > 1 else ""
    test = f"McNemar's exact test{unadjusted} {verdict} at the {SIGNIFICANCE_LEVEL} level ({write_named_p_value(p_value)})"
    return f"Of the {len(aligned[0].labels):,} test images, {counts}; {test}. {NETWORKS_ALONE}"


def _compare_intervals(best: LoadedRun, second: LoadedRun) -> str:
    apart = compute_accuracy_interval(best)[0] > compute_accuracy_interval(second)[1]
    return "their 95% intervals do not overlap" if apart else "their 95% intervals overlap, so their order may be due to chance"
