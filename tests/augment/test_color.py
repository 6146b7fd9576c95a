"""Color, noise and blur: Pillow's and the papers' numbers for given draws; the noise is Gaussian and independent."""

import colorsys
from typing import Any

import keras
import numpy as np
import pytest
import scipy.ndimage
import scipy.stats
from augment_cases import changed, noise
from PIL import Image, ImageEnhance

from kcifar.augment.blur import GaussianBlur
from kcifar.augment.color import ColorJitter, Grayscale
from kcifar.augment.noise import NUM_SEEDS, GaussianNoise, make_normal_noise
from kcifar.augment.operation import Occasion
from kcifar.core.checks import checked_arguments
from kcifar.core.errors import UserError

SHAPE = (32, 32, 3)
NEUTRAL = (1.0, 1.0, 1.0, 0.0)


def jittered(images: np.ndarray, **amounts: float) -> np.ndarray:
    """Return the images after a jitter with these draws."""
    draws = dict(zip(("brightness", "contrast", "saturation", "hue"), NEUTRAL, strict=True)) | amounts
    return changed(ColorJitter(), images, np.array([list(draws.values())] * len(images)))


class TestColorJitter:
    @pytest.mark.parametrize(
        ("amount", "enhancer"), [("brightness", ImageEnhance.Brightness), ("contrast", ImageEnhance.Contrast), ("saturation", ImageEnhance.Color)]
    )
    @pytest.mark.parametrize("factor", [0.0, 0.3, 1.0, 1.7, 2.0])
    def test_is_pillows_enhancement_within_its_rounding(self, amount: str, enhancer: Any, factor: float) -> None:
        images = noise(3)
        expected = np.stack([enhancer(Image.fromarray(image)).enhance(factor) for image in images])
        # Pillow rounds its gray copy (half a level, times factor - 1) and cuts the fraction of the result off (up to one level).
        difference = jittered(images, **{amount: factor}) - expected
        assert difference.min() >= -0.51 * abs(factor - 1)
        assert difference.max() < 1 + 0.51 * abs(factor - 1)

    @pytest.mark.parametrize("turn", [-0.5, -0.21, 0.04, 0.25, 0.5])
    def test_rotates_the_hue_as_colorsys_does(self, turn: float) -> None:
        images = noise(1, (12, 12, 3))
        images[0, 0] = np.arange(12)[:, None]  # pixels without color
        result = jittered(images, hue=turn)
        for pixel, ours in zip(images.reshape(-1, 3), result.reshape(-1, 3), strict=True):
            hue, saturation, value = colorsys.rgb_to_hsv(*pixel / 255)
            np.testing.assert_allclose(ours / 255, colorsys.hsv_to_rgb((hue + turn) % 1, saturation, value), atol=1e-5)

    def test_goes_in_the_order_of_its_name(self) -> None:
        images, draws = noise(2), np.array([[1.4, 0.6, 1.5, 0.1]] * 2)
        expected = images
        for name, value in zip(("brightness", "contrast", "saturation", "hue"), draws[0], strict=True):
            expected = jittered(expected, **{name: value})
        np.testing.assert_allclose(changed(ColorJitter(), images, draws), expected, atol=1e-3)

    def test_gray_images_have_no_saturation_and_no_hue(self) -> None:
        images = np.repeat(noise(2, (8, 8, 1)), 3, axis=3)
        np.testing.assert_allclose(jittered(images, saturation=1.8, hue=0.3), images, atol=1e-4)

    def test_draws_fill_the_ranges(self) -> None:
        draws = ColorJitter(0.4, 0.3, 0.2, 0.1, probability=0.75).draw(Occasion(1), 4000, SHAPE)
        struck = (draws != np.float32(NEUTRAL)).any(axis=1)
        assert struck.mean() == pytest.approx(0.75, abs=5 * np.sqrt(0.75 * 0.25 / 4000))
        largest = np.array([0.4, 0.3, 0.2, 0.1])
        amounts = draws[struck] - np.float32(NEUTRAL)
        assert (np.abs(amounts) <= largest + 1e-6).all()
        assert (amounts.min(axis=0) < -0.99 * largest).all()
        assert (amounts.max(axis=0) > 0.99 * largest).all()
        assert np.abs(np.corrcoef(amounts.T) - np.eye(4)).max() < 0.1


class TestGrayscale:
    def test_is_pillows_gray_within_its_rounding(self) -> None:
        images = noise(3)
        expected = np.stack([Image.fromarray(image).convert("L") for image in images])[..., None]
        np.testing.assert_allclose(changed(Grayscale(), images, np.ones((3, 1))), np.repeat(expected, 3, axis=3), atol=0.51)

    def test_gray_pixels_keep_every_bit(self) -> None:
        images = np.repeat(noise(2, (8, 8, 1)), 3, axis=3).astype(np.float32) / 3
        np.testing.assert_array_equal(changed(Grayscale(), images, np.ones((2, 1))), images)

    def test_changes_the_requested_fraction(self) -> None:
        draws = Grayscale().draw(Occasion(1), 10_000, SHAPE)
        assert set(np.unique(draws)) == {0, 1}
        assert draws.mean() == pytest.approx(0.1, abs=5 * np.sqrt(0.09 / 10_000))


@pytest.fixture(scope="module")
def numbers() -> np.ndarray:
    """Return the noise of 600 consecutive seeds, which differ least, and are also numbers of pixels: (600, 3072)."""
    seeds = np.arange(1000, 1600, dtype=np.float32)
    result: np.ndarray = keras.ops.convert_to_numpy(make_normal_noise(keras.ops.convert_to_tensor(seeds), SHAPE)).reshape(600, -1)
    return result


class TestGaussianNoise:
    def test_is_normal(self, numbers: np.ndarray) -> None:
        count = numbers.size
        # Means of powers of a standard normal number; their standard errors are sqrt((E x^2k - (E x^k)^2) / n).
        for power, mean, variance in ((1, 0, 1), (2, 1, 2), (3, 0, 15), (4, 3, 96)):
            assert (numbers.astype(np.float64) ** power).mean() == pytest.approx(mean, abs=5 * np.sqrt(variance / count))
        assert scipy.stats.kstest(numbers.reshape(-1), "norm").statistic < 1.95 / np.sqrt(count)  # a chance of one in a thousand
        assert np.abs(numbers).max() < 5.8

    @pytest.mark.parametrize("distance", [1, 2, 3, 32, 96, 1535, 1536, 1537])
    def test_pixels_are_independent(self, numbers: np.ndarray, distance: int) -> None:
        for values in (numbers, numbers**2):  # Sine and cosine of one angle are uncorrelated even if the radius is shared badly.
            first, second = values[:, :-distance].reshape(-1), values[:, distance:].reshape(-1)
            assert abs(np.corrcoef(first, second)[0, 1]) < 5 / np.sqrt(first.size)

    @pytest.mark.parametrize("distance", [1, 2, 16, 256])
    def test_seeds_are_independent(self, numbers: np.ndarray, distance: int) -> None:
        for values in (numbers, numbers**2):
            first, second = values[:-distance].reshape(-1), values[distance:].reshape(-1)
            assert abs(np.corrcoef(first, second)[0, 1]) < 5 / np.sqrt(first.size)

    def test_each_pixel_and_each_seed_has_the_same_distribution(self, numbers: np.ndarray) -> None:
        for axis, count in ((0, 600), (1, 3072)):
            assert np.abs(numbers.mean(axis=axis)).max() < 5.5 / np.sqrt(count)
            assert np.abs(numbers.std(axis=axis) - 1).max() < 5.5 / np.sqrt(2 * count)

    def test_no_two_seeds_make_the_same_noise(self, numbers: np.ndarray) -> None:
        assert len(np.unique(numbers[:, :64], axis=0)) == len(numbers)
        assert len(np.unique(numbers)) > 0.8 * numbers.size  # 23 bits: some of 1.8 million meet

    def test_adds_the_standard_deviation_and_clips_to_the_range(self) -> None:
        images, draws = np.full((200, *SHAPE), 128.0), GaussianNoise(20.0).draw(Occasion(1), 200, SHAPE)
        result = changed(GaussianNoise(), images, draws)
        assert result.std() == pytest.approx(20, rel=0.01)
        dark = changed(GaussianNoise(), np.zeros_like(images), draws)
        np.testing.assert_allclose(dark, np.maximum(result - 128, 0), atol=1e-4)

    def test_draws_whole_seeds_that_a_float_represents(self) -> None:
        draws = GaussianNoise(20.0, probability=0.5).draw(Occasion(1), 4000, SHAPE)
        assert (draws[:, 0] == np.floor(draws[:, 0])).all()
        assert 0.999 * NUM_SEEDS < draws[:, 0].max() < NUM_SEEDS
        assert len(np.unique(draws[:, 0])) > 3990
        assert set(np.unique(draws[:, 1])) == {0, 20}
        assert (draws[:, 1] > 0).mean() == pytest.approx(0.5, abs=5 * np.sqrt(0.25 / 4000))

    # By the formulas of the docstring, in whole numbers of any length and double precision.
    @pytest.mark.parametrize("seed", [0, 1, 12345, NUM_SEEDS - 1])
    def test_is_the_hash_and_the_formula(self, seed: int) -> None:
        shape = (3, 3, 1)  # an odd count
        first, second = (np.array([uniform(seed, start + pair) for pair in range(5)]) for start in (0, 5))
        radius, angle = np.sqrt(-2 * np.log(first)), 2 * np.pi * (second - 0.5)
        expected = np.concatenate([radius * np.cos(angle), radius * np.sin(angle)])[:9].reshape(1, *shape)
        result = keras.ops.convert_to_numpy(make_normal_noise(keras.ops.convert_to_tensor([seed], "float32"), shape))
        np.testing.assert_allclose(result, expected, atol=1e-5)


def lowbias32(number: int) -> int:
    """Return Wellons' hash."""
    number = (number ^ number >> 16) * 0x7FEB352D % 2**32
    number = (number ^ number >> 15) * 0x846CA68B % 2**32
    return number ^ number >> 16


def uniform(seed: int, counter: int) -> float:
    return ((lowbias32(lowbias32(seed) ^ lowbias32(NUM_SEEDS + counter)) >> 9) + 0.5) / 2**23


class TestGaussianBlur:
    @pytest.mark.parametrize("radius", [1, 2, 7])
    @pytest.mark.parametrize("sigma", [0.1, 0.8, 2.0, 10.0])
    @pytest.mark.parametrize("shape", [SHAPE, (9, 20, 1)])
    def test_is_scipys_with_mirrored_borders(self, sigma: float, radius: int, shape: tuple[int, int, int]) -> None:
        images = noise(2, shape)
        expected = scipy.ndimage.gaussian_filter(images.astype(np.float64), sigma, mode="mirror", radius=radius, axes=(1, 2))
        np.testing.assert_allclose(changed(GaussianBlur(radius=radius), images, np.full((2, 1), sigma)), expected, atol=1e-3)

    def test_a_kernel_wider_than_the_image_goes_on_in_its_mirror(self) -> None:
        images = noise(1, (3, 2, 1))
        expected = scipy.ndimage.gaussian_filter(images.astype(np.float64), 4.0, mode="mirror", radius=15, axes=(1, 2))
        np.testing.assert_allclose(changed(GaussianBlur(radius=15), images, np.full((1, 1), 4.0)), expected, atol=1e-3)

    def test_draws_fill_the_range(self) -> None:
        draws = GaussianBlur(0.5, 1.5, probability=0.5).draw(Occasion(1), 4000, SHAPE)[:, 0]
        struck = draws > 0
        assert struck.mean() == pytest.approx(0.5, abs=5 * np.sqrt(0.25 / 4000))
        assert 0.5 <= draws[struck].min() < 0.51
        assert 1.49 < draws[struck].max() <= 1.5

    def test_refuses_a_reversed_range(self) -> None:
        with pytest.raises(UserError, match=r"gaussian_blur: max_sigma: expected a number >= min_sigma = 1.5, got 1.0"):
            GaussianBlur(1.5, 1.0)


@pytest.mark.parametrize(
    ("factory", "arguments", "message"),
    [
        (ColorJitter, {"brightness": 1.1}, "brightness: expected a number >= 0 and <= 1, got 1.1"),
        (ColorJitter, {"contrast": -0.1}, "contrast: expected a number >= 0 and <= 1, got -0.1"),
        (ColorJitter, {"saturation": 2}, "saturation: expected a number >= 0 and <= 1, got 2"),
        (ColorJitter, {"hue": 0.6}, "hue: expected a number >= 0 and <= 0.5, got 0.6"),
        (Grayscale, {"probability": 1.5}, "probability: expected a number >= 0 and <= 1, got 1.5"),
        (GaussianNoise, {"deviation": 129}, "deviation: expected a number >= 0 and <= 128, got 129"),
        (GaussianBlur, {"max_sigma": 11}, "max_sigma: expected a number >= 0 and <= 10, got 11"),
        (GaussianBlur, {"radius": 16}, "radius: expected an integer >= 1 and <= 15, got 16"),
    ],
)
def test_checks_what_a_recipe_says(factory: Any, arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError) as caught:
        checked_arguments(factory, arguments, ("augmentation", 0), lambda path: "recipe.yaml:1")
    assert f"augmentation[0].{message}" in str(caught.value)
