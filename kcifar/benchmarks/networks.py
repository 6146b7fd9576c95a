"""What a network's own code costs: forward pass and training step of each variant against the bare Keras layers of the same shape."""

import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from kcifar.core.lazy import keras, pandas
from kcifar.engine.backend import dtype_policy
from kcifar.engine.tensorflow.layer_kernels import quicken
from kcifar.models.build import build_model
from kcifar.models.summary import model_summary

IMAGE_SHAPE, CLASSES = (32, 32, 3), 10
# A turn lasts at least this long, so that a step of a millisecond is not lost in the clock.
SECONDS_PER_TURN = 0.5
# Multiply-accumulates of a forward pass over the batch, at most: keeps a step of the largest networks at about a second on two cores.
WORK = 40e9

Step = Callable[[], object]


def compare(names: Sequence[str], precision: str, repeats: int) -> Any:
    """Measure images a second of networks as they are trained here, and of their bare layers.

    The bare network has the same Keras layers in the same places; our own layers are left out, or replaced by Keras' own of the same
    shape, and nothing of `kcifar.engine.tensorflow.layer_kernels` is used. Both are stepped in turns, on one resident batch of at most 64 images.

    Args:
        names: Registered networks.
        precision: The dtype policy of both.
        repeats: Turns of each, > 0, after one that compiles.
    Returns:
        DataFrame, a row a network: `network`, `batch`, `forward` and `training` (images a second of the fastest turns), and
        `forward_times_bare`, `training_times_bare`: ratios of the fastest turns to those of the bare layers.
    """
    return pandas.DataFrame([_row(name, precision, repeats) for name in names])


def _row(name: str, precision: str, repeats: int) -> dict[str, Any]:
    with dtype_policy(precision):
        ours = build_model(name, IMAGE_SHAPE, CLASSES)
        bare = bare_network(ours)
    quicken(ours)
    batch = max(1, min(64, int(WORK / max(1, model_summary(ours)["multiply_accumulates"]))))
    forward = _fastest([_forward(ours, batch), _forward(bare, batch)], repeats)
    training = _fastest([_training(ours, batch), _training(bare, batch)], repeats)
    speeds = {"forward": batch / forward[0], "training": batch / training[0]}
    ratios = {"forward_times_bare": forward[1] / forward[0], "training_times_bare": training[1] / training[0]}
    keras.backend.clear_session()
    return {"network": name, "batch": batch, **speeds, **ratios}


def bare_network(network: Any) -> Any:
    """Return the same graph of Keras' own layers alone, with weights of its own."""
    return keras.models.clone_model(network, clone_function=_bare_layer)


def _bare_layer(layer: Any) -> Any:
    """Return a fresh layer of Keras in the place of one of the network's."""
    from kcifar.layers import ClassToken, PadChannels

    if isinstance(layer, ClassToken):
        return keras.layers.ZeroPadding1D((1, 0), name=layer.name)
    if isinstance(layer, PadChannels):
        paddings = [(0, 0), (0, 0), (0, 0), (0, layer.output.shape[-1] - layer.input.shape[-1])]
        return keras.layers.Lambda(lambda images: keras.ops.pad(images, paddings), output_shape=layer.output.shape[1:], name=layer.name)
    if type(layer).__module__.startswith("kcifar.layers"):
        return keras.layers.Identity(name=layer.name)
    return type(layer).from_config(layer.get_config())


def _forward(network: Any, batch: int) -> Step:
    images = keras.ops.convert_to_tensor(np.random.default_rng(0).random((batch, *IMAGE_SHAPE), dtype=np.float32))
    network.compile(jit_compile=keras.config.backend() == "jax")
    return lambda: network.predict_on_batch(images)


def _training(network: Any, batch: int) -> Step:
    random = np.random.default_rng(0)
    images = keras.ops.convert_to_tensor(random.random((batch, *IMAGE_SHAPE), dtype=np.float32))
    labels = keras.ops.convert_to_tensor(random.integers(0, CLASSES, batch))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    network.compile(keras.optimizers.SGD(0.01, momentum=0.9), loss, jit_compile=keras.config.backend() == "jax")
    return lambda: network.train_on_batch(images, labels)


def _fastest(steps: Sequence[Step], repeats: int) -> list[float]:
    """Return the least mean seconds of a step in a turn, of each contender; they take turns, in an order that changes."""
    for step in steps:
        step()
        step()
    seconds = [float("inf")] * len(steps)
    for repeat in range(repeats):
        order = range(len(steps)) if repeat % 2 else reversed(range(len(steps)))
        for position in order:
            seconds[position] = min(seconds[position], _turn(steps[position]))
    return seconds


def _turn(step: Step) -> float:
    count, started = 0, time.perf_counter()
    while count < 2 or time.perf_counter() - started < SECONDS_PER_TURN:
        step()
        count += 1
    return (time.perf_counter() - started) / count
