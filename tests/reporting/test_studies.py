"""Laws of the studies over recipes: numbers of epochs, ablations, learning-rate sweeps.

Run alone with `pytest tests/reporting/test_studies.py`.
"""

import itertools
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from run_folders import CASES, HOSTILE, history_rows, recipe
from scipy.stats import norm, ttest_ind

from kcifar.pictures.saving import render_figure
from kcifar.reporting.analysis.learning_rate_sweeps import Sweep, classify_rates, find_best_point, find_sweeps
from kcifar.reporting.analysis.samples import make_test_sample as sample_of_test
from kcifar.reporting.analysis.samples import make_validation_sample
from kcifar.reporting.analysis.studies import StudyPoint, name_studies
from kcifar.reporting.page.content import SectionContent
from kcifar.reporting.sections import ablation, epochs, learning_rates
from kcifar.reporting.stats.differences import Sample, compare_samples
from kcifar.runs import schemas as run_files
from kcifar.runs.load import LoadedRun, load_run

NAN = math.nan
NOT_FINITE = "stage 'train', epoch 2, step 1: the loss is not finite (nan); the state after epoch 1 is kept"
IMAGES = 5000


def saved(
    name: str,
    *,
    stages: Sequence[tuple[str, int, float]] = (("train", 5, 0.1),),
    accuracy: float = 0.9,
    validation: float = 0.8,
    test: float | None = 0.8,
    seed: int = 0,
    state: str = "finished",
    reason: str | None = None,
    content: str = "0123",
    recipe_name: str = "",
    **changes: Any,
) -> LoadedRun:
    """Return a run whose last epoch, and test, have these accuracies; keyword arguments beyond replace keys of its recipe."""
    plain = recipe(recipe_name or name.split("-")[0], stages) | {"seed": seed} | changes
    history = pandas.DataFrame(history_rows(stages))
    history.loc[len(history) - 1, ["accuracy", "val_accuracy"]] = accuracy, validation
    result = None if test is None else run_files.MetricsFile(samples=IMAGES, accuracy=test, cross_entropy=0.5, classes=[])
    counts = {"test": IMAGES, "validation": IMAGES}
    facts = run_files.DatasetFile(class_names=["a", "b"], counts=counts, content_sha256=content)
    status = run_files.StatusFile.model_validate({"state": state, "reason": reason})
    return LoadedRun(name, Path(name), run_files.RecipeFile.model_validate(plain), history, status, test=result, dataset=facts, settings=plain)


def rows(content: SectionContent) -> list[dict[Any, Any]]:
    return content.tables[0].frame.reset_index().to_dict("records") if content.tables else []


def of_epochs(*points: tuple[int, float, float], **others: Any) -> list[LoadedRun]:
    """Runs of so many epochs with these training and validation accuracies."""
    return [saved(f"a{n}", stages=[("train", n, 0.1)], accuracy=accuracy, validation=validation, **others) for n, accuracy, validation in points]


# Numbers of epochs


@pytest.mark.parametrize(
    ("points", "expected"),
    [
        ([(5, 0.6, 0.5), (20, 0.8, 0.75), (60, 0.99, 0.7)], ["underfitting", "best", "overfitting"]),
        ([(5, 0.6, 0.749), (20, 0.8, 0.75), (60, 0.99, 0.751)], ["no clear difference", "no clear difference", "best"]),
        ([(5, 0.6, 0.75), (20, 0.8, 0.75)], ["best", "no clear difference"]),  # equal: the fewest epochs
        ([(5, 0.9, 0.5), (20, 0.8, 0.75), (60, 0.7, 0.6)], ["lower, cause not shown", "best", "lower, cause not shown"]),
        ([(5, NAN, 0.5), (20, 0.8, 0.75)], ["lower, cause not shown", "best"]),
    ],
)
def test_findings_of_epochs_on_histories_by_hand(points: list[tuple[int, float, float]], expected: list[str]) -> None:
    table = rows(epochs.of_runs(of_epochs(*points)))
    assert [row["finding"] for row in table] == expected
    assert [row["epochs"] for row in table] == [point[0] for point in points]
    assert [row["uncertainty_from"] for row in table] == pytest.approx([None if row["finding"] == "best" else "images" for row in table], nan_ok=True)


@settings(max_examples=40)
@given(
    st.lists(
        st.tuples(st.integers(1, 90), st.sampled_from([0.5, 0.6, 0.61, 0.9]), st.sampled_from([0.4, 0.5, 0.505, 0.7, NAN])),
        min_size=1,
        max_size=6,
        unique_by=lambda p: p[0],
    )
)
def test_findings_of_epochs_agree_with_the_table(points: list[tuple[int, float, float]]) -> None:
    table = rows(epochs.of_runs(of_epochs(*points)))
    assert bool(table) == (len(points) > 1)
    validated = all(not math.isnan(row["val_accuracy"]) for row in table)
    measure = "val_accuracy" if validated else "test_accuracy"
    for row in table:
        best = next(row for row in table if row["finding"] == "best")
        assert best[measure] == max(candidate[measure] for candidate in table)
        clear = best[measure] - row[measure] > row["uncertainty"]
        assert (row["finding"] in ("underfitting", "overfitting", "lower, cause not shown")) == clear
        if row["finding"] == "underfitting":
            assert row["epochs"] < best["epochs"]
            assert row["training_accuracy"] < best["training_accuracy"]
        if row["finding"] == "overfitting":
            assert row["epochs"] > best["epochs"]
            assert row["training_accuracy"] > best["training_accuracy"]


def test_means_deviations_and_gap_over_seeds_by_hand() -> None:
    runs = [saved(f"a5-{seed}", seed=seed, accuracy=0.9, validation=v, test=0.6) for seed, v in enumerate((0.7, 0.72, 0.74))]
    table = rows(epochs.of_runs(runs + of_epochs((9, 0.95, 0.9))))
    assert (table[0]["runs"], table[0]["val_accuracy"], table[0]["val_deviation"]) == (3, pytest.approx(0.72), pytest.approx(0.02))
    assert table[0]["gap"] == pytest.approx(0.18)
    assert math.isnan(table[1]["val_deviation"])
    assert table[0]["finding"] == "underfitting"


def test_a_sample_has_the_images_of_its_smallest_split_if_all_are_known() -> None:
    runs = [saved("a5-0"), saved("a5-1", seed=1)]
    assert runs[1].dataset
    smaller = replace(runs[1], dataset=runs[1].dataset.model_copy(update={"counts": {"validation": 100}}))
    assert make_validation_sample(runs).images == IMAGES
    assert make_validation_sample([runs[0], smaller]).images == 100
    assert make_validation_sample([runs[0], replace(runs[1], dataset=None)]).images is None


def test_the_runs_of_one_seed_are_averaged_before_the_seeds() -> None:
    """Two seeds: the four runs of the first count as one, or their agreement would pass for that of seeds."""
    measured = [(0, 0.70), (0, 0.71), (0, 0.72), (0, 0.71), (1, 0.75)]
    runs = [saved(f"a5-{n}", seed=seed, validation=value, test=value) for n, (seed, value) in enumerate(measured)]
    for sample in (make_validation_sample(runs), sample_of_test(runs)):
        assert sample.accuracies == pytest.approx((0.71, 0.75))
        assert sample.mean == pytest.approx(0.73)
        assert sample.deviation == pytest.approx(0.04 / math.sqrt(2))
    assert compare_samples(sample_of_test(runs), sample_of_test(runs[:4])).source == "images"  # a seed four times is no second seed
    many = rows(epochs.of_runs(runs + [saved(f"b9-{n}", stages=[("train", 9, 0.1)], seed=n, validation=0.6) for n in (0, 1, 1, 1)]))
    assert many[0]["runs"] == 5
    # v = 0.0008 / 2 and 0, so 1 degree of freedom; t is 12.7062
    assert (many[1]["below_best"], many[1]["uncertainty"]) == (pytest.approx(0.13), pytest.approx(0.254124, abs=1e-6))
    assert many[1]["finding"] == "no clear difference"


def test_epochs_judged_by_test_accuracy_say_that_choosing_by_it_is_wrong() -> None:
    content = epochs.of_runs(
        [saved(f"a{n}", stages=[("train", n, 0.1)], accuracy=test, validation=NAN, test=test) for n, test in ((5, 0.6), (9, 0.7))]
    )
    assert [row["finding"] for row in rows(content)] == ["underfitting", "best"]
    assert "highest mean test accuracy, 70.00%, is reached with 9 epochs" in content.paragraphs[0]
    assert "Do not choose the epochs by it" in content.paragraphs[0]
    assert "More epochs were not tried" in content.paragraphs[0]


@pytest.mark.parametrize(("third", "expected"), [((), "underfitting"), (((60, 0.9, 0.4),), "no clear difference")])
def test_the_best_of_more_numbers_of_epochs_must_lie_further_off(third: tuple[tuple[int, float, float], ...], expected: str) -> None:
    """1.80 points below 75 %: of 5,000 images each, the half-width is 1.71 points for two rows (z = 1.95996), and 1.96 for three (z = 2.24140)."""
    table = rows(epochs.of_runs(of_epochs((5, 0.6, 0.732), (20, 0.8, 0.75), *third)))
    assert (table[0]["below_best"], table[0]["finding"]) == (pytest.approx(0.018), expected)
    assert table[0]["uncertainty"] == pytest.approx(0.0196 if third else 0.0171, abs=1e-4)


def test_nothing_is_called_best_where_nothing_was_measured() -> None:
    content = epochs.of_runs([saved(f"a{n}", stages=[("train", n, 0.1)], validation=NAN, test=None) for n in (5, 9)])
    assert {row["finding"] for row in rows(content)} == {"not known"}
    assert "none is reported as best" in content.paragraphs[0]


def test_the_epochs_of_several_stages_are_told_apart() -> None:
    allotted = [(5, 5), (2, 8), (8, 4)]
    content = epochs.of_runs([saved(f"a{n}", stages=[("learn", a, 0.1), ("polish", b, 0.01)]) for n, (a, b) in enumerate(allotted)])
    assert [(row["epochs"], row["epochs_of_stages"]) for row in rows(content)] == [(10, "2 + 8"), (10, "5 + 5"), (12, "8 + 4")]


def test_epochs_name_runs_that_are_left_out_and_those_that_stopped_early() -> None:
    runs = [*of_epochs((5, 0.8, 0.7), (9, 0.9, 0.8)), saved("cut", state="interrupted", stages=[("train", 5, 0.1)])]
    early = saved("early", stages=[("train", 9, 0.1)])
    object.__setattr__(early, "history", early.history.iloc[:4])
    text = " ".join(epochs.of_runs([*runs, early]).paragraphs)
    assert "Left out because it did not finish with finite values: cut." in text
    assert "Stopped before the planned number of epochs: early." in text


# Ablations


def test_an_ablation_by_hand() -> None:
    crop = [{"name": "random_crop", "padding": 4}]
    reference = [saved(f"whole-{seed}", seed=seed, test=test, augmentation=crop) for seed, test in enumerate((0.80, 0.81, 0.82))]
    plain = [saved(f"plain-{seed}", seed=seed, test=test, validation=0.7, augmentation=[]) for seed, test in enumerate((0.70, 0.72))]
    single = saved("single", test=0.79, model={"name": "vgg"}, augmentation=crop)
    content = ablation.of_runs([*plain, *reference, single])
    table = rows(content)
    assert [(row["recipe"], row["finding"]) for row in table] == [("whole", "reference"), ("plain", "lower"), ("single", "lower")]
    assert table[1]["changes"] == "augmentation: random_crop → none"
    assert table[1]["difference"] == pytest.approx(-0.10)
    # v = 0.0001 / 3 and 0.0002 / 2; (v1 + v2)^2 / (v1^2 / 2 + v2^2 / 1) = 1.68421 degrees of freedom, t is 5.1762; t x sqrt(v1 + v2)
    assert table[1]["uncertainty"] == pytest.approx(0.05977, abs=1e-5)
    assert (table[1]["uncertainty_from"], table[2]["uncertainty_from"]) == ("seeds", "images")
    # Of 5,000 images, q = 3951/5002 and 4051/5002: z = 0.02 / sqrt((3951 x 1051 + 4051 x 951) / 5002^3) = 2.5013; Holm: twice the smaller p, for both
    assert ttest_ind((0.70, 0.72), (0.80, 0.81, 0.82), equal_var=False).pvalue < 2 * 2 * norm.sf(2.5013)
    assert [row["adjusted_p_value"] for row in table[1:]] == pytest.approx([2 * 2 * norm.sf(2.5013)] * 2, rel=1e-2)
    assert table[1]["val_difference"] == pytest.approx(-0.1)
    assert pandas.isna(table[0]["difference"])
    assert "augmentation: random_crop → none: test accuracy is 10.00 points lower, 71.00% compared with 81.00% for whole" in content.paragraphs[0]
    assert "model: residual_cnn → vgg" in content.paragraphs[1]
    assert "other seeds may differ" in content.paragraphs[1]


@settings(max_examples=30)
@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 1), st.sampled_from([0.5, 0.51, 0.7, None])), min_size=1, max_size=8))
def test_ablations_say_no_more_than_their_table(drawn: list[tuple[int, int, float | None]]) -> None:
    content = ablation.of_runs([saved(f"r{a}{b}-{n}", seed=n, test=test, test_a=a, test_b=b) for n, (a, b, test) in enumerate(drawn)])
    table = rows(content)
    assert bool(table) == (len({(a, b) for a, b, _ in drawn}) > 1)
    compared = [row for row in table[1:] if not pandas.isna(row["adjusted_p_value"])]
    for row in compared:  # the uncertainty is that of the test alone, which Holm's method makes stricter
        alone = abs(row["difference"]) > row["uncertainty"]
        assert alone or row["adjusted_p_value"] >= 0.05
    for row in table[1:]:
        clear = row["adjusted_p_value"] < 0.05
        assert (row["finding"] in ("higher", "lower")) == clear
        assert (row["finding"] == "higher") == (clear and row["difference"] > 0)
    single = [row for row in table[1:] if ";" not in row["changes"]]
    told = [text for text in content.paragraphs if "points" in text]
    assert [text.split(": test accuracy")[0] for text in told] == [row["changes"] for row in single if row["finding"] in ("higher", "lower")]
    judged, unknown = (sum(row["finding"] in words for row in single) for words in (("no clear difference", "higher", "lower"), ("not known",)))
    expected = [f"no change of a single key has a clear effect on test accuracy ({judged} tried)"] if judged and not told else []
    expected += [f"the effect of {'1 change' if unknown == 1 else f'{unknown} changes'} of a single key is unknown"] if unknown else []
    others = [text for text in content.paragraphs if text not in told]
    assert [piece in text for piece, text in zip(expected, others, strict=True)] == [True] * len(expected)


def test_an_ablation_in_which_nothing_was_tested_claims_no_absence_of_effects() -> None:
    content = ablation.of_runs([saved("a", test=None), saved("b", test=None, model={"name": "y"})])
    assert content.paragraphs == ["Compared with a, the effect of 1 change of a single key is unknown because test results are missing."]
    assert not content.figures


def test_each_data_set_has_its_figure_the_largest_first_and_three_are_drawn() -> None:
    names = {"1": "yz", "2": "xyz", "3": "yz", "4": "wxyz"}
    runs = [saved(f"{name}{content}", content=content, model={"name": name}) for content, models in names.items() for name in models]
    drawings = ablation.of_runs(runs).figures
    assert [drawing.name for drawing in drawings] == ["ablation", "ablation_2", "ablation_3"]
    assert [drawing.text.count("±") for drawing in drawings] == [3, 2, 1]
    assert ["The 3 largest of 4 studies are drawn." in drawing.caption for drawing in drawings] == [False, False, True]
    assert "studies are drawn" not in ablation.of_runs(runs[:5]).figures[-1].caption


def test_the_reference_has_the_most_tested_runs_and_of_several_comes_first() -> None:
    untested = [saved(f"never-{seed}", seed=seed, test=None, model={"name": "x"}) for seed in range(5)]
    runs = [*untested, saved("first", model={"name": "y"}), saved("second", model={"name": "z"})]
    assert [row["recipe"] for row in rows(ablation.of_runs(runs))] == ["first", "never", "second"]
    more = [saved(f"second-{seed}", seed=seed, test=None, model={"name": "z"}) for seed in (1, 2)]
    assert rows(ablation.of_runs([*runs, *more]))[0]["recipe"] == "first"  # as many tested runs, and more that were not


def _differing(**keys: int) -> dict[str, int]:
    return {f"key{n}": 0 for n in range(9)} | keys


def test_only_recipes_that_differ_in_few_keys_stand_beside_each_other() -> None:
    near, far = _differing(key1=1, key2=1, key3=1), _differing(**{f"key{n}": 5 for n in range(4)})
    runs = [saved(name, **keys) for name, keys in {"base": _differing(), "far": far, "near": near}.items()]
    table = rows(ablation.of_runs(runs))
    assert [row["recipe"] for row in table] == ["base", "near"]
    assert table[1]["changes"] == "key1: 0 → 1; key2: 0 → 1; key3: 0 → 1"
    assert not ablation.of_runs(runs[:2])


@settings(max_examples=30)
@given(st.lists(st.tuples(*[st.integers(0, 2)] * 5), min_size=1, max_size=8, unique=True))
def test_every_recipe_near_another_of_its_study_is_in_one_study_with_a_reference_of_its_own(drawn: list[tuple[int, ...]]) -> None:
    table = rows(ablation.of_runs([saved(f"r{n}", **{f"key{k}": value for k, value in enumerate(keys)}) for n, keys in enumerate(drawn)]))
    settings_of = {f"r{n}": keys for n, keys in enumerate(drawn)}
    names = [row["recipe"] for row in table]
    assert len(set(names)) == len(names)
    references = [row["recipe"] for row in table if row["finding"] == "reference"]
    for row in table:
        own, reference = (settings_of[name] for name in (row["recipe"], row.get("reference", references[0])))
        assert sum(a != b for a, b in zip(own, reference, strict=True)) <= ablation.MAX_KEYS
    apart = [sum(a != b for a, b in zip(settings_of[one], settings_of[two], strict=True)) for one, two in itertools.combinations(references, 2)]
    alone = [keys for name, keys in settings_of.items() if name not in names]
    apart += [sum(a != b for a, b in zip(one, two, strict=True)) for one, two in itertools.combinations(alone, 2)]
    assert all(number > ablation.MAX_KEYS for number in apart)


def test_ablations_never_compare_runs_over_other_data() -> None:
    assert not ablation.of_runs([saved("a", content="1"), saved("b", content="2", model={"name": "y"})])
    runs = [saved(f"{name}{content}", content=content, model={"name": name}) for content in "12" for name in "yz"]
    table = rows(ablation.of_runs(runs))
    assert [row["finding"] for row in table] == ["reference", "no clear difference"] * 2
    assert len({row["dataset"] for row in table}) == 2


# Sweeps


def sweep(rates: Mapping[float, float | None], **others: Any) -> list[LoadedRun]:
    """Runs at these rates with these validation accuracies; None: diverged."""
    return [_at(rate, validation, **others) for rate, validation in rates.items()]


def _at(rate: float, validation: float | None, **others: Any) -> LoadedRun:
    failed: dict[str, Any] = {} if validation is not None else {"state": "failed", "reason": NOT_FINITE, "test": None}
    return saved(f"lr_{rate}", stages=[("train", 5, rate)], validation=validation if validation is not None else 0.1, **(others | failed))


@pytest.mark.parametrize(
    ("rates", "best", "said"),
    [
        ({1e-3: 0.5, 1e-2: 0.7, 0.1: 0.6}, 1e-2, None),
        ({0.1: 0.6, 1e-2: 0.7, 1e-3: 0.8}, 1e-3, "try smaller rates"),
        ({1e-3: 0.5, 1e-2: 0.7, 0.1: 0.8}, 0.1, "try larger rates"),
        ({1e-3: 0.5, 1e-2: 0.7, 0.1: 0.8, 1.0: None}, 0.1, None),  # the sweep goes on, to where training diverges
        ({1e-3: 0.5, 1e-2: 0.7, 0.1: 0.7}, 1e-2, None),  # equal: the smaller
        ({1e-3: None, 1e-2: None, 0.1: None}, None, "No rate is reported as best"),
        ({1e-3: NAN, 1e-2: NAN, 0.1: NAN}, None, "test accuracy must not be used to choose"),
    ],
)
def test_the_best_rate_and_the_ends_of_the_sweep(rates: Mapping[float, float | None], best: float | None, said: str | None) -> None:
    content = learning_rates.of_runs(sweep(rates))
    table = rows(content)
    assert [row["learning_rate"] for row in table] == sorted(rates)
    assert [row["learning_rate"] for row in table if row["finding"] == "best"] == ([] if best is None else [best])
    assert (" rates before choosing it" in content.paragraphs[0] or "No rate" in content.paragraphs[0]) == (said is not None)
    assert (said or "") in content.paragraphs[0]
    assert [row["diverged"] for row in table] == [int(rates[rate] is None) for rate in sorted(rates)]


@settings(max_examples=40)
@given(st.lists(st.tuples(st.sampled_from([1e-4, 1e-3, 0.01, 0.1, 1.0]), st.sampled_from([0.2, 0.5, 0.51, 0.9, None])), min_size=1, max_size=9))
def test_the_best_rate_is_that_of_a_search_by_hand(drawn: list[tuple[float, float | None]]) -> None:
    sweeps = find_sweeps(
        [saved(f"r-{n}", stages=[("train", 5, rate)], seed=n) if value is None else _at(rate, value, seed=n) for n, (rate, value) in enumerate(drawn)]
    )
    measured: dict[float, list[float]] = {}
    for rate, value in drawn:
        measured.setdefault(rate, []).append(0.8 if value is None else value)
    assert bool(sweeps) == (len(measured) > 2)
    for result in sweeps.values():
        means = {rate: sum(values) / len(values) for rate, values in measured.items()}
        place = find_best_point(result)
        assert place is not None
        assert result.points[place].validation.mean == pytest.approx(max(means.values()))
        assert result.points[place].x == min(rate for rate, mean in means.items() if mean == pytest.approx(max(means.values())))


def test_the_best_of_more_rates_must_lie_further_off_and_rates_that_diverged_do_not_count() -> None:
    for third, finding, uncertainty in ((None, "lower", 0.0171), (0.4, "no clear difference", 0.0196)):
        table = rows(learning_rates.of_runs(sweep({0.1: 0.732, 0.2: 0.75, 1.0: third})))
        assert table[0]["finding"] == finding
        assert table[0]["uncertainty"] == pytest.approx(uncertainty, abs=1e-4)


def _drawn_points(hits: Sequence[int], images: int) -> list[StudyPoint]:
    samples = [Sample((int(count) / images,), images) for count in hits]
    return [StudyPoint((), float(x), (), sample, sample, sample) for x, sample in enumerate(samples, 1)]


@pytest.mark.parametrize("judge", [epochs.classify_epochs, lambda points: classify_rates(Sweep(["rate"], points, [], []))], ids=["epochs", "rates"])
def test_one_of_twelve_equal_settings_is_seldom_called_lower(judge: Callable[[Sequence[StudyPoint]], list[str]]) -> None:
    """By chance the best of twelve is 3.26 deviations above the worst; each must be called lower in at most 5 % of all studies."""
    drawn = np.random.default_rng(7).binomial(500, 0.8, (600, 12))
    lower = [judge(_drawn_points(hits, 500))[0] not in ("best", "no clear difference") for hits in drawn]
    assert sum(lower) / len(lower) <= 0.05


def test_a_rate_that_no_sweep_has_a_place_for_is_named_as_left_out() -> None:
    runs = sweep({0.0: 0.3, 0.1: 0.8, 0.2: 0.6, 0.3: 0.7, math.inf: 0.5})
    (paragraph, odd) = learning_rates.of_runs(runs).paragraphs
    assert odd == "Left out because their rates are not above 0 or not in the range of float32: lr_0.0, lr_inf."
    assert "try smaller rates" in paragraph  # those between 0 and 0.1
    assert [point.x for one in find_sweeps(runs).values() for point in one.points] == [0.1, 0.2, 0.3]
    assert learning_rates.of_runs(runs[:4]).paragraphs[1] == "Left out because its rate is not above 0 or not in the range of float32: lr_0.0."
    assert len(learning_rates.of_runs(runs[1:4]).paragraphs) == 1


def test_the_final_loss_is_a_mean_of_the_seeds_as_the_accuracies_are() -> None:
    runs = [*sweep({0.1: 0.8, 0.2: 0.7}), *(_at(0.3, 0.6, seed=seed) for seed in (0, 1, 1, 1))]
    for run, loss in zip(runs[2:], (1.0, 2.0, 3.0, 4.0), strict=True):
        run.history.loc[len(run.history) - 1, "loss"] = loss
    assert rows(learning_rates.of_runs(runs))[-1]["final_loss"] == pytest.approx(2.0)


def test_one_diverged_seed_spoils_a_rate() -> None:
    content = learning_rates.of_runs([*sweep({1e-3: 0.5, 0.01: 0.6, 0.1: 0.9}), _at(0.1, None, seed=1)])
    last = rows(content)[-1]
    assert (last["runs"], last["diverged"], last["finding"], last["val_accuracy"]) == (2, 1, "diverged", pytest.approx(0.9))
    assert "60.00%, is reached at 0.01" in content.paragraphs[0]


def test_rates_of_several_stages_are_told_apart() -> None:
    pairs = [(0.1, 0.01), (0.2, 0.02), (0.2, 0.04), (0.4, 0.04)]
    content = learning_rates.of_runs([saved(f"r{n}", stages=[("learn", 2, a), ("polish", 2, b)]) for n, (a, b) in enumerate(pairs)])
    assert [(row["learning_rate"], row["rates"]) for row in rows(content)] == [(a, f"{a}, {b}") for a, b in pairs]
    assert "stages.learn.learning_rate.value, stages.polish.learning_rate.value" in content.paragraphs[0]


def test_another_schedule_or_batch_size_is_no_sweep() -> None:
    runs = sweep({0.1: 0.5, 0.2: 0.6, 0.3: 0.7})
    assert learning_rates.of_runs(runs)
    stages: Any = runs[0].settings["stages"]
    stages[0]["learning_rate"]["name"] = "cosine"
    assert not learning_rates.of_runs(runs)
    assert not learning_rates.of_runs([saved(f"r{n}", stages=[("train", 5, rate)], batch=n) for n, rate in enumerate((0.1, 0.2, 0.3))])


# All of them

SECTIONS: Mapping[str, Callable[[Sequence[LoadedRun]], SectionContent]] = {
    "epochs": epochs.of_runs,
    "ablation": ablation.of_runs,
    "learning_rates": learning_rates.of_runs,
}


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> list[LoadedRun]:
    folder = tmp_path_factory.mktemp("runs")
    return [load_run(write(folder / case), f"{case} {HOSTILE}") for case, write in CASES.items()]


@pytest.mark.parametrize("name", list(SECTIONS))
def test_runs_that_form_no_study_leave_the_section_out(name: str, folders: list[LoadedRun]) -> None:
    assert not SECTIONS[name]([])
    assert all(not SECTIONS[name]([run]) for run in folders)
    assert not SECTIONS[name]([saved("a-0"), saved("a-1", seed=1)])
    SECTIONS[name](folders)


@pytest.mark.parametrize("name", list(SECTIONS))
def test_figures_and_tables_are_whole_and_the_same_twice_however_hostile_the_names(name: str) -> None:
    """Four studies of each kind: two numbers of epochs at each of three rates, by network."""
    runs = [
        saved(f"{HOSTILE}{model}{rate}{n}", stages=[(HOSTILE, n, rate)], model={"name": HOSTILE + model}, validation=rate + n / 90)
        for model in ("x" * 300, "y", "z", "w")
        for rate in (1e-3, 1e-2, 0.1)
        for n in (2, 30)
    ]
    first, second = (SECTIONS[name](runs) for _ in range(2))
    pandas.testing.assert_frame_equal(first.tables[0].frame, second.tables[0].frame)
    assert first.tables[0].frame.index.is_unique
    assert list(first.tables[0].frame.reset_index().columns) == list(first.tables[0].columns)
    assert all("\n" not in text for text in (*first.paragraphs, *(drawing.text + drawing.caption for drawing in first.figures)))
    assert [render_figure(drawing.draw) for drawing in first.figures] == [render_figure(drawing.draw) for drawing in second.figures]


def test_runs_over_other_data_make_up_no_study() -> None:
    contents = {"content": "1"}, {"content": "2"}, {"content": "3"}
    assert not epochs.of_runs([run for n, content in enumerate(contents) for run in of_epochs((5 + n, 0.9, 0.8), **content)])
    assert not learning_rates.of_runs([run for n, content in enumerate(contents) for run in sweep({0.1 + n: 0.8}, **content)])


def many_studies(count: int) -> list[LoadedRun]:
    """Of 35 runs each: five numbers of epochs at each of seven rates."""
    return [saved(f"r{n}", stages=[("train", 2 + n % 5, 0.1 / (1 + n % 7))], key=n // 35) for n in range(count)]


def one_large_study(count: int) -> list[LoadedRun]:
    """Each run at a rate of its own."""
    return [saved(f"r{n}", stages=[("train", 2, 0.1 / (1 + n)), ("polish", 2 + n % 2, 0.1)]) for n in range(count)]


def seconds_of(section: Callable[[Sequence[LoadedRun]], SectionContent], runs: Sequence[LoadedRun]) -> float:
    begin = time.process_time()
    assert section(runs)
    return time.process_time() - begin


@pytest.mark.parametrize("make", [many_studies, one_large_study])
def test_four_times_the_runs_are_looked_through_in_about_four_times_the_time(make: Callable[[int], list[LoadedRun]]) -> None:
    """What looks at every pair of runs takes sixteen times as long."""
    few, many = make(150), make(600)
    for name, section in SECTIONS.items():
        if name != "epochs" or make is many_studies:
            least, most = (min(seconds_of(section, runs) for _ in range(2)) for runs in (few, many))
            assert most < 8 * least, name


def test_names_of_studies_are_what_their_recipes_share_and_unlike_one_another() -> None:
    def group(*names: str, **changes: Any) -> list[LoadedRun]:
        return [saved(f"{number}", recipe_name=name, **changes) for number, name in enumerate(names)]

    studies = [
        group("vgg_rates_1e-1", "vgg_rates_1e-2", batch=1, epochs=3),
        group("vgg_rates_a", "vgg_rates_b", batch=2, epochs=4),
        *(group("lr-0.1", "lr-0.2") for _ in range(2)),
        group("x", "y"),
        group("z", "z"),
    ]
    names = ["vgg_rates (batch=1)", "vgg_rates (batch=2)", "lr", "lr #2", "residual_cnn", "z"]
    assert name_studies(studies, lambda key: key == "epochs") == names


def test_rates_that_no_network_can_have_are_no_points_of_a_sweep() -> None:
    assert not learning_rates.of_runs(sweep({1e-300: 0.5, 0.1: 0.6, 1e300: 0.7, NAN: 0.8, -1.0: 0.5}))
    (result,) = find_sweeps(sweep({1e-300: 0.5, 0.1: 0.6, 0.2: 0.7, 0.3: 0.9, math.inf: 0.9})).values()
    assert [point.x for point in result.points] == [0.1, 0.2, 0.3]
