"""Every registered network keeps the contract of `kcifar.models`; the residual network is the one that was published."""

import fnmatch
import json
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from kcifar.checks import checked_arguments
from kcifar.errors import UserError
from kcifar.models import MODELS
from kcifar.models.residual import residual_cnn
from kcifar.models.summary import model_summary

IMAGE_SHAPE = (32, 32, 3)
NUM_CLASSES = 10

# What batch normalisation multiplies by before its first update: variance 1, epsilon 1e-3.
NORM = 1 / np.sqrt(1 + 1e-3)

# Where the default network is too large for a test that trains.
SMALL: dict[str, dict[str, Any]] = {"residual_cnn": {"widths": [8, 8], "convolutions": [1, 2], "dense_units": [16], "dropout_rate": 0.0}}


def build(name: str, **arguments: Any) -> keras.Model:
    keras.utils.set_random_seed(0)
    return MODELS.get(name)(IMAGE_SHAPE, NUM_CLASSES, **arguments)


def normalised_images(count: int) -> np.ndarray:
    return np.random.default_rng(0).random((count, *IMAGE_SHAPE), dtype=np.float32)


@pytest.fixture(scope="module", params=MODELS.names())
def network(request: pytest.FixtureRequest) -> keras.Model:
    return build(request.param)


@pytest.fixture(scope="module")
def summary() -> dict[str, Any]:
    return model_summary(build("residual_cnn"))


class TestContract:
    def test_gives_finite_float32_logits(self, network: keras.Model) -> None:
        logits = network.predict_on_batch(normalised_images(3))
        assert logits.shape == (3, NUM_CLASSES)
        assert logits.dtype == np.float32
        assert np.isfinite(logits).all()
        # Logits are not probabilities: a softmax inside would be applied twice.
        assert not np.allclose(logits.sum(axis=1), 1, atol=1e-3)

    def test_gives_float32_logits_in_mixed_precision(self, request: pytest.FixtureRequest, network: keras.Model) -> None:
        keras.config.set_dtype_policy("mixed_bfloat16")
        request.addfinalizer(lambda: keras.config.set_dtype_policy("float32"))
        mixed = build(network.name)
        mixed.set_weights(network.get_weights())
        logits = mixed.predict_on_batch(normalised_images(2))
        assert logits.dtype == np.float32
        assert {layer.compute_dtype for layer in mixed.layers if layer.weights} == {"bfloat16", "float32"}
        # bfloat16 keeps 8 binary digits; a few per cent remain after the layers.
        expected = network.predict_on_batch(normalised_images(2))
        assert np.abs(logits - expected).max() < 0.1 * np.abs(expected).max()

    def test_every_trained_variable_gets_a_gradient(self, network: keras.Model) -> None:
        # In evaluation mode: in training batch normalisation cancels the bias in front of it.
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(network(normalised_images(4), training=False) ** 2)
        gradients = tape.gradient(loss, [variable.value for variable in network.trainable_variables])
        pairs = zip(network.trainable_variables, gradients, strict=True)
        assert [variable.path for variable, gradient in pairs if gradient is None or not np.any(gradient.numpy())] == []

    def test_a_prediction_ignores_its_neighbours(self, network: keras.Model) -> None:
        images = normalised_images(4)
        together = network.predict_on_batch(images)
        alone = network.predict_on_batch(images[2:3])
        # Other batch sizes take other matrix kernels: rounding of float32 sums, no more.
        np.testing.assert_allclose(alone[0], together[2], rtol=0, atol=1e-5)

    def test_every_layer_has_a_name_of_its_own(self, network: keras.Model) -> None:
        names = [layer.name for layer in network.layers]
        assert len(set(names)) == len(names)
        # Keras names a layer after its class and counts up over the life of the process: saved state would not be found again.
        second = [layer.name for layer in build(network.name).layers]
        assert second == names

    def test_has_no_regulariser(self, network: keras.Model) -> None:
        assert [variable.path for variable in network.variables if getattr(variable, "regularizer", None) is not None] == []
        assert network.losses == []

    @pytest.mark.parametrize("name", MODELS.names())
    def test_a_saved_network_predicts_the_same(self, name: str, tmp_path: Any) -> None:
        network = build(name, **SMALL.get(name, {}))
        network.save(tmp_path / "model.keras")
        loaded = keras.models.load_model(tmp_path / "model.keras", compile=False)
        np.testing.assert_array_equal(loaded.predict_on_batch(normalised_images(2)), network.predict_on_batch(normalised_images(2)))

    @pytest.mark.parametrize("name", MODELS.names())
    def test_memorises_eight_images(self, name: str) -> None:
        network = build(name, **SMALL.get(name, {}))
        network.compile(keras.optimizers.Adam(0.01), keras.losses.SparseCategoricalCrossentropy(from_logits=True))
        images, labels = normalised_images(8), np.arange(8)
        losses = [float(network.train_on_batch(images, labels)) for _ in range(60)]
        assert losses[-1] < 0.1 < 2 < losses[0]

    @pytest.mark.parametrize("name", MODELS.names())
    def test_takes_other_numbers_of_classes(self, name: str) -> None:
        network = MODELS.get(name)(IMAGE_SHAPE, 7, **SMALL.get(name, {}))
        assert network.output_shape == (None, 7)


class TestResidualCnn:
    """Numbers printed by the notebook's `model.summary()`, and recomputed by hand layer by layer."""

    def test_has_the_published_number_of_parameters(self, summary: dict[str, Any]) -> None:
        assert summary["parameters"] == 17_001_930
        assert summary["trainable_parameters"] == 16_998_986

    def test_has_the_published_layers(self, summary: dict[str, Any]) -> None:
        parameters = {row["name"]: row["parameters"] for row in summary["layers"]}
        published = {
            "block1_conv1": 1_792,
            "block1_conv2": 36_928,
            "block1_input_projection": 256,
            "block1_norm": 256,
            "block2_conv1": 73_856,
            "block2_conv2": 147_584,
            "block2_input_projection": 512,
            "block2_block_projection": 8_320,
            "block3_conv3": 590_080,
            "block4_input_projection": 2_048,
            "block4_block_projection": 131_584,
            "block5_conv1": 2_359_808,
            "block5_block_projection": 262_656,
            "head_dense1": 525_312,
            "head_dense2": 1_049_600,
            "head_dense3": 262_400,
            "logits": 2_570,
        }
        assert {name: parameters[name] for name in published} == published

    def test_halves_the_image_in_each_block(self, summary: dict[str, Any]) -> None:
        shapes = {row["name"]: row["output_shape"] for row in summary["layers"]}
        pools = [shapes[f"block{number}_pool"] for number in range(1, 6)]
        assert pools == [[16, 16, 64], [8, 8, 128], [4, 4, 256], [2, 2, 512], [1, 1, 512]]
        assert [shapes[f"block{number}_input_pool"] for number in range(2, 6)] == [[16, 16, 3], [8, 8, 3], [4, 4, 3], [2, 2, 3]]

    def test_the_penalty_pattern_names_the_3x3_kernels_alone(self) -> None:
        network = build("residual_cnn")
        matching = [layer for layer in network.layers if fnmatch.fnmatch(layer.name, "*_conv*")]
        assert [layer.name for layer in matching] == [
            f"block{block}_conv{number}" for block, depth in enumerate((2, 2, 3, 3, 3), start=1) for number in range(1, depth + 1)
        ]
        assert {layer.kernel_size for layer in matching} == {(3, 3)}
        others = [layer for layer in network.layers if isinstance(layer, keras.layers.Conv2D) and layer not in matching]
        assert {layer.kernel_size for layer in others} == {(1, 1)}

    def test_activates_each_convolution_and_nothing_after_the_sum(self) -> None:
        network = build("residual_cnn")
        activations = {layer.name: layer.activation.__name__ for layer in network.layers if hasattr(layer, "activation")}
        assert {a for name, a in activations.items() if "_conv" in name or "head_dense" in name} == {"relu"}
        assert {a for name, a in activations.items() if "projection" in name or name == "logits"} == {"linear"}
        assert not any(isinstance(layer, (keras.layers.ReLU, keras.layers.Activation)) for layer in network.layers)

    @pytest.mark.parametrize(
        ("open_layers", "expected"),
        [
            ({"block2_input_projection"}, 12.5),
            ({"block1_input_projection", "block2_block_projection"}, 15 * NORM),
            ({"block1_input_projection", "block2_block_projection", "block2_input_projection"}, 15 * NORM + 12.5),
            ({"block1_input_projection", "block2_conv1"}, 15 * NORM),
            ({"block1_conv1", "block2_block_projection"}, 15 * NORM),
        ],
    )
    def test_sums_the_stack_the_image_and_the_previous_block(self, open_layers: set[str], expected: float) -> None:
        """The last 2x2 pixels of the image have the mean 12.5 and the maximum 15; the layers that are not named give 0."""
        network = residual_cnn((4, 4, 1), 2, widths=(1, 1), convolutions=(1, 1), dense_units=())
        for layer in network.layers:
            if isinstance(layer, keras.layers.Conv2D):
                kernel = np.zeros(layer.kernel.shape, np.float32)
                middle = kernel.shape[0] // 2
                kernel[middle, middle] = layer.name in open_layers
                layer.kernel.assign(kernel)
        second_block = keras.Model(network.input, network.get_layer("block2_pool").output)
        image = np.arange(16, dtype=np.float32).reshape(1, 4, 4, 1)
        assert second_block.predict_on_batch(image).item() == pytest.approx(expected * NORM, rel=1e-5)

    @pytest.mark.parametrize("size", [(31, 32), (32, 48), (16, 16), (0, 32)])
    def test_refuses_images_it_cannot_halve(self, size: tuple[int, int]) -> None:
        with pytest.raises(UserError, match=rf"multiples of 32, as 5 blocks halve the image, got images of {size[0]}x{size[1]}$"):
            residual_cnn((*size, 3), 10)

    def test_takes_other_multiples(self) -> None:
        network = residual_cnn((64, 32, 3), 5, widths=(4, 4, 4, 4, 4), convolutions=(1, 1, 1, 1, 1), dense_units=())
        assert network.output_shape == (None, 5)

    def test_refuses_lists_of_different_length(self) -> None:
        with pytest.raises(UserError, match=r"convolutions: expected one number for each of the 5 widths, got 2$"):
            residual_cnn(IMAGE_SHAPE, 10, convolutions=(1, 1))

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            ({"dropout_rate": 1.0}, "model.dropout_rate: expected a number >= 0 and < 1, got 1.0"),
            ({"dropout_rate": -0.1}, "model.dropout_rate: expected a number >= 0 and < 1, got -0.1"),
            ({"widths": []}, "model.widths: expected a list of at least 1 item, got []"),
            ({"widths": [64, 0]}, "model.widths[1]: expected an integer > 0, got 0"),
            ({"dense_units": ["many"]}, "model.dense_units[0]: expected an integer > 0, got 'many'"),
            ({"convolutions": 2}, "model.convolutions: expected a list of at least 1 item, got 2"),
            ({"width": [64]}, "model.width: unknown key; did you mean 'widths'?"),
            ({"image_shape": [32, 32, 3]}, "model.image_shape: unknown key"),
        ],
    )
    def test_checks_what_a_recipe_says(self, arguments: dict[str, Any], message: str) -> None:
        with pytest.raises(UserError) as caught:
            checked_arguments(residual_cnn, arguments, ("model",), lambda path: "recipe.yaml:1", ("image_shape", "num_classes"))
        assert message in str(caught.value)

    def test_takes_lists_as_yaml_gives_them(self) -> None:
        given = {"widths": [4, 4], "convolutions": [1, 1], "dense_units": [], "dropout_rate": 0}
        values = checked_arguments(residual_cnn, given, ("model",), lambda path: "recipe.yaml:1", ("image_shape", "num_classes"))
        assert residual_cnn(IMAGE_SHAPE, 3, **values).output_shape == (None, 3)


class TestSummary:
    def test_counts_multiply_accumulates_by_hand(self) -> None:
        layers = keras.layers
        images = keras.Input((8, 6, 4), name="images")
        hidden = layers.Conv2D(8, 3, strides=2, padding="same", groups=2, name="grouped")(images)  # 4x3 pixels
        hidden = layers.DepthwiseConv2D(3, depth_multiplier=2, name="depthwise")(hidden)  # 2x1 pixels
        hidden = layers.Dense(5, name="on_pixels")(hidden)
        hidden = layers.GlobalAveragePooling2D(name="mean")(hidden)
        summary = model_summary(keras.Model(images, layers.Dense(3, name="logits")(hidden), name="hand"))
        rows = {row["name"]: row for row in summary["layers"]}
        assert rows["grouped"]["multiply_accumulates"] == 4 * 3 * 8 * (3 * 3 * 2)
        assert rows["depthwise"]["multiply_accumulates"] == 2 * 1 * 16 * (3 * 3)
        assert rows["on_pixels"]["multiply_accumulates"] == 2 * 1 * 16 * 5
        assert rows["mean"] == {"name": "mean", "type": "GlobalAveragePooling2D", "output_shape": [5], "parameters": 0, "multiply_accumulates": 0}
        assert rows["logits"]["multiply_accumulates"] == 5 * 3
        assert summary["multiply_accumulates"] == sum(row["multiply_accumulates"] for row in rows.values())
        assert summary["bytes"] == 4 * summary["parameters"]
        assert summary["name"] == "hand"

    def test_counts_a_network_within_a_network_once(self) -> None:
        inner = residual_cnn((4, 4, 3), 2, widths=(2,), convolutions=(1,), dense_units=())
        images = keras.Input((4, 4, 3), name="outer_images")
        outer = keras.Model(images, inner(keras.layers.Rescaling(1 / 255, name="unit")(images)), name="outer")
        whole, part = model_summary(outer), model_summary(inner)
        assert whole["parameters"] == part["parameters"]
        assert whole["multiply_accumulates"] == part["multiply_accumulates"] > 0
        assert [row["name"] for row in whole["layers"]] == ["outer_images", "unit", *(row["name"] for row in part["layers"])]

    def test_is_plain_json(self) -> None:
        summary = model_summary(build("residual_cnn", **SMALL["residual_cnn"]))
        assert json.loads(json.dumps(summary)) == summary
