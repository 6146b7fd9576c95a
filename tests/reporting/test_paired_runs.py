"""Laws of comparing runs image for image: what is paired, the counts, the tests and what is said of them."""

import itertools
import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from run_folders import CASES, CONFUSION_MATRIX, HOSTILE, write_run
from scipy.stats import binomtest

from kcifar.core.errors import UserError
from kcifar.reporting.analysis.leader import describe_leader
from kcifar.reporting.analysis.paired_predictions import AlignedPredictions, align_predictions, count_discordant, have_same_images
from kcifar.reporting.page.columns import write_named_p_value, write_p_value
from kcifar.reporting.page.content import SectionContent
from kcifar.reporting.sections import comparison, pairs
from kcifar.reporting.stats.significance import adjust_holm
from kcifar.runs.load import LoadedRun, load_run
from kcifar.runs.schemas import NamedPart

BETTER = ((10, 0, 0), (0, 10, 0), (0, 0, 10))
WORSE = ((0, 5, 5), (5, 0, 5), (5, 5, 0))


def written(folder: Path, name: str, matrix: Sequence[Sequence[int]] = CONFUSION_MATRIX, seed: int = 0, **options: Any) -> LoadedRun:
    """A run read from disk; those of one seed saw the same images where their matrices have the same row sums."""
    return load_run(write_run(folder / name, matrix=matrix, seed=seed, **options), name)


def change_arrays(run: LoadedRun, **arrays: np.ndarray) -> None:
    path = run.folder / "predictions.npz"
    with np.load(path) as found:
        kept = dict(found)
    np.savez(path, **(kept | arrays))


def table_of(content: SectionContent) -> pandas.DataFrame:
    return content.tables[0].frame


@settings(max_examples=30, deadline=None)
@given(st.lists(st.lists(st.booleans(), min_size=6, max_size=6), min_size=1, max_size=4))
def test_only_right_counts_the_images_that_one_gets_and_the_other_does_not(correct: list[list[bool]]) -> None:
    ids = np.arange(6)
    found = count_discordant([AlignedPredictions(ids, ids, np.array(row)) for row in correct])
    for a, one in enumerate(correct):
        for b, other in enumerate(correct):
            assert found[a, b] == sum(x and not y for x, y in zip(one, other, strict=True))


def test_pairs_are_tested_as_the_predictions_say(tmp_path: Path) -> None:
    runs = [written(tmp_path, name, matrix) for name, matrix in (("middle", CONFUSION_MATRIX), ("best", BETTER), ("worst", WORSE))]
    content = pairs.of_runs(runs)
    table = table_of(content)
    assert table.index.tolist() == [("best", "middle"), ("best", "worst"), ("middle", "worst")]
    assert table["only_a_right"].tolist() == [5, 30, 25]
    assert table["only_b_right"].tolist() == [0, 0, 0]
    assert table["difference"].tolist() == pytest.approx([5 / 30, 1, 25 / 30])
    expected = [binomtest(0, n, 0.5).pvalue for n in (5, 30, 25)]
    assert table["p_value"].tolist() == pytest.approx(expected)
    assert table["adjusted_p_value"].tolist() == pytest.approx(adjust_holm(expected).tolist())
    assert table["verdict"].tolist() == ["no difference shown", "a better", "a better"]
    assert content.paragraphs[0] == "After Holm's adjustment, 2 of 3 pairs of runs show a difference at the significance level 0.05."
    assert "not their recipes" in content.paragraphs[1]
    assert len(content.paragraphs) == 2


def test_the_verdict_goes_by_the_adjusted_value(tmp_path: Path) -> None:
    middle = ((8, 1, 1), (2, 7, 1), (0, 1, 9))
    table = table_of(pairs.of_runs([written(tmp_path, name, matrix) for name, matrix in (("a", BETTER), ("b", middle), ("c", middle))]))
    assert table["p_value"].tolist() == pytest.approx([0.03125, 0.03125, 1])  # 2 / 2^6: by itself, the first pair would show a difference
    assert table["verdict"].tolist() == ["no difference shown"] * 3


def test_verdicts_and_p_values_in_words() -> None:
    assert [pairs.judge_pair(0.1, 0.049), pairs.judge_pair(-0.1, 0.049), pairs.judge_pair(0.1, 0.05)] == [
        "a better",
        "b better",
        "no difference shown",
    ]
    assert [write_p_value(p) for p in (1.0, 0.03125, 1e-4, 0.0000999, 0.0)] == ["1.0000", "0.0312", "0.0001", "< 0.0001", "< 0.0001"]
    assert (write_named_p_value(0.5), write_named_p_value(0.0)) == ("p = 0.5000", "p < 0.0001")


def test_the_order_in_which_images_are_kept_does_not_matter(tmp_path: Path) -> None:
    one, other = written(tmp_path, "one"), written(tmp_path, "other")
    order = np.random.default_rng(0).permutation(30)
    found = one.test_predictions
    assert found
    change_arrays(other, test_labels=found.labels[order], test_probabilities=found.probabilities[order], test_indices=found.indices[order])
    assert have_same_images(align_predictions(one), align_predictions(other))
    assert (align_predictions(one).correct == align_predictions(other).correct).all()
    assert table_of(pairs.of_runs([one, other]))["p_value"].tolist() == [1.0]


def test_runs_on_other_images_are_not_paired(tmp_path: Path) -> None:
    one, same, other = written(tmp_path, "one"), written(tmp_path, "same", BETTER), written(tmp_path, "other", BETTER, seed=1)
    assert not have_same_images(align_predictions(one), align_predictions(other))
    content = pairs.of_runs([one, same, other])
    assert table_of(content).index.tolist() == [("same", "one")]
    assert content.paragraphs[-1] == "Not paired because their test images differ although the data sets have the same name: 2 pairs."
    assert one.test
    assert one.dataset
    elsewhere = replace(same, dataset=one.dataset.model_copy(update={"content_sha256": "4567"}))
    assert not pairs.of_runs([one, elsewhere])
    unknown = replace(same, dataset=None)
    assert len(table_of(pairs.of_runs([one, unknown]))) == 1


def test_predictions_that_cannot_be_used_are_left_out_with_the_reason(tmp_path: Path) -> None:
    one, other = written(tmp_path, "one"), written(tmp_path, "other", BETTER)
    missing, damaged, contrary = (written(tmp_path, name, arrays=name != "missing") for name in ("missing", "damaged", "contrary"))
    (damaged.folder / "predictions.npz").write_bytes(b"PK")
    found = other.test_predictions
    assert found
    change_arrays(contrary, test_probabilities=found.probabilities)
    content = pairs.of_runs([one, other, missing, damaged, contrary])
    assert table_of(content).index.tolist() == [("other", "one")]
    reason = content.paragraphs[-1]
    assert reason.startswith(
        "Left out because their predictions cannot be used: missing (predictions.npz: no predictions for the test images), damaged ("
    )
    assert "contrary (predictions.npz: expected a test accuracy of 83.33%, as in test.json, got 100.00%)" in reason
    with pytest.raises(UserError, match=r"no predictions for the test images"):
        align_predictions(missing)
    alone = pairs.of_runs([one, missing])
    assert alone.paragraphs[0] == "No two runs can be compared image by image."
    assert not alone.tables


def test_at_most_twenty_runs_are_read(tmp_path: Path) -> None:
    run = written(tmp_path, "run")
    elsewhere = run.recipe.model_copy(update={"dataset": run.recipe.dataset.model_copy(update={"name": "e"})})
    others = [replace(run, name=str(place), recipe=elsewhere) for place in range(3)]
    runs = [replace(run, name=f"run {place}") for place in range(30)] + others
    content = pairs.of_runs(runs)
    assert sum("test_predictions" in vars(each) for each in runs) == 20
    assert len(table_of(content)) == math.comb(17, 2) + math.comb(3, 2)
    assert "The 20 most accurate of 33 runs are compared, distributed over the data sets." in content.paragraphs


def test_pairs_need_two_runs_with_a_result_over_the_same_data(tmp_path: Path) -> None:
    run, unfinished = written(tmp_path, "run"), written(tmp_path, "unfinished", state="interrupted")
    assert not pairs.of_runs([])
    assert not pairs.of_runs([run])
    assert not pairs.of_runs([run, unfinished])


def test_every_kind_of_run_is_paired_or_named(tmp_path: Path) -> None:
    runs = [load_run(write(tmp_path / case), f"{case} {HOSTILE}") for case, write in CASES.items()]
    table = table_of(pairs.of_runs(runs))
    whole = [run for run in runs if run.test and run.test_predictions]
    alike = [(one, other) for one, other in itertools.combinations(whole, 2) if have_same_images(align_predictions(one), align_predictions(other))]
    assert len(table) == len(alike) > 0
    assert {frozenset(names) for names in table.index} == {frozenset((one.name, other.name)) for one, other in alike}
    equal = table[(table["only_a_right"] == 0) & (table["only_b_right"] == 0)]
    assert (equal["p_value"] == 1).all()


# The lead of the best


def test_the_lead_is_judged_by_the_images_where_possible(tmp_path: Path) -> None:
    worst, middle, best = written(tmp_path, "worst", WORSE), written(tmp_path, "middle"), written(tmp_path, "best", BETTER)
    text = describe_leader([best, middle, worst], 1)
    assert text.startswith("Of 3 runs with a test result, best has the highest test accuracy: 100.00% (95% interval: 88.65% to 100.00%), 16.67 ")
    assert (
        "Of the 30 test images, 5 are classified correctly by the first run alone and 0 by the second alone; McNemar's exact test shows no difference"
        in text
    )
    assert f"(p = {binomtest(0, 5, 0.5).pvalue:.4f})" in text
    assert "shows a difference at the 0.05 level (p < 0.0001). The test compares these trained networks, not their recipes" in describe_leader(
        [best, worst], 1
    )


def test_the_lead_and_the_pairs_do_not_contradict_each_other(tmp_path: Path) -> None:
    middle = ((8, 1, 1), (2, 7, 1), (0, 1, 9))
    runs = [written(tmp_path, name, matrix) for name, matrix in (("a", BETTER), ("b", middle), ("c", middle))]
    three, two = comparison.of_runs(runs).paragraphs[0], comparison.of_runs(runs[:2]).paragraphs[0]
    alone = "McNemar's exact test (not adjusted for the number of pairs) shows a difference at the 0.05 level (p = 0.031"
    assert alone in three
    assert "McNemar's exact test shows a difference at the 0.05 level (p = 0.031" in two
    assert "a better" not in table_of(pairs.of_runs(runs))["verdict"].tolist()
    assert table_of(pairs.of_runs(runs[:2]))["verdict"].tolist() == ["a better"]
    elsewhere = [replace(run, recipe=run.recipe.model_copy(update={"dataset": NamedPart(name="e")})) for run in runs[:2]]
    assert all("(not adjusted for the number of pairs)" in paragraph for paragraph in comparison.of_runs(runs[:2] + elsewhere).paragraphs[1:])


def test_without_predictions_the_lead_is_judged_by_the_intervals(tmp_path: Path) -> None:
    best, worst = written(tmp_path, "best", BETTER, arrays=False), written(tmp_path, "worst", WORSE)
    middle = written(tmp_path, "middle", seed=1)
    assert "(predictions.npz: no predictions for the test images); their 95% intervals do not overlap." in describe_leader([best, worst], 1)
    assert "their 95% intervals overlap, so their order may be due to chance." in describe_leader([best, middle], 1)
    elsewhere = written(tmp_path, "elsewhere", BETTER)
    assert "(their test images differ); their 95% intervals overlap" in describe_leader([elsewhere, middle], 1)
