"""The residual families: the sizes in the papers and their code, and impossible settings.

`test_models_resnets_wiring.py` proves what is computed, `test_models_torch.py` compares it with networks written in PyTorch.
"""

import re

import keras
import pytest
from residual_cases import blocks_of, layers_like, sketch

from kcifar.core.errors import UserError
from kcifar.models.build import build_model
from kcifar.models.summary import summarize_model

# Trained parameters for 32x32x3 images and 10 classes; those without a source that counts exactly are summed by hand below.
PARAMETERS = {
    # He et al. (2015), table 6: 0.27M, 0.46M, 0.66M, 0.85M, 1.7M.
    "resnet20": 269_722,
    "resnet32": 464_154,
    "resnet44": 658_586,
    "resnet56": 853_018,
    "resnet110": 1_727_962,
    # kuangliu/pytorch-cifar; the first is also that of shambhurajmane/Deep-Learning-CIFAR10-pytorch.
    "resnet18": 11_173_962,
    "resnet34": 21_282_122,
    "resnet50": 23_520_842,
    # kuangliu/pytorch-cifar, and two numbers for each of the 512 channels that the paper normalizes after the last sum.
    "preact_resnet18": 11_171_146 + 2 * 512,
    # Zagoruyko and Komodakis (2016): 2.7M, 11.0M, 36.5M.
    "wrn_16_4": 2_748_890,
    "wrn_16_8": 10_961_370,
    "wrn_28_10": 36_479_194,
    # shambhurajmane/Deep-Learning-CIFAR10-pytorch.
    "resnext29_32x4d": 4_774_218,
}
SUMMED = ["preact_resnet34", "preact_resnet50", "preact_resnet110", "preact_resnet164", "resnext29_8x64d"]
VARIANTS = [*PARAMETERS, *SUMMED]


def trained(name: str, **more: int) -> int:
    return int(summarize_model(sketch(name, **more))["trainable_parameters"])


class TestSizes:
    @pytest.mark.parametrize("name", PARAMETERS)
    def test_has_the_published_number_of_trained_parameters(self, name: str) -> None:
        assert trained(name) == PARAMETERS[name]

    @pytest.mark.parametrize(
        ("name", "widths", "blocks"),
        [("preact_resnet164", (16, 32, 64), (18, 18, 18)), ("preact_resnet50", (64, 128, 256, 512), (3, 4, 6, 3))],
    )
    def test_preactivation_bottlenecks_sum_up(self, name: str, widths: tuple[int, ...], blocks: tuple[int, ...]) -> None:
        channels = widths[0]
        total = 9 * 3 * channels
        for width, count in zip(widths, blocks, strict=True):
            total += channels * 4 * width  # the projection
            for _ in range(count):
                total += 2 * (channels + width + width) + channels * width + 9 * width * width + width * 4 * width
                channels = 4 * width
        assert trained(name) == total + 2 * channels + channels * 10 + 10

    def test_preactivation_drops_the_batch_normalization_of_projections_alone(self) -> None:
        # Every other one only moves: a block's last to the next block's start, that of the first convolution to the last sum.
        assert trained("preact_resnet110") == trained("resnet110")
        assert trained("preact_resnet18") == trained("resnet18") - 2 * (128 + 256 + 512)
        assert trained("preact_resnet34") == trained("resnet34") - 2 * (128 + 256 + 512)

    def test_resnext_sums_up(self) -> None:
        channels, total = 64, 9 * 3 * 64 + 2 * 64
        for inner, outer in ((512, 256), (1024, 512), (2048, 1024)):
            total += channels * outer + 2 * outer  # the projection
            for _ in range(3):
                total += channels * inner + 9 * inner * inner // 8 + inner * outer + 2 * (inner + inner + outer)
                channels = outer
        total += 1024 * 10 + 10
        assert trained("resnext29_8x64d") == total
        assert round(total / 1e6, 1) == 34.4  # Xie et al. (2017), table 7

    @pytest.mark.parametrize(("name", "features"), [("resnet20", 64), ("preact_resnet50", 2048), ("wrn_16_4", 256), ("resnext29_32x4d", 1024)])
    def test_more_classes_change_the_last_layer_alone(self, name: str, features: int) -> None:
        assert trained(name, num_classes=100) - trained(name) == 90 * (features + 1)

    @pytest.mark.parametrize("name", VARIANTS)
    def test_has_as_many_layers_as_its_name_says(self, name: str) -> None:
        kernels = [layer for layer in sketch(name).layers if isinstance(layer, (keras.layers.Conv2D, keras.layers.Dense))]
        depth = int(re.findall(r"\d+", name)[0])
        if name.startswith("wrn"):  # the paper counts all convolutions
            assert len(kernels) - 1 == depth
        else:  # those on the longest way
            assert len([layer for layer in kernels if "projection" not in layer.name]) == depth

    @pytest.mark.parametrize(
        ("name", "size", "widths"),
        [
            ("resnet20", 27, [16, 32, 64]),
            ("resnet110", 32, [16, 32, 64]),
            ("resnet18", 24, [64, 128, 256, 512]),
            ("resnet50", 224, [256, 512, 1024, 2048]),
            ("preact_resnet18", 224, [64, 128, 256, 512]),
            ("preact_resnet110", 32, [16, 32, 64]),
            ("preact_resnet164", 32, [64, 128, 256]),
            ("preact_resnet50", 24, [256, 512, 1024, 2048]),
            ("wrn_16_8", 24, [128, 256, 512]),
            ("wrn_28_10", 224, [160, 320, 640]),
            ("resnext29_32x4d", 224, [256, 512, 1024]),
            ("resnext29_8x64d", 24, [256, 512, 1024]),
        ],
    )
    def test_groups_double_the_channels_and_halve_the_image(self, name: str, size: int, widths: list[int]) -> None:
        network = sketch(name, size)
        shapes = {(block.split("_")[0], network.get_layer(f"{block}_add").output.shape[1:]) for block in blocks_of(network)}
        sides = [-(-size // 2**group) for group in range(len(widths))]
        assert shapes == {(f"group{group}", (side, side, width)) for group, (side, width) in enumerate(zip(sides, widths, strict=True), start=1)}

    @pytest.mark.parametrize("name", ["resnet50", "preact_resnet50", "resnext29_32x4d"])
    def test_strides_of_a_bottleneck_stand_on_its_3x3_convolution(self, name: str) -> None:
        strided = {layer.name: layer.kernel_size for layer in layers_like(sketch(name), ".*_conv.") if layer.strides != (1, 1)}
        assert strided == {f"{block}_conv2": (3, 3) for block in blocks_of(sketch(name)) if block.endswith("block1") and block[5] > "1"}

    def test_resnext_convolves_in_groups(self) -> None:
        kernels = [layer.kernel.shape for layer in layers_like(sketch("resnext29_32x4d"), r"group\d_block3_conv2")]
        assert kernels == [(3, 3, 4, 128), (3, 3, 8, 256), (3, 3, 16, 512)]
        kernels = [layer.kernel.shape for layer in layers_like(sketch("resnext29_8x64d"), r"group\d_block1_conv2")]
        assert kernels == [(3, 3, 64, 512), (3, 3, 128, 1024), (3, 3, 256, 2048)]
        assert [sketch(name).get_layer("stem_conv").kernel_size for name in ("resnext29_32x4d", "resnext29_8x64d")] == [(1, 1), (3, 3)]


class TestRefusals:
    @pytest.mark.parametrize(
        ("name", "arguments", "size", "message"),
        [
            ("cifar_resnet", {"depth": 21}, 32, "cifar_resnet: depth: expected 6n+2 (8, 14, 20, …), got 21"),
            ("cifar_resnet", {"depth": 2}, 32, "cifar_resnet: depth: expected 6n+2 (8, 14, 20, …), got 2"),
            ("wide_resnet", {"depth": 26}, 32, "wide_resnet: depth: expected 6n+4 (10, 16, 22, …), got 26"),
            ("wide_resnet", {"depth": 4}, 32, "wide_resnet: depth: expected 6n+4 (10, 16, 22, …), got 4"),
            ("cifar_resnet", {"depth": 608}, 32, "cifar_resnet: depth: expected an integer > 0 and <= 602, got 608"),
            ("resnext", {"cardinality": 257}, 32, "resnext: cardinality: expected an integer > 0 and <= 256, got 257"),
            ("preact_resnet", {"blocks": [111, 111, 111, 28]}, 32, "preact_resnet: blocks: expected at most 360 in all groups, got 361"),
            ("preact_resnet", {"shortcut": "pool"}, 32, "preact_resnet: shortcut: expected one of 'pad', 'projection', got 'pool'"),
            ("resnet18", {"attention": "cbam"}, 32, "resnet18: attention: expected one of 'none', 'squeeze_excitation', 'eca', got 'cbam'"),
            (
                "resnet18",
                {},
                4,
                "resnet18: expected height and width of 5 to 1024 pixels, as 4 groups halve the image between them, got images of 4x4",
            ),
            (
                "wrn_16_4",
                {},
                2,
                "wrn_16_4: expected height and width of 3 to 1024 pixels, as 3 groups halve the image between them, got images of 2x2",
            ),
        ],
    )
    def test_says_in_one_line_what_is_possible(self, name: str, arguments: dict[str, object], size: int, message: str) -> None:
        with pytest.raises(UserError) as caught:
            build_model(name, (size, size, 3), 10, **arguments)
        assert str(caught.value) == message

    def test_a_variant_keeps_what_it_is_called_by(self) -> None:
        for name, argument in (
            ("resnet20", "depth"),
            ("resnet18", "blocks"),
            ("preact_resnet164", "block"),
            ("wrn_28_10", "width"),
            ("resnext29_32x4d", "cardinality"),
        ):
            with pytest.raises(UserError, match=f"{name}: {argument}: unknown key"):
                build_model(name, (32, 32, 3), 10, **{argument: 3})
