"""The convolutions that a training update is measured against: which there are, what training needs of each, and that each pass is the right one."""

import math
from typing import Any

import keras
import numpy as np
import pytest

from kcifar.benchmarks.convolutions import Convolution, Floor, find_convolutions, measure_floor
from kcifar.benchmarks.matrix_products import _make_convolutions, _make_squares
from kcifar.models.build import build_model
from kcifar.models.summary import summarize_model

SHAPE = (32, 32, 3)
# By hand: a 2x2 convolution without padding leaves 31 pixels; each group's first convolution is pooled to half, rounded down.
AIRBENCH94 = [
    ((32, 32, 3), (2, 2, 3, 24), "valid"),
    ((31, 31, 24), (3, 3, 24, 64), "same"),
    ((15, 15, 64), (3, 3, 64, 64), "same"),
    ((15, 15, 64), (3, 3, 64, 256), "same"),
    ((7, 7, 256), (3, 3, 256, 256), "same"),
    ((7, 7, 256), (3, 3, 256, 256), "same"),
    ((3, 3, 256), (3, 3, 256, 256), "same"),
]
NETWORKS: dict[str, dict[str, Any]] = {
    "residual_cnn": {"widths": [4, 8], "convolutions": [1, 1], "dense_units": [16]},
    "cifar_resnet": {"depth": 8},
    "resnext": {},
    "convmixer": {},
    "densenet": {},
}
CASES = {
    "same": Convolution((6, 5, 4), (3, 3, 4, 8)),
    "valid": Convolution((6, 5, 4), (2, 3, 4, 8), padding="valid"),
    "strided": Convolution((6, 6, 4), (3, 3, 4, 8), strides=(2, 2)),
    "grouped": Convolution((6, 6, 4), (3, 3, 2, 8)),
    "dilated": Convolution((6, 6, 4), (3, 3, 4, 8), dilation=(2, 2)),
    "depthwise": Convolution((6, 6, 4), (3, 3, 4, 2), is_depthwise=True),
}


def numpy(tensor: Any) -> np.ndarray:
    tensor = tensor[0] if isinstance(tensor, tuple) else tensor
    return np.asarray(keras.ops.convert_to_numpy(tensor), np.float64)


def test_the_convolutions_of_airbench94_are_those_counted_by_hand() -> None:
    found = find_convolutions(build_model("airbench94", SHAPE, 10))
    assert [(one.image_shape, one.kernel_shape, one.padding) for one in found] == AIRBENCH94
    assert {(one.strides, one.dilation, one.is_depthwise, one.dtype) for one in found} == {((1, 1), (1, 1), False, "float32")}


def test_a_frozen_first_convolution_has_no_backward_pass_and_the_next_one_both() -> None:
    first, *others = find_convolutions(build_model("airbench94", SHAPE, 10))
    assert not first.has_image_gradient
    assert not first.has_kernel_gradient
    assert all(one.has_image_gradient and one.has_kernel_gradient for one in others)  # the whitening's bias is trained


def test_the_convolution_that_faces_the_images_has_the_gradient_of_its_kernel_alone() -> None:
    first, *others = find_convolutions(build_model("lenet", SHAPE, 10))
    assert (first.has_image_gradient, first.has_kernel_gradient) == (False, True)
    assert all(one.has_image_gradient and one.has_kernel_gradient for one in others)


def test_nothing_before_the_first_trained_layer_has_a_backward_pass() -> None:
    network = build_model("cifar_resnet", SHAPE, 10, depth=8)
    for layer in network.layers:
        layer.trainable = layer.name.startswith("group3")
    passes = {(one.has_image_gradient, one.has_kernel_gradient) for one in find_convolutions(network)[:-3]}
    assert passes == {(False, False)}
    assert any(one.has_kernel_gradient and not one.has_image_gradient for one in find_convolutions(network))
    assert (find_convolutions(network)[-1].has_image_gradient, find_convolutions(network)[-1].has_kernel_gradient) == (True, True)


def test_a_network_within_a_network_counts_with_the_layers_around_it() -> None:
    inner = build_model("lenet", SHAPE, 10)
    images = keras.Input(SHAPE)
    outer = keras.Model(images, inner(keras.layers.Conv2D(3, 3, padding="same")(images)))
    assert [one.kernel_shape for one in find_convolutions(outer)] == [(3, 3, 3, 3), *(one.kernel_shape for one in find_convolutions(inner))]
    assert all(one.has_image_gradient for one in find_convolutions(outer)[1:])


@pytest.mark.parametrize("name", NETWORKS)
def test_their_products_are_those_of_the_summary(name: str) -> None:
    network = build_model(name, SHAPE, 10, **NETWORKS[name])
    rows = [row for row in summarize_model(network)["layers"] if row["type"] in ("Conv2D", "DepthwiseConv2D")]
    assert sum(output_pixels(one) * math.prod(one.kernel_shape) for one in find_convolutions(network)) == sum(
        row["multiply_accumulates"] for row in rows
    )


def output_pixels(convolution: Convolution) -> int:
    rows, columns = convolution.kernel_shape[:2] if convolution.padding == "valid" else (1, 1)
    height, width = convolution.image_shape[0] - rows + 1, convolution.image_shape[1] - columns + 1
    return -(-height // convolution.strides[0]) * -(-width // convolution.strides[1])


@pytest.mark.parametrize("name", CASES)
def test_each_pass_computes_what_it_says(name: str) -> None:
    # A convolution is linear in its images and in its kernel; with its own outputs as the upstream gradient, either gradient times what it
    # is of sums to the squared outputs.
    convolution = CASES[name]
    outputs, of_images, of_kernel = (numpy(call()) for call in convolution.make_passes(2))
    calls = list(convolution.make_passes(2))
    images, kernel = calls[0].args[:2]
    expected = (outputs**2).sum()
    assert of_images.shape == (2, *convolution.image_shape)
    assert of_kernel.shape == convolution.kernel_shape
    assert (of_images * numpy(images)).sum() == pytest.approx(expected, rel=1e-4)
    assert (of_kernel * numpy(kernel)).sum() == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("name", CASES)
def test_the_forward_pass_is_the_layers(name: str) -> None:
    case, (rows, columns, channels, filters) = CASES[name], CASES[name].kernel_shape
    settings = {"strides": case.strides, "padding": case.padding, "dilation_rate": case.dilation, "use_bias": False}
    if case.is_depthwise:
        layer = keras.layers.DepthwiseConv2D((rows, columns), depth_multiplier=filters, **settings)
    else:
        layer = keras.layers.Conv2D(filters, (rows, columns), groups=case.image_shape[2] // channels, **settings)
    forward = next(case.make_passes(2))
    images, kernel = forward.args
    layer.build((None, *case.image_shape))
    layer.kernel.assign(kernel)
    np.testing.assert_allclose(numpy(forward()), numpy(layer(images)), rtol=1e-5, atol=1e-6)


def test_only_the_passes_that_training_needs_are_made() -> None:
    shapes = (5, 5, 3), (3, 3, 3, 4)
    assert len(list(Convolution(*shapes, has_image_gradient=False).make_passes(2))) == 2
    assert len(list(Convolution(*shapes, has_image_gradient=False, has_kernel_gradient=False).make_passes(2))) == 1


def test_the_floor_adds_up_and_says_when_it_is_not_whole() -> None:
    network = build_model("lenet", SHAPE, 10)
    whole = measure_floor(network, 2, seconds=60)
    assert whole.is_complete
    assert 0 < whole.seconds < 1
    assert measure_floor(network, 2, seconds=0) == Floor(0.0, False)
    images = keras.Input((4,))
    assert measure_floor(keras.Model(images, keras.layers.Dense(2)(images)), 2, seconds=0) == Floor(0.0, True)


def test_the_products_of_the_peak_are_counted_as_the_summary_counts_them() -> None:
    products, _ = next(_make_squares("float32"))
    assert products == 512 * 512 * 512
    for side in (1, 3):
        products, call = next(_make_convolutions(side, "float32"))
        assert products == np.prod(numpy(call()).shape) * side * side * 128
