"""The laws that every registered network must keep, one per function: each of `LAWS` is called with a `Subject`.

The default suite puts one small setting of each family to them (`test_models.py`), `pytest -m zoo` every variant (`test_zoo.py`).
"""

import random
import re
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import cached_property
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from model_gradients import cancelled_biases, largest_gradients

from kcifar.core.randomness import seed_weights
from kcifar.engine.network import collect_variables
from kcifar.engine.tensorflow.layer_kernels import use_fast_kernels
from kcifar.models import MODELS
from kcifar.models.build import make_builder, sketch_model

IMAGE_SHAPE = (32, 32, 3)
NUM_CLASSES = 10

# Gradients below this fraction of the network's largest are rounding; measured: biases that cannot matter reach 1e-6, others 5e-3 and more.
NO_GRADIENT = 1e-4


@dataclass(frozen=True)
class Subject:
    """A network under test.

    Attributes:
        name: As registered.
        arguments: The builder's own.
        second_size: Height and width, beside 32x32, of images that it takes.
        learning_rate: Of Adam, with which it memorises eight images.
    """

    name: str
    arguments: dict[str, Any] = field(default_factory=dict)
    second_size: tuple[int, int] = (48, 40)
    learning_rate: float = 0.01

    def build(self, seed: int = 0, image_shape: tuple[int, int, int] = IMAGE_SHAPE, num_classes: int = NUM_CLASSES) -> keras.Model:
        with seed_weights(seed):
            return make_builder(self.name, image_shape, num_classes, **self.arguments)()

    @cached_property
    def network(self) -> keras.Model:
        """The network of seed 0; a law that changes weights builds its own."""
        return self.build()


Law = Callable[[Subject], None]
LAWS: list[Law] = []


def law(check: Law) -> Law:
    LAWS.append(check)
    return check


def family(name: str) -> str:
    """Return the module of `kcifar.models` that registers a network."""
    return MODELS.get(name).__module__.removeprefix("kcifar.models.")


def normalized_images(count: int, image_shape: tuple[int, int, int] = IMAGE_SHAPE) -> np.ndarray:
    """Return blurred noise of mean 0 and standard deviation about 1: averages over the image differ, as they do between photographs."""
    height, width, channels = image_shape
    generator = np.random.default_rng(0)
    patches = generator.standard_normal((count, -(-height // 8), -(-width // 8), channels))
    coarse = patches.repeat(8, axis=1).repeat(8, axis=2)[:, :height, :width]
    return (coarse + 0.3 * generator.standard_normal(coarse.shape)).astype(np.float32)


def logits_of(network: keras.Model, images: np.ndarray, *, training: bool = False) -> np.ndarray:
    """Call a network without compiling it."""
    return keras.ops.convert_to_numpy(network(images, training=training))


def disturbed(network: keras.Model) -> keras.Model:
    """Move every number of a network away from its initial value, where scales of 0 block gradients, attention is even, and averages are 0 and 1."""
    generator = np.random.default_rng(1)
    for variable in network.variables:
        noise = generator.standard_normal(variable.shape)
        if len(variable.shape) > 1:  # a kernel, anew, as large as He et al. (2015) make it
            variable.assign(noise * np.sqrt(2 / np.prod(variable.shape[:-1])))
        elif keras.backend.is_float_dtype(variable.dtype):  # no state of a seed generator
            variable.assign(keras.ops.convert_to_numpy(variable.value) + 0.1 * noise)
    return network


@law
def gives_finite_float32_logits(subject: Subject) -> None:
    logits = logits_of(subject.network, normalized_images(3))
    assert (logits.shape, logits.dtype) == ((3, NUM_CLASSES), np.float32)
    assert np.isfinite(logits).all()
    # Logits are not probabilities: a softmax inside would be applied twice.
    assert not np.allclose(logits.sum(axis=1), 1, atol=1e-3), "these look like probabilities"


@law
def takes_other_numbers_of_classes(subject: Subject) -> None:
    for num_classes in (1, 7, 100):
        assert sketch_model(subject.name, IMAGE_SHAPE, num_classes, **subject.arguments).output_shape == (None, num_classes)


@law
def takes_a_second_image_size(subject: Subject) -> None:
    shape = (*subject.second_size, 3)
    logits = logits_of(subject.build(image_shape=shape), normalized_images(2, shape))
    assert logits.shape == (2, NUM_CLASSES)
    assert np.isfinite(logits).all()


@law
def takes_images_of_one_channel(subject: Subject) -> None:
    network = sketch_model(subject.name, (32, 32, 1), NUM_CLASSES, **subject.arguments)
    assert network.input_shape == (None, 32, 32, 1)


@law
def computes_in_bfloat16_and_ends_in_float32(subject: Subject) -> None:
    with dtype_policy("mixed_bfloat16"):
        mixed = subject.build()
    images = normalized_images(3)
    logits, expected = logits_of(mixed, images), logits_of(subject.network, images)
    assert logits.dtype == np.float32
    assert {layer.compute_dtype for layer in mixed.layers if layer.weights} == {"bfloat16", "float32"}
    assert {variable.dtype for variable in mixed.trainable_variables} == {"float32"}
    # bfloat16 keeps 8 binary digits; a few per cent remain after the layers.
    assert np.abs(logits - expected).max() < 0.1 * np.abs(expected).max()
    assert np.isfinite(logits_of(mixed, images, training=True)).all()


@contextmanager
def dtype_policy(name: str) -> Iterator[None]:
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(name)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


@law
def every_trained_weight_gets_a_gradient(subject: Subject) -> None:
    network = disturbed(subject.build())
    sizes = largest_gradients(network, normalized_images(8), np.arange(8))
    silent = {path for path, size in sizes.items() if size < NO_GRADIENT * max(sizes.values())}
    # Exactly these: a bias that is exempt though it learns would hide the day it stops.
    assert silent == cancelled_biases(network), silent ^ cancelled_biases(network)


@law
def memorises_eight_images(subject: Subject) -> None:
    losses = memorising_losses(subject, num_steps=100)
    # Near ln 10 = 2.3 at first: guessing, and not confident.
    assert losses[-1] < 0.1 < 1.8 < losses[0] < 4, losses


def memorising_losses(subject: Subject, num_steps: int) -> list[float]:
    """Return the loss before each update by Adam, up to the first below 0.1; one compiled step, on the kernels that runs train on."""
    network, optimizer = subject.build(), keras.optimizers.Adam(subject.learning_rate)
    use_fast_kernels(network)
    optimizer.build(network.trainable_variables)
    images, labels = tf.constant(normalized_images(8)), tf.range(8)
    cross_entropy = keras.losses.SparseCategoricalCrossentropy(from_logits=True)

    @tf.function
    def step() -> tf.Tensor:
        with tf.GradientTape() as tape:
            loss = cross_entropy(labels, network(images, training=True))
        gradients = tape.gradient(loss, [variable.value for variable in network.trainable_variables])
        optimizer.apply(gradients, network.trainable_variables)
        return loss

    losses = [float(step())]
    while losses[-1] >= 0.1 and len(losses) < num_steps:
        losses.append(float(step()))
    return losses


@law
def a_prediction_ignores_its_neighbors(subject: Subject) -> None:
    images = normalized_images(4)
    together, alone = logits_of(subject.network, images), logits_of(subject.network, images[2:3])
    # Other batch sizes take other matrix kernels: rounding of float32 sums, no more.
    np.testing.assert_allclose(alone[0], together[2], rtol=0, atol=1e-4 * np.abs(together).max())
    np.testing.assert_array_equal(logits_of(subject.network, images), together)


@law
def a_saved_network_is_the_same(subject: Subject) -> None:
    network, images = disturbed(subject.build()), normalized_images(2)
    with tempfile.TemporaryDirectory() as folder:
        network.save(Path(folder) / "model.keras")
        loaded = keras.models.load_model(Path(folder) / "model.keras", compile=False)
    np.testing.assert_array_equal(logits_of(loaded, images), logits_of(network, images))
    assert collect_variables(loaded).keys() == collect_variables(network).keys()
    assert trained_paths(loaded) == trained_paths(network)


def trained_paths(network: keras.Model) -> list[str]:
    return [variable.path for variable in network.trainable_variables]


@law
def an_exported_network_answers_the_same(subject: Subject) -> None:
    network, images = disturbed(subject.build()), normalized_images(3)
    with tempfile.TemporaryDirectory() as folder:
        network.export(folder, verbose=False)
        loaded = tf.saved_model.load(folder)  # kept: it owns the weights of `serve`
        served = loaded.serve(images)
    expected = logits_of(network, images)
    np.testing.assert_allclose(served, expected, rtol=0, atol=1e-5 * max(1, np.abs(expected).max()))


@law
def has_no_regularizer(subject: Subject) -> None:
    network = subject.network
    assert [variable.path for variable in network.variables if getattr(variable, "regularizer", None) is not None] == []
    network(normalized_images(2), training=True)
    assert network.losses == []


@law
def is_a_pure_function_of_the_seed(subject: Subject) -> None:
    random.random(), np.random.random()  # away from the state that a builder's own seed would set
    states = random.getstate(), np.random.get_state()
    first, second, other = (values_by_path(subject.build(seed)) for seed in (1, 1, 2))
    np.testing.assert_equal((random.getstate(), np.random.get_state()), states)
    assert [path for path, value in first.items() if not np.array_equal(value, second[path])] == []
    assert [path for path, value in first.items() if is_random(value) and np.array_equal(value, other[path])] == []


@law
def no_two_weights_start_the_same(subject: Subject) -> None:
    # One initializer given to two layers would draw the same numbers twice.
    drawn = [(path, value) for path, value in values_by_path(subject.network).items() if is_random(value)]
    seen = {value.tobytes(): path for path, value in reversed(drawn)}
    assert [(path, seen[value.tobytes()]) for path, value in drawn if seen[value.tobytes()] != path] == []


def values_by_path(network: keras.Model) -> dict[str, np.ndarray]:
    return {path: keras.ops.convert_to_numpy(variable.value) for path, variable in collect_variables(network).items() if variable.trainable}


def is_random(value: np.ndarray) -> bool:
    """Return whether an initial value is random: not constant, nor a kernel of zeros and ones that passes its input on."""
    return len(np.unique(value)) > 2


@law
def every_layer_has_a_name_of_its_own_for_ever(subject: Subject) -> None:
    names = [layer.name for layer in subject.network.layers]
    assert len(set(names)) == len(names)
    # Keras names a layer after its class and counts up over the life of the process: saved state would not be found again.
    second = subject.build()
    assert [layer.name for layer in second.layers] == names
    assert collect_variables(second).keys() == collect_variables(subject.network).keys()


@law
def layers_are_called_by_group_block_and_role(subject: Subject) -> None:
    network = subject.network
    names = [layer.name for layer in network.layers]
    assert (network.name, names[0], names[-1]) == (subject.name, "images", "logits")
    place = re.compile(r"(stem|head|flatten|whitening|(group\d+_)?block\d+|group\d+)(_[a-z0-9]+)*")
    assert [name for name in names[1:-1] if not place.fullmatch(name)] == []


@law
def penalties_find_the_convolutions(subject: Subject) -> None:
    """Recipes penalize kernels in layers that match `*_conv*`: all of convolutions larger than 1x1, none of projections."""
    layers = [layer for layer in subject.network.layers if isinstance(layer, (keras.layers.Conv2D, keras.layers.DepthwiseConv2D))]
    named = {layer.name for layer in layers if fnmatchcase(layer.name, "*_conv*")}
    assert {layer.name for layer in layers if max(layer.kernel_size) > 1} <= named
    others = {layer.name for layer in layers} - named
    assert [name for name in others if "projection" not in name and "attention" not in name] == []
    assert [name for name in named if "projection" in name] == []


@law
def a_sketch_is_the_network_without_numbers(subject: Subject) -> None:
    sketch, network = sketch_model(subject.name, IMAGE_SHAPE, NUM_CLASSES, **subject.arguments), subject.network
    drawn, built = ({path: (v.shape, v.dtype, v.trainable) for path, v in collect_variables(each).items()} for each in (sketch, network))
    assert drawn == built
    assert sketch.count_params() == network.count_params()
    assert [(layer.name, type(layer)) for layer in sketch.layers] == [(layer.name, type(layer)) for layer in network.layers]


# One small setting of each family.
SMALL = {
    "airbench": Subject("airbench", {"widths": [16, 24], "convolutions": 3}),
    "cct": Subject("cct", {"width": 16, "convolutions": 2, "dropout_rate": 0.1}),
    "convmixer": Subject("convmixer", {"width": 16, "depth": 2, "kernel_size": 5}),
    "densenet": Subject("densenet", {"growth": 8, "blocks": [2, 2], "stem_width": 8, "dropout_rate": 0.1}),
    "lenet": Subject("lenet_bn", {"dropout_rate": 0.1}),
    "preact_resnet": Subject("preact_resnet", {"blocks": [1, 1], "width": 8, "block": "bottleneck", "attention": "eca"}),
    "quizdnn": Subject("quizdnn", {"width": 8, "dropout_rate": 0.1}),
    "residual_cnn": Subject("residual_cnn", {"widths": [8, 8], "convolutions": [1, 2], "dense_units": [16], "dropout_rate": 0.1}),
    "resnet": Subject("wide_stem_resnet", {"blocks": [1, 2], "width": 8, "attention": "squeeze_excitation", "shortcut": "pad"}),
    "resnext": Subject("resnext", {"blocks": [1, 1], "cardinality": 2, "width": 16, "stem_width": 8, "drop_path_rate": 0.1}),
    "vgg": Subject("vgg", {"widths": [8, 12], "convolutions": [1, 2], "dense_units": [16], "dropout_rate": 0.1}),
    "vit": Subject("vit", {"width": 16, "depth": 2, "heads": 2, "dropout_rate": 0.1}),
    "wide_resnet": Subject("wide_resnet", {"depth": 10, "width": 1, "dropout_rate": 0.1}),
}
