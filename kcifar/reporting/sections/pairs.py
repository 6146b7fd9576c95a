"""Any two of the best runs, image for image: which is better, and whether more than chance speaks for it."""

import math
from collections.abc import Iterator, Sequence
from itertools import combinations
from typing import Any

from kcifar.core.errors import UserError
from kcifar.reporting.analysis.group_shares import best_of_each
from kcifar.reporting.analysis.groups import ranked
from kcifar.reporting.analysis.leader import NETWORKS_ALONE
from kcifar.reporting.analysis.paired_predictions import Judged, judge, only_right, same_images
from kcifar.reporting.page.columns import COUNT, POINTS, TEXT, Kind, frame
from kcifar.reporting.page.content import Content, Table
from kcifar.reporting.page.names import called, listed
from kcifar.reporting.stats.significance import LEVEL, holm, mcnemar_exact, write_p
from kcifar.runs.load import SavedRun

ORDER = 30
TITLE = "Pairs of runs"
NOTE = (
    "Only a right: test images that run a gets right and run b does not. Difference: of the accuracies, a minus b, in percentage points. "
    "P value: McNemar's exact test, two-sided. Adjusted p value: by Holm's method over all pairs of this table; the verdict goes by it, "
    f"at the level {LEVEL}."
)
P_VALUE = Kind("float64", write_p)
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


Row = dict[str, Any]
Read = tuple[SavedRun, Judged]  # a run, and which test images it got right


def of_runs(runs: Sequence[SavedRun]) -> Content:
    """Return a row for each pair of runs that got the same test images; nothing where no two runs have a test result over the same data."""
    groups = [group for group in ranked(runs) if len(group.runs) > 1]
    chosen = best_of_each(groups, MAX_RUNS)
    read = [_read(group.runs) for group in chosen]
    rows = _rows([pair for found, _ in read for pair in _pairs(found)])
    apart = sum(math.comb(len(found), 2) for found, _ in read) - len(rows)
    paragraphs = [*_verdict_sentences(rows, apart)] if groups else []
    total, compared = (sum(len(group.runs) for group in some) for some in (groups, chosen))
    if compared < total:
        paragraphs.append(
            f"Compared are the {compared:,} most accurate of {total:,} runs{', shared out over the data sets' if len(chosen) > 1 else ''}."
        )
    unread = [reason for _, reasons in read for reason in reasons]
    if unread:
        paragraphs.append(f"Left out, as their predictions cannot be used: {listed(unread)}.")
    return Content(paragraphs, [Table("pairs", "Pairs of runs", COLUMNS, frame(rows, COLUMNS, ("run_a", "run_b")), NOTE)] if rows else [])


def _read(runs: Sequence[SavedRun]) -> tuple[list[Read], list[str]]:
    """Return the runs whose predictions can be used, and the names of the others with the reason."""
    found, reasons = [], []
    for run in runs:
        try:
            found.append((run, judge(run)))
        except UserError as error:
            reasons.append(f"{called(run.name)} ({error})")
    return found, reasons


def _pairs(runs: Sequence[Read]) -> Iterator[Row]:
    """Yield every pair of runs that got the same images, the better ranked as a."""
    alike: list[list[Read]] = []
    for run in runs:
        group = next((group for group in alike if same_images(group[0][1], run[1])), None)
        if group is None:
            alike.append([run])
        else:
            group.append(run)
    for group in alike:
        only = only_right([judged for _, judged in group])
        for a, b in combinations(range(len(group)), 2):
            counts = {"only_a_right": int(only[a, b]), "only_b_right": int(only[b, a])}
            yield {
                "run_a": group[a][0].name,
                "run_b": group[b][0].name,
                **counts,
                "difference": int(only[a, b] - only[b, a]) / len(group[a][1].labels),
            }


def _rows(pairs: Sequence[Row]) -> list[Row]:
    """Add the test to each pair."""
    p_values = [mcnemar_exact(pair["only_a_right"], pair["only_b_right"]) for pair in pairs]
    tested = zip(pairs, p_values, map(float, holm(p_values)), strict=True)
    return [
        {**pair, "p_value": p_value, "adjusted_p_value": adjusted, "verdict": verdict(pair["difference"], adjusted)}
        for pair, p_value, adjusted in tested
    ]


def verdict(difference: float, p_value: float) -> str:
    """Say which of two runs is better at the level `LEVEL`: "a better", "b better", or "no difference shown"; `difference` is a minus b."""
    if p_value >= LEVEL:
        return "no difference shown"
    return "a better" if difference > 0 else "b better"


def _verdict_sentences(rows: Sequence[Row], apart: int) -> Iterator[str]:
    if rows:
        shown, pairs = sum(row["verdict"] != "no difference shown" for row in rows), f"{len(rows):,} pair{'s' * (len(rows) != 1)}"
        yield f"After Holm's adjustment, {shown:,} of {pairs} of runs show{'s' * (shown == 1)} a difference at the level {LEVEL}."
        yield NETWORKS_ALONE
    else:
        yield "No two runs can be compared image by image."
    if apart:
        yield f"Not paired, as their test images differ although the data sets have the same name: {apart:,} pair{'s' * (apart != 1)}."
