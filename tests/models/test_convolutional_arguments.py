"""The arguments of LeNet, QuizDNN, VGG, DenseNet and the residual network, and their effects."""

from typing import Any

import keras
import numpy as np
import pytest

from kcifar.core.errors import UserError
from kcifar.models.build import build_model, sketch_model

IMAGE_SHAPE = (32, 32, 3)


class TestArguments:
    @pytest.mark.parametrize(
        ("name", "arguments", "expected"),
        [
            *((name, {}, []) for name in ("lenet", "lenet_bn", "quizdnn", "vgg", "vgg16_plain", "densenet")),
            *((name, {"dropout_rate": 0.0}, []) for name in ("vgg16", "vgg13")),
            ("lenet", {"dropout_rate": 0.2}, ["head_dropout1", "head_dropout2"]),
            ("quizdnn", {"dropout_rate": 0.2}, ["head_dropout"]),
            ("vgg16", {}, ["head_dropout1", "head_dropout2"]),
            ("vgg16_plain", {"dropout_rate": 0.2}, ["head_dropout"]),
            (
                "densenet",
                {"blocks": [1, 1], "dropout_rate": 0.2},
                ["group1_block1_dropout1", "group1_block1_dropout2", "group1_transition_dropout", "group2_block1_dropout1", "group2_block1_dropout2"],
            ),
        ],
    )
    def test_dropout_stands_where_it_is_asked_for(self, name: str, arguments: dict[str, Any], expected: list[str]) -> None:
        layers = [layer for layer in sketch_model(name, IMAGE_SHAPE, 10, **arguments).layers if isinstance(layer, keras.layers.Dropout)]
        assert [layer.name for layer in layers] == expected
        assert {layer.rate for layer in layers} <= {arguments.get("dropout_rate", 0.5)}

    @pytest.mark.parametrize(
        ("name", "others"), [("lenet_bn", 1), ("quizdnn", 1), ("vgg16", 1), ("vgg11_plain", 1), ("densenet", 1), ("residual_cnn", 10)]
    )
    def test_the_activation_is_used_everywhere(self, name: str, others: int) -> None:
        default, changed = sketch_model(name, IMAGE_SHAPE, 10), sketch_model(name, IMAGE_SHAPE, 10, activation="elu")
        assert [layer.name for layer in default.layers] == [layer.name for layer in changed.layers]
        kinds = [layer.activation.__name__ for layer in changed.layers if isinstance(layer, (keras.layers.Activation, keras.layers.Dense))]
        kinds += [layer.activation.__name__ for layer in changed.layers if isinstance(layer, keras.layers.Conv2D) and name == "residual_cnn"]
        assert set(kinds) == {"elu", "linear"}
        assert kinds.count("linear") == others  # the logits, and the projections of the residual network

    @pytest.mark.parametrize("name", ["lenet_bn", "quizdnn", "vgg16", "densenet"])
    def test_normalizes_as_torch_by_default(self, name: str) -> None:
        norms = [layer for layer in sketch_model(name, IMAGE_SHAPE, 10).layers if isinstance(layer, keras.layers.BatchNormalization)]
        assert {(layer.momentum, layer.epsilon) for layer in norms} == {(0.9, 1e-5)}
        changed = sketch_model(name, IMAGE_SHAPE, 10, norm_momentum=0.5, norm_epsilon=0.01)
        norms = [layer for layer in changed.layers if isinstance(layer, keras.layers.BatchNormalization)]
        assert {(layer.momentum, layer.epsilon) for layer in norms} == {(0.5, 0.01)}

    @pytest.mark.parametrize(
        ("name", "arguments", "message"),
        [
            ("lenet", {"dropout_rate": 1.0}, "dropout_rate: expected a number >= 0 and < 1, got 1.0"),
            ("lenet", {"norm_momentum": 0.5}, "norm_momentum: unknown key"),
            ("lenet", {"batch_norm": True}, "batch_norm: unknown key"),
            ("lenet_bn", {"norm_momentum": 1.0}, "norm_momentum: expected a number >= 0 and < 1, got 1.0"),
            ("lenet_bn", {"activation": "rely"}, "activation: expected one of 'relu', "),
            ("quizdnn", {"width": 8193}, "width: expected an integer > 0 and <= 8192, got 8193"),
            ("vgg", {"widths": [0]}, "widths[0]: expected an integer > 0 and <= 8192, got 0"),
            ("vgg", {"widths": []}, "widths: expected a list"),
            ("vgg", {"widths": [4] * 11}, "widths: expected a list"),
            ("vgg", {"convolutions": [17]}, "convolutions[0]: expected an integer > 0 and <= 16, got 17"),
            ("vgg", {"convolutions": [1, 1]}, "convolutions: expected one number for each of the 4 widths, got 2"),
            ("vgg", {"dense_units": [4] * 9}, "dense_units: expected a list"),
            ("vgg", {"head": "sum"}, "head: expected one of 'average', 'flatten', got 'sum'"),
            ("vgg16", {"widths": [64]}, "widths: unknown key"),
            ("vgg16", {"norm_epsilon": 0.0}, "norm_epsilon: expected a number > 0 and <= 0.1, got 0.0"),
            ("vgg16_plain", {"norm_momentum": 0.5}, "norm_momentum: unknown key"),
            ("densenet", {"growth": 0}, "growth: expected an integer > 0 and <= 8192, got 0"),
            ("densenet", {"blocks": [65]}, "blocks[0]: expected an integer > 0 and <= 64, got 65"),
            ("densenet", {"blocks": []}, "blocks: expected a list"),
            ("densenet", {"bottleneck": 17}, "bottleneck: expected an integer >= 0 and <= 16, got 17"),
            ("densenet", {"compression": 0.0}, "compression: expected a number > 0 and <= 1, got 0.0"),
            ("densenet", {"compression": 1.1}, "compression: expected a number > 0 and <= 1, got 1.1"),
            ("residual_cnn", {"widths": [4] * 11}, "widths: expected a list"),
            ("residual_cnn", {"widths": [8193]}, "widths[0]: expected an integer > 0 and <= 8192, got 8193"),
            ("residual_cnn", {"convolutions": [17]}, "convolutions[0]: expected an integer > 0 and <= 16, got 17"),
            ("residual_cnn", {"dense_units": [4] * 9}, "dense_units: expected a list"),
            ("residual_cnn", {"activation": "softmax"}, "activation: expected one of 'relu', "),
            ("residual_cnn", {"attention": "se"}, "attention: expected one of 'none', 'squeeze_excitation', 'eca', got 'se'"),
        ],
    )
    def test_refuses_what_is_out_of_range(self, name: str, arguments: dict[str, Any], message: str) -> None:
        with pytest.raises(UserError) as caught:
            sketch_model(name, IMAGE_SHAPE, 10, **arguments)
        assert str(caught.value).startswith(f"{name}: ")
        assert f": {message}" in str(caught.value)


class TestResidualAttention:
    def test_adds_nothing_unless_asked(self) -> None:
        plain = {layer.name for layer in sketch_model("residual_cnn", IMAGE_SHAPE, 10).layers}
        attentive = {layer.name for layer in sketch_model("residual_cnn", IMAGE_SHAPE, 10, attention="eca").layers}
        assert plain == {name for name in attentive if "attention" not in name}
        assert sum(name.endswith("_attention") for name in attentive) == 5

    @pytest.mark.parametrize(("attention", "extra"), [("squeeze_excitation", 8 * 4 + 4 + 4 * 8 + 8), ("eca", 3)])
    def test_costs_what_the_papers_say(self, attention: str, extra: int) -> None:
        arguments = {"widths": [8], "convolutions": [1], "dense_units": []}
        plain = sketch_model("residual_cnn", IMAGE_SHAPE, 10, **arguments).count_params()
        assert sketch_model("residual_cnn", IMAGE_SHAPE, 10, attention=attention, **arguments).count_params() == plain + extra

    @pytest.mark.parametrize(
        ("open_layer", "expected"),
        [("block2_conv1", 0.5), ("block2_block_projection", 1.0), ("block2_input_projection", 1.0), ("block1_conv1", 0.0)],
    )
    def test_weighs_the_stack_and_not_the_shortcuts(self, open_layer: str, expected: float) -> None:
        """Without kernels the attention's sigmoid is a half; the image is ones, and so is what the first block gives."""
        arguments = {"widths": [1, 1], "convolutions": [1, 1], "dense_units": [], "attention": "squeeze_excitation"}
        network = build_model("residual_cnn", (4, 4, 1), 2, **arguments)
        for layer in network.layers:
            if isinstance(layer, keras.layers.Conv2D):
                kernel = np.zeros(layer.kernel.shape, np.float32)
                kernel[kernel.shape[0] // 2, kernel.shape[1] // 2] = layer.name in {open_layer, "block1_input_projection"}
                layer.kernel.assign(kernel)
        total = keras.Model(network.input, network.get_layer("block2_add").output)
        # The first block's batch normalization divides by sqrt(1 + 1e-3).
        assert float(total(np.ones((1, 4, 4, 1), np.float32))[0, 0, 0, 0]) == pytest.approx(expected, rel=1e-3)
