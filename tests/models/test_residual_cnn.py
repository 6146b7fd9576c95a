"""The residual network is the one that was published."""

import fnmatch
from typing import Any

import keras
import numpy as np
import pytest

from kcifar.core.checks import checked_arguments
from kcifar.core.errors import UserError
from kcifar.models.residual_cnn import residual_cnn
from kcifar.models.summary import summarize_model

IMAGE_SHAPE = (32, 32, 3)

# What batch normalization multiplies by before its first update: variance 1, epsilon 1e-3.
NORM = 1 / np.sqrt(1 + 1e-3)


@pytest.fixture(scope="module")
def network() -> keras.Model:
    return residual_cnn(IMAGE_SHAPE, 10)


@pytest.fixture(scope="module")
def summary(network: keras.Model) -> dict[str, Any]:
    return summarize_model(network)


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

    def test_the_penalty_pattern_names_the_3x3_kernels_alone(self, network: keras.Model) -> None:
        matching = [layer for layer in network.layers if fnmatch.fnmatch(layer.name, "*_conv*")]
        assert [layer.name for layer in matching] == [
            f"block{block}_conv{number}" for block, depth in enumerate((2, 2, 3, 3, 3), start=1) for number in range(1, depth + 1)
        ]
        assert {layer.kernel_size for layer in matching} == {(3, 3)}
        others = [layer for layer in network.layers if isinstance(layer, keras.layers.Conv2D) and layer not in matching]
        assert {layer.kernel_size for layer in others} == {(1, 1)}

    def test_activates_each_convolution_and_nothing_after_the_sum(self, network: keras.Model) -> None:
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
            ({"widths": []}, "model.widths: expected a list of 1 to 10 items, got []"),
            ({"widths": [64, 0]}, "model.widths[1]: expected an integer > 0 and <= 8192, got 0"),
            ({"dense_units": ["many"]}, "model.dense_units[0]: expected an integer > 0 and <= 8192, got 'many'"),
            ({"convolutions": 2}, "model.convolutions: expected a list of 1 to 10 items, got 2"),
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
