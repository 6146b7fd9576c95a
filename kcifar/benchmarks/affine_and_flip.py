"""How fast is the affine-and-flip augmentation? kcifar's against `ImageDataGenerator` and Keras' random layers."""

import os
import time
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from kcifar.augment.flips import HorizontalFlip
from kcifar.augment.geometry import RandomAffine
from kcifar.augment.operation import Occasion
from kcifar.augment.pipeline import compile_apply, draw_all
from kcifar.core.errors import UserError
from kcifar.core.lazy import keras, pandas
from kcifar.engine.backend import load_backend

IMAGE_SHAPE = (32, 32, 3)
OPERATIONS = (RandomAffine(rotation=15.0, width_shift=0.1, height_shift=0.1, fill="nearest"), HorizontalFlip())
SEED = 0  # of the images and of kcifar's draws

Way = Callable[[], Iterable[Any]]


def compare_affine_and_flip(batches: int = 200, repeats: int = 7, batch_size: int = 64) -> Any:
    """Measure images per second of every way to rotate by 15 degrees, shift by a tenth, fill with the nearest pixel and flip.

    All take the same uint8 images of 32x32x3 from memory and return float32 batches. The ways take turns in one process, so a busy
    machine slows all of them; their times include drawing and exclude compilation. `kcifar` is the augmentation as training runs
    it, called batch by batch. For the layers, `graph` is a compiled `tf.function` called batch by batch and `tf.data` the same
    function mapped over a data set in parallel; TensorFlow has no XLA kernel for them.

    Args:
        batches: Batches of one measurement, > 0.
        repeats: Measurements of each way, > 0.
        batch_size: Images per batch, > 0.
    Returns:
        DataFrame, one row per way: `way`, `images_per_second` (median of the repeats), `times_generator` and `times_layers`: images per
        second divided by those of `ImageDataGenerator.flow` and of the faster form of the Keras layers in the same turn, median of the repeats.
    Raises:
        UserError: Another backend than TensorFlow: the others need it.
    """
    load_backend()
    if keras.backend.backend() != "tensorflow":
        raise UserError(f"bench augment: expected KERAS_BACKEND=tensorflow, got {keras.backend.backend()}")
    images = np.random.default_rng(SEED).integers(0, 256, (batches * batch_size, *IMAGE_SHAPE), dtype=np.uint8)
    ways = _make_ways(images, batch_size)
    for way in ways.values():
        _measure_seconds(way)
    seconds = pandas.DataFrame([{name: _measure_seconds(way) for name, way in ways.items()} for _ in range(repeats)])
    return _make_table(len(images) / seconds)


def _make_ways(images: np.ndarray, batch_size: int) -> dict[str, Way]:
    """Return what is compared: each call returns an iterable that makes every batch once."""
    kcifar_step, layer_step = compile_apply(OPERATIONS), _make_layer_step()
    return {
        "ImageDataGenerator.flow": _make_generator(images, batch_size),
        "keras.layers, graph": lambda: map(layer_step, _cut(images, batch_size)),
        "keras.layers, tf.data": lambda: _map_batches(images, layer_step, batch_size),
        "kcifar": lambda: (kcifar_step(batch, _draw(len(batch))) for batch in _cut(images, batch_size)),
    }


def _make_layer_step() -> Any:
    """Return Keras' three random layers with the same ranges, compiled once; the rotation is a fraction of a full turn."""
    import tensorflow as tf

    layers = [
        keras.layers.RandomRotation(15 / 360, fill_mode="nearest", interpolation="bilinear"),
        keras.layers.RandomTranslation(0.1, 0.1, fill_mode="nearest", interpolation="bilinear"),
        keras.layers.RandomFlip("horizontal"),
    ]

    def step(images: Any) -> Any:
        images = tf.cast(images, tf.float32)
        for layer in layers:
            images = layer(images, training=True)
        return images

    return tf.function(step, input_signature=[tf.TensorSpec((None, *IMAGE_SHAPE), tf.uint8)])


def _make_generator(images: np.ndarray, batch_size: int) -> Way:
    """Return one pass of `flow`, which on its own never ends."""
    import tensorflow as tf

    ranges = {"rotation_range": 15, "width_shift_range": 0.1, "height_shift_range": 0.1, "horizontal_flip": True, "fill_mode": "nearest"}
    flow = tf.keras.preprocessing.image.ImageDataGenerator(**ranges).flow(images, batch_size=batch_size, shuffle=False)
    return lambda: (flow[position] for position in range(len(flow)))


def _map_batches(images: np.ndarray, step: Any, batch_size: int) -> Any:
    """Return a data set of the step's results, one batch per core at once: in so short a run `tf.data` finds the best number too late."""
    import tensorflow as tf

    batches = images.reshape(-1, batch_size, *images.shape[1:])
    return tf.data.Dataset.from_tensor_slices(batches).map(step, num_parallel_calls=os.cpu_count()).prefetch(tf.data.AUTOTUNE)


def _cut(images: np.ndarray, batch_size: int) -> Iterable[np.ndarray]:
    return (images[start : start + batch_size] for start in range(0, len(images), batch_size))


def _draw(count: int) -> np.ndarray:
    return draw_all(OPERATIONS, Occasion(SEED), count, IMAGE_SHAPE)


def _measure_seconds(way: Way) -> float:
    """Return the time to make every batch, until the last one is there."""
    started = time.perf_counter()
    batch = None
    for batch in way():  # noqa: B007
        pass
    np.asarray(batch)
    return time.perf_counter() - started


def _make_table(speeds: Any) -> Any:
    """Turn images per second (one row per repeat, one column per way) into the rows that `compare_affine_and_flip` returns."""
    layers = speeds[["keras.layers, graph", "keras.layers, tf.data"]].max(axis=1)
    columns = {
        "images_per_second": speeds.median(),
        "times_generator": speeds.div(speeds["ImageDataGenerator.flow"], axis=0).median(),
        "times_layers": speeds.div(layers, axis=0).median(),
    }
    return pandas.DataFrame(columns).rename_axis("way").reset_index()
