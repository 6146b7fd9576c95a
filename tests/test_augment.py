"""Every registered augmentation keeps the contract of `augment/operation.py`; the affine map is `ImageDataGenerator`'s, to 1e-5."""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest
import scipy.ndimage
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from kcifar.augment import AUGMENTATIONS
from kcifar.augment.geometry import HorizontalFlip, RandomAffine
from kcifar.augment.operation import Operation
from kcifar.augment.pipeline import apply_all, draw_all
from kcifar.benchmarks.augment import compare
from kcifar.checks import checked_arguments
from kcifar.errors import UserError

IMAGE_SHAPE = (32, 32, 3)
FILLS = ("nearest", "reflect", "constant", "wrap")

# Compilers reorder sums and join a product and a sum into one rounding, which moves a sampled point by up to 4e-6 of a pixel; in
# white noise the step from one pixel to the next is up to 255, down and to the right.
ROUNDING = 2e-3

# Settings under which an operation does something, and settings of strength 0.
STRONG: dict[str, dict[str, Any]] = {"random_affine": {"rotation": 180.0, "width_shift": 0.5, "height_shift": 0.5}, "horizontal_flip": {}}
WEAKEST: dict[str, dict[str, Any]] = {"random_affine": {}, "horizontal_flip": {"probability": 0.0}}


def generator(key: int = 0) -> np.random.Generator:
    return np.random.Generator(np.random.Philox(key=key))


def noise(count: int, shape: tuple[int, int, int] = IMAGE_SHAPE, seed: int = 0) -> np.ndarray:
    """White noise: the steepest images there are, where an error of place shows most."""
    return np.random.default_rng(seed).integers(0, 256, (count, *shape), dtype=np.uint8)


def apply(operation: Operation, images: np.ndarray, draws: np.ndarray) -> np.ndarray:
    return keras.ops.convert_to_numpy(operation.apply(images.astype(np.float32), keras.ops.convert_to_tensor(draws, "float32")))


@pytest.fixture(params=AUGMENTATIONS.names())
def operation(request: pytest.FixtureRequest) -> Operation:
    return AUGMENTATIONS.get(request.param)(**STRONG.get(request.param, {}))


class TestContract:
    def test_keeps_shape_dtype_and_range(self, operation: Operation) -> None:
        images = noise(16)
        result = apply(operation, images, operation.draw(generator(), 16, IMAGE_SHAPE))
        assert result.shape == images.shape
        assert result.dtype == np.float32
        # Interpolation rounds: a blend of two equal pixels may miss them by an ulp.
        assert result.min() >= -1e-4
        assert result.max() <= 255 + 1e-4
        assert not np.array_equal(result, images)

    def test_draws_follow_from_the_generator_alone(self, operation: Operation) -> None:
        first, again, other = (operation.draw(generator(key), 50, IMAGE_SHAPE) for key in (1, 1, 2))
        assert first.dtype == np.float32
        assert first.shape == (50, operation.num_draws)
        np.testing.assert_array_equal(first, again)
        assert not np.array_equal(first, other)

    def test_the_first_draws_do_not_depend_on_how_many_follow(self, operation: Operation) -> None:
        few, many = (operation.draw(generator(), count, IMAGE_SHAPE) for count in (5, 50))
        np.testing.assert_array_equal(few, many[:5])

    def test_permuting_the_batch_permutes_the_result(self, operation: Operation) -> None:
        images, draws = noise(16), operation.draw(generator(), 16, IMAGE_SHAPE)
        order = np.random.default_rng(3).permutation(16)
        np.testing.assert_array_equal(apply(operation, images[order], draws[order]), apply(operation, images, draws)[order])

    def test_a_sample_alone_fares_as_in_its_batch(self, operation: Operation) -> None:
        images, draws = noise(16), operation.draw(generator(), 16, IMAGE_SHAPE)
        np.testing.assert_array_equal(apply(operation, images[7:8], draws[7:8])[0], apply(operation, images, draws)[7])

    @pytest.mark.parametrize("name", AUGMENTATIONS.names())
    def test_strength_zero_changes_no_bit(self, name: str) -> None:
        images = noise(16).astype(np.float32) / 3
        operation = AUGMENTATIONS.get(name)(**WEAKEST.get(name, {}))
        np.testing.assert_array_equal(apply(operation, images, operation.draw(generator(), 16, IMAGE_SHAPE)), images)

    def test_leaves_its_input_as_it_was(self, operation: Operation) -> None:
        images, draws = noise(4).astype(np.float32), operation.draw(generator(), 4, IMAGE_SHAPE)
        copies = images.copy(), draws.copy()
        apply(operation, images, draws)
        np.testing.assert_array_equal(images, copies[0])
        np.testing.assert_array_equal(draws, copies[1])

    @pytest.mark.parametrize("jit_compile", [None, True], ids=["graph", "xla"])
    def test_compiled_for_any_batch_size_it_does_the_same(self, operation: Operation, jit_compile: bool | None) -> None:
        signature = [tf.TensorSpec((None, *IMAGE_SHAPE), tf.float32), tf.TensorSpec((None, operation.num_draws), tf.float32)]
        compiled = tf.function(operation.apply, input_signature=signature, jit_compile=jit_compile)
        for count in (4, 7):
            images, draws = noise(count).astype(np.float32), operation.draw(generator(), count, IMAGE_SHAPE)
            result = compiled(images, draws)
            assert result.shape[1:] == IMAGE_SHAPE
            np.testing.assert_allclose(result, apply(operation, images, draws), rtol=0, atol=ROUNDING)

    def test_in_a_functional_model_it_does_the_same(self, operation: Operation) -> None:
        images = keras.Input(IMAGE_SHAPE, dtype="float32", name="images")
        draws = keras.Input((operation.num_draws,), dtype="float32", name="draws")
        model = keras.Model([images, draws], operation.apply(images, draws))
        assert model.output_shape == (None, *IMAGE_SHAPE)
        table = operation.draw(generator(), 6, IMAGE_SHAPE)
        result = model.predict_on_batch([noise(6).astype(np.float32), table])
        np.testing.assert_allclose(result, apply(operation, noise(6), table), rtol=0, atol=ROUNDING)

    def test_stays_in_float32_whatever_the_policy(self, operation: Operation, request: pytest.FixtureRequest) -> None:
        images, draws = noise(4), operation.draw(generator(), 4, IMAGE_SHAPE)
        expected = apply_all([operation], images, draws)
        keras.config.set_dtype_policy("mixed_bfloat16")
        request.addfinalizer(lambda: keras.config.set_dtype_policy("float32"))
        result = apply_all([operation], images, draws)
        assert result.dtype == tf.float32
        np.testing.assert_array_equal(result, expected)

    @pytest.mark.parametrize("shape", [(1, 1, 3), (5, 9, 1), (9, 4, 3)])
    def test_takes_images_of_any_shape(self, operation: Operation, shape: tuple[int, int, int]) -> None:
        assert apply(operation, noise(3, shape), operation.draw(generator(), 3, shape)).shape == (3, *shape)


def reference_affine(images: np.ndarray, draws: np.ndarray, flips: np.ndarray, fill: str, fill_value: float = 0.0) -> np.ndarray:
    """Return what ImageDataGenerator does to images on the scale [0, 1], its middle of images that are not square put right.

    It takes width / 2 for the middle of the rows and height / 2 for that of the columns. Turning about another point is turning
    about the middle and shifting, so the shift given to it makes up for the difference.
    """
    maker = tf.keras.preprocessing.image.ImageDataGenerator(fill_mode=fill, cval=fill_value / 255)
    height, width = images.shape[1:3]
    results = []
    for image, (angle, shift_x, shift_y), flip in zip(images, draws.astype(np.float64), flips, strict=True):
        offset = np.array([height - width, width - height]) / 2  # its middle less the true one, (x, y)
        turn = np.deg2rad(angle)
        back = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
        shift = np.array([shift_x, shift_y]) + offset - back @ offset
        results.append(maker.apply_transform(image, {"theta": angle, "tx": shift[0], "ty": shift[1], "flip_horizontal": bool(flip)}))
    return np.stack(results)


def ours(images: np.ndarray, draws: np.ndarray, flips: np.ndarray, fill: str, fill_value: float = 0.0) -> np.ndarray:
    """Return the same by our two operations, in one call, on the scale [0, 1]."""
    operations = (RandomAffine(fill=fill, fill_value=fill_value), HorizontalFlip())
    return keras.ops.convert_to_numpy(apply_all(operations, images, np.concatenate([draws, flips[:, None]], axis=1))) / 255


def inside(draws: np.ndarray, flips: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Return where the sampled point lies within the pixels' middles, boolean (batch, height, width)."""
    height, width = shape
    angle, shift_x, shift_y = (column[:, None, None].astype(np.float64) for column in draws.T)
    x, y = np.arange(width)[None, None, :] - (width - 1) / 2 + shift_x, np.arange(height)[None, :, None] - (height - 1) / 2 + shift_y
    cosine, sine = np.cos(np.deg2rad(angle)), np.sin(np.deg2rad(angle))
    columns, rows = cosine * x - sine * y + (width - 1) / 2, sine * x + cosine * y + (height - 1) / 2
    margin = 1e-5  # where rounding decides on which side of the border a point lies
    found = (columns > margin) & (columns < width - 1 - margin) & (rows > margin) & (rows < height - 1 - margin)
    return np.where(flips[:, None, None] > 0.5, found[:, :, ::-1], found)


SIZES = st.sampled_from([(32, 32), (8, 8), (12, 20), (31, 17)])
CASES = {
    "size": SIZES,
    "seed": st.integers(0, 2**32 - 1),
    "rotation": st.floats(0, 180),
    "shift": st.floats(0, 0.999),
}


def case(size: tuple[int, int], seed: int, rotation: float, shift: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return images uint8, affine draws and flips of eight samples."""
    shape = (*size, 3)
    draws = RandomAffine(rotation, shift, shift).draw(generator(seed), 8, shape)
    return noise(8, shape, seed), draws, HorizontalFlip().draw(generator(seed + 1), 8, shape)[:, 0]


# The generator's own import of scipy.ndimage.interpolation.
@pytest.mark.filterwarnings("ignore:Please import `affine_transform`:DeprecationWarning")
class TestAffineAndFlip:
    @pytest.mark.parametrize("fill", ["nearest", "reflect"])
    @given(**CASES)
    @settings(max_examples=40, deadline=None, derandomize=True)
    def test_equals_image_data_generator(self, fill: str, size: tuple[int, int], seed: int, rotation: float, shift: float) -> None:
        images, draws, flips = case(size, seed, rotation, shift)
        expected = reference_affine(images / 255, draws, flips, fill)
        np.testing.assert_allclose(ours(images, draws, flips, fill), expected, rtol=0, atol=1e-5)

    @pytest.mark.parametrize("fill", ["constant", "wrap"])
    @given(**CASES)
    @settings(max_examples=40, deadline=None, derandomize=True)
    def test_equals_image_data_generator_inside_the_image(self, fill: str, size: tuple[int, int], seed: int, rotation: float, shift: float) -> None:
        images, draws, flips = case(size, seed, rotation, shift)
        expected = reference_affine(images / 255, draws, flips, fill, 77.0)
        where = inside(draws, flips, size)
        np.testing.assert_allclose(ours(images, draws, flips, fill, 77.0)[where], expected[where], rtol=0, atol=1e-5)

    @pytest.mark.parametrize(("fill", "mode"), [("constant", "grid-constant"), ("wrap", "grid-wrap"), ("reflect", "reflect"), ("nearest", "nearest")])
    def test_beyond_the_image_lies_what_the_docstring_says(self, fill: str, mode: str) -> None:
        image = noise(1, (6, 6, 1))
        shifts = np.array([[0, shift, -0.75 * shift] for shift in (-5.75, -0.5, 0.25, 1.5, 5.5)], np.float32)
        result = ours(np.repeat(image, len(shifts), axis=0), shifts, np.zeros(len(shifts)), fill, 51.0)
        for row, (_, shift_x, shift_y) in zip(result, shifts, strict=True):
            expected = scipy.ndimage.shift(image[0, :, :, 0] / 255, (-shift_y, -shift_x), order=1, mode=mode, cval=0.2)
            np.testing.assert_allclose(row[:, :, 0], expected, rtol=0, atol=1e-6)

    @pytest.mark.parametrize("fill", FILLS)
    @pytest.mark.parametrize(("angle", "turns"), [(90, 1), (180, 2), (-90, -1), (-180, -2)])
    def test_a_quarter_turn_moves_whole_pixels(self, fill: str, angle: int, turns: int) -> None:
        images = noise(2).astype(np.float32)
        result = apply(RandomAffine(fill=fill), images, np.array([[angle, 0, 0]] * 2))
        np.testing.assert_array_equal(result, np.rot90(images, turns, axes=(1, 2)))

    def test_width_shift_moves_sideways_and_height_shift_up_and_down(self) -> None:
        images = noise(1).astype(np.float32)
        sideways = apply(RandomAffine(fill="wrap"), images, np.array([[0, 3, 0]]))
        upwards = apply(RandomAffine(fill="wrap"), images, np.array([[0, 0, 2]]))
        np.testing.assert_array_equal(sideways, np.roll(images, -3, axis=2))
        np.testing.assert_array_equal(upwards, np.roll(images, -2, axis=1))

    def test_draws_fill_the_ranges(self) -> None:
        draws = RandomAffine(rotation=15.0, width_shift=0.1, height_shift=0.25).draw(generator(), 4000, (40, 20, 3))
        largest = np.array([15, 0.1 * 20, 0.25 * 40])
        assert (np.abs(draws) <= largest).all()
        # Of 4000 uniform draws some lie in the outermost hundredth at each end, and the mean is near 0 (5 standard errors).
        assert (draws.min(axis=0) < -0.99 * largest).all()
        assert (draws.max(axis=0) > 0.99 * largest).all()
        assert (np.abs(draws.mean(axis=0)) < 5 * largest / np.sqrt(3 * 4000)).all()
        assert np.abs(np.corrcoef(draws.T) - np.eye(3)).max() < 0.08

    @pytest.mark.parametrize("probability", [0.0, 0.25, 0.5, 1.0])
    def test_flips_the_share_it_is_asked_for(self, probability: float) -> None:
        images = noise(4000, (1, 2, 1))
        images[:, :, 0] |= 1
        images[:, :, 1] &= 254  # so no image equals its mirror image
        operation = HorizontalFlip(probability)
        result = apply(operation, images, operation.draw(generator(), 4000, (1, 2, 1)))
        mirrored = (result == images[:, :, ::-1]).all(axis=(1, 2, 3))
        np.testing.assert_array_equal(result[~mirrored], images[~mirrored])
        tolerance = 5 * np.sqrt(probability * (1 - probability) / 4000)
        assert mirrored.mean() == pytest.approx(probability, abs=tolerance)


class TestPipeline:
    def test_no_operations_are_a_cast(self) -> None:
        images = noise(3)
        draws = draw_all([], not_called, 3, IMAGE_SHAPE)
        assert draws.shape == (3, 0)
        assert draws.dtype == np.float32
        result = apply_all([], images, draws)
        assert result.dtype == tf.float32
        np.testing.assert_array_equal(result, images)

    def test_each_operation_takes_its_own_columns_in_order(self) -> None:
        shift = RandomAffine(fill="constant")
        draws = np.array([[1, 0, 4, 0]], np.float32)
        images = noise(1).astype(np.float32)
        flipped_then_shifted = apply(shift, images[:, :, ::-1], draws[:, 1:])
        np.testing.assert_array_equal(apply_all([HorizontalFlip(), shift], images, draws), flipped_then_shifted)

    def test_an_operation_draws_the_same_whatever_stands_around_it(self) -> None:
        affine, flip = RandomAffine(15.0, 0.1, 0.1), HorizontalFlip()
        long = draw_all([affine, flip, affine], generator, 20, IMAGE_SHAPE)
        short = draw_all([flip, flip], generator, 20, IMAGE_SHAPE)
        assert long.shape == (20, 7)
        np.testing.assert_array_equal(long[:, 3:4], short[:, 1:])
        np.testing.assert_array_equal(long[:, :3], affine.draw(generator(0), 20, IMAGE_SHAPE))

    def test_no_samples_need_no_draws(self) -> None:
        assert draw_all([RandomAffine(), HorizontalFlip()], generator, 0, IMAGE_SHAPE).shape == (0, 4)


@pytest.mark.filterwarnings("ignore:Please import `affine_transform`:DeprecationWarning")
def test_the_benchmark_measures_every_way() -> None:
    table = compare(batches=2, repeats=1, batch_size=8).set_index("way")
    speeds = table["images_per_second"]
    assert (speeds > 0).all()
    np.testing.assert_allclose(table["times_generator"], speeds / speeds["ImageDataGenerator.flow"])
    np.testing.assert_allclose(table["times_layers"], speeds / max(speeds["keras.layers, graph"], speeds["keras.layers, tf.data"]))
    assert "kcifar" in table.index


def not_called(position: int) -> np.random.Generator:
    raise AssertionError(f"no operation stands at position {position}")


@pytest.mark.parametrize(
    ("factory", "arguments", "message"),
    [
        (RandomAffine, {"rotation": -1}, "rotation: expected a number >= 0 and <= 180, got -1"),
        (RandomAffine, {"rotation": 180.5}, "rotation: expected a number >= 0 and <= 180, got 180.5"),
        (RandomAffine, {"width_shift": 1}, "width_shift: expected a number >= 0 and < 1, got 1"),
        (RandomAffine, {"height_shift": -0.1}, "height_shift: expected a number >= 0 and < 1, got -0.1"),
        (RandomAffine, {"fill": "mirror"}, "fill: expected one of 'nearest', 'reflect', 'constant', 'wrap', got 'mirror'"),
        (RandomAffine, {"fill_value": 256}, "fill_value: expected a number >= 0 and <= 255, got 256"),
        (RandomAffine, {"angle": 3}, "angle: unknown key"),
        (HorizontalFlip, {"probability": 1.5}, "probability: expected a number >= 0 and <= 1, got 1.5"),
        (HorizontalFlip, {"probability": "half"}, "probability: expected a number >= 0 and <= 1, got 'half'"),
    ],
)
def test_checks_what_a_recipe_says(factory: Callable[..., Operation], arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError) as caught:
        checked_arguments(factory, arguments, ("augmentation", 0), lambda path: "recipe.yaml:1")
    assert f"augmentation[0].{message}" in str(caught.value)


@pytest.mark.parametrize(
    ("factory", "arguments"),
    [
        (RandomAffine, {"rotation": 180, "width_shift": 0, "height_shift": 0.999, "fill": "wrap", "fill_value": 255}),
        (RandomAffine, {}),
        (HorizontalFlip, {"probability": 1}),
        (HorizontalFlip, {"probability": 0}),
    ],
)
def test_takes_both_ends_of_each_range(factory: Callable[..., Operation], arguments: dict[str, Any]) -> None:
    values = checked_arguments(factory, arguments, ("augmentation", 0), lambda path: "recipe.yaml:1")
    assert factory(**values) == factory(**arguments)
