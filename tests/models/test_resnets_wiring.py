"""The residual families: shortcuts, branches and options, proved by numbers on small networks."""

import inspect
import sys
from typing import Any

import keras
import numpy as np
import pytest
from residual_cases import BASIC, CASES, PREACT_BASIC, Case, blocks_of, build, layers_like, outputs, sketch

from kcifar.layers import PadChannels
from kcifar.models.build import build_model, sketch_model

each_case = pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())


def relu(values: np.ndarray) -> np.ndarray:
    return np.maximum(values, 0)


def normalized(network: keras.Model, values: np.ndarray, name: str) -> np.ndarray:
    gamma, beta, mean, variance = network.get_layer(name).get_weights()
    return (values - mean) / np.sqrt(variance + 1e-5) * gamma + beta


def reshaped(network: keras.Model, case: Case, values: np.ndarray, block: str, shape: tuple[int, ...]) -> np.ndarray:
    """Bring the shortcut to the branch's shape, as in the papers."""
    if values.shape == shape:
        return values
    step = -(-values.shape[1] // shape[1])
    values = values[:, ::step, ::step]
    names = [layer.name for layer in layers_like(network, f"{block}_projection(_norm)?")]
    if not names:
        return np.concatenate([values, np.zeros((*values.shape[:3], shape[-1] - values.shape[-1]))], axis=-1)
    values = values @ network.get_layer(f"{block}_projection").get_weights()[0][0, 0]
    assert (f"{block}_projection_norm" in names) != case.is_preact
    return values if case.is_preact else normalized(network, values, f"{block}_projection_norm")


class TestWiring:
    @each_case
    def test_a_block_adds_its_branch_to_its_input(self, case: Case) -> None:
        network = build(case)
        blocks = blocks_of(network)
        branches = outputs(network, *(f"{block}_{case.branch.split()[-1]}" for block in blocks))
        sums = outputs(network, "stem_conv" if case.is_preact else "stem_act", *(f"{block}_{case.result}" for block in blocks))
        for block, given, branch, result in zip(blocks, sums, branches, sums[1:], strict=False):
            if case.is_preact and block.endswith("block1"):  # a group's first block activates for both its ways
                given = relu(normalized(network, given, f"{block}_norm1"))
            total = reshaped(network, case, given, block, branch.shape) + branch
            assert min(total.min(), branch.min()) < 0
            np.testing.assert_allclose(result, total if case.is_preact else relu(total), rtol=1e-4, atol=1e-4 * np.abs(total).max())

    @each_case
    def test_a_branch_holds_what_the_paper_says(self, case: Case) -> None:
        network = sketch_model(case.name, (32, 32, 3), 10, **case.arguments)
        for block in blocks_of(network):
            layer = network.get_layer(f"{block}_add").input[1]._keras_history.operation
            names = []
            while layer.name.startswith(block):
                names.append(layer.name.removeprefix(f"{block}_"))
                layer = layer.input._keras_history.operation
            assert " ".join(name for name in reversed(names) if not name.endswith("_pad")) == case.branch

    @pytest.mark.parametrize("size", [8, 9])
    def test_a_strided_kernel_is_centred_on_the_pixels_that_the_shortcut_takes(self, size: int) -> None:
        # Keras' own padding would lay it a pixel lower and further right on images of even size, and torch's weights would not fit.
        network = build(CASES["preact"], size)
        kernel = np.zeros((3, 3, 4, 8), np.float32)
        kernel[1, 1, 0, 0] = 1
        network.get_layer("group2_block1_conv1").set_weights([kernel])
        given, convolved = outputs(network, "group2_block1_act1", "group2_block1_conv1")
        np.testing.assert_array_equal(convolved[..., 0], given[:, ::2, ::2, 0])

    @pytest.mark.parametrize("size", [8, 9])
    def test_option_a_subsamples_and_appends_zeros(self, size: int) -> None:
        network = build(CASES["option A"], size)
        for layer in layers_like(network, r"group\d_block\d_norm2"):
            layer.set_weights([weight * (position > 1) for position, weight in enumerate(layer.get_weights())])
        stem, last = outputs(network, "stem_act", "group3_block1_act2")
        np.testing.assert_array_equal(last[..., :4], stem[:, ::4, ::4])
        assert last.shape[-1] == 16
        assert not last[..., 4:].any()

    def test_a_silent_preactivation_network_hands_its_input_on(self) -> None:
        # Sums are never activated: what is negative stays so.
        network = build(CASES["preact"])
        for layer in layers_like(network, r"group\d_block\d_conv2"):
            layer.set_weights([np.zeros(layer.kernel.shape)])
        first, last = outputs(network, "group2_block1_add", "group2_block2_add")
        assert first.min() < 0
        np.testing.assert_array_equal(last, first)
        head, average = outputs(network, "head_act", "head_pool")
        np.testing.assert_allclose(head, relu(normalized(network, last, "head_norm")), rtol=1e-5, atol=1e-5)
        np.testing.assert_allclose(average, head.mean(axis=(1, 2)), rtol=1e-5)

    def test_deep_networks_stay_within_the_recursion_limit(self) -> None:
        # Keras walks along the first input of each sum; along the branches 54 blocks of seven layers would need 378 calls.
        sketch("resnet110")
        before = sys.getrecursionlimit()
        sys.setrecursionlimit(len(inspect.stack(0)) + 200)
        try:
            network = sketch_model("resnet110", (32, 32, 3), 10)
        finally:
            sys.setrecursionlimit(before)
        assert network.output_shape == (None, 10)


class TestOptions:
    @each_case
    def test_paths_are_dropped_by_the_linear_rule(self, case: Case) -> None:
        network = sketch_model(case.name, (32, 32, 3), 10, **case.arguments, drop_path_rate=0.6, attention="eca")
        blocks = blocks_of(network)
        dropped = [network.get_layer(f"{block}_drop_path") for block in blocks]
        np.testing.assert_allclose([layer.rate for layer in dropped], 0.6 * np.arange(1, len(blocks) + 1) / len(blocks))
        for block, layer in zip(blocks, dropped, strict=True):
            assert layer.input is network.get_layer(f"{block}_attention").output
            assert network.get_layer(f"{block}_add").input[1] is layer.output

    def test_a_dropped_path_is_dropped_for_a_whole_image(self) -> None:
        keras.utils.set_random_seed(0)
        network = build(Case("preact_resnet", {"blocks": [1], "width": 2}, PREACT_BASIC), drop_path_rate=0.75)
        images = np.random.default_rng(0).standard_normal((64, *network.input_shape[1:])).astype(np.float32)
        layers = [network.get_layer(f"group1_block1_{name}") for name in ("conv2", "drop_path")]
        branch, kept = (keras.ops.convert_to_numpy(value) for value in keras.Model(network.input, [x.output for x in layers])(images, training=True))
        factors = {tuple(np.unique(np.round(one / other, 3))) for one, other in zip(kept, branch, strict=True)}
        assert factors == {(0.0,), (4.0,)}
        assert 4 <= sum(image.any() for image in kept) <= 32

    @pytest.mark.parametrize("case", ["option B", "bottleneck", "resnext", "preact"])
    @pytest.mark.parametrize("kind", ["squeeze_excitation", "eca"])
    def test_attention_has_the_parameters_of_its_paper(self, case: str, kind: str) -> None:
        name, arguments, _ = CASES[case]
        plain, weighed = (sketch_model(name, (32, 32, 3), 10, **arguments | {"width": 64}, attention=each) for each in ("none", kind))
        channels = [plain.get_layer(f"{block}_add").output.shape[-1] for block in blocks_of(plain)]
        # A hidden layer of a sixteenth, at least 4, with biases; or a kernel along the channels, of Wang et al.'s size (2020, section 3.2).
        kernels = {64: 3, 128: 5, 256: 5, 512: 5}
        sizes = [2 * c * max(4, c // 16) + max(4, c // 16) + c if kind == "squeeze_excitation" else kernels[c] for c in channels]
        assert weighed.count_params() - plain.count_params() == sum(sizes)

    @pytest.mark.parametrize("case", [CASES[case] for case in ("option B", "resnext", "preact bottleneck", "wide")], ids=lambda case: case.name)
    def test_attention_multiplies_the_branch_before_the_sum(self, case: Case) -> None:
        network = build(case, attention="squeeze_excitation")
        for layer in layers_like(network, ".*_attention_excite"):
            layer.set_weights([np.zeros(layer.kernel.shape), np.linspace(-2, 2, layer.filters)])
        branch, weighed = outputs(network, f"group2_block1_{case.branch.split()[-1]}", "group2_block1_attention")
        np.testing.assert_allclose(weighed, branch / (1 + np.exp(-np.linspace(-2, 2, branch.shape[-1]))), rtol=1e-5, atol=1e-5)
        for block in blocks_of(network):
            assert network.get_layer(f"{block}_add").input[1] is network.get_layer(f"{block}_attention").output

    def test_eca_weighs_a_channel_by_its_neighbors(self) -> None:
        network = build(Case("cifar_resnet", {"depth": 8, "width": 8}, BASIC), attention="eca")
        network.get_layer("group1_block1_attention_kernel").set_weights([np.float32([1, 0, 0]).reshape(3, 1, 1)])
        branch, weighed = outputs(network, "group1_block1_norm2", "group1_block1_attention")
        before = np.pad(branch.mean(axis=(1, 2)), ((0, 0), (1, 0)))[:, None, None, :-1]
        np.testing.assert_allclose(weighed, branch / (1 + np.exp(-before)), rtol=1e-4, atol=1e-5)

    def test_dropout_stands_before_the_logits_or_between_wide_convolutions(self) -> None:
        for case in CASES.values():
            network = sketch_model(case.name, (32, 32, 3), 10, **case.arguments, dropout_rate=0.3)
            dropped = layers_like(network, ".*dropout.*")
            assert {layer.rate for layer in dropped} == {0.3}
            if case.name == "wide_resnet":
                assert [layer.name for layer in dropped] == [f"{block}_dropout" for block in blocks_of(network)]
                for block, layer in zip(blocks_of(network), dropped, strict=True):
                    assert layer.input is network.get_layer(f"{block}_act2").output
                    assert network.get_layer(f"{block}_conv2").input is layer.output
            else:
                assert [layer.input for layer in dropped] == [network.get_layer("head_pool").output]
                assert network.get_layer("logits").input is dropped[0].output

    @each_case
    def test_one_style_reaches_every_layer(self, case: Case) -> None:
        network = sketch_model(case.name, (32, 32, 3), 10, **case.arguments, activation="silu", norm_momentum=0.8, norm_epsilon=1e-3)
        norms = [layer for layer in network.layers if isinstance(layer, keras.layers.BatchNormalization)]
        assert {(layer.momentum, layer.epsilon) for layer in norms} == {(0.8, 1e-3)}
        assert {layer.activation.__name__ for layer in layers_like(network, ".*_act.?")} == {"silu"}
        kernels = [layer for layer in network.layers if hasattr(layer, "kernel")]
        assert {layer.activation.__name__ for layer in kernels} == {"linear"}
        assert [layer.name for layer in kernels if layer.use_bias] == ["logits"]

    @pytest.mark.parametrize(
        ("name", "arguments", "outgoing"),
        [
            ("resnet20", {}, True),
            ("wide_stem_resnet", {"width": 16, "shortcut": "pad"}, True),
            ("preact_resnet", {}, True),
            ("resnext", {}, True),
            ("wide_resnet", {"width": 1}, False),
        ],
    )
    def test_starts_as_the_reference_code_does(self, name: str, arguments: dict[str, Any], outgoing: bool) -> None:
        keras.utils.set_random_seed(0)
        network = build_model(name, (32, 32, 3), 10, **arguments)
        for layer in layers_like(network, "group[23]_block1_conv[123]"):
            height, width, channels, filters = layer.kernel.shape
            deviation = np.sqrt(2 / (height * width * (filters if outgoing else channels)))
            assert layer.get_weights()[0].std() == pytest.approx(deviation, rel=0.06), layer.name  # of 2,048 numbers or more
        kernel, bias = network.get_layer("logits").get_weights()
        assert 0.9 < np.abs(kernel).max() * np.sqrt(len(kernel)) <= 1
        assert not bias.any()
        for layer in network.layers:
            if isinstance(layer, keras.layers.BatchNormalization):
                assert [set(weight.ravel()) for weight in layer.get_weights()] == [{1}, {0}, {0}, {1}]
                assert (layer.momentum, layer.epsilon) == (0.9, 1e-5)


class TestPadChannels:
    def test_appends_zeros_and_comes_back_from_its_config(self) -> None:
        layer = PadChannels.from_config(PadChannels(5, name="pad").get_config())
        values = np.arange(12, dtype=np.float32).reshape(1, 2, 2, 3) + 1
        padded = keras.ops.convert_to_numpy(layer(values))
        np.testing.assert_array_equal(padded[..., :3], values)
        assert padded.shape == (1, 2, 2, 5) == layer.compute_output_shape(values.shape)
        assert not padded[..., 3:].any()

    def test_refuses_what_is_wider_already(self) -> None:
        with pytest.raises(ValueError, match="pad: expected an input of at most 3 channels, got 4"):
            PadChannels(3, name="pad")(np.zeros((1, 2, 2, 4), np.float32))
