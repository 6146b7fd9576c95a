"""Tests of whether two runs differ: on the images that only one classifies correctly where both have predictions, else on two proportions."""

from dataclasses import dataclass

from kcifar.core.errors import UserError, one_line
from kcifar.reporting.analysis.paired_predictions import align_predictions, count_discordant, have_same_images
from kcifar.reporting.stats.proportions import Proportion, compare_proportions, make_proportion
from kcifar.reporting.stats.significance import mcnemar_exact
from kcifar.runs.load import LoadedRun

NETWORKS_ALONE = "The test compares these trained networks, not their recipes: other seeds may reverse the order."


@dataclass(frozen=True)
class RunTest:
    """The test of two runs.

    Attributes:
        p_value: Two-sided, not adjusted.
        only_right: Images that only the first, and only the second, classifies correctly (McNemar's exact test); None: two proportions.
        reason: Why the runs cannot be compared image by image; "" if they are.
    """

    p_value: float
    only_right: tuple[int, int] | None
    reason: str


def compare_runs(a: LoadedRun, b: LoadedRun) -> RunTest:
    """Test whether two runs with a test result classify equally many images correctly."""
    try:
        aligned = [align_predictions(a), align_predictions(b)]
    except UserError as error:
        return RunTest(compare_accuracies(a, b), None, one_line(error, 120))
    if not have_same_images(*aligned):
        return RunTest(compare_accuracies(a, b), None, "their test images differ")
    discordant = count_discordant(aligned)
    only_right = int(discordant[0, 1]), int(discordant[1, 0])
    return RunTest(mcnemar_exact(*only_right), only_right, "")


def compare_accuracies(a: LoadedRun, b: LoadedRun) -> float:
    """Return the p-value of two runs with a test result by their accuracies alone, the images taken as independent."""
    return compare_proportions(count_correct(a), count_correct(b))


def count_correct(run: LoadedRun) -> Proportion:
    """Return the test images that a run classifies correctly, as a proportion of all; of none without a test result."""
    return make_proportion(run.test.accuracy, run.test.samples) if run.test else Proportion(0, 0)
