"""Every registered augmentation keeps the contract of `augment/operation.py`; the list of them is applied in order."""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from augment_cases import augment_cases, augmentation_of, changed, noise, strong_step, weakest_step

from kcifar.augment import AUGMENTATIONS
from kcifar.augment.crop import RandomCrop
from kcifar.augment.erasing import Cutout, RandomErasing
from kcifar.augment.flips import HorizontalFlip
from kcifar.augment.geometry import RandomAffine
from kcifar.augment.mixing import CutMix, MixUp
from kcifar.augment.operation import Mixing, Occasion, Operation, Step, is_mixing
from kcifar.augment.perspective import RandomPerspective
from kcifar.augment.pipeline import apply_all, compile_apply, draw_all
from kcifar.benchmarks.affine_and_flip import compare_affine_and_flip
from kcifar.core.checks import checked_arguments
from kcifar.core.errors import UserError

IMAGE_SHAPE = (32, 32, 3)
CASES = augment_cases()
MIXING = [key for key in CASES if is_mixing(strong_step(key))]

# Compilers reorder sums and fuse a product and a sum into one rounding, which moves a sampled point by up to 4e-6 of a pixel; in
# white noise the step from one pixel to the next is up to 255, down and to the right.
ROUNDING = 2e-3


def occasion(seed: int = 0) -> Occasion:
    return Occasion(seed)


@pytest.fixture(params=CASES)
def step(request: pytest.FixtureRequest) -> Step:
    return strong_step(request.param)


def function_of(step: Step) -> tuple[Callable[..., Any], int]:
    """Return the function of a step on the device, and the number of batches of images that it takes."""
    return (step.mix, 2) if is_mixing(step) else (step.apply, 1)


def test_every_augmentation_has_a_case() -> None:
    assert {augmentation_of(key, case) for key, case in CASES.items()} == set(AUGMENTATIONS.names())


class TestContract:
    def test_is_an_operation_or_mixes(self, step: Step) -> None:
        assert isinstance(step, Mixing if is_mixing(step) else Operation)

    def test_keeps_shape_dtype_and_range(self, step: Step) -> None:
        images = noise(16)
        result = changed(step, images, step.draw(occasion(), 16, IMAGE_SHAPE))
        assert result.shape == images.shape
        assert result.dtype == np.float32
        # Interpolation rounds: a blend of two equal pixels may miss them by an ulp.
        assert result.min() >= -1e-4
        assert result.max() <= 255 + 1e-4
        assert not np.array_equal(result, images)

    def test_draws_follow_from_the_occasion_alone(self, step: Step) -> None:
        first, again, other = (step.draw(occasion(key), 50, IMAGE_SHAPE) for key in (1, 1, 2))
        assert first.dtype == np.float32
        assert first.shape == (50, step.num_draws)
        np.testing.assert_array_equal(first, again)
        assert not np.array_equal(first, other)

    def test_the_first_draws_do_not_depend_on_how_many_follow(self, step: Step) -> None:
        few, many = (step.draw(occasion(), count, IMAGE_SHAPE) for count in (5, 50))
        np.testing.assert_array_equal(few, many[:5])
        assert step.draw(occasion(), 0, IMAGE_SHAPE).shape == (0, step.num_draws)

    @pytest.mark.parametrize("key", CASES)
    def test_the_probability_decides_which_images_are_changed_and_nothing_else(self, key: str) -> None:
        never, half, always = (strong_step(key, probability=probability).draw(occasion(), 400, IMAGE_SHAPE) for probability in (0.0, 0.5, 1.0))
        spared, struck = (half == never).all(axis=1), (half == always).all(axis=1)
        assert (spared | struck).all()
        different = (never != always).any(axis=1)  # A change of nothing may be drawn too.
        assert struck[different].mean() == pytest.approx(0.5, abs=5 * 0.5 / np.sqrt(different.sum()))

    @pytest.mark.parametrize("key", CASES)
    def test_an_image_that_is_not_changed_keeps_every_bit(self, key: str) -> None:
        images = noise(16).astype(np.float32) / 3
        step = strong_step(key, probability=0.0)
        np.testing.assert_array_equal(changed(step, images, step.draw(occasion(), 16, IMAGE_SHAPE)), images)

    @pytest.mark.parametrize("key", CASES)
    def test_strength_zero_changes_no_bit(self, key: str) -> None:
        images = noise(16).astype(np.float32) / 3
        step = weakest_step(key)
        np.testing.assert_array_equal(changed(step, images, step.draw(occasion(), 16, IMAGE_SHAPE)), images)

    def test_permuting_the_batch_permutes_the_result(self, step: Step) -> None:
        images, draws = noise(16), step.draw(occasion(), 16, IMAGE_SHAPE)
        order = np.random.default_rng(3).permutation(16)
        np.testing.assert_array_equal(changed(step, images[order], draws[order]), changed(step, images, draws)[order])

    def test_a_sample_alone_gives_the_same_result_as_in_its_batch(self, step: Step) -> None:
        images, draws = noise(16), step.draw(occasion(), 16, IMAGE_SHAPE)
        np.testing.assert_array_equal(changed(step, images[7:8], draws[7:8])[0], changed(step, images, draws)[7])

    def test_leaves_its_input_as_it_was(self, step: Step) -> None:
        images, draws = noise(4).astype(np.float32), step.draw(occasion(), 4, IMAGE_SHAPE)
        copies = images.copy(), draws.copy()
        changed(step, images, draws)
        np.testing.assert_array_equal(images, copies[0])
        np.testing.assert_array_equal(draws, copies[1])

    def test_traced_for_any_batch_size_it_gives_the_same(self, step: Step) -> None:
        function, num_batches = function_of(step)
        signature = [tf.TensorSpec((None, *IMAGE_SHAPE), tf.float32)] * num_batches + [tf.TensorSpec((None, step.num_draws), tf.float32)]
        traced = tf.function(function, input_signature=signature)
        for count in (4, 7):
            images, draws = noise(count).astype(np.float32), step.draw(occasion(), count, IMAGE_SHAPE)
            result = traced(*[images, 255 - images][:num_batches], draws)
            assert result.shape[1:] == IMAGE_SHAPE
            np.testing.assert_allclose(result, changed(step, images, draws), rtol=0, atol=ROUNDING)

    def test_compiled_in_a_model_as_in_training_it_gives_the_same(self, step: Step) -> None:
        apply, count = compile_apply([step]), 6
        inputs = [keras.Input(IMAGE_SHAPE, dtype="uint8", name="images"), keras.Input((step.num_draws,), name="draws")]
        inputs += [keras.Input(IMAGE_SHAPE, dtype="uint8", name="partners"), keras.Input((step.num_draws,), name="partner_draws")]
        model = keras.Model(inputs, keras.layers.Lambda(lambda given: apply(*given), output_shape=IMAGE_SHAPE, dtype="float32")(inputs))
        images, draws = noise(count), step.draw(occasion(), count, IMAGE_SHAPE)
        result = model.predict_on_batch([images, draws, 255 - images, draws])
        np.testing.assert_allclose(result, changed(step, images, draws), rtol=0, atol=ROUNDING)

    def test_stays_in_float32_under_any_policy(self, step: Step, request: pytest.FixtureRequest) -> None:
        images, draws = noise(4), step.draw(occasion(), 4, IMAGE_SHAPE)
        arguments = (images, draws, images[::-1].copy(), draws)
        expected = apply_all([step], *arguments)
        keras.config.set_dtype_policy("mixed_bfloat16")
        request.addfinalizer(lambda: keras.config.set_dtype_policy("float32"))
        result = apply_all([step], *arguments)
        assert result.dtype == tf.float32
        np.testing.assert_array_equal(result, expected)

    @pytest.mark.parametrize("shape", [(1, 1, 3), (1, 6, 3), (5, 9, 1), (9, 4, 3)])
    def test_takes_images_of_any_shape(self, step: Step, shape: tuple[int, int, int]) -> None:
        result = changed(step, noise(20, shape), step.draw(occasion(), 20, shape))
        assert result.shape == (20, *shape)
        assert result.min() >= -1e-4  # no NaN either
        assert result.max() <= 255 + 1e-4


@pytest.mark.parametrize("key", MIXING)
class TestMixing:
    def test_each_pixel_is_its_own_the_partners_or_between(self, key: str) -> None:
        images, partners = noise(16).astype(np.float32), noise(16, seed=1).astype(np.float32)
        result = changed(strong_step(key), images, strong_step(key).draw(occasion(), 16, IMAGE_SHAPE), partners)
        assert (result >= np.minimum(images, partners) - 1e-4).all()
        assert (result <= np.maximum(images, partners) + 1e-4).all()

    @pytest.mark.parametrize("shape", [(32, 32, 3), (9, 4, 1), (1, 1, 3)])
    def test_the_targets_fraction_is_that_of_the_remaining_image(self, key: str, shape: tuple[int, int, int]) -> None:
        step = strong_step(key)
        draws = step.draw(occasion(), 200, shape)
        fractions = step.own_share(draws, shape)
        assert fractions.dtype == np.float32
        assert fractions.shape == (200,)
        assert fractions.min() >= 0
        assert fractions.max() <= 1
        # White images mixed with black ones: what is left of the white is the image's own fraction.
        left = changed(step, np.full((200, *shape), 255.0), draws, np.zeros((200, *shape))).mean(axis=(1, 2, 3)) / 255
        np.testing.assert_allclose(fractions, left, rtol=0, atol=1e-5)

    def test_strength_zero_leaves_the_targets_alone(self, key: str) -> None:
        for step in (weakest_step(key), strong_step(key, probability=0.0)):
            np.testing.assert_array_equal(step.own_share(step.draw(occasion(), 50, IMAGE_SHAPE), IMAGE_SHAPE), np.ones(50))

    def test_no_partners_pixel_remains_where_an_image_is_mixed_with_itself(self, key: str) -> None:
        images = noise(16).astype(np.float32)
        np.testing.assert_array_equal(changed(strong_step(key), images, strong_step(key).draw(occasion(), 16, IMAGE_SHAPE), images), images)


class TestPipeline:
    def test_no_operations_are_a_cast(self) -> None:
        images = noise(3)
        draws = draw_all([], occasion(), 3, IMAGE_SHAPE)
        assert draws.shape == (3, 0)
        assert draws.dtype == np.float32
        result = apply_all([], images, draws)
        assert result.dtype == tf.float32
        np.testing.assert_array_equal(result, images)

    def test_each_operation_takes_its_own_columns_in_order(self) -> None:
        shift = RandomAffine(fill="constant")
        draws = np.array([[1, 0, 4, 0]], np.float32)
        images = noise(1).astype(np.float32)
        flipped_then_shifted = changed(shift, images[:, :, ::-1], draws[:, 1:])
        np.testing.assert_array_equal(apply_all([HorizontalFlip(), shift], images, draws), flipped_then_shifted)

    def test_an_operation_draws_the_same_whatever_surrounds_it(self) -> None:
        affine, flip = RandomAffine(15.0, 0.1, 0.1), HorizontalFlip()
        long = draw_all([affine, flip, affine], occasion(), 20, IMAGE_SHAPE)
        short = draw_all([flip, flip], occasion(), 20, IMAGE_SHAPE)
        assert long.shape == (20, 7)
        np.testing.assert_array_equal(long[:, 3:4], short[:, 1:])
        np.testing.assert_array_equal(long[:, :3], affine.draw(occasion(), 20, IMAGE_SHAPE))

    def test_no_samples_need_no_draws(self) -> None:
        assert draw_all([RandomAffine(), HorizontalFlip()], occasion(), 0, IMAGE_SHAPE).shape == (0, 4)

    def test_partners_go_through_the_steps_before_the_mixing_with_their_own_draws(self) -> None:
        images, partners = noise(1).astype(np.float32), noise(1, seed=1).astype(np.float32)
        steps = [HorizontalFlip(), MixUp(), HorizontalFlip()]
        result = apply_all(steps, images, np.array([[0, 0.25, 1]], np.float32), partners, np.array([[1, 0.9, 0]], np.float32))
        expected = 0.75 * images + 0.25 * partners[:, :, ::-1]
        np.testing.assert_allclose(result, expected[:, :, ::-1], rtol=0, atol=1e-4)


@pytest.mark.filterwarnings("ignore:Please import `affine_transform`:DeprecationWarning")
def test_the_benchmark_measures_every_way() -> None:
    table = compare_affine_and_flip(batches=2, repeats=1, batch_size=8).set_index("way")
    speeds = table["images_per_second"]
    assert (speeds > 0).all()
    np.testing.assert_allclose(table["times_generator"], speeds / speeds["ImageDataGenerator.flow"])
    np.testing.assert_allclose(table["times_layers"], speeds / max(speeds["keras.layers, graph"], speeds["keras.layers, tf.data"]))
    assert "kcifar" in table.index


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
        (RandomAffine, {"zoom": 1.0}, "zoom: expected a number >= 0 and < 1, got 1.0"),
        (RandomAffine, {"shear": 90}, "shear: expected a number >= 0 and < 90, got 90"),
        (RandomCrop, {"padding": 1025}, "padding: expected an integer >= 0 and <= 1024, got 1025"),
        (RandomCrop, {"fill": "wrap"}, "fill: expected one of 'zero', 'constant', 'reflect', 'nearest', got 'wrap'"),
        (RandomPerspective, {"distortion": 1.1}, "distortion: expected a number >= 0 and <= 1, got 1.1"),
        (Cutout, {"size": 8.5}, "size: expected an integer >= 0 and <= 1024, got 8.5"),
        (Cutout, {"value": -1}, "value: expected a number >= 0 and <= 255, got -1"),
        (RandomErasing, {"min_aspect": 0}, "min_aspect: expected a number >= 0.01 and <= 1, got 0"),
        (RandomErasing, {"value": "gray"}, "value: expected a number >= 0 and <= 255 or 'noise', got 'gray'"),
        (MixUp, {"alpha": 0}, "alpha: expected a number >= 0.01 and <= 100, got 0"),
        (CutMix, {"alpha": 101}, "alpha: expected a number >= 0.01 and <= 100, got 101"),
        (CutMix, {"probability": -0.5}, "probability: expected a number >= 0 and <= 1, got -0.5"),
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
        (RandomAffine, {"zoom": 0.999, "shear": 89.9, "probability": 1}),
        (RandomCrop, {"padding": 1024, "fill": "constant", "fill_value": 255}),
        (RandomPerspective, {"distortion": 1}),
        (Cutout, {"size": 0}),
        (RandomErasing, {"min_area": 1, "max_area": 1, "min_aspect": 1}),
        (MixUp, {"alpha": 0.01}),
        (CutMix, {"alpha": 100}),
        (HorizontalFlip, {"probability": 1}),
        (HorizontalFlip, {"probability": 0}),
    ],
)
def test_takes_both_ends_of_each_range(factory: Callable[..., Operation], arguments: dict[str, Any]) -> None:
    values = checked_arguments(factory, arguments, ("augmentation", 0), lambda path: "recipe.yaml:1")
    assert factory(**values) == factory(**arguments)


def test_every_stream_of_every_occurrence_has_its_own_numbers() -> None:
    numbers = {float(Occasion(occurrence=occurrence).generator(*stream).random()) for occurrence in (0, 1, 2) for stream in ((), (1,), (2,))}
    assert len(numbers) == 9
