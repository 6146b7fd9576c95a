"""Faster kernels compute what Keras' layers compute: outputs, gradients and moving averages; saved files do not depend on them."""

import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from kcifar.engine.tensorflow.filter_gradients import choose_filter_gradient
from kcifar.engine.tensorflow.layer_kernels import use_fast_kernels

# bfloat16 has 8 binary digits: the error of a sum of rounded products is a few hundredths of the largest value.
TOLERANCE = {"float32": 2e-5, "mixed_bfloat16": 4e-2}


@pytest.fixture(params=["float32", "mixed_bfloat16"])
def policy(request: pytest.FixtureRequest) -> Iterator[str]:
    keras.config.set_dtype_policy(request.param)
    yield request.param
    keras.config.set_dtype_policy("float32")


def make_images(shape: tuple[int, ...], seed: int = 0) -> tf.Tensor:
    return tf.constant(np.random.default_rng(seed).normal(1.5, 2.0, shape), tf.float32)


def run_step(network: keras.Model, inputs: tf.Tensor, training: bool = True) -> dict[str, np.ndarray]:
    """Return outputs, gradients of a nonlinear loss with respect to the input and every weight, and all variables after the step."""
    with tf.GradientTape() as tape:
        tape.watch(inputs)
        outputs = network(inputs, training=training)
        loss = tf.reduce_mean(tf.cast(outputs, tf.float32) ** 2 * make_images(outputs.shape, 1))
    gradients = tape.gradient(loss, [inputs, *(variable.value for variable in network.trainable_variables)])
    names = ["input", *(variable.path for variable in network.trainable_variables)]
    values = {"outputs": outputs} | {f"gradient of {name}": gradient for name, gradient in zip(names, gradients, strict=True)}
    values |= {variable.path: variable.value for variable in network.variables}
    return {name: tf.cast(value, tf.float32).numpy() for name, value in values.items()}


def check_same_step(layers: list[Any], shape: tuple[int, ...], policy: str) -> None:
    """Run one step of the same layers with and without the kernels, and compare everything."""
    keras.utils.set_random_seed(0)
    network = keras.Sequential([keras.Input(shape[1:]), *layers])
    initial = network.get_weights()
    expected = run_step(network, make_images(shape))
    network.set_weights(initial)
    calls = [layer.call for layer in network.layers]
    use_fast_kernels(network)
    assert [layer.call for layer in network.layers] != calls, "no layer uses a faster kernel"
    actual = run_step(network, make_images(shape))
    for name, value in expected.items():
        np.testing.assert_allclose(actual[name], value, rtol=0, atol=TOLERANCE[policy] * max(1e-3, np.abs(value).max()), err_msg=name)


class TestBatchNormalization:
    @pytest.mark.parametrize("settings", [{}, {"scale": False}, {"center": False}, {"momentum": 0.6, "epsilon": 1e-12}], ids=str)
    def test_trains_as_keras_does(self, settings: dict[str, Any], policy: str) -> None:
        check_same_step([keras.layers.BatchNormalization(name="norm", **settings)], (6, 5, 4, 3), policy)

    def test_keeps_the_biased_variance(self) -> None:
        network = keras.Sequential([keras.Input((1, 2, 1)), keras.layers.BatchNormalization(momentum=0.0, name="norm")])
        use_fast_kernels(network)
        network(tf.constant([[[[1.0], [3.0]]]]), training=True)
        assert network.layers[0].moving_mean.numpy() == pytest.approx([2.0])
        assert network.layers[0].moving_variance.numpy() == pytest.approx([1.0])  # 2.0 if divided by n - 1

    def test_evaluates_bit_for_bit_as_before(self, policy: str) -> None:
        network = keras.Sequential([keras.Input((5, 4, 3)), keras.layers.BatchNormalization(name="norm")])
        before = run_step(network, make_images((6, 5, 4, 3)), training=False)
        use_fast_kernels(network)
        for name, value in run_step(network, make_images((6, 5, 4, 3)), training=False).items():
            np.testing.assert_array_equal(value, before[name], err_msg=name)

    def test_a_frozen_layer_keeps_its_averages(self) -> None:
        network = keras.Sequential([keras.Input((5, 4, 3)), keras.layers.BatchNormalization(name="norm")])
        network.layers[0].trainable = False
        use_fast_kernels(network)
        network(make_images((6, 5, 4, 3)), training=True)
        np.testing.assert_array_equal(network.layers[0].moving_mean.numpy(), np.zeros(3))


class TestConvolution:
    @pytest.mark.parametrize(
        ("shape", "filters", "settings"),
        [
            ((3, 7, 5, 8), 16, {"kernel_size": 1, "use_bias": False}),
            ((3, 4, 4, 96), 96, {"kernel_size": 3, "padding": "same", "activation": "relu"}),
            ((3, 2, 3, 96), 96, {"kernel_size": (3, 5), "padding": "same"}),
            ((2, 8, 8, 128), 256, {"kernel_size": 3, "padding": "same"}),
            ((5, 7, 6, 128), 128, {"kernel_size": 3, "padding": "same"}),  # side by side, a padded batch
            ((4, 6, 7, 128), 128, {"kernel_size": (3, 5), "padding": "same", "use_bias": False}),
            ((2, 6, 6, 512), 512, {"kernel_size": 3, "padding": "same"}),
            ((3, 9, 9, 128), 256, {"kernel_size": 3, "strides": 2, "padding": "valid"}),
            ((3, 8, 8, 128), 256, {"kernel_size": 1, "strides": 2, "padding": "same"}),
        ],
        ids=str,
    )
    def test_trains_as_keras_does(self, shape: tuple[int, ...], filters: int, settings: dict[str, Any]) -> None:
        keras.config.set_dtype_policy("mixed_bfloat16")
        try:
            check_same_step([keras.layers.Conv2D(filters, name="conv", **settings)], shape, "mixed_bfloat16")
        finally:
            keras.config.set_dtype_policy("float32")

    @pytest.mark.parametrize("settings", [{"strides": 1, "padding": "same", "activation": "relu"}, {"strides": 2, "padding": "valid"}], ids=str)
    def test_trains_groups_of_channels_as_keras_does(self, settings: dict[str, Any], policy: str) -> None:
        check_same_step([keras.layers.Conv2D(12, 3, groups=4, name="conv", **settings)], (3, 7, 7, 8), policy)

    @pytest.mark.parametrize("settings", [{"padding": "same", "activation": "gelu"}, {"strides": 2, "depth_multiplier": 2}], ids=str)
    def test_trains_channel_by_channel_as_keras_does(self, settings: dict[str, Any]) -> None:
        keras.config.set_dtype_policy("mixed_bfloat16")
        try:
            check_same_step([keras.layers.DepthwiseConv2D(5, name="conv", **settings)], (3, 9, 9, 8), "mixed_bfloat16")
        finally:
            keras.config.set_dtype_policy("float32")

    @pytest.mark.parametrize(
        ("policy_name", "shape", "settings"),
        [
            ("float32", (4, 4, 128), {"kernel_size": 3, "padding": "same"}),
            ("mixed_bfloat16", (16, 16, 128), {"kernel_size": 3, "padding": "same"}),  # products are slower
            ("mixed_bfloat16", (4, 4, 128), {"kernel_size": 3, "padding": "same", "dilation_rate": 2}),
        ],
        ids=str,
    )
    def test_others_are_left_alone(self, policy_name: str, shape: tuple[int, ...], settings: dict[str, Any]) -> None:
        keras.config.set_dtype_policy(policy_name)
        try:
            network = keras.Sequential([keras.Input(shape), keras.layers.Conv2D(128, name="conv", **settings)])
        finally:
            keras.config.set_dtype_policy("float32")
        use_fast_kernels(network)
        assert "call" not in vars(network.layers[0])


class TestActivation:
    @pytest.mark.parametrize("function", ["gelu", "silu"])
    def test_trains_as_keras_does(self, function: str, policy: str) -> None:
        check_same_step([keras.layers.Activation(function, name="activation")], (3, 8, 8, 32), policy)

    def test_rounds_only_once_in_bfloat16(self) -> None:
        keras.config.set_dtype_policy("mixed_bfloat16")
        try:
            network = keras.Sequential([keras.Input((8, 8, 32), dtype="bfloat16"), keras.layers.Activation("gelu", name="activation")])
        finally:
            keras.config.set_dtype_policy("float32")
        inputs = tf.cast(make_images((3, 8, 8, 32)), "bfloat16")
        expected = tf.cast(keras.activations.gelu(tf.cast(inputs, "float32")), "bfloat16")
        assert np.mean(network(inputs) != expected) > 0.01  # Keras rounds after each operation
        use_fast_kernels(network)
        assert np.mean(network(inputs) != expected) < 1e-3  # XLA's error function differs in the last digit of float32

    @pytest.mark.parametrize(("function", "channels"), [("relu", 32), ("gelu", 31)])
    def test_others_and_small_images_are_left_alone(self, function: str, channels: int) -> None:
        network = keras.Sequential([keras.Input((8, 8, channels)), keras.layers.Activation(function, name="activation")])
        use_fast_kernels(network)
        assert "call" not in vars(network.layers[0])


class TestChoiceOfFilterGradient:
    """The borders of the choice, each tested with a pair of shapes on either side."""

    @pytest.mark.parametrize(
        ("side", "channels", "filters", "expected"),
        [
            (4, 64, 128, "compute_by_shifts"),
            (4, 64, 127, None),
            (5, 128, 128, "compute_side_by_side"),
            (5, 128, 127, None),
            (8, 512, 511, "compute_side_by_side"),
            (8, 512, 512, "compute_by_shifts"),
            (9, 512, 512, None),
        ],
    )
    def test_depends_on_shapes_alone(self, side: int, channels: int, filters: int, expected: str | None) -> None:
        layer = keras.layers.Conv2D(filters, 3, padding="same", dtype="mixed_bfloat16", name="conv")
        layer(keras.Input((side, side, channels)))
        chosen = choose_filter_gradient(layer)
        assert (chosen.__name__ if chosen else None) == expected


def test_a_saved_network_contains_keras_own_layers(tmp_path: Path) -> None:
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        layers = [keras.layers.Conv2D(16, 1, name="conv"), keras.layers.BatchNormalization(name="norm")]
        network = keras.Sequential([keras.Input((4, 4, 8)), *layers])
    finally:
        keras.config.set_dtype_policy("float32")
    use_fast_kernels(network)
    network.save(tmp_path / "model.keras")
    with zipfile.ZipFile(tmp_path / "model.keras") as archive:
        config = json.loads(archive.read("config.json"))
    assert [layer["registered_name"] for layer in config["config"]["layers"] if layer["class_name"] != "InputLayer"] == [None, None]
    loaded = keras.models.load_model(tmp_path / "model.keras", compile=False)
    assert all("call" not in vars(layer) for layer in loaded.layers)
    np.testing.assert_array_equal(loaded(make_images((2, 4, 4, 8))), network(make_images((2, 4, 4, 8))))
