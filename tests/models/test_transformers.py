"""ConvMixer, compact and vision transformers: sizes by formula, blocks against the formulas of the papers, and the effect of the order of tokens."""

from typing import Any

import keras
import numpy as np
import pytest

from kcifar.core.errors import UserError
from kcifar.core.randomness import seed_weights
from kcifar.models.build import build_model, sketch_model
from kcifar.models.transformer import pool_tokens

IMAGE_SHAPE = (32, 32, 3)
TINY = {"width": 8, "depth": 2, "heads": 2, "mlp_ratio": 1.5}


def trained_parameters(name: str, image_shape: tuple[int, int, int] = IMAGE_SHAPE, num_classes: int = 10, **arguments: Any) -> int:
    network = sketch_model(name, image_shape, num_classes, **arguments)
    return sum(int(np.prod(variable.shape)) for variable in network.trainable_variables)


def build(name: str, image_shape: tuple[int, int, int] = (16, 16, 3), **arguments: Any) -> keras.Model:
    """Return a network of 5 classes whose every weight is off its start: biases and positions count."""
    with seed_weights(0):
        network = build_model(name, image_shape, 5, **arguments)
    generator = np.random.default_rng(0)
    for variable in network.trainable_variables:
        variable.assign_add(generator.normal(0, 0.3, variable.shape))
    return network


def images(count: int = 2, size: int = 16) -> np.ndarray:
    return np.random.default_rng(1).normal(size=(count, size, size, 3)).astype(np.float32)


def part(network: keras.Model, first: str, last: str) -> keras.Model:
    """Return the part of a network from the input of one layer to the output of another."""
    return keras.Model(network.get_layer(first).input, network.get_layer(last).output)


def answer(model: keras.Model, given: np.ndarray) -> np.ndarray:
    return np.asarray(keras.ops.convert_to_numpy(model(given, training=False)))


def open_only(network: keras.Model, *closed: str) -> None:
    """Set every weight of the layers whose names end so to zero."""
    for layer in network.layers:
        if layer.name.endswith(closed):
            layer.set_weights([np.zeros_like(value) for value in layer.get_weights()])


# Sizes, counted layer by layer from the papers.


def encoder_parameters(width: int, depth: int, hidden: int, tokens: int) -> int:
    """Positions; a block's two normalizations, queries, keys, values, projection and dense layers; the last normalization."""
    block = 2 * 2 * width + 3 * width**2 + (width + 1) * width + (width + 1) * hidden + (hidden + 1) * width
    return tokens * width + depth * block + 2 * width


def cct_parameters(width: int, depth: int, hidden: int, filters: list[int], size: int, tokens: int, classes: int = 10) -> int:
    tokenizer = sum(size**2 * before * after for before, after in zip([3, *filters], [*filters, width], strict=True))
    return tokenizer + encoder_parameters(width, depth, hidden, tokens) + (width + 1) + (width + 1) * classes


def vit_parameters(width: int, depth: int, hidden: int, patch: int, patches: int, classes: int = 10) -> int:
    return (patch**2 * 3 + 1) * width + width + encoder_parameters(width, depth, hidden, patches + 1) + (width + 1) * classes


def convmixer_parameters(width: int, depth: int, kernel: int, patch: int, classes: int = 10) -> int:
    block = (kernel**2 + 1) * width + (width + 1) * width + 2 * 2 * width
    return (patch**2 * 3 + 1) * width + 2 * width + depth * block + (width + 1) * classes


class TestSizes:
    def test_of_the_papers(self) -> None:
        # Trockman & Kolter, table 4: 0.7M; Hassani et al., table 1 and 2: 3.76M, 0.28M (CCT-2/3x2) and 3.72M (ViT-Lite-7/4).
        assert trained_parameters("convmixer_256_8") == convmixer_parameters(256, 8, 9, 1) == 706_570
        assert trained_parameters("cct_7_3x1") == cct_parameters(256, 7, 512, [], 3, 256) == 3_760_139
        assert trained_parameters("cct") == cct_parameters(128, 2, 128, [64], 3, 64) == 283_723
        assert trained_parameters("vit") == vit_parameters(256, 7, 512, 4, 64) == 3_716_874

    def test_of_other_arguments(self) -> None:
        parameters = trained_parameters("convmixer", (28, 56, 3), 7, width=12, depth=3, kernel_size=4, patch_size=7)
        assert parameters == convmixer_parameters(12, 3, 4, 7, classes=7)
        parameters = trained_parameters("cct", (30, 33, 3), 7, width=12, depth=3, heads=3, mlp_ratio=2.5, kernel_size=5, convolutions=3)
        assert parameters == cct_parameters(12, 3, 30, [64, 64], 5, 4 * 5, classes=7)
        parameters = trained_parameters("vit", (24, 30, 3), 7, width=12, depth=3, heads=4, mlp_ratio=0.3, patch_size=6)
        assert parameters == vit_parameters(12, 3, 3, 6, 4 * 5, classes=7)

    @pytest.mark.parametrize("name", ["convmixer_256_8", "cct_7_3x1", "cct", "vit"])
    def test_other_images(self, name: str) -> None:
        for height, width in ((24, 48), (96, 128)):
            assert sketch_model(name, (height, width, 3), 3).output_shape == (None, 3)

    def test_large_images(self) -> None:
        for name, arguments in (("convmixer_256_8", {}), ("cct", {}), ("vit", {}), ("vit", {"patch_size": 16})):
            assert sketch_model(name, (224, 224, 3), 3, **arguments).output_shape == (None, 3)

    def test_dropout_layers_are_made_for_rates_above_zero_alone(self) -> None:
        for name in ("cct", "vit"):
            for rate, expected in ((0.0, 0), (0.25, 1 + 3 * 2 + 2)):  # after positions; three in each block; the second block's drop paths
                network = sketch_model(name, IMAGE_SHAPE, 10, **TINY, dropout_rate=rate, attention_dropout_rate=rate, drop_path_rate=rate)
                assert sum(isinstance(layer, keras.layers.Dropout) for layer in network.layers) == expected
                assert {layer.dropout for layer in network.layers if isinstance(layer, keras.layers.MultiHeadAttention)} == {rate}

    def test_paths_are_dropped_more_often_from_block_to_block(self) -> None:
        network = sketch_model("cct_7_3x1", IMAGE_SHAPE, 10)
        for suffix in ("_drop_path", "_attention_drop_path"):
            rates = [network.get_layer(f"block{number}{suffix}").rate for number in range(2, 8)]
            assert rates == pytest.approx([0.1 * number / 6 for number in range(1, 7)])
        assert "block1_drop_path" not in {layer.name for layer in network.layers}
        assert network.get_layer("block2_drop_path").noise_shape == (None, 1, 1)


class TestRefusals:
    @pytest.mark.parametrize(
        ("name", "size", "arguments", "message"),
        [
            ("cct", (32, 32), {"width": 30, "heads": 4}, "cct: heads: expected a divisor of the width 30, got 4"),
            ("vit", (32, 32), {"heads": 3}, "vit: heads: expected a divisor of the width 256, got 3"),
            ("vit", (32, 32), {"width": 4, "mlp_ratio": 0.2}, "vit: mlp_ratio: expected at least one hidden unit, 1 / 4 of the width, got 0.2"),
            (
                "vit",
                (32, 30),
                {},
                "vit: expected height and width of 4 to 1024 pixels and multiples of 4, as patches of 4x4 cover the image, got images of 32x30",
            ),
            (
                "convmixer",
                (31, 32),
                {},
                "convmixer: expected height and width of 2 to 1024 pixels and multiples of 2, as patches of 2x2 cover the image, got images of 31x32",
            ),
            ("cct", (32, 3), {}, "cct: expected height and width of 4 to 1024 pixels, as 2 poolings halve the image, got images of 32x3"),
            (
                "cct_7_3x1",
                (224, 224),
                {},
                "cct_7_3x1: expected at most 4,096 tokens, such as images of 128x128, got images of 224x224 (112x112 tokens)",
            ),
            (
                "vit",
                (224, 224),
                {"patch_size": 2},
                "vit: expected at most 4,096 tokens, such as images of 128x128, got images of 224x224 (112x112 tokens)",
            ),
            ("vit", (32, 32), {"heads": 65}, "heads: expected an integer > 0 and <= 64, got 65"),
            ("cct", (32, 32), {"mlp_ratio": 9.0}, "mlp_ratio: expected a number > 0 and <= 8, got 9.0"),
            ("convmixer", (32, 32), {"kernel_size": 33}, "kernel_size: expected an integer > 0 and <= 31, got 33"),
            ("convmixer_256_8", (32, 32), {"depth": 4}, "depth: unknown key"),
        ],
    )
    def test_in_one_line(self, name: str, size: tuple[int, int], arguments: dict[str, Any], message: str) -> None:
        with pytest.raises(UserError) as caught:
            build_model(name, (*size, 3), 10, **arguments)
        assert message in str(caught.value)
        assert "\n" not in str(caught.value)


# The encoder's block, in NumPy from the formulas.


def normalized(tokens: np.ndarray, weights: dict[str, np.ndarray], name: str) -> np.ndarray:
    """Layer normalization with torch's epsilon."""
    deviation = np.sqrt(tokens.var(axis=-1, keepdims=True) + 1e-5)
    return (tokens - tokens.mean(axis=-1, keepdims=True)) / deviation * weights[f"{name}/gamma"] + weights[f"{name}/beta"]


def gelu(values: np.ndarray) -> np.ndarray:
    from scipy.special import erf

    return np.asarray(values * (1 + erf(values / np.sqrt(2))) / 2)


def attended(tokens: np.ndarray, weights: dict[str, np.ndarray], name: str) -> np.ndarray:
    """Softmax of scaled products, head by head; a kernel of queries is (width, heads, size), of the projection (heads, size, width)."""
    query, key, value = (np.einsum("btw,whs->bhts", tokens, weights[f"{name}/{part}/kernel"]) for part in ("query", "key", "value"))
    scores = query @ key.swapaxes(-1, -2) / np.sqrt(query.shape[-1])
    shares = np.exp(scores - scores.max(axis=-1, keepdims=True))
    seen = shares / shares.sum(axis=-1, keepdims=True) @ value
    return np.einsum("bhts,hsw->btw", seen, weights[f"{name}/attention_output/kernel"]) + weights[f"{name}_bias/bias"]


def block(tokens: np.ndarray, weights: dict[str, np.ndarray], name: str) -> np.ndarray:
    tokens = tokens + attended(normalized(tokens, weights, f"{name}_norm1"), weights, f"{name}_attention")
    tokens = normalized(tokens, weights, f"{name}_norm2")
    hidden = gelu(tokens @ weights[f"{name}_dense1/kernel"] + weights[f"{name}_dense1/bias"])
    return tokens + hidden @ weights[f"{name}_dense2/kernel"] + weights[f"{name}_dense2/bias"]


@pytest.fixture(scope="module")
def network() -> keras.Model:
    """A tiny compact transformer; tests must not change it."""
    return build("cct", **TINY)


class TestEncoder:
    def test_computes_the_blocks_of_the_reference(self, network: keras.Model) -> None:
        weights = {variable.path: keras.ops.convert_to_numpy(variable.value).astype(np.float64) for variable in network.trainable_variables}
        tokens = np.random.default_rng(2).normal(size=(2, 16, 8)).astype(np.float32)
        expected = block(block(tokens + weights["stem_positions/positions"], weights, "block1"), weights, "block2")
        expected = normalized(expected, weights, "head_norm")
        np.testing.assert_allclose(answer(part(network, "stem_positions", "head_norm"), tokens), expected, rtol=0, atol=1e-4)

    def test_tokens_in_another_order_give_the_same_tokens_in_that_order(self, network: keras.Model) -> None:
        tokens = np.random.default_rng(2).normal(size=(2, 16, 8)).astype(np.float32)
        order = np.random.default_rng(3).permutation(16)
        states = part(network, "block1_norm1", "head_norm")  # behind the positions
        np.testing.assert_allclose(answer(states, tokens[:, order]), answer(states, tokens)[:, order], rtol=0, atol=1e-5)
        logits = part(network, "block1_norm1", "logits")
        np.testing.assert_allclose(answer(logits, tokens[:, order]), answer(logits, tokens), rtol=0, atol=1e-5)
        placed = part(network, "stem_positions", "logits")
        assert np.abs(answer(placed, tokens[:, order]) - answer(placed, tokens)).max() > 0.01

    def test_pooling_averages_by_the_softmax_of_a_score(self, network: keras.Model) -> None:
        states = np.random.default_rng(2).normal(size=(2, 16, 8)).astype(np.float32)
        kernel, bias = network.get_layer("head_pool_scores").get_weights()
        shares = np.exp(states @ kernel + bias)
        shares /= shares.sum(axis=1, keepdims=True)
        assert shares.sum(axis=1) == pytest.approx(np.ones((2, 1)))
        given = keras.Input((16, 8))
        pool = keras.Model(given, pool_tokens(given))
        pool.get_layer("head_pool_scores").set_weights([kernel, bias])
        weights = answer(part(pool, "head_pool_scores", "head_pool_weights"), states)
        np.testing.assert_allclose(weights, shares, rtol=0, atol=1e-6)
        np.testing.assert_allclose(answer(pool, states), (shares * states).sum(axis=1), rtol=0, atol=1e-5)

    def test_every_normalization_has_the_epsilon_of_torch(self) -> None:
        for name in ("cct_7_3x1", "vit"):
            norms = [layer for layer in sketch_model(name, IMAGE_SHAPE, 10).layers if isinstance(layer, keras.layers.LayerNormalization)]
            assert len(norms) == 15
            assert {layer.epsilon for layer in norms} == {1e-5}

    def test_starts_as_the_reference_does(self) -> None:
        with seed_weights(0):
            network = build_model("cct", IMAGE_SHAPE, 10)
        values = {variable.path: np.asarray(keras.ops.convert_to_numpy(variable.value)) for variable in network.trainable_variables}
        kernels = {path: value for path, value in values.items() if path.endswith("kernel") and not path.startswith("stem")}
        assert {len(value.shape) for value in kernels.values()} == {2, 3}
        large = [value.std() for value in kernels.values() if value.size > 5000]
        assert len(large) == 2 * 6
        assert large == pytest.approx(np.full(12, 0.02), rel=0.05)
        assert values["stem_positions/positions"].std() == pytest.approx(0.2, rel=0.05)
        assert values["stem_conv2/kernel"].std() == pytest.approx(np.sqrt(2 / (9 * 64)), rel=0.02)
        assert not any(value.any() for path, value in values.items() if path.endswith(("bias", "beta")))


class TestTokenizer:
    def test_pools_as_torch_does(self) -> None:
        """Windows of 3x3 pixels lie around the pixels 0, 2, 4, …: the pixel (1, 2) is seen by the first two rows and one column."""
        network = build_model("cct", (8, 8, 1), 2, convolutions=1, width=2, heads=1)
        kernel = np.zeros((3, 3, 1, 2), np.float32)
        kernel[1, 1, 0] = 1, -1
        network.get_layer("stem_conv1").set_weights([kernel])
        image = np.zeros((1, 8, 8, 1), np.float32)
        image[0, 1, 2] = 5
        pooled = answer(keras.Model(network.input, network.get_layer("stem_pool1").output), image)
        expected = np.zeros((1, 4, 4, 2))
        expected[0, :2, 1, 0] = 5
        np.testing.assert_array_equal(pooled, expected)  # of the second filter the ReLU leaves nothing

    def test_rows_of_pixels_become_tokens(self) -> None:
        network = build_model("vit", (8, 12, 3), 2, **TINY)
        maps, tokens = (keras.Model(network.input, network.get_layer(name).output) for name in ("stem_conv", "stem_tokens"))
        given = np.random.default_rng(0).normal(size=(2, 8, 12, 3)).astype(np.float32)
        features = answer(maps, given)
        assert features.shape == (2, 2, 3, 8)
        np.testing.assert_array_equal(answer(tokens, given)[:, 4], features[:, 1, 1])


class TestClassToken:
    def test_is_all_that_the_logits_see(self) -> None:
        """Where attention hands nothing on, every image gets the same answer: that of the class token."""
        network = build("vit", **TINY)
        logits = answer(network, images())
        assert np.abs(logits[0] - logits[1]).max() > 1e-3
        open_only(network, "_attention")
        logits = answer(network, images())
        np.testing.assert_array_equal(logits[0], logits[1])
        network.get_layer("stem_class_token").token.assign_add(np.random.default_rng(4).normal(size=(1, 1, 8)))
        assert np.abs(answer(network, images()) - logits).max() > 1e-3

    def test_has_a_position_of_its_own(self) -> None:
        assert build_model("vit", (8, 8, 3), 2, **TINY).get_layer("stem_positions").positions.shape == (1, 5, 8)

    def test_patches_in_another_order_count_by_their_positions_alone(self) -> None:
        network = build("vit", **TINY)
        given = images(1)
        patches = given.reshape(4, 4, 4, 4, 3).transpose(0, 2, 1, 3, 4).reshape(16, 4, 4, 3)[::-1]
        turned = patches.reshape(4, 4, 4, 4, 3).transpose(0, 2, 1, 3, 4).reshape(given.shape)
        assert np.abs(answer(network, turned) - answer(network, given)).max() > 1e-3
        open_only(network, "_positions")
        np.testing.assert_allclose(answer(network, turned), answer(network, given), rtol=0, atol=1e-5)


class TestConvMixer:
    def test_normalizes_after_the_activation(self) -> None:
        names = [layer.name for layer in sketch_model("convmixer", IMAGE_SHAPE, 10, depth=1).layers]
        roles = ["stem_conv", "stem_act", "stem_norm", "block1_conv1", "block1_act1", "block1_norm1", "block1_add"]
        assert names == ["images", *roles, "block1_conv2", "block1_act2", "block1_norm2", "head_pool", "logits"]

    def test_a_block_computes_the_papers_formula(self) -> None:
        """One pixel: a depthwise kernel is its center, and batch normalization at its start divides by sqrt(1 + 1e-5)."""
        network = build("convmixer", (1, 1, 3), width=4, depth=1, kernel_size=3, patch_size=1)
        values = {variable.path: keras.ops.convert_to_numpy(variable.value).astype(np.float64) for variable in network.trainable_variables}
        hidden = np.random.default_rng(2).normal(size=(2, 4))

        def norm(given: np.ndarray, name: str) -> np.ndarray:
            return given / np.sqrt(1 + 1e-5) * values[f"{name}/gamma"] + values[f"{name}/beta"]

        mixed = gelu(hidden * values["block1_conv1/kernel"][1, 1, :, 0] + values["block1_conv1/bias"])
        summed = norm(mixed, "block1_norm1") + hidden
        expected = norm(gelu(summed @ values["block1_conv2/kernel"][0, 0] + values["block1_conv2/bias"]), "block1_norm2")
        result = answer(part(network, "block1_conv1", "block1_norm2"), hidden.reshape(2, 1, 1, 4).astype(np.float32))
        np.testing.assert_allclose(result.reshape(2, 4), expected, rtol=0, atol=1e-5)

    def test_starts_within_one_over_the_root_of_the_fan_in(self) -> None:
        network = build_model("convmixer", IMAGE_SHAPE, 100, width=256, depth=1, kernel_size=7, patch_size=4)
        for name, fan_in in (("stem_conv", 4 * 4 * 3), ("block1_conv1", 7 * 7), ("block1_conv2", 256), ("logits", 256)):
            for values in network.get_layer(name).get_weights():
                assert 0.9 < np.abs(values).max() * np.sqrt(fan_in) <= 1, name

    def test_keeps_torchs_share_of_its_averages(self) -> None:
        norms = [layer for layer in sketch_model("convmixer", IMAGE_SHAPE, 10).layers if isinstance(layer, keras.layers.BatchNormalization)]
        assert {(layer.momentum, layer.epsilon) for layer in norms} == {(0.9, 1e-5)}
