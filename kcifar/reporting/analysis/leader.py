"""The most accurate of several runs, and whether it is better than those of other recipes, in words."""

from collections.abc import Sequence

from kcifar.reporting.analysis.groups import group_by_recipe
from kcifar.reporting.analysis.run_tests import NETWORKS_ALONE, RunTest, compare_accuracies, compare_runs
from kcifar.reporting.page.columns import PERCENT, is_change, write_named_p_value
from kcifar.reporting.page.names import join_names, shorten_name
from kcifar.reporting.stats.intervals import compute_fraction_interval
from kcifar.reporting.stats.significance import SIGNIFICANCE_LEVEL, adjust_holm
from kcifar.runs.load import LoadedRun

_MAX_READ = 20  # rivals whose predictions are read; those of further ones would take long, and they are far below


def describe_leader(runs: Sequence[LoadedRun]) -> str:
    """Name the most accurate run and its lead over other recipes, and say whether the lead is more than chance.

    Runs of one recipe differ by their seeds alone, so a lead among them tells nothing of what to choose.

    Args:
        runs: Runs on the same data, each with a test result, the most accurate first; at least one.
    """
    best = runs[0]
    low, high = compute_accuracy_interval(best)
    accuracy = f"{PERCENT.write(best.test_accuracy)} (95% interval: {PERCENT.write(low)} to {PERCENT.write(high)})"
    if len(runs) == 1:
        return f"The only run with a test result, {shorten_name(best.name)}, has a test accuracy of {accuracy}."
    tied = [shorten_name(run.name) for run in runs if PERCENT.write(run.test_accuracy) == PERCENT.write(best.test_accuracy)]
    highest = f"Of {len(runs):,} runs with a test result, {shorten_name(best.name)} has the highest test accuracy: {accuracy}"
    if len(tied) > 1:
        highest = f"Of {len(runs):,} runs with a test result, {len(tied):,} tie for the highest test accuracy ({join_names(tied)}): {accuracy}"
    _, *others = group_by_recipe(runs)
    if not others:
        return f"{highest}. All are runs of one recipe, so the differences between them are those of seeds."
    return f"{highest}{_describe_lead(best, [group.runs[0] for group in others])}"


def compute_accuracy_interval(run: LoadedRun) -> tuple[float, float]:
    """Return the ends of the 95% Wilson interval of a run's test accuracy."""
    if run.test is None:
        raise ValueError(f"{run.name}: expected a run with a test result")
    return compute_fraction_interval(run.test.accuracy, run.test.samples)


def _describe_lead(best: LoadedRun, rivals: Sequence[LoadedRun]) -> str:
    """Say how far the best run is above the best run of the next recipe, and whether that is more than chance.

    Args:
        best: The most accurate run.
        rivals: The most accurate run of each other recipe, most accurate first; at least one.
    """
    lead = best.test_accuracy - rivals[0].test_accuracy
    if not is_change(lead):
        return "."
    tests = [compare_runs(best, rival) for rival in rivals[:_MAX_READ]]
    others = [compare_accuracies(best, rival) for rival in rivals[_MAX_READ:]]
    adjusted = float(adjust_holm([*(test.p_value for test in tests), *others])[0])
    above = f", {100 * lead:.2f} percentage points above {shorten_name(rivals[0].name)}, the best run of another recipe"
    return f"{above}. {_describe_test(tests[0], adjusted, best, len(rivals))} {NETWORKS_ALONE}"


def _describe_test(test: RunTest, adjusted: float, best: LoadedRun, rivals: int) -> str:
    verdict = "shows a difference" if adjusted < SIGNIFICANCE_LEVEL else "shows no difference"
    several = f" (Holm's adjustment for {rivals:,} other recipes)" if rivals > 1 else ""
    result = f"{several} {verdict} at the {SIGNIFICANCE_LEVEL} level ({write_named_p_value(adjusted)})."
    if test.only_right is None:
        return f"They cannot be compared image by image ({test.reason}); the test of two proportions{result}"
    first, second = test.only_right
    counts = f"{first:,} {'is' if first == 1 else 'are'} classified correctly by the first run alone and {second:,} by the second alone"
    images = best.test.samples if best.test else 0
    return f"Of the {images:,} test images, {counts}; McNemar's exact test{result}"
