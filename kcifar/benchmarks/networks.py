"""How fast is each network? Forward pass and training step, against the bare Keras layers of the same shape."""

import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from kcifar.core.checks import expect_choice
from kcifar.core.lazy import keras, pandas
from kcifar.core.option_names import name_option
from kcifar.engine.backend import PRECISIONS, load_backend, use_dtype_policy
from kcifar.engine.tensorflow.layer_kernels import use_fast_kernels
from kcifar.models import MODELS
from kcifar.models.build import build_model
from kcifar.models.summary import summarize_model

IMAGE_SHAPE, CLASSES = (32, 32, 3), 10
# A turn lasts at least this long, since the clock is too coarse for a step of a millisecond.
SECONDS_PER_TURN = 0.5
# A forward pass over the batch has at most so many multiply-accumulates: a step of the largest networks takes about a second on two cores.
MAX_WORK = 40e9

Step = Callable[[], object]


def measure_networks(names: Sequence[str], precision: str, repeats: int) -> Any:
    """Measure images per second of networks as kcifar trains them, and of their bare layers.

    The bare network has the same Keras layers in the same places; kcifar's own layers are left out, or replaced by Keras layers of the same
    shape, and nothing of `kcifar.engine.tensorflow.layer_kernels` is used. Both take turns, on one resident batch of at most 64 images.

    Args:
        names: Registered networks; none for all.
        precision: The dtype policy of both.
        repeats: Turns of each, > 0, after one that compiles.
    Returns:
        DataFrame, one row per network: `network`, `batch`, `forward` and `training` (images per second of the fastest turns), and
        `forward_times_bare`, `training_times_bare`: ratios of the fastest turns to those of the bare layers.
    Raises:
        UserError: There is no such network or precision.
    """
    expect_choice(name_option("precision"), precision, PRECISIONS)
    for name in names:
        MODELS.get(name, "bench models")
    load_backend()
    return pandas.DataFrame([_measure_network(name, precision, repeats) for name in names or MODELS.names()])


def _measure_network(name: str, precision: str, repeats: int) -> dict[str, Any]:
    with use_dtype_policy(precision):
        network = build_model(name, IMAGE_SHAPE, CLASSES)
        bare = make_bare_network(network)
    use_fast_kernels(network)
    batch = max(1, min(64, int(MAX_WORK / max(1, summarize_model(network)["multiply_accumulates"]))))
    forward = _measure_fastest([_make_forward(network, batch), _make_forward(bare, batch)], repeats)
    training = _measure_fastest([_make_training(network, batch), _make_training(bare, batch)], repeats)
    speeds = {"forward": batch / forward[0], "training": batch / training[0]}
    ratios = {"forward_times_bare": forward[1] / forward[0], "training_times_bare": training[1] / training[0]}
    keras.backend.clear_session()
    return {"network": name, "batch": batch, **speeds, **ratios}


def make_bare_network(network: Any) -> Any:
    """Return the same graph with Keras layers only, and new weights."""
    return keras.models.clone_model(network, clone_function=_make_bare_layer)


def _make_bare_layer(layer: Any) -> Any:
    """Return a new Keras layer to replace one of the network's."""
    from kcifar.layers import ClassToken, PadChannels

    if isinstance(layer, ClassToken):
        return keras.layers.ZeroPadding1D((1, 0), name=layer.name)
    if isinstance(layer, PadChannels):
        paddings = [(0, 0), (0, 0), (0, 0), (0, layer.output.shape[-1] - layer.input.shape[-1])]
        return keras.layers.Lambda(lambda images: keras.ops.pad(images, paddings), output_shape=layer.output.shape[1:], name=layer.name)
    if type(layer).__module__.startswith("kcifar.layers"):
        return keras.layers.Identity(name=layer.name)
    return type(layer).from_config(layer.get_config())


def _make_forward(network: Any, batch: int) -> Step:
    images = keras.ops.convert_to_tensor(np.random.default_rng(0).random((batch, *IMAGE_SHAPE), dtype=np.float32))
    network.compile(jit_compile=keras.config.backend() == "jax")
    return lambda: network.predict_on_batch(images)


def _make_training(network: Any, batch: int) -> Step:
    random = np.random.default_rng(0)
    images = keras.ops.convert_to_tensor(random.random((batch, *IMAGE_SHAPE), dtype=np.float32))
    labels = keras.ops.convert_to_tensor(random.integers(0, CLASSES, batch))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    network.compile(keras.optimizers.SGD(0.01, momentum=0.9), loss, jit_compile=keras.config.backend() == "jax")
    return lambda: network.train_on_batch(images, labels)


def _measure_fastest(steps: Sequence[Step], repeats: int) -> list[float]:
    """Return the least mean seconds per step over the turns, for each contender; they take turns, in alternating order."""
    for step in steps:
        step()
        step()
    seconds = [float("inf")] * len(steps)
    for repeat in range(repeats):
        order = range(len(steps)) if repeat % 2 else reversed(range(len(steps)))
        for position in order:
            seconds[position] = min(seconds[position], _measure_turn(steps[position]))
    return seconds


def _measure_turn(step: Step) -> float:
    count, started = 0, time.perf_counter()
    while count < 2 or time.perf_counter() - started < SECONDS_PER_TURN:
        step()
        count += 1
    return (time.perf_counter() - started) / count
