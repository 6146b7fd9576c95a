"""The policies: every transformation is Pillow's, bit for bit; tables, probabilities and mixing are the papers'."""

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from augment_cases import changed, noise
from PIL import Image, ImageEnhance, ImageOps

from kcifar.augment.aug_mix import AugMix
from kcifar.augment.auto_augment import CIFAR10_POLICY, AutoAugment
from kcifar.augment.integer_affine import Resampling
from kcifar.augment.operation import Occasion
from kcifar.augment.policy_spaces import make_aug_mix_space, make_auto_augment_space, make_rand_augment_space, make_trivial_augment_space
from kcifar.augment.rand_augment import RandAugment
from kcifar.augment.transformation_space import SIGNED, TransformationSpace, make_row
from kcifar.augment.transformations import apply_transformations
from kcifar.augment.trivial_augment import TrivialAugment
from kcifar.core.checks import checked_arguments
from kcifar.core.errors import UserError

SHAPE = (32, 32, 3)
SPACES = {
    "rand": make_rand_augment_space(),
    "wide": make_trivial_augment_space(),
    "auto": make_auto_augment_space(),
    "mix": make_aug_mix_space(True),
    "mix, paper": make_aug_mix_space(False),
}
AFFINE, NEAREST, BILINEAR = Image.Transform.AFFINE, Image.Resampling.NEAREST, Image.Resampling.BILINEAR
POLICIES: dict[str, Any] = {"rand": RandAugment(), "wide": TrivialAugment(), "auto": AutoAugment(), "mix": AugMix()}

PILLOW: dict[str, Callable[[Image.Image, float], Image.Image]] = {
    "identity": lambda image, amount: image,
    "brightness": lambda image, amount: ImageEnhance.Brightness(image).enhance(factor(amount)),
    "color": lambda image, amount: ImageEnhance.Color(image).enhance(factor(amount)),
    "contrast": lambda image, amount: ImageEnhance.Contrast(image).enhance(factor(amount)),
    "sharpness": lambda image, amount: ImageEnhance.Sharpness(image).enhance(factor(amount)),
    "posterize": lambda image, amount: ImageOps.posterize(image, int(amount)) if amount else Image.new("RGB", image.size),
    "solarize": ImageOps.solarize,
    "equalize": lambda image, amount: ImageOps.equalize(image),
    "invert": lambda image, amount: ImageOps.invert(image),
}


def factor(amount: float) -> float:
    """Return an enhancement's factor, rounded to 1024ths as in `TransformationSpace`."""
    return round((1 + amount) * 1024) / 1024


def affine(change: str, amount: float, size: int) -> tuple[float, ...]:
    """Return Pillow's six numbers: where (x, y) of the result is read, from the upper left corner."""
    pixels = int(np.copysign(abs(amount) * size + 1e-6, amount))
    turn = np.deg2rad(amount)
    cosine, sine, middle = np.cos(turn), np.sin(turn), size / 2
    return {
        "shear_x": (1, amount, 0, 0, 1, 0),
        "shear_y": (1, 0, 0, amount, 1, 0),
        "translate_x": (1, 0, -pixels, 0, 1, 0),
        "translate_y": (1, 0, 0, 0, 1, -pixels),
        "rotate": (cosine, -sine, middle - cosine * middle + sine * middle, sine, cosine, middle - sine * middle - cosine * middle),
    }[change]


def by_pillow(image: np.ndarray, change: str, amount: float, fill: int = 128) -> np.ndarray:
    """Return one uint8 image as Pillow transforms it."""
    picture = Image.fromarray(image)
    if change == "autocontrast":
        return stretched(image)
    if change in PILLOW:
        return np.asarray(PILLOW[change](picture, amount))
    numbers = affine(change, amount, image.shape[0])
    return np.asarray(picture.transform(picture.size, AFFINE, numbers, NEAREST, fillcolor=(fill,) * 3))


def stretched(image: np.ndarray) -> np.ndarray:
    """Return ImageOps.autocontrast in whole numbers: Pillow's version, in floats, may miss a whole quotient and be one level darker."""
    darkest, brightest = image.min(axis=(0, 1)).astype(int), image.max(axis=(0, 1)).astype(int)
    result = np.where(brightest > darkest, 255 * (image - darkest) // np.maximum(brightest - darkest, 1), image).astype(np.uint8)
    assert np.abs(result - np.asarray(ImageOps.autocontrast(Image.fromarray(image))).astype(int)).max() <= 1
    return result


def pictures(count: int) -> np.ndarray:
    """Return noise, and waves of few levels, which autocontrast, equalize and posterize treat differently; the first has one level."""
    row, column = np.mgrid[:32, :32] / 5
    phase = np.random.default_rng(1).uniform(0, 6, (count, 1, 1, 3))
    waves = 128 + 50 * np.sin(row[..., None] + phase) * np.cos(column[..., None] - phase)
    images = np.where(np.arange(count)[:, None, None, None] % 2, noise(count), waves.astype(np.uint8))
    images[0] = 77
    return images.astype(np.uint8)


@cache
def program(space: str, sampling: Resampling) -> Any:
    """Return a compiled function of images and codes; TensorFlow's `vectorized_map` is slow otherwise."""
    return tf.function(lambda images, numbers: apply_transformations(images, numbers, SPACES[space], sampling), reduce_retracing=True)


def meanings(space: TransformationSpace) -> list[tuple[str, float]]:
    """Return the transformation and the amount, with its sign, of every code."""
    signs = [(name, (1, -1) if name in SIGNED else (1, 1)) for name in space.amounts]
    return [(name, sign * amount) for name, both in signs for amount in space.amounts[name] for sign in both]


class TestTransformations:
    @pytest.mark.parametrize("space", SPACES)
    def test_every_transformation_in_every_bin_is_pillows(self, space: str) -> None:
        images, transformations = pictures(6), meanings(SPACES[space])
        numbers = np.repeat(np.arange(len(transformations), dtype=np.float32), len(images))[:, None]
        result = np.asarray(
            program(space, Resampling("nearest", 128.0))(np.tile(images, (len(transformations), 1, 1, 1)).astype(np.float32), numbers)
        )
        for (change, amount), ours in zip(transformations, result.reshape(len(transformations), *images.shape), strict=True):
            expected = np.stack([by_pillow(image, change, amount) for image in images])
            np.testing.assert_array_equal(ours, expected, err_msg=f"{change} {amount}")

    @pytest.mark.parametrize(("change", "amount"), [("rotate", 20), ("rotate", -9), ("shear_x", 8), ("shear_y", -30), ("translate_x", 12)])
    def test_bilinear_is_pillows_within_a_level(self, change: str, amount: int) -> None:
        images, fill = pictures(5)[::2], 128  # waves; noise differs by what a coordinate rounded to a 256th of a pixel amounts to
        number = SPACES["wide"].encode(change, abs(amount), amount < 0)
        name, value = meanings(SPACES["wide"])[number]
        assert name == change
        result = np.asarray(program("wide", Resampling("bilinear", 128.0))(images.astype(np.float32), np.full((3, 1), number, np.float32)))
        # Pillow blends with no fill at the border: give it a wide one of its own.
        wide = np.pad(images, ((0, 0), (96, 96), (96, 96), (0, 0)), constant_values=fill)
        numbers = list(affine(change, value, 32))
        if change != "rotate":  # the corner moves by (96, 96)
            numbers[2] += 96 - 96 * (numbers[0] + numbers[1])
            numbers[5] += 96 - 96 * (numbers[3] + numbers[4])
        else:
            numbers = list(affine(change, value, 224))
        expected = np.stack(
            [np.asarray(Image.fromarray(image).transform((224, 224), AFFINE, numbers, BILINEAR, fillcolor=(fill,) * 3)) for image in wide]
        )
        # Pillow rounds to whole levels, the bilinear result itself is not rounded.
        np.testing.assert_allclose(result, expected[:, 96:-96, 96:-96], atol=1)

    def test_images_without_color_are_pillows_too(self) -> None:
        images = pictures(4)[..., :1]
        for name in ("contrast", "sharpness", "equalize", "color", "posterize"):
            number = SPACES["rand"].encode(name, 20)
            amount = SPACES["rand"].amounts[name][20]
            result = changed(RandAugment(1), images, np.full((4, 1), number))
            for image, ours in zip(images[..., 0], result[..., 0], strict=True):
                expected = image if name == "color" else np.asarray(PILLOW[name](Image.fromarray(image), amount))
                np.testing.assert_array_equal(ours, expected, err_msg=name)

    @pytest.mark.parametrize("space", SPACES)
    def test_bin_0_leaves_every_bit_unless_the_transformation_has_no_strength(self, space: str) -> None:
        images = noise(2).astype(np.float32) / 3
        strengthless = {"autocontrast", "equalize", "invert"} | ({"posterize"} if space.startswith("mix") else set())
        weak = [SPACES[space].encode(name, 0, negative) for name in SPACES[space].amounts if name not in strengthless for negative in (False, True)]
        images = np.tile(images, (len(weak), 1, 1, 1))
        result = program(space, Resampling("nearest", 128.0))(images, np.repeat(np.float32(weak), 2)[:, None])
        np.testing.assert_array_equal(result, images)

    def test_fractions_are_rounded_before_the_first_transformation(self) -> None:
        images = noise(2).astype(np.float32) + np.float32(0.375)
        number = np.full((2, 1), SPACES["auto"].encode("invert", 0), np.float32)
        np.testing.assert_array_equal(program("auto", Resampling("nearest", 128.0))(np.minimum(images, 255), number), 255 - noise(2))


class TestTables:
    def test_spaces_have_the_papers_ends(self) -> None:
        rand, wide, auto, mix = (SPACES[name].amounts for name in ("rand", "wide", "auto", "mix"))
        assert (len(rand), len(wide), len(auto) - 1, len(mix) - 1) == (14, 14, 14, 13)  # the last two never choose the identity
        assert (len(SPACES["mix, paper"].amounts) - 1, SPACES["rand"].bins, SPACES["auto"].bins) == (9, 31, 10)
        # Cubuk et al. 2019, table 6; Mueller and Hutter 2021, table 1 (wide).
        assert [rand[name][-1] for name in ("shear_x", "rotate", "brightness", "solarize", "posterize")] == [0.3, 30, 0.9, 0, 4]
        assert [wide[name][-1] for name in ("shear_x", "rotate", "brightness", "solarize", "posterize")] == [0.99, 135, 0.99, 0, 2]
        assert auto["translate_y"][-1] * 331 == pytest.approx(150)
        assert [mix["translate_y"][-1] * 3, mix["posterize"][0], mix["posterize"][-1]] == [1, 4, 0]
        for space in SPACES.values():
            assert all(len(amounts) == space.bins for amounts in space.amounts.values())

    def test_identity_is_code_0_and_codes_are_the_rows_of_the_table(self) -> None:
        space = SPACES["rand"]
        assert space.encode("identity", 0) == 0
        assert len(space.make_table((32, 32))) == 14 * 31 * 2
        assert meanings(space)[space.encode("rotate", 7, True)] == ("rotate", -7.0)

    def test_the_policy_is_the_papers(self) -> None:
        assert len(CIFAR10_POLICY) == 25
        names = [change for pair in CIFAR10_POLICY for change, _, _ in pair]
        assert set(names) == set(SPACES["auto"].amounts) - {"identity", "shear_x"}  # the search for CIFAR-10 never took ShearX
        assert sum(round(10 * chance) for pair in CIFAR10_POLICY for _, chance, _ in pair) == 265
        assert sum(magnitude for pair in CIFAR10_POLICY for _, _, magnitude in pair) == 187


class TestDraws:
    def test_rand_augment_draws_every_transformation_and_sign_uniformly(self) -> None:
        draws = RandAugment(3, 12).draw(Occasion(1), 8000, SHAPE)
        expected = [SPACES["rand"].encode(name, 12, negative) for name in SPACES["rand"].amounts for negative in (False, True)]
        codes, counts = np.unique(draws, return_counts=True)
        np.testing.assert_array_equal(codes, expected)
        weight = counts / draws.size
        assert np.abs(weight - 1 / 28).max() < 5 * np.sqrt(1 / 28 / draws.size)
        assert np.abs(np.corrcoef(draws.T) - np.eye(3)).max() < 5 / np.sqrt(8000)

    def test_trivial_augment_draws_every_transformation_bin_and_sign_uniformly(self) -> None:
        draws = TrivialAugment().draw(Occasion(1), 200_000, SHAPE)
        counts = np.bincount(draws[:, 0].astype(int), minlength=868)
        assert len(counts) == 868
        assert np.abs(counts / 200_000 - 1 / 868).max() < 5 * np.sqrt(1 / 868 / 200_000)

    def test_auto_augment_draws_each_pair_uniformly_and_each_transformation_with_its_probability(self) -> None:
        count, space = 100_000, SPACES["auto"]
        size = len(meanings(space))
        expected = np.zeros((size, size))  # of the first change's number and the second's
        for pair in CIFAR10_POLICY:
            first, second = (np.zeros(size), np.zeros(size))
            for chances, (change, chance, magnitude) in zip((first, second), pair, strict=True):
                chances[0] = 1 - chance
                for negative in (False, True):
                    chances[space.encode(change, magnitude, negative)] += chance / 2
            expected += np.outer(first, second) / 25
        first, second = AutoAugment().draw(Occasion(1), count, SHAPE).astype(int).T
        weight = np.bincount(first * size + second, minlength=size**2).reshape(size, size) / count
        np.testing.assert_array_equal(weight[expected == 0], 0)
        assert (np.abs(weight - expected) <= 5 * np.sqrt(expected / count)).all()

    @pytest.mark.parametrize("policy", POLICIES)
    def test_changes_the_requested_fraction(self, policy: str) -> None:
        operation = type(POLICIES[policy])(probability=0.3)
        always, draws = POLICIES[policy].draw(Occasion(1), 4000, SHAPE), operation.draw(Occasion(1), 4000, SHAPE)
        neutral = POLICIES[policy].draw(Occasion(1), 1, SHAPE) * 0
        neutral[0, 9:10] = 1  # AugMix's own weight
        struck = (draws != neutral).any(axis=1)
        np.testing.assert_array_equal(draws[struck], always[struck])  # the probability decides on nothing else
        wanted = 0.3 * (always != neutral).any(axis=1).mean()
        assert struck.mean() == pytest.approx(wanted, abs=5 * np.sqrt(0.21 / 4000))


class TestAugMix:
    def test_chains_have_their_lengths_and_bins(self) -> None:
        space = SPACES["mix"]
        chains = AugMix(severity=4).draw(Occasion(1), 6000, SHAPE)[:, :9].reshape(-1, 3)
        lengths = (chains > 0).sum(axis=1)
        np.testing.assert_array_equal(chains > 0, np.arange(3) < lengths[:, None])
        assert np.abs(np.bincount(lengths, minlength=4)[1:] / 18_000 - 1 / 3).max() < 5 * np.sqrt(2 / 9 / 18_000)
        bins = chains[chains > 0].astype(int) // 2 % space.bins
        assert np.abs(np.bincount(bins) / len(bins) - 1 / 4).max() < 5 * np.sqrt(3 / 16 / len(bins))
        changes = np.bincount(chains[chains > 0].astype(int) // 2 // space.bins)[1:]
        assert np.abs(changes / changes.sum() - 1 / 13).max() < 5 * np.sqrt(1 / 13 / changes.sum())

    def test_a_fixed_depth_is_kept(self) -> None:
        operation = AugMix(width=2, depth=5)
        assert operation.num_draws == 13
        assert (operation.draw(Occasion(1), 100, SHAPE)[:, :10] > 0).all()

    @pytest.mark.parametrize("alpha", [0.1, 1.0, 20.0])
    def test_weights_are_beta_and_dirichlet(self, alpha: float) -> None:
        weights = AugMix(alpha=alpha).draw(Occasion(1), 20_000, SHAPE)[:, 9:].astype(np.float64)
        np.testing.assert_allclose(weights.sum(axis=1), 1, atol=1e-6)
        assert (weights >= 0).all()
        image_weight, chains = weights[:, 0], weights[:, 1:]
        # Beta(a, a) has variance 1 / (4 (2 a + 1)), each of three weights of a Dirichlet(a, a, a) mean 1/3 and variance 2 / (9 (3 a + 1)).
        assert image_weight.mean() == pytest.approx(0.5, abs=0.02)
        assert image_weight.var() == pytest.approx(1 / (4 * (2 * alpha + 1)), rel=0.06)
        fractions = chains[image_weight < 0.99] / chains[image_weight < 0.99].sum(axis=1, keepdims=True)
        assert np.abs(fractions.mean(axis=0) - 1 / 3).max() < 0.02
        np.testing.assert_allclose(fractions.var(axis=0), 2 / (9 * (3 * alpha + 1)), rtol=0.08)

    def test_is_the_weighted_sum(self) -> None:
        images, operation = pictures(6), AugMix()
        draws = operation.draw(Occasion(3), 6, SHAPE)
        transformations, expected = meanings(SPACES["mix"]), np.zeros((6, *SHAPE))
        for image, row, total in zip(images, draws, expected, strict=True):
            total += row[9] * image
            for chain in range(3):
                copy = image
                for number in row[3 * chain : 3 * chain + 3].astype(int):
                    copy = by_pillow(copy, *transformations[number])
                total += row[10 + chain] * copy
        np.testing.assert_allclose(changed(operation, images, draws), expected, atol=1e-3)


@pytest.mark.parametrize(("policy", "space"), [("rand", "rand"), ("wide", "wide"), ("auto", "auto")])
def test_a_complete_policy_is_a_loop_of_pillows_operations(policy: str, space: str) -> None:
    images, transformations = pictures(60), meanings(SPACES[space])
    draws = POLICIES[policy].draw(Occasion(5), 60, SHAPE)
    expected = []
    for image, numbers in zip(images, draws.astype(int), strict=True):
        for number in numbers:
            image = by_pillow(image, *transformations[number])
        expected.append(image)
    np.testing.assert_array_equal(changed(POLICIES[policy], images, draws), np.stack(expected))


@pytest.mark.parametrize("fill", [0.0, 200.0])
def test_the_fill_value_is_beyond_the_image(fill: float) -> None:
    number = SPACES["rand"].encode("translate_x", 30)
    result = changed(RandAugment(1, fill_value=fill), noise(1), np.array([[number]]))
    moved = int(32 * 150 / 331)
    np.testing.assert_array_equal(result[:, :, :moved], fill)
    np.testing.assert_array_equal(result[:, :, moved:], noise(1)[:, :, :-moved])


@pytest.mark.parametrize(
    ("factory", "arguments", "message"),
    [
        (RandAugment, {"num_ops": 0}, "num_ops: expected an integer >= 1 and <= 8, got 0"),
        (RandAugment, {"num_ops": 9}, "num_ops: expected an integer >= 1 and <= 8, got 9"),
        (RandAugment, {"magnitude": 31}, "magnitude: expected an integer >= 0 and <= 30, got 31"),
        (RandAugment, {"fill_value": 256}, "fill_value: expected a number >= 0 and <= 255, got 256"),
        (TrivialAugment, {"interpolation": "cubic"}, "interpolation: expected one of 'nearest', 'bilinear', got 'cubic'"),
        (AutoAugment, {"probability": -0.1}, "probability: expected a number >= 0 and <= 1, got -0.1"),
        (AugMix, {"depth": 0}, "depth: expected an integer >= 1 and <= 8 or -1, got 0"),
        (AugMix, {"width": 9}, "width: expected an integer >= 1 and <= 8, got 9"),
        (AugMix, {"severity": 11}, "severity: expected an integer >= 1 and <= 10, got 11"),
        (AugMix, {"alpha": 0}, "alpha: expected a number >= 0.1 and <= 100, got 0"),
    ],
)
def test_checks_what_a_recipe_says(factory: Any, arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError) as caught:
        checked_arguments(factory, arguments, ("augmentation", 0), lambda path: "recipe.yaml:1")
    assert f"augmentation[0].{message}" in str(caught.value)


@pytest.mark.parametrize("sign", [1, -1])
def test_a_rounding_error_costs_a_translation_no_pixel(sign: int) -> None:
    assert 0.58 * 50 < 29  # in floating point
    assert make_row("translate_x", sign * 0.58, (50, 50)) == make_row("translate_x", sign * 29.2 / 50, (50, 50))
