"""Mixing, balanced sampling and class weights: the partner of each image, how often each image is shown, and its weight."""

import re
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tiny_recipe import tiny_recipe

from kcifar.augment import AUGMENTATIONS
from kcifar.augment.geometry import RandomAffine
from kcifar.core.errors import UserError
from kcifar.datasets.dataset import Split
from kcifar.planning.batches import EpochBatches, EpochKey
from kcifar.planning.class_weights import list_class_weights
from kcifar.planning.epoch_batches import make_epoch_batches
from kcifar.planning.plan import load_plan
from kcifar.planning.stage_batches import compute_class_weights

COUNT, CLASSES = 60, 3
# Classes of 40, 15 and 5 images; each image holds its own number.
LABELS = np.repeat(np.arange(CLASSES), [40, 15, 5])
PART = Split(np.broadcast_to(np.arange(COUNT, dtype=np.uint8)[:, None, None, None], (COUNT, 8, 8, 3)).copy(), LABELS)
MIXUP, CUTMIX = AUGMENTATIONS.get("mixup")(alpha=0.5), AUGMENTATIONS.get("cutmix")()
FIRST = EpochKey(0, 0, 0)
AFFINE = RandomAffine(rotation=15.0)
# Our own first version: partners under `sampling: all` never change.
GOLDEN_PARTNERS = [34, 54, 32, 34, 18, 59, 39, 53, 33, 47, 7, 18]


def epoch(
    *operations: Any, indices: np.ndarray | None = None, batch_size: int = 7, key: EpochKey = FIRST, last_batch: str = "keep", **choices: Any
) -> EpochBatches:
    chosen = np.arange(COUNT) if indices is None else indices
    return make_epoch_batches(PART, chosen, key, operations, CLASSES, batch_size, last_batch, **choices)


def batches(made: EpochBatches) -> list[Any]:
    return [made[k] for k in range(len(made))]


class TestMixing:
    def test_targets_are_mixed_as_the_images_are_and_sum_to_one(self) -> None:
        made = epoch(AFFINE, MIXUP)
        for k, batch in enumerate(batches(made)):
            own = made.own_shares[7 * k : 7 * k + len(batch.images)]  # type: ignore[index]
            expected = np.zeros((len(own), CLASSES))
            for row, (image, partner, share) in enumerate(zip(batch.images, batch.partners.images, own, strict=True)):
                expected[row, LABELS[image[0, 0, 0]]] += share
                expected[row, LABELS[partner[0, 0, 0]]] += 1 - share
            np.testing.assert_allclose(batch.targets, expected, atol=1e-6)
            np.testing.assert_allclose(batch.targets.sum(axis=1), 1, atol=1e-6)

    def test_partners_are_training_images_with_their_own_draws(self) -> None:
        training = np.arange(0, COUNT, 2)
        made = epoch(AFFINE, MIXUP, indices=training)
        assert set(made.partners) <= set(training)  # type: ignore[arg-type]
        draws = dict(zip(made.order, made.draws, strict=True))
        for partner, row in zip(made.partners, made.partner_draws, strict=True):  # type: ignore[arg-type]
            np.testing.assert_array_equal(row, draws[partner])

    @given(st.integers(1, COUNT))
    def test_partners_do_not_depend_on_the_batch_size(self, batch_size: int) -> None:
        whole, cut = epoch(MIXUP), epoch(MIXUP, batch_size=batch_size)
        assert np.array_equal(whole.partners, cut.partners)  # type: ignore[arg-type]
        assert not np.array_equal(whole.partners, epoch(MIXUP, key=EpochKey(0, 0, 1)).partners)  # type: ignore[arg-type]

    def test_without_a_mixing_step_there_are_no_partners(self) -> None:
        assert all(batch.partners is None for batch in batches(epoch(AFFINE)))


MIXINGS = {
    "mixup": MIXUP,
    "cutmix": CUTMIX,
    "one_of": AUGMENTATIONS.get("one_of")(operations=(MIXUP, CUTMIX), probability=0.8),
}


class TestPartnersUnderBalancedSampling:
    @pytest.mark.parametrize("mixing", MIXINGS)
    def test_every_class_has_the_same_expected_fraction_of_the_targets(self, mixing: str) -> None:
        """A target's entry lies in [0, 1], so the variance of its mean over n places is at most p (1 - p) / n; five standard deviations."""
        training = np.flatnonzero(np.arange(COUNT) % 4 > 0)
        made = [epoch(MIXINGS[mixing], indices=training, key=EpochKey(0, 0, k), sampling="balanced", last_batch="drop") for k in range(60)]
        targets = np.concatenate([batch.targets for one in made for batch in batches(one)])
        p = 1 / CLASSES
        np.testing.assert_allclose(targets.mean(axis=0), p, atol=5 * np.sqrt(p * (1 - p) / len(targets)))

    def test_every_image_of_a_class_is_equally_likely(self) -> None:
        partners = np.concatenate([epoch(MIXUP, key=EpochKey(0, 0, k), sampling="balanced").partners for k in range(100)])  # type: ignore[misc]
        p = 1 / CLASSES / np.bincount(LABELS)[LABELS]
        seen = np.bincount(partners, minlength=COUNT) / len(partners)
        assert (np.abs(seen - p) < 5 * np.sqrt(p * (1 - p) / len(partners))).all()

    def test_classes_without_training_images_are_never_chosen(self) -> None:
        training = np.flatnonzero(LABELS != 1)
        partners = epoch(MIXUP, indices=training, sampling="balanced").partners
        assert set(LABELS[partners]) == {0, 2}  # type: ignore[index]

    def test_a_partner_depends_on_the_sample_and_its_occurrence_alone(self) -> None:
        """Neither on the batch size nor on a dropped last batch: the places that remain have the partners that they had."""
        whole = epoch(MIXUP, sampling="balanced")
        cut = epoch(MIXUP, sampling="balanced", batch_size=11, last_batch="drop")
        assert np.array_equal(whole.partners[: len(cut.order)], cut.partners)  # type: ignore[index,arg-type]

    def test_partners_of_plain_sampling_are_those_of_the_first_version(self) -> None:
        partners = epoch(MIXUP, indices=np.arange(5, COUNT)).partners
        assert partners[:12].tolist() == GOLDEN_PARTNERS  # type: ignore[index]


class TestBalancedSampling:
    @given(st.integers(0, 100), st.sets(st.integers(0, COUNT - 1), min_size=3))
    def test_every_class_and_every_image_of_a_class_is_shown_equally_often(self, seed: int, chosen: set[int]) -> None:
        indices = np.array(sorted(chosen))
        order = epoch(indices=indices, key=EpochKey(seed, 0, 0), sampling="balanced").order
        assert len(order) == len(indices)
        per_class = np.bincount(LABELS[order], minlength=CLASSES)[np.unique(LABELS[indices])]
        assert np.ptp(per_class) <= 1
        for label in np.unique(LABELS[indices]):
            shown = np.bincount(order, minlength=COUNT)[indices[LABELS[indices] == label]]
            assert np.ptp(shown) <= 1

    def test_a_repeated_image_gets_new_draws(self) -> None:
        made = epoch(AFFINE, sampling="balanced")
        for index in np.unique(made.order):
            rows = made.draws[made.order == index]
            assert len(np.unique(rows[:, 0])) == len(rows)

    def test_the_first_occurrence_has_the_draws_of_plain_sampling(self) -> None:
        plain, balanced = epoch(AFFINE), epoch(AFFINE, sampling="balanced")
        first = dict(zip(balanced.order[::-1], balanced.draws[::-1], strict=True))
        drawn = dict(zip(plain.order, plain.draws, strict=True))
        assert all(np.array_equal(row, drawn[index]) for index, row in first.items())

    def test_the_next_epoch_shows_other_images_of_a_large_class(self) -> None:
        first, second = (set(epoch(key=EpochKey(0, 0, k), sampling="balanced").order[:]) for k in (0, 1))
        assert first != second


class TestClassWeights:
    def test_balanced_weights_are_those_of_scikit_learn(self) -> None:
        from sklearn.utils.class_weight import compute_class_weight

        expected = compute_class_weight("balanced", classes=np.arange(CLASSES), y=LABELS)
        np.testing.assert_allclose(compute_class_weights("balanced", LABELS, CLASSES), expected, rtol=1e-6)  # type: ignore[arg-type]

    @given(st.lists(st.integers(0, 7), min_size=1, max_size=40))
    def test_balanced_weights_use_the_classes_that_exist(self, values: list[int]) -> None:
        """As scikit-learn does for `classes=np.unique(y)`: the mean over the samples is 1, whichever classes have no images; those weigh 0."""
        from sklearn.utils.class_weight import compute_class_weight

        labels, weights = np.array(values), compute_class_weights("balanced", np.array(values), 10)
        assert weights is not None
        expected = np.zeros(10)
        expected[np.unique(labels)] = compute_class_weight("balanced", classes=np.unique(labels), y=labels)
        np.testing.assert_allclose(weights, expected, rtol=1e-6)
        np.testing.assert_allclose(weights[labels].mean(), 1, rtol=1e-6)

    def test_a_samples_weight_is_the_mean_of_its_classes_weights(self) -> None:
        weights = np.array([1.0, 2.0, 4.0], np.float32)
        for batch in batches(epoch(MIXUP, class_weights=weights)):
            np.testing.assert_allclose(batch.weights, batch.targets @ weights, rtol=1e-6)
        assert compute_class_weights(None, LABELS, CLASSES) is None
        assert epoch()[0].weights is None

    @pytest.mark.parametrize(
        ("rule", "weights"),
        [
            ({"0": 2.0, "2": 0.5}, [2.0, 1.0, 0.5]),  # as Keras has it: other classes have weight 1
            ({"cat": 3.0}, [1.0, 3.0, 1.0]),
            ({"0": 3.0}, [3.0, 1.0, 1.0]),
            ([1.0, 2.0, 3.0], [1.0, 2.0, 3.0]),
            ("balanced", "balanced"),
            (None, None),
        ],
    )
    def test_a_mapping_gives_weights_by_name_or_number(self, rule: Any, weights: Any) -> None:
        assert list_class_weights(rule, ("dog", "cat", "bird")) == weights

    def test_a_name_that_is_a_number_is_a_name(self) -> None:
        assert list_class_weights({"2": 5.0}, ("2", "1", "0")) == [5.0, 1.0, 1.0]

    @pytest.mark.parametrize(
        ("rule", "message"),
        [
            ([1.0, 2.0], "expected 3 weights, one per class, got 2"),
            ({"cta": 1.0}, "expected the name of a class or its number from 0 to 2, got 'cta'; did you mean 'cat'?"),
            ({"3": 1.0}, "expected the name of a class or its number from 0 to 2, got '3'"),
            ({"-1": 1.0}, "got '-1'"),
            ({"cat": 1.0, "1": 2.0}, "the class 'cat' is given twice, by its name and by its number 1"),
        ],
    )
    def test_weights_that_do_not_fit_the_classes_are_refused(self, rule: Any, message: str) -> None:
        with pytest.raises(UserError, match=re.escape(message)):
            list_class_weights(rule, ("dog", "cat", "bird"))

    def test_keras_numbers_and_yaml_texts_are_the_same_recipe(self) -> None:
        plans = [load_plan(tiny_recipe(), {"defaults.class_weight": rule}) for rule in ({0: 1.0, 3: 2.0}, {"0": 1.0, "3": 2.0})]
        plans.append(load_plan(tiny_recipe(), ["defaults.class_weight={0: 1.0, 3: 2.0}"]))
        assert plans[0].to_dict() == plans[1].to_dict() == plans[2].to_dict() == load_plan(plans[0].to_dict()).to_dict()
        assert plans[0].to_dict()["stages"][0]["class_weight"] == {"0": 1.0, "3": 2.0}

    @pytest.mark.parametrize("rule", ["balance", "equal", {}, {0: -1.0}, {"cat": True}, {1.5: 1.0}, [0.0], 3])
    def test_the_message_says_all_forms(self, rule: Any) -> None:
        allowed = "expected 'balanced', a list of numbers > 0, one per class, or a mapping {class: number}"
        with pytest.raises(UserError, match=re.escape(allowed)) as caught:
            load_plan(tiny_recipe(), {"stages.0.class_weight": rule})
        assert str(caught.value).endswith("; did you mean 'balanced'?") == (rule == "balance")
