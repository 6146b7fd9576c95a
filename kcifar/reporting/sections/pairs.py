"""Pairs of the best runs of different recipes: which run is better, and whether the difference exceeds chance."""

from collections.abc import Iterator, Sequence
from itertools import combinations
from typing import Any

from kcifar.core.errors import UserError
from kcifar.reporting.analysis.groups import group_by_recipe, rank_by_accuracy, take_best_of_each
from kcifar.reporting.analysis.paired_predictions import AlignedPredictions, align_predictions, count_discordant, have_same_images
from kcifar.reporting.analysis.run_tests import NETWORKS_ALONE, compare_accuracies
from kcifar.reporting.page.columns import COUNT, P_VALUE, POINTS, TEXT, make_frame
from kcifar.reporting.page.content import SectionContent, Table
from kcifar.reporting.page.names import join_names, shorten_name
from kcifar.reporting.stats.significance import SIGNIFICANCE_LEVEL, adjust_holm, mcnemar_exact
from kcifar.runs.load import LoadedRun

ORDER = 30
TITLE = "Pairs of runs"
NOTE = (
    "Runs of the same recipe differ by their seeds alone and are not paired. Only a right: test images that run a classifies correctly and run b "
    "does not. Difference: accuracy of a minus that of b, in percentage points. P value, two-sided: McNemar's exact test where both have predictions "
    "for the same images; otherwise the test of two proportions, which takes the images as independent and is therefore cautious on the same ones. "
    f"Adjusted p value: by Holm's method over all pairs of this table; the verdict is based on it, at the significance level {SIGNIFICANCE_LEVEL}."
)
COLUMNS = {
    "run_a": TEXT,
    "run_b": TEXT,
    "only_a_right": COUNT,
    "only_b_right": COUNT,
    "difference": POINTS,
    "test": TEXT,
    "p_value": P_VALUE,
    "adjusted_p_value": P_VALUE,
    "verdict": TEXT,
}
PAGE_COLUMNS = ("difference", "adjusted_p_value", "verdict", "only_a_right", "only_b_right")
MAX_RUNS = 20
_PAGE_ROWS = 20  # pairs of the best runs; files contain all
PAIRED, UNPAIRED = "McNemar", "two proportions"


_Row = dict[str, Any]
_AlignedRun = tuple[LoadedRun, AlignedPredictions | None]  # a run, and which test images it classifies correctly, if that is known


def of_runs(runs: Sequence[LoadedRun]) -> SectionContent:
    """Return one row per pair of runs of different recipes on the same data; nothing if no data set has two recipes with a test result."""
    groups = [group for group in rank_by_accuracy(runs) if len(group_by_recipe(group.runs)) > 1]
    chosen = take_best_of_each(groups, MAX_RUNS)
    recipes = {id(run): group.label for group in group_by_recipe(runs) for run in group.runs}
    aligned = [_align_runs(group.runs) for group in chosen]
    rows = _adjust([row for usable, _ in aligned for row in _make_rows(usable, recipes)])
    if not rows:
        return SectionContent()
    paragraphs = [*_describe_verdicts(rows)]
    total, compared = (sum(len(group.runs) for group in listed) for listed in (groups, chosen))
    if compared < total:
        paragraphs.append(
            f"The {compared:,} most accurate of {total:,} runs are compared{', distributed over the data sets' if len(chosen) > 1 else ''}."
        )
    unread = [reason for _, reasons in aligned for reason in reasons]
    if unread:
        paragraphs.append(f"Compared by their accuracies alone because their predictions cannot be used: {join_names(unread)}.")
    table = Table("pairs", "Pairs of runs", COLUMNS, make_frame(rows, COLUMNS, ("run_a", "run_b")), NOTE, _PAGE_ROWS, PAGE_COLUMNS)
    return SectionContent(paragraphs, [table])


def _align_runs(runs: Sequence[LoadedRun]) -> tuple[list[_AlignedRun], list[str]]:
    """Return the runs with their predictions, and the names of those without usable ones with the reasons."""
    aligned: list[_AlignedRun] = []
    reasons = []
    for run in runs:
        try:
            aligned.append((run, align_predictions(run)))
        except UserError as error:
            aligned.append((run, None))
            reasons.append(f"{shorten_name(run.name)} ({error})")
    return aligned, reasons


def _make_rows(runs: Sequence[_AlignedRun], recipes: dict[int, str]) -> Iterator[_Row]:
    """Yield every pair of runs of different recipes with its test, the higher ranked run as a."""
    for (a, right_a), (b, right_b) in combinations(runs, 2):
        if recipes[id(a)] != recipes[id(b)]:
            yield {"run_a": a.name, "run_b": b.name, **_compare(a, right_a, b, right_b)}


def _compare(a: LoadedRun, right_a: AlignedPredictions | None, b: LoadedRun, right_b: AlignedPredictions | None) -> _Row:
    """Return counts, difference, test and p-value of a pair."""
    if right_a is None or right_b is None or not have_same_images(right_a, right_b):
        return {"difference": a.test_accuracy - b.test_accuracy, "test": UNPAIRED, "p_value": compare_accuracies(a, b)}
    only = count_discordant([right_a, right_b])
    only_a, only_b = int(only[0, 1]), int(only[1, 0])
    difference = (only_a - only_b) / len(right_a.labels)
    counts = {"only_a_right": only_a, "only_b_right": only_b, "difference": difference}
    return {**counts, "test": PAIRED, "p_value": mcnemar_exact(only_a, only_b)}


def _adjust(rows: Sequence[_Row]) -> list[_Row]:
    """Add the adjusted p-value and the verdict to each pair."""
    adjusted = adjust_holm([row["p_value"] for row in rows]).tolist()
    return [{**row, "adjusted_p_value": value, "verdict": judge_pair(row["difference"], value)} for row, value in zip(rows, adjusted, strict=True)]


def judge_pair(difference: float, p_value: float) -> str:
    """Return which run is better at `SIGNIFICANCE_LEVEL`: "a better", "b better", or "no difference shown"; `difference` is a minus b."""
    if p_value >= SIGNIFICANCE_LEVEL:
        return "no difference shown"
    return "a better" if difference > 0 else "b better"


def _describe_verdicts(rows: Sequence[_Row]) -> Iterator[str]:
    shown, pairs = sum(row["verdict"] != "no difference shown" for row in rows), f"{len(rows):,} pair{'s' * (len(rows) != 1)}"
    verdict = f"show{'s' * (shown == 1)} a difference at the significance level {SIGNIFICANCE_LEVEL}"
    yield f"After Holm's adjustment, {shown:,} of {pairs} of runs of different recipes {verdict}."
    yield NETWORKS_ALONE
