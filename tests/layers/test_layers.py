"""Custom layers: their results, saving by name, and float32 variables under mixed precision."""

import inspect
from typing import Any

import keras
import numpy as np
import pytest
from PIL import Image

import kcifar.layers
from kcifar.core.randomness import seed_weights

# Arguments that differ from the defaults, for every exported class.
ARGUMENTS: dict[str, dict[str, Any]] = {
    "Bias": {},
    "ClassToken": {},
    "PadChannels": {"channels": 7},
    "PartialIdentity": {"seed": 3},
    "PositionEmbedding": {"deviation": 0.5},
    "ResizeImages": {"height": 5, "width": 7},
}
WITH_A_VARIABLE = ["Bias", "ClassToken", "PositionEmbedding"]


def make_tokens(count: int = 4) -> np.ndarray:
    return np.random.default_rng(0).normal(size=(2, count, 3)).astype(np.float32)


def fill_variable(layer: keras.layers.Layer) -> np.ndarray:
    """Give a built layer's only variable distinct values, and return them."""
    (variable,) = layer.trainable_variables
    values = np.arange(1, 1 + np.prod(variable.shape), dtype=np.float32).reshape(variable.shape)
    variable.assign(values)
    return values


def test_every_exported_class_is_tested() -> None:
    assert sorted(ARGUMENTS) == sorted(kcifar.layers.__all__)


@pytest.mark.parametrize("name", ARGUMENTS)
def test_the_configuration_contains_every_argument(name: str) -> None:
    kind = getattr(kcifar.layers, name)
    parameters = inspect.signature(kind.__init__).parameters if "__init__" in vars(kind) else {}
    names = {key for key, parameter in parameters.items() if key != "self" and parameter.kind is not parameter.VAR_KEYWORD}
    assert names == ARGUMENTS[name].keys()
    config = kind(**ARGUMENTS[name]).get_config()
    assert {key: config[key] for key in names} == ARGUMENTS[name]
    assert kind.from_config(config).get_config() == config


@pytest.mark.parametrize("name", ARGUMENTS)
def test_keras_registers_it_under_our_package(name: str) -> None:
    kind = getattr(kcifar.layers, name)
    assert keras.saving.get_registered_name(kind) == f"kcifar>{name}"
    assert isinstance(keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(kind(**ARGUMENTS[name]))), kind)


@pytest.mark.parametrize("name", WITH_A_VARIABLE)
def test_mixed_precision_computes_in_bfloat16_with_float32_variables(name: str) -> None:
    layer = getattr(kcifar.layers, name)(dtype="mixed_bfloat16")
    assert keras.backend.standardize_dtype(layer(make_tokens()).dtype) == "bfloat16"
    assert [str(variable.dtype) for variable in layer.variables] == ["float32"]


@pytest.mark.parametrize("name", WITH_A_VARIABLE)
def test_the_output_shape_is_computed_correctly(name: str) -> None:
    layer = getattr(kcifar.layers, name)()
    assert tuple(layer(make_tokens()).shape) == layer.compute_output_shape((2, 4, 3))


@pytest.mark.parametrize("shape", [(2, 4, 3), (2, 5, 4, 3), (2, 3)])
def test_a_bias_is_zero_and_is_added_to_each_channel(shape: tuple[int, ...]) -> None:
    values = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    layer = kcifar.layers.Bias()
    np.testing.assert_array_equal(layer(values), values)
    assert fill_variable(layer).tolist() == [1, 2, 3]
    np.testing.assert_array_equal(layer(values), values + np.float32([1, 2, 3]))


def test_a_class_token_is_zero_and_precedes_the_tokens_of_every_image() -> None:
    layer = kcifar.layers.ClassToken()
    np.testing.assert_array_equal(layer(make_tokens())[:, 0], np.zeros((2, 3)))
    fill_variable(layer)
    outputs = np.asarray(layer(make_tokens()))
    np.testing.assert_array_equal(outputs[:, 0], [[1, 2, 3], [1, 2, 3]])
    np.testing.assert_array_equal(outputs[:, 1:], make_tokens())


@pytest.mark.parametrize(("name", "shape"), [("PadChannels", (2, 5, 4, 7)), ("ResizeImages", (2, 5, 7, 3))])
def test_the_output_shape_of_image_layers_is_computed_correctly(name: str, shape: tuple[int, ...]) -> None:
    layer = getattr(kcifar.layers, name)(**ARGUMENTS[name])
    assert tuple(layer(np.zeros((2, 5, 4, 3), np.float32)).shape) == shape
    assert layer.compute_output_shape((2, 5, 4, 3)) == shape


def test_padded_channels_are_zero_and_come_last() -> None:
    images = np.random.default_rng(0).normal(size=(2, 5, 4, 3)).astype(np.float32)
    padded = np.asarray(kcifar.layers.PadChannels(7)(images))
    np.testing.assert_array_equal(padded[..., :3], images)
    np.testing.assert_array_equal(padded[..., 3:], np.zeros((2, 5, 4, 4)))
    with pytest.raises(ValueError, match="expected an input of at most 2 channels, got 3"):
        kcifar.layers.PadChannels(2)(images)


def test_positions_are_added_to_each_token_of_every_image() -> None:
    layer = kcifar.layers.PositionEmbedding()
    layer.build((None, 4, 3))
    positions = fill_variable(layer)
    np.testing.assert_array_equal(layer(make_tokens()), make_tokens() + positions)


def test_initial_positions_are_normally_distributed() -> None:
    layer = kcifar.layers.PositionEmbedding(0.5)
    layer.build((None, 100, 100))
    start = np.asarray(layer.positions.numpy())
    assert start.std() == pytest.approx(0.5, rel=0.03)
    assert abs(start.mean()) < 0.02
    assert 1.5 < np.abs(start).max() < 3  # the largest of 10,000 normal numbers is between 3 and 6 standard deviations


def make_partial_identity(inputs: int, outputs: int, size: int) -> np.ndarray:
    return np.asarray(kcifar.layers.PartialIdentity(0)((size, size, inputs, outputs), "float32"))


@pytest.mark.parametrize(("inputs", "outputs", "size"), [(3, 8, 3), (8, 3, 3), (4, 4, 5), (2, 6, 1)])
def test_a_partial_identity_copies_inputs_to_the_first_outputs(inputs: int, outputs: int, size: int) -> None:
    layer = keras.layers.Conv2D(outputs, size, padding="same", use_bias=False, kernel_initializer=kcifar.layers.PartialIdentity(0))
    images = np.random.default_rng(0).normal(size=(2, 6, 7, inputs)).astype(np.float32)
    copied = min(inputs, outputs)
    outputs = np.asarray(layer(images))
    np.testing.assert_array_equal(outputs[..., :copied], images[..., :copied])
    assert not (outputs[..., copied:] == 0).any()


def test_the_other_outputs_of_a_partial_identity_are_uniform() -> None:
    others = make_partial_identity(16, 200, 3)[..., 16:]
    limit = 1 / np.sqrt(3 * 3 * 16)
    assert 0.999 * limit < np.abs(others).max() <= limit
    assert others.std() == pytest.approx(limit / np.sqrt(3), rel=0.01)


def test_partial_identities_differ_and_follow_the_seed() -> None:
    shape = (3, 3, 2, 5)
    with seed_weights(1):
        first, second = (np.asarray(kcifar.layers.PartialIdentity()(shape)) for _ in range(2))
    with seed_weights(1):
        again = np.asarray(kcifar.layers.PartialIdentity()(shape))
    assert not np.array_equal(first, second)
    np.testing.assert_array_equal(first, again)


@pytest.mark.parametrize("size", [(5, 7), (16, 12), (24, 24), (40, 33)])
def test_resizing_equals_pillows(size: tuple[int, int]) -> None:
    """Pillow rounds after each of its two passes, so the tolerance is two half levels."""
    height, width = size
    images = np.random.default_rng(0).integers(0, 256, (3, 20, 24, 3), dtype=np.uint8)
    expected = [np.asarray(Image.fromarray(image).resize((width, height), Image.Resampling.BILINEAR)) for image in images]
    resized = np.asarray(kcifar.layers.ResizeImages(height, width)(images.astype(np.float32)))
    np.testing.assert_allclose(resized, expected, atol=1.01)
    assert np.abs(resized - expected).mean() < 0.35


def test_resizing_keeps_a_gray_image_and_an_image_of_the_same_size() -> None:
    gray = np.full((1, 9, 11, 3), 77, np.float32)
    np.testing.assert_allclose(kcifar.layers.ResizeImages(4, 30)(gray), np.full((1, 4, 30, 3), 77), rtol=1e-6)
    noise = np.random.default_rng(0).random((1, 9, 11, 3), dtype=np.float32)
    np.testing.assert_allclose(kcifar.layers.ResizeImages(9, 11)(noise), noise, rtol=1e-6)
