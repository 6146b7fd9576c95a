"""LeNet, QuizDNN, VGG and DenseNet have the sizes, the layers and the initialization of their sources, on images of any size that they allow."""

import fnmatch
import math
from typing import Any

import keras
import numpy as np
import pytest

from kcifar.core.errors import UserError
from kcifar.models.build import build_model, sketch_model
from kcifar.models.summary import summarize_model

IMAGE_SHAPE = (32, 32, 3)
NAMES = [
    *("lenet", "lenet_bn", "quizdnn", "densenet", "densenet121", "densenet_bc_100_12"),
    *("vgg", "vgg11_plain", "vgg13", "vgg13_plain", "vgg16", "vgg16_plain", "vgg19_plain"),
]

Rows = dict[str, dict[str, Any]]


@pytest.fixture(scope="module")
def sketches() -> dict[str, keras.Model]:
    return {name: sketch_model(name, IMAGE_SHAPE, 10) for name in NAMES}


def rows_of(network: keras.Model) -> Rows:
    return {row["name"]: row for row in summarize_model(network)["layers"]}


def parameters_of(network: keras.Model) -> dict[str, int]:
    """Return the parameters of each layer that has any."""
    return {name: row["parameters"] for name, row in rows_of(network).items() if row["parameters"]}


def shapes_of(network: keras.Model) -> dict[str, list[int]]:
    return {name: row["output_shape"] for name, row in rows_of(network).items()}


class TestSizes:
    @pytest.mark.parametrize(
        ("name", "trainable", "normalized_channels"),
        [
            ("lenet", 62_006, 0),  # the code of 0xMartin/UTB-FAI-programs, counted
            ("lenet_bn", 62_050, 6 + 16),  # with the two layers that its constructor makes
            ("quizdnn", 299_018, 9 * 64),  # stated by the project
            ("vgg16", 33_646_666, 2 * 64 + 2 * 128 + 3 * 256 + 6 * 512),  # nguyen-nhat-mai/CIFAR-10-image_classification, counted
            ("vgg13", 8_920_650, 2 * 64 + 2 * 128 + 3 * 256 + 3 * 512),
            ("densenet121", 6_956_298, 41_760),  # shambhurajmane/Deep-Learning-CIFAR10-pytorch, counted
            ("densenet_bc_100_12", 769_162, 11_994),  # 0.8M in the paper's table 2; the usual count of the reference code
        ],
    )
    def test_has_the_published_number_of_parameters(
        self, sketches: dict[str, keras.Model], name: str, trainable: int, normalized_channels: int
    ) -> None:
        summary = summarize_model(sketches[name])
        assert summary["trainable_parameters"] == trainable
        assert summary["parameters"] == trainable + 2 * normalized_channels  # a moving mean and a moving variance a channel

    @pytest.mark.parametrize(
        ("name", "convolutions"),
        [("vgg11_plain", "11222"), ("vgg13_plain", "22222"), ("vgg16_plain", "22333"), ("vgg19_plain", "22444")],
    )
    def test_plain_vgg_has_the_paper_s_convolutions(self, sketches: dict[str, keras.Model], name: str, convolutions: str) -> None:
        channels = [width for width, depth in zip((64, 128, 256, 512, 512), convolutions, strict=True) for _ in range(int(depth))]
        assert len(channels) + 3 == int(name[3:5])  # the paper counts its three dense layers
        expected = sum(9 * into * out + out for into, out in zip([3, *channels], channels, strict=False)) + 512 * 10 + 10
        summary = summarize_model(sketches[name])
        assert summary["parameters"] == summary["trainable_parameters"] == expected

    def test_lenet_layer_by_layer(self, sketches: dict[str, keras.Model]) -> None:
        parameters = {"block1_conv": 456, "block2_conv": 2_416, "head_dense1": 48_120, "head_dense2": 10_164, "logits": 850}
        assert parameters_of(sketches["lenet"]) == parameters
        assert parameters_of(sketches["lenet_bn"]) == parameters | {"block1_norm": 4 * 6, "block2_norm": 4 * 16}
        shapes = shapes_of(sketches["lenet"])
        steps = ("block1_conv", "block1_pool", "block2_conv", "block2_pool", "head_flatten")
        assert [shapes[step] for step in steps] == [[28, 28, 6], [14, 14, 6], [10, 10, 16], [5, 5, 16], [400]]

    @pytest.mark.parametrize(
        ("name", "convolutions", "head"),
        [
            (
                "vgg16",
                [1_792, 36_928, 73_856, 147_584, 295_168, 590_080, 590_080, 1_180_160, *[2_359_808] * 5],
                {"head_dense1": 512 * 4096 + 4096, "head_dense2": 4096 * 4096 + 4096, "logits": 40_970},
            ),
            (
                "vgg13",
                [1_792, 36_928, 73_856, 147_584, 295_168, 590_080, 590_080, 1_180_160, *[2_359_808] * 2],
                {"head_dense1": 2048 * 500 + 500, "head_dense2": 500 * 500 + 500, "logits": 5_010},
            ),
        ],
    )
    def test_vgg_layer_by_layer(self, sketches: dict[str, keras.Model], name: str, convolutions: list[int], head: dict[str, int]) -> None:
        parameters = parameters_of(sketches[name])
        assert [count for layer, count in parameters.items() if "_conv" in layer] == convolutions
        assert {layer: count for layer, count in parameters.items() if not layer.startswith("block")} == head

    def test_densenet_grows_and_halves(self, sketches: dict[str, keras.Model]) -> None:
        shapes = shapes_of(sketches["densenet121"])
        assert [shapes[f"group1_block{layer}_concat"][-1] for layer in range(1, 7)] == [96, 128, 160, 192, 224, 256]
        ends = [shapes[f"group{group}_block{layer}_concat"] for group, layer in enumerate((6, 12, 24, 16), start=1)]
        assert ends == [[32, 32, 256], [16, 16, 512], [8, 8, 1024], [4, 4, 1024]]
        assert [shapes[f"group{group}_transition_pool"] for group in (1, 2, 3)] == [[16, 16, 128], [8, 8, 256], [4, 4, 512]]
        assert shapes["group3_block7_conv1"] == [8, 8, 128]
        shapes = shapes_of(sketches["densenet_bc_100_12"])
        assert [shapes[f"group{group}_block16_concat"] for group in (1, 2, 3)] == [[32, 32, 216], [16, 16, 300], [8, 8, 342]]

    def test_kernels_stand_where_the_penalty_pattern_finds_them(self, sketches: dict[str, keras.Model]) -> None:
        for network in sketches.values():
            convolutions = {layer.name for layer in network.layers if isinstance(layer, keras.layers.Conv2D)}
            assert convolutions == {layer.name for layer in network.layers if fnmatch.fnmatch(layer.name, "*_conv*")}


class TestOrder:
    def test_quizdnn_normalizes_after_the_activation(self, sketches: dict[str, keras.Model]) -> None:
        names = [layer.name for layer in sketches["quizdnn"].layers]
        for block in (f"group{group}_block{block}" for group in (1, 2, 3) for block in (1, 2, 3)):
            first = names.index(f"{block}_conv1")
            assert names[first : first + 3] == [f"{block}_conv1", f"{block}_act1", f"{block}_norm1"]

    def test_vgg_normalizes_before_the_activation(self, sketches: dict[str, keras.Model]) -> None:
        names = [layer.name for layer in sketches["vgg16"].layers]
        assert names[1:8] == [f"block1_{role}" for role in ("conv1", "norm1", "act1", "conv2", "norm2", "act2", "pool")]
        dense = ["head_flatten", "head_dropout1", "head_dense1", "head_dropout2", "head_dense2", "logits"]
        assert names[-7:] == ["block5_pool", *dense]
        assert not any("norm" in layer.name for layer in sketches["vgg16_plain"].layers)

    def test_lenet_normalizes_after_the_pooling(self, sketches: dict[str, keras.Model]) -> None:
        names = [layer.name for layer in sketches["lenet_bn"].layers]
        assert names[1:9] == [f"block{block}_{role}" for block in (1, 2) for role in ("conv", "act", "pool", "norm")]


class TestImageSizes:
    @pytest.mark.parametrize("name", ["lenet", "lenet_bn", "quizdnn", "densenet", "vgg", "vgg13", "vgg16", "vgg19_plain"])
    @pytest.mark.parametrize("size", [(24, 24), (28, 33), (64, 40), (224, 224)])
    def test_takes_other_sizes(self, name: str, size: tuple[int, int]) -> None:
        assert sketch_model(name, (*size, 3), 7).output_shape == (None, 7)

    def test_densenet121_takes_photographs(self) -> None:
        assert shapes_of(sketch_model("densenet121", (224, 224, 3), 10))["group4_block16_concat"] == [28, 28, 1024]

    def test_keeps_the_last_row_of_an_odd_number(self) -> None:
        shapes = shapes_of(sketch_model("vgg16", (25, 33, 3), 10))
        assert [shapes[f"block{block}_pool"][:2] for block in range(1, 6)] == [[13, 17], [7, 9], [4, 5], [2, 3], [1, 2]]

    @pytest.mark.parametrize(
        ("name", "size", "message"),
        [
            ("lenet", (12, 32), "13 to 1024 pixels, as two valid 5x5 convolutions shrink the image, got images of 12x32"),
            ("lenet_bn", (32, 12), "13 to 1024 pixels, as two valid 5x5 convolutions shrink the image, got images of 32x12"),
            ("quizdnn", (2, 32), "3 to 1024 pixels, as the image is halved twice, got images of 2x32"),
            ("vgg16", (16, 32), "17 to 1024 pixels, as 5 poolings halve the image, got images of 16x32"),
            ("vgg13", (8, 8), "9 to 1024 pixels, as 4 poolings halve the image, got images of 8x8"),
            ("densenet121", (4, 32), "5 to 1024 pixels, as 4 groups halve the image between them, got images of 4x32"),
            ("densenet_bc_100_12", (32, 1025), "3 to 1024 pixels, as 3 groups halve the image between them, got images of 32x1025"),
        ],
    )
    def test_refuses_what_it_cannot_halve(self, name: str, size: tuple[int, int], message: str) -> None:
        with pytest.raises(UserError) as caught:
            sketch_model(name, (*size, 3), 10)
        assert str(caught.value) == f"{name}: expected height and width of {message}"

    @pytest.mark.parametrize(
        ("name", "smallest", "arguments"),
        [("lenet", 13, {}), ("quizdnn", 3, {}), ("vgg", 3, {"widths": [4, 4], "convolutions": [1, 1]}), ("densenet", 1, {"blocks": [2]})],
    )
    def test_takes_the_smallest_that_it_names(self, name: str, smallest: int, arguments: dict[str, Any]) -> None:
        network = build_model(name, (smallest, smallest, 3), 4, **arguments)
        logits = network(np.ones((2, smallest, smallest, 3), np.float32))
        assert np.isfinite(keras.ops.convert_to_numpy(logits)).all()


class TestInitialValues:
    @pytest.mark.parametrize(
        ("name", "arguments", "layer", "fan_in"),
        [
            ("lenet", {}, "block2_conv", 25 * 6),
            ("lenet", {}, "head_dense1", 400),
            ("lenet", {}, "logits", 84),
            ("quizdnn", {}, "group2_block1_conv1", 9 * 64),
            ("quizdnn", {}, "logits", 64),
            ("vgg", {"dense_units": [100]}, "block3_conv1", 9 * 64),
            ("vgg", {"dense_units": [100]}, "head_dense1", 256),
            ("vgg", {"batch_norm": False}, "logits", 256),
            ("densenet", {"blocks": [2, 2]}, "logits", 48),
        ],
    )
    def test_starts_as_torch_does(self, name: str, arguments: dict[str, Any], layer: str, fan_in: int) -> None:
        """Evenly between -1 and 1 over the root of the number of connections that come in."""
        kernel = self._kernel(name, arguments, layer) * math.sqrt(fan_in)
        assert 0.97 < np.abs(kernel).max() <= 1
        assert kernel.std() == pytest.approx(math.sqrt(1 / 3), rel=4 / math.sqrt(2 * kernel.size))

    @pytest.mark.parametrize(
        ("name", "arguments", "layer", "fan_out"),
        [
            ("vgg", {"batch_norm": False}, "block3_conv1", 9 * 128),
            ("densenet", {"blocks": [2, 2]}, "stem_conv", 9 * 24),
            ("densenet", {"blocks": [2, 2]}, "group2_block1_conv2", 9 * 12),
            ("densenet", {"blocks": [2, 2]}, "group1_transition_conv", 24),
        ],
    )
    def test_starts_as_residual_networks_do(self, name: str, arguments: dict[str, Any], layer: str, fan_out: int) -> None:
        """Normal, the variance 2 over the number of connections that go out."""
        kernel = self._kernel(name, arguments, layer) * math.sqrt(fan_out / 2)
        assert kernel.std() == pytest.approx(1, rel=4 / math.sqrt(2 * kernel.size))
        assert np.abs(kernel).max() > 2.5  # not cut off

    @staticmethod
    def _kernel(name: str, arguments: dict[str, Any], layer: str) -> np.ndarray:
        keras.utils.set_random_seed(0)
        return keras.ops.convert_to_numpy(build_model(name, IMAGE_SHAPE, 10, **arguments).get_layer(layer).kernel)

    def test_the_image_reaches_the_end_of_the_deepest_plain_network(self) -> None:
        """Started as torch starts a convolution, each of the sixteen would hand on a sixth of the variance: nothing is left to learn from."""
        keras.utils.set_random_seed(0)
        network = build_model("vgg", IMAGE_SHAPE, 10, widths=[16, 16, 32, 32, 32], convolutions=[2, 2, 4, 4, 4], batch_norm=False)
        logits = network(np.random.default_rng(0).normal(size=(8, *IMAGE_SHAPE)).astype(np.float32))
        assert keras.ops.convert_to_numpy(logits).std() > 0.01
