"""The summary of a network: counts by hand, and the graph as plain JSON."""

import json
from typing import Any

import keras
import pytest

from kcifar.models.build import sketch_model
from kcifar.models.residual_cnn import residual_cnn
from kcifar.models.summary import summarize_model

SMALL: dict[str, Any] = {"widths": (8, 8), "convolutions": (1, 2), "dense_units": (16,), "dropout_rate": 0.0}


def rows_of(network: keras.Model) -> dict[str, dict[str, Any]]:
    return {row["name"]: row for row in summarize_model(network)["layers"]}


class TestCounts:
    def test_multiply_accumulates_by_hand(self) -> None:
        layers = keras.layers
        images = keras.Input((8, 6, 4), name="images")
        hidden = layers.Conv2D(8, 3, strides=2, padding="same", groups=2, name="grouped")(images)  # 4x3 pixels
        hidden = layers.DepthwiseConv2D(3, depth_multiplier=2, name="depthwise")(hidden)  # 2x1 pixels
        hidden = layers.Dense(5, name="on_pixels")(hidden)
        hidden = layers.GlobalAveragePooling2D(name="mean")(hidden)
        network = keras.Model(images, layers.Dense(3, name="logits")(hidden), name="hand")
        summary, rows = summarize_model(network), rows_of(network)
        assert rows["grouped"]["multiply_accumulates"] == 4 * 3 * 8 * (3 * 3 * 2)
        assert rows["depthwise"]["multiply_accumulates"] == 2 * 1 * 16 * (3 * 3)
        assert rows["on_pixels"]["multiply_accumulates"] == 2 * 1 * 16 * 5
        assert rows["logits"]["multiply_accumulates"] == 5 * 3
        assert rows["mean"]["multiply_accumulates"] == rows["images"]["multiply_accumulates"] == 0
        assert summary["multiply_accumulates"] == sum(row["multiply_accumulates"] for row in rows.values())
        assert summary["bytes"] == 4 * summary["parameters"]
        assert summary["name"] == "hand"

    def test_attention_by_hand(self) -> None:
        asking, asked = keras.Input((5, 12), name="asking"), keras.Input((7, 10), name="asked")
        attention = keras.layers.MultiHeadAttention(3, 4, value_dim=6, name="attention")(asking, asked)
        rows = rows_of(keras.Model([asking, asked], attention, name="attending"))
        projections = 5 * 12 * (3 * 4) + 7 * 10 * (3 * 4) + 7 * 10 * (3 * 6) + 5 * (3 * 6) * 12  # query, key, value, output
        assert rows["attention"]["multiply_accumulates"] == projections + 3 * (5 * 7 * 4) + 3 * (5 * 7 * 6)
        assert rows["attention"]["inputs"] == ["asking", "asked"]

    @pytest.mark.parametrize(
        ("shape", "equation", "output", "count"),
        [
            ((5, 12), "abc,cd->abd", (5, 7), 5 * 12 * 7),
            ((5, 12), "...x,xy->...y", (7,), 5 * 12 * 7),
            ((5, 12), "abc,cde->abde", (5, 2, 3), 5 * 12 * 2 * 3),
            ((5, 2, 3), "abcd,cde->abe", (5, 7), 5 * 2 * 3 * 7),
        ],
    )
    def test_einsum_by_hand(self, shape: tuple[int, ...], equation: str, output: tuple[int, ...], count: int) -> None:
        tokens = keras.Input(shape, name="tokens")
        rows = rows_of(keras.Model(tokens, keras.layers.EinsumDense(equation, output, name="projection")(tokens), name="einsum"))
        assert rows["projection"]["multiply_accumulates"] == count

    @pytest.mark.parametrize(("axes", "count"), [(1, 4 * 6 * 5), ((1, 1), 4 * 6 * 5), (-2, 4 * 6 * 5)])
    def test_a_dot_product_by_hand(self, axes: Any, count: int) -> None:
        one, other = keras.Input((5, 4), name="one"), keras.Input((5, 6), name="other")
        rows = rows_of(keras.Model([one, other], keras.layers.Dot(axes, name="dot")([one, other]), name="dots"))
        assert rows["dot"]["multiply_accumulates"] == count

    def test_a_convolution_along_a_row_by_hand(self) -> None:
        row = keras.Input((9, 2), name="row")
        rows = rows_of(keras.Model(row, keras.layers.Conv1D(4, 3, strides=2, name="conv")(row), name="along"))
        assert rows["conv"]["multiply_accumulates"] == 4 * (3 * 2 * 4)

    def test_a_layer_used_twice_works_twice_and_weighs_once(self) -> None:
        images = keras.Input((4, 4, 3), name="images")
        shared = keras.layers.Conv2D(3, 1, use_bias=False, name="shared")
        network = keras.Model(images, keras.layers.ReLU(name="end")(shared(shared(images))), name="twice")
        assert rows_of(network)["shared"]["multiply_accumulates"] == 2 * (4 * 4 * 3 * 3)
        assert summarize_model(network)["parameters"] == rows_of(network)["shared"]["parameters"] == 9
        assert rows_of(network)["shared"]["inputs"] == ["images", "shared"]

    def test_a_network_within_a_network_once(self) -> None:
        inner = residual_cnn((4, 4, 3), 2, widths=(2,), convolutions=(1,), dense_units=())
        images = keras.Input((4, 4, 3), name="outer_images")
        outer = keras.Model(images, inner(keras.layers.Rescaling(1 / 255, name="unit")(images)), name="outer")
        whole, part = summarize_model(outer), summarize_model(inner)
        assert whole["parameters"] == part["parameters"]
        assert whole["multiply_accumulates"] == part["multiply_accumulates"] > 0
        assert [row["name"] for row in whole["layers"]] == ["outer_images", "unit", *(row["name"] for row in part["layers"])]


class TestGraph:
    @pytest.mark.parametrize("name", ["residual_cnn", "quizdnn", "airbench96", "vit"])
    def test_inputs_are_those_of_the_networks_configuration(self, name: str) -> None:
        network = sketch_model(name, (32, 32, 3), 10)
        summary = summarize_model(network)
        assert {row["name"]: row["inputs"] for row in summary["layers"]} == {
            layer["config"]["name"]: list(dict.fromkeys(sources(layer["inbound_nodes"]))) for layer in network.get_config()["layers"]
        }
        assert sum(len(row["inputs"]) > 1 for row in summary["layers"]) > 0

    def test_inputs_lead_into_and_out_of_a_network_within(self) -> None:
        layers = keras.layers
        inner_images = keras.Input((4, 4, 3), name="images")
        inner = keras.Model(inner_images, layers.Conv2D(3, 1, name="conv")(inner_images), name="inner")
        plain = keras.Sequential([keras.Input((4, 4, 3), name="start"), layers.ReLU(name="act")], name="plain")
        images = keras.Input((4, 4, 3), name="images")
        first = layers.Conv2D(3, 1, name="conv")(images)
        end = layers.Add(name="end")([plain(inner(first)), first])
        rows = rows_of(keras.Model(images, end, name="outer"))
        assert {name: row["inputs"] for name, row in rows.items()} == {
            "images": [],
            "conv": ["images"],
            "inner/images": ["conv"],
            "inner/conv": ["inner/images"],
            "start": ["inner/conv"],
            "act": ["start"],
            "end": ["act", "conv"],
        }

    def test_operations_that_are_no_layers_are_passed_through(self) -> None:
        images = keras.Input((4, 4, 3), name="images")
        hidden = keras.layers.ReLU(name="act")(images)
        network = keras.Model(images, keras.layers.Dense(2, name="logits")(hidden * 2 + images), name="operations")
        assert rows_of(network)["logits"]["inputs"] == ["act", "images"]

    def test_a_sequential_network_is_a_chain(self) -> None:
        layers = [keras.Input((4,), name="numbers"), keras.layers.Dense(3, name="first"), keras.layers.Dense(2, name="second")]
        rows = rows_of(keras.Sequential(layers, name="chain"))
        assert [(name, row["inputs"]) for name, row in rows.items()] == [("numbers", []), ("first", ["numbers"]), ("second", ["first"])]

    def test_a_row_holds_what_a_layer_is_set_to(self) -> None:
        images = keras.Input((8, 8, 4), name="images")
        hidden = keras.layers.Conv2D(8, 3, strides=2, groups=2, activation="relu", name="conv")(images)
        hidden = keras.layers.MaxPooling2D(2, name="pool")(hidden)
        hidden = keras.layers.Dropout(0.25, name="dropout")(hidden)
        rows = rows_of(keras.Model(images, keras.layers.Dense(3, name="logits")(hidden), name="settings"))
        known = {"name", "type", "inputs", "output_shape", "parameters", "multiply_accumulates"}
        assert {name: {key: value for key, value in row.items() if key not in known} for name, row in rows.items()} == {
            "images": {},
            "conv": {"filters": 8, "kernel_size": [3, 3], "strides": [2, 2], "groups": 2, "activation": "relu"},
            "pool": {"pool_size": [2, 2], "strides": [2, 2]},
            "dropout": {"rate": 0.25},
            "logits": {"units": 3},
        }
        assert rows["pool"]["output_shape"] == [1, 1, 8]
        assert rows["pool"]["type"] == "MaxPooling2D"

    @pytest.mark.parametrize("network", [residual_cnn((32, 32, 3), 10, **SMALL), sketch_model("vit", (32, 32, 3), 10)], ids=lambda value: value.name)
    def test_is_plain_json(self, network: keras.Model) -> None:
        summary = summarize_model(network)
        assert json.loads(json.dumps(summary)) == summary


def sources(node: Any) -> list[str]:
    """Return the names of the layers in a part of a configuration, in order: Keras writes a tensor as its layer, node and index."""
    if isinstance(node, dict):
        return [node["config"]["keras_history"][0]] if node.get("class_name") == "__keras_tensor__" else sources(list(node.values()))
    return [name for part in node for name in sources(part)] if isinstance(node, list | tuple) else []
