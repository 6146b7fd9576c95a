"""Pairs of the best runs, compared image by image: which run is better, and whether the difference exceeds chance."""

import math
from collections.abc import Iterator, Sequence
from itertools import combinations
from typing import Any

from kcifar.core.errors import UserError
from kcifar.reporting.analysis.groups import rank_by_accuracy, take_best_of_each
from kcifar.reporting.analysis.leader import NETWORKS_ALONE
from kcifar.reporting.analysis.paired_predictions import AlignedPredictions, align_predictions, count_discordant, have_same_images
from kcifar.reporting.page.columns import COUNT, POINTS, TEXT, ColumnKind, make_frame, write_p_value
from kcifar.reporting.page.content import SectionContent, Table
from kcifar.reporting.page.names import join_names, shorten_name
from kcifar.reporting.stats.significance import SIGNIFICANCE_LEVEL, adjust_holm, mcnemar_exact
from kcifar.runs.load import LoadedRun

ORDER = 30
TITLE = "Pairs of runs"
NOTE = (
    "Only a right: test images that run a classifies correctly and run b does not. Difference: accuracy of a minus that of b, in percentage points. "
    "P value: McNemar's exact test, two-sided. Adjusted p value: by Holm's method over all pairs of this table; the verdict is based on it, "
    f"at the significance level {SIGNIFICANCE_LEVEL}."
)
P_VALUE = ColumnKind("float64", write_p_value)
COLUMNS = {
    "run_a": TEXT,
    "run_b": TEXT,
    "only_a_right": COUNT,
    "only_b_right": COUNT,
    "difference": POINTS,
    "p_value": P_VALUE,
    "adjusted_p_value": P_VALUE,
    "verdict": TEXT,
}
MAX_RUNS = 20


_Row = dict[str, Any]
_AlignedRun = tuple[LoadedRun, AlignedPredictions]  # a run, and which test images it classifies correctly


def of_runs(runs: Sequence[LoadedRun]) -> SectionContent:
    """Return one row per pair of runs tested on the same images; nothing if no two runs have a test result on the same data."""
    groups = [group for group in rank_by_accuracy(runs) if len(group.runs) > 1]
    chosen = take_best_of_each(groups, MAX_RUNS)
    aligned = [_align_runs(group.runs) for group in chosen]
    rows = _make_rows([pair for usable, _ in aligned for pair in _make_pairs(usable)])
    unpaired = sum(math.comb(len(usable), 2) for usable, _ in aligned) - len(rows)
    paragraphs = [*_describe_verdicts(rows, unpaired)] if groups else []
    total, compared = (sum(len(group.runs) for group in listed) for listed in (groups, chosen))
    if compared < total:
        paragraphs.append(
            f"The {compared:,} most accurate of {total:,} runs are compared{', distributed over the data sets' if len(chosen) > 1 else ''}."
        )
    unread = [reason for _, reasons in aligned for reason in reasons]
    if unread:
        paragraphs.append(f"Left out because their predictions cannot be used: {join_names(unread)}.")
    return SectionContent(paragraphs, [Table("pairs", "Pairs of runs", COLUMNS, make_frame(rows, COLUMNS, ("run_a", "run_b")), NOTE)] if rows else [])


def _align_runs(runs: Sequence[LoadedRun]) -> tuple[list[_AlignedRun], list[str]]:
    """Return the runs with usable predictions, and the names of the other runs with the reasons."""
    usable, reasons = [], []
    for run in runs:
        try:
            usable.append((run, align_predictions(run)))
        except UserError as error:
            reasons.append(f"{shorten_name(run.name)} ({error})")
    return usable, reasons


def _make_pairs(runs: Sequence[_AlignedRun]) -> Iterator[_Row]:
    """Yield every pair of runs tested on the same images, the higher ranked as a."""
    alike: list[list[_AlignedRun]] = []
    for run in runs:
        group = next((group for group in alike if have_same_images(group[0][1], run[1])), None)
        if group is None:
            alike.append([run])
        else:
            group.append(run)
    for group in alike:
        only = count_discordant([judged for _, judged in group])
        for a, b in combinations(range(len(group)), 2):
            counts = {"only_a_right": int(only[a, b]), "only_b_right": int(only[b, a])}
            yield {
                "run_a": group[a][0].name,
                "run_b": group[b][0].name,
                **counts,
                "difference": int(only[a, b] - only[b, a]) / len(group[a][1].labels),
            }


def _make_rows(pairs: Sequence[_Row]) -> list[_Row]:
    """Add the test result to each pair."""
    p_values = [mcnemar_exact(pair["only_a_right"], pair["only_b_right"]) for pair in pairs]
    tested = zip(pairs, p_values, map(float, adjust_holm(p_values)), strict=True)
    return [
        {**pair, "p_value": p_value, "adjusted_p_value": adjusted, "verdict": judge_pair(pair["difference"], adjusted)}
        for pair, p_value, adjusted in tested
    ]


def judge_pair(difference: float, p_value: float) -> str:
    """Return which run is better at `SIGNIFICANCE_LEVEL`: "a better", "b better", or "no difference shown"; `difference` is a minus b."""
    if p_value >= SIGNIFICANCE_LEVEL:
        return "no difference shown"
    return "a better" if difference > 0 else "b better"


def _describe_verdicts(rows: Sequence[_Row], unpaired: int) -> Iterator[str]:
    if rows:
        shown, pairs = sum(row["verdict"] != "no difference shown" for row in rows), f"{len(rows):,} pair{'s' * (len(rows) != 1)}"
        verdict = f"show{'s' * (shown == 1)} a difference at the significance level {SIGNIFICANCE_LEVEL}"
        yield f"After Holm's adjustment, {shown:,} of {pairs} of runs {verdict}."
        yield NETWORKS_ALONE
    else:
        yield "No two runs can be compared image by image."
    if unpaired:
        yield f"Not paired because their test images differ although the data sets have the same name: {unpaired:,} pair{'s' * (unpaired != 1)}."
