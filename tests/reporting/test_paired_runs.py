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
from made_runs import changed, made
from run_folders import CASES, CONFUSION_MATRIX, HOSTILE, write_run
from scipy.stats import binomtest, chi2_contingency, fisher_exact

from kcifar.core.errors import UserError
from kcifar.reporting.analysis.groups import group_by_data, group_by_recipe
from kcifar.reporting.analysis.leader import describe_leader
from kcifar.reporting.analysis.paired_predictions import AlignedPredictions, align_predictions, count_discordant, have_same_images
from kcifar.reporting.page.columns import write_named_p_value, write_p_value
from kcifar.reporting.page.content import SectionContent
from kcifar.reporting.sections import comparison, pairs
from kcifar.reporting.stats.significance import adjust_holm
from kcifar.runs.load import LoadedRun, load_run

BETTER = ((10, 0, 0), (0, 10, 0), (0, 0, 10))
WORSE = ((0, 5, 5), (5, 0, 5), (5, 5, 0))


def written(folder: Path, name: str, matrix: Sequence[Sequence[int]] = CONFUSION_MATRIX, seed: int = 0, **options: Any) -> LoadedRun:
    """A run read from disk, of a recipe of its own; those of one seed saw the same images where their matrices have the same row sums."""
    options = {"changes": {"name": f"recipe of {name}"}} | options
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
    assert table["test"].tolist() == ["McNemar"] * 3
    assert (
        content.paragraphs[0]
        == "After Holm's adjustment, 2 of 3 pairs of runs of different recipes show a difference at the significance level 0.05."
    )
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


def test_runs_on_other_images_are_compared_by_two_proportions(tmp_path: Path) -> None:
    one, same, other = written(tmp_path, "one"), written(tmp_path, "same", BETTER), written(tmp_path, "other", WORSE, seed=1)
    assert not have_same_images(align_predictions(one), align_predictions(other))
    table = table_of(pairs.of_runs([one, same, other]))
    assert table.index.tolist() == [("same", "one"), ("same", "other"), ("one", "other")]
    assert table["test"].tolist() == ["McNemar", "two proportions", "two proportions"]
    assert table["only_a_right"].isna().tolist() == [False, True, True]
    assert table["difference"].tolist() == pytest.approx([5 / 30, 1, 25 / 30])
    p_values = [binomtest(0, 5).pvalue, *(chi2_contingency([[right, 30 - right], [0, 30]], correction=False).pvalue for right in (30, 25))]
    assert table["p_value"].tolist() == pytest.approx(p_values)
    assert table["adjusted_p_value"].tolist() == pytest.approx(adjust_holm(p_values).tolist())
    assert table["verdict"].tolist() == ["no difference shown", "a better", "a better"]
    assert one.dataset
    elsewhere = replace(same, dataset=one.dataset.model_copy(update={"content_sha256": "4567"}))
    assert not pairs.of_runs([one, elsewhere])
    unknown = replace(same, dataset=None)
    assert len(table_of(pairs.of_runs([one, unknown]))) == 1


def test_seeds_of_one_recipe_are_not_paired_and_cost_the_others_nothing(tmp_path: Path) -> None:
    """Holm's factor is the number of pairs: with those of seeds, it would be 6 here."""
    recipe = {"changes": {"name": "one recipe"}}
    seeds = [written(tmp_path, f"seed {seed}", CONFUSION_MATRIX, arrays=False, **recipe) for seed in range(3)]
    assert not pairs.of_runs(seeds)
    table = table_of(pairs.of_runs([*seeds, written(tmp_path, "other", WORSE)]))
    assert table.index.tolist() == [(f"seed {seed}", "other") for seed in range(3)]
    assert table["adjusted_p_value"].tolist() == pytest.approx((3 * table["p_value"]).tolist())


def test_predictions_that_cannot_be_used_are_named_with_the_reason(tmp_path: Path) -> None:
    one, other = written(tmp_path, "one"), written(tmp_path, "other", BETTER)
    missing, damaged, contrary = (written(tmp_path, name, arrays=name != "missing") for name in ("missing", "damaged", "contrary"))
    (damaged.folder / "predictions.npz").write_bytes(b"PK")
    found = other.test_predictions
    assert found
    change_arrays(contrary, test_probabilities=found.probabilities)
    content = pairs.of_runs([one, other, missing, damaged, contrary])
    tests = table_of(content)["test"]
    assert len(tests) == 10
    assert tests[tests == "McNemar"].index.tolist() == [("other", "one")]
    reason = content.paragraphs[-1]
    assert reason.startswith(
        "Compared by their accuracies alone because their predictions cannot be used: missing (predictions.npz: no predictions for the test images), damaged ("
    )
    assert "contrary (predictions.npz: expected a test accuracy of 83.33%, as in test.json, got 100.00%)" in reason
    with pytest.raises(UserError, match=r"no predictions for the test images"):
        align_predictions(missing)


def test_at_most_twenty_runs_are_read(tmp_path: Path) -> None:
    run = written(tmp_path, "run")
    names = [run.recipe.model_copy(update={"name": f"recipe {place}"}) for place in range(30)]
    assert run.dataset is not None
    other_data = run.dataset.model_copy(update={"name": "e"})
    others = [replace(run, name=str(place), recipe=names[place], dataset=other_data) for place in range(3)]
    runs = [replace(run, name=f"run {place}", recipe=names[place]) for place in range(30)] + others
    content = pairs.of_runs(runs)
    assert sum("test_predictions" in vars(each) for each in runs) == 20
    assert len(table_of(content)) == math.comb(17, 2) + math.comb(3, 2)
    assert "The 20 most accurate of 33 runs are compared, distributed over the data sets." in content.paragraphs


def test_pairs_need_two_runs_with_a_result_over_the_same_data(tmp_path: Path) -> None:
    run, unfinished = written(tmp_path, "run"), written(tmp_path, "unfinished", state="interrupted")
    assert not pairs.of_runs([])
    assert not pairs.of_runs([run])
    assert not pairs.of_runs([run, unfinished])


def test_every_kind_of_run_is_paired(tmp_path: Path) -> None:
    runs = [load_run(write(tmp_path / case), f"{case} {HOSTILE}") for case, write in CASES.items()]
    table = table_of(pairs.of_runs(runs))
    recipes = {run.name: group.label for group in group_by_recipe(runs) for run in group.runs}
    data = {run.name: group.label for group in group_by_data(runs) for run in group.runs}
    tested = [run.name for run in runs if run.test]
    expected = {
        frozenset(names) for names in itertools.combinations(tested, 2) if recipes[names[0]] != recipes[names[1]] and data[names[0]] == data[names[1]]
    }
    assert {frozenset(names) for names in table.index} == expected
    assert len(expected) > 0
    equal = table[(table["only_a_right"] == 0) & (table["only_b_right"] == 0)]
    assert (equal["p_value"] == 1).all()


# The lead of the best


def test_the_lead_is_judged_by_the_images_where_possible(tmp_path: Path) -> None:
    worst, middle, best = written(tmp_path, "worst", WORSE), written(tmp_path, "middle"), written(tmp_path, "best", BETTER)
    text = describe_leader([best, middle, worst])
    assert text.startswith(
        "Of 3 runs with a test result, best has the highest test accuracy: 100.00% (95% interval: 88.65% to 100.00%), "
        "16.67 percentage points above middle, the best run of another recipe. Of the 30 test images, 5 are classified correctly by the first run alone "
        "and 0 by the second alone; McNemar's exact test (Holm's adjustment for 2 other recipes) shows no difference"
    )
    assert f"(p = {binomtest(0, 5, 0.5).pvalue:.4f})" in text
    assert (
        "McNemar's exact test shows a difference at the 0.05 level (p < 0.0001). The test compares these trained networks, not their recipes"
        in describe_leader([best, worst])
    )


def test_the_lead_is_adjusted_for_the_recipes_that_the_best_is_compared_with(tmp_path: Path) -> None:
    middle = ((8, 1, 1), (2, 7, 1), (0, 1, 9))
    runs = [written(tmp_path, name, matrix) for name, matrix in (("a", BETTER), ("b", middle), ("c", middle))]
    three, two = comparison.of_runs(runs).paragraphs[0], comparison.of_runs(runs[:2]).paragraphs[0]
    assert "McNemar's exact test (Holm's adjustment for 2 other recipes) shows no difference at the 0.05 level (p = 0.0625)" in three  # 2 x 2 / 2^6
    assert "McNemar's exact test shows a difference at the 0.05 level (p = 0.031" in two
    assert "a better" not in table_of(pairs.of_runs(runs))["verdict"].tolist()
    assert table_of(pairs.of_runs(runs[:2]))["verdict"].tolist() == ["a better"]


def test_a_lead_among_seeds_of_one_recipe_is_not_tested(tmp_path: Path) -> None:
    recipe = {"changes": {"name": "one recipe"}}
    runs = [written(tmp_path, "a", BETTER, **recipe), written(tmp_path, "b", WORSE, **recipe), written(tmp_path, "c", WORSE)]
    alone = describe_leader(runs[:2])
    assert alone.endswith("All are runs of one recipe, so the differences between them are those of seeds.")
    assert "test" not in alone.replace("test accuracy", "").replace("test result", "")
    assert "100.00 percentage points above c, the best run of another recipe." in describe_leader(runs)


def test_without_predictions_the_lead_is_judged_by_two_proportions(tmp_path: Path) -> None:
    """The intervals of 94.38% and 93.47% of 10,000 overlap, but the difference is no chance: p = 0.0071."""
    names = ("fast95", "fast94")
    best, second = (made(name, right, 10_000, resolved={**changed(), "name": name}) for name, right in zip(names, (9438, 9347), strict=True))
    assert describe_leader([best, second]) == (
        "Of 2 runs with a test result, fast95 has the highest test accuracy: 94.38% (95% interval: 93.91% to 94.81%), 0.91 percentage points above "
        "fast94, the best run of another recipe. They cannot be compared image by image (predictions.npz: no predictions for the test images); the "
        "test of two proportions shows a difference at the 0.05 level (p = 0.0071). The test compares these trained networks, not their recipes: "
        "other seeds may reverse the order."
    )
    middle, elsewhere = written(tmp_path, "middle", seed=1), written(tmp_path, "elsewhere", BETTER)
    p_value = fisher_exact([[30, 0], [25, 5]]).pvalue
    assert f"(their test images differ); the test of two proportions shows no difference at the 0.05 level (p = {p_value:.4f})" in describe_leader(
        [elsewhere, middle]
    )
