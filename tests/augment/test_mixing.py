"""Augmentations that mix images and their targets, against the papers' formulas with the same draws; and the choice of one of several steps."""

from typing import Any

import numpy as np
import pytest
import scipy.stats
from augment_cases import changed, noise
from tiny_recipe import tiny_recipe

from kcifar.augment.crop import RandomCrop
from kcifar.augment.erasing import Cutout
from kcifar.augment.flips import HorizontalFlip, VerticalFlip
from kcifar.augment.geometry import RandomAffine
from kcifar.augment.mixing import CutMix, MixUp
from kcifar.augment.one_of import one_of
from kcifar.augment.operation import Mixing, Occasion, Operation, Step
from kcifar.augment.pipeline import draw_all
from kcifar.core.errors import UserError
from kcifar.planning.plan import make_plan
from kcifar.recipe.load import load_recipe

IMAGE_SHAPE = (32, 32, 3)


class TestMixUp:
    def test_blends_by_the_papers_formula(self) -> None:
        images, partners = noise(4).astype(np.float64), noise(4, seed=1).astype(np.float64)
        partners_share = np.array([[0.0], [0.25], [0.7], [1.0]])
        weight = (1 - partners_share)[:, :, None, None]
        result = changed(MixUp(), images, partners_share, partners)
        np.testing.assert_allclose(result, weight * images + (1 - weight) * partners, rtol=0, atol=1e-4)
        np.testing.assert_allclose(MixUp().own_share(partners_share, IMAGE_SHAPE), [1, 0.75, 0.3, 0], rtol=0, atol=1e-7)

    @pytest.mark.parametrize("alpha", [0.2, 1.0, 8.0])
    def test_fractions_follow_the_beta_distribution(self, alpha: float) -> None:
        draws = MixUp(alpha).draw(Occasion(), 3000, IMAGE_SHAPE)[:, 0]
        assert scipy.stats.kstest(draws, scipy.stats.beta(alpha, alpha).cdf).pvalue > 0.01

    @pytest.mark.parametrize("alpha", [0.01, 100.0])
    def test_the_ends_of_the_range_give_numbers(self, alpha: float) -> None:
        for step in (MixUp(alpha), CutMix(alpha)):
            draws = step.draw(Occasion(), 2000, IMAGE_SHAPE)
            assert np.isfinite(draws).all()
            assert draws.min() >= 0


class TestCutMix:
    def test_pastes_the_partners_pixels_into_the_box(self) -> None:
        images, partners = noise(3, (6, 9, 3)), noise(3, (6, 9, 3), seed=1)
        expected = images.astype(np.float32)
        expected[0, 2:5, 1:8] = partners[0, 2:5, 1:8]
        expected[2] = partners[2]
        draws = np.array([[1, 2, 8, 5], [4, 4, 4, 4], [0, 0, 9, 6]], np.float32)
        np.testing.assert_array_equal(changed(CutMix(), images, draws, partners), expected)
        np.testing.assert_allclose(CutMix().own_share(draws, (6, 9, 3)), [1 - 21 / 54, 1, 0], rtol=0, atol=1e-7)

    def test_boxes_are_the_papers(self) -> None:
        """The same centers and lambdas through the paper's algorithm, written out one image at a time."""
        shape, occasion = (24, 40, 3), Occasion(7)
        draws = CutMix(0.7).draw(occasion, 300, shape)
        centers = occasion.generator().integers(0, (40, 24), (300, 2))
        lambdas = occasion.generator(2).beta(0.7, 0.7, 300)
        for row, (x, y), fraction in zip(draws, centers, lambdas, strict=True):
            width, height = int(40 * np.sqrt(1 - fraction)), int(24 * np.sqrt(1 - fraction))
            columns = np.clip([x - width // 2, x + width // 2], 0, 40)
            rows = np.clip([y - height // 2, y + height // 2], 0, 24)
            assert row.tolist() == [columns[0], rows[0], columns[1], rows[1]]

    def test_unclipped_boxes_leave_the_drawn_fraction(self) -> None:
        shape = (400, 400, 3)  # large, so that rounding to even numbers hardly shows
        draws = CutMix().draw(Occasion(), 4000, shape)
        uncut = (draws[:, :2] > 0).all(axis=1) & (draws[:, 2:] < 400).all(axis=1)
        lambdas = Occasion().generator(2).beta(1.0, 1.0, 4000)
        assert uncut.sum() > 500
        np.testing.assert_allclose(CutMix().own_share(draws, shape)[uncut], lambdas[uncut], rtol=0, atol=0.012)


STEPS = (HorizontalFlip(1.0), VerticalFlip(1.0), Cutout(8))


class TestOneOf:
    def test_applies_the_step_that_was_drawn(self) -> None:
        images, choice = noise(4), one_of(operations=STEPS)
        draws = np.array([[k, 1, 1, 2, 3, 9, 9] for k in (0, 1, 2, -1)], np.float32)
        result = changed(choice, images, draws)
        np.testing.assert_array_equal(result[0], images[0, :, ::-1])
        np.testing.assert_array_equal(result[1], images[1, ::-1])
        np.testing.assert_array_equal(result[2], changed(Cutout(), images[2:3], draws[:1, 3:])[0])
        np.testing.assert_array_equal(result[3], images[3])

    @pytest.mark.parametrize(
        ("weights", "probability", "fractions"),
        [(None, 1.0, [0, 1 / 3, 1 / 3, 1 / 3]), ([6.0, 0.0, 2.0], 1.0, [0, 0.75, 0, 0.25]), ([1.0, 1.0, 2.0], 0.4, [0.6, 0.1, 0.1, 0.2])],
    )
    def test_chooses_by_the_weights(self, weights: list[float] | None, probability: float, fractions: list[float]) -> None:
        draws = one_of(operations=STEPS, weights=weights, probability=probability).draw(Occasion(), 6000, IMAGE_SHAPE)
        frequencies = np.bincount(draws[:, 0].astype(int) + 1, minlength=4) / 6000
        np.testing.assert_allclose(frequencies, fractions, rtol=0, atol=0.03)
        assert (frequencies[np.array(fractions) == 0] == 0).all()

    def test_every_inner_step_has_its_own_randomness(self) -> None:
        crops = (RandomCrop(8), RandomCrop(8), one_of(operations=(RandomCrop(8), RandomCrop(8))))
        table = draw_all([one_of(operations=crops), RandomCrop(8)], Occasion(1), 500, IMAGE_SHAPE)
        numbers = np.delete(table, 0, axis=1)
        assert numbers.shape == (500, 2 + 2 + 5 + 2)
        assert np.abs(np.corrcoef(numbers.T) - np.eye(11)).max() < 0.2
        assert np.abs(np.corrcoef(table[:, 0], numbers.T)[0, 1:]).max() < 0.2

    def test_an_inner_step_draws_by_its_position(self) -> None:
        affine = RandomAffine(15.0, 0.1, 0.1)
        draws = one_of(operations=(HorizontalFlip(), affine)).draw(Occasion(1, position=(3,)), 20, IMAGE_SHAPE)
        np.testing.assert_array_equal(draws[:, 2:], affine.draw(Occasion(1, position=(3, 1)), 20, IMAGE_SHAPE))

    def test_choosing_between_steps_that_mix_mixes_by_the_fraction_of_the_chosen_one(self) -> None:
        images, partners = noise(3), noise(3, seed=1)
        choice = one_of(operations=(MixUp(), CutMix()))
        draws = np.array([[k, 0.25, 0, 0, 16, 32] for k in (0, 1, -1)], np.float32)
        result = changed(choice, images, draws, partners)
        np.testing.assert_allclose(result[0], 0.75 * images[0] + 0.25 * partners[0], rtol=0, atol=1e-4)
        np.testing.assert_array_equal(result[1], np.concatenate([partners[1, :, :16], images[1, :, 16:]], axis=1))
        np.testing.assert_array_equal(result[2], images[2])
        assert isinstance(choice, Mixing)
        np.testing.assert_array_equal(choice.own_share(draws, IMAGE_SHAPE), np.array([0.75, 0.5, 1], np.float32))

    def test_choosing_between_operations_is_an_operation(self) -> None:
        choice = one_of(operations=(one_of(operations=STEPS), *STEPS))
        assert isinstance(choice, Operation)
        assert not isinstance(choice, Mixing)

    @pytest.mark.parametrize(
        ("operations", "weights", "message"),
        [
            ((MixUp(), Cutout()), None, "one_of.operations: expected all of them to mix images, or none, got MixUp, Cutout"),
            (STEPS, [1.0, 2.0], "one_of.weights: expected 3, one for each operation, got 2"),
            (STEPS, [0.0, 0.0, 0.0], "one_of.weights: expected at least one above 0, got [0.0, 0.0, 0.0]"),
        ],
    )
    def test_refuses_what_it_cannot_choose_from(self, operations: tuple[Step, ...], weights: list[float] | None, message: str) -> None:
        with pytest.raises(UserError) as caught:
            one_of(operations=operations, weights=weights)
        assert str(caught.value) == message


def planned(*augmentation: dict[str, Any]) -> tuple[Step, ...]:
    recipe = tiny_recipe(defaults={"augmentation": list(augmentation)}, stages=[{"name": "only", "epochs": 1, "learning_rate": 1e-3}])
    return make_plan(load_recipe(recipe)).stages[0].operations


class TestRecipe:
    def test_writes_the_inner_steps_as_any_other(self) -> None:
        inner = [{"name": "horizontal_flip"}, {"name": "one_of", "operations": [{"name": "random_crop", "padding": 2}], "probability": 0.5}]
        steps = planned({"name": "one_of", "operations": inner, "weights": [1, 3]})
        assert steps == (one_of(operations=(HorizontalFlip(), one_of(operations=(RandomCrop(2),), probability=0.5)), weights=[1, 3]),)

    @pytest.mark.parametrize(
        ("part", "message"),
        [
            ({"operations": []}, "augmentation[0].operations: expected a list of at least 1 item, got []"),
            ({"operations": [{"name": "cutout", "size": -1}]}, "augmentation[0].operations[0].size: expected an integer >= 0 and <= 1024, got -1"),
            ({"operations": [{"name": "cutout"}], "weights": [-1]}, "augmentation[0].weights[0]: expected a number >= 0 and <= 1000000, got -1"),
            ({"operations": [{"name": "cutout"}], "probability": 2}, "augmentation[0].probability: expected a number >= 0 and <= 1, got 2"),
            ({"operations": [{"name": "cutout"}], "weights": [1, 2]}, "one_of.weights: expected 1, one for each operation, got 2"),
        ],
    )
    def test_an_error_is_one_line(self, part: dict[str, Any], message: str) -> None:
        with pytest.raises(UserError) as caught:
            planned({"name": "one_of", **part})
        assert message in str(caught.value)
        assert len(str(caught.value).splitlines()) == 1
