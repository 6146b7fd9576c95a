"""How fast is the affine-and-flip step? Ours against `ImageDataGenerator` and Keras' random layers."""

import os
import time
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from kcifar.augment.flips import HorizontalFlip
from kcifar.augment.geometry import RandomAffine
from kcifar.augment.operation import Occasion
from kcifar.augment.pipeline import compiled_apply, draw_all
from kcifar.core.errors import UserError
from kcifar.core.lazy import keras, pandas

IMAGE_SHAPE = (32, 32, 3)
OPERATIONS = (RandomAffine(rotation=15.0, width_shift=0.1, height_shift=0.1, fill="nearest"), HorizontalFlip())
SEED = 0  # of the images and of our draws; the others draw as they do

Way = Callable[[], Iterable[Any]]


def compare(batches: int = 200, repeats: int = 7, batch_size: int = 64) -> Any:
    """Measure images a second of every way to rotate by 15 degrees, shift by a tenth, fill with the nearest pixel and flip.

    All take the same uint8 images of 32x32x3 from memory and give float32 batches. The ways take turns in one process, so a busy
    machine slows all of them; drawing is part of each one's time, compilation of none's. Ours is the step as training runs
    it, called batch by batch. For the layers, `graph` is a compiled `tf.function` called batch by batch and `tf.data` the same
    function mapped over a data set in parallel; TensorFlow has no XLA kernel for them.

    Args:
        batches: Batches of one measurement, > 0.
        repeats: Measurements of each way, > 0.
        batch_size: Images a batch, > 0.
    Returns:
        DataFrame, a row a way: `way`, `images_per_second` (median of the repeats), `times_generator` and `times_layers`: images a second
        divided by those of `ImageDataGenerator.flow` and of the faster form of the Keras layers in the same turn, median of the repeats.
    Raises:
        UserError: Another backend than TensorFlow: the two others exist there only.
    """
    if keras.backend.backend() != "tensorflow":
        raise UserError(f"bench augment: expected KERAS_BACKEND=tensorflow, got {keras.backend.backend()}")
    images = np.random.default_rng(SEED).integers(0, 256, (batches * batch_size, *IMAGE_SHAPE), dtype=np.uint8)
    ways = _ways(images, batch_size)
    for way in ways.values():
        _seconds(way)
    seconds = pandas.DataFrame([{name: _seconds(way) for name, way in ways.items()} for _ in range(repeats)])
    return _table(len(images) / seconds)


def _ways(images: np.ndarray, batch_size: int) -> dict[str, Way]:
    """Return what is compared: each call gives an iterable that makes every batch once."""
    our_step, layer_step = compiled_apply(OPERATIONS), _layer_step()
    return {
        "ImageDataGenerator.flow": _generator(images, batch_size),
        "keras.layers, graph": lambda: map(layer_step, _cut(images, batch_size)),
        "keras.layers, tf.data": lambda: _mapped((images,), layer_step, batch_size),
        "kcifar": lambda: (our_step(batch, _draws(len(batch))) for batch in _cut(images, batch_size)),
    }


def _layer_step() -> Any:
    """Return Keras' three random layers with the same ranges, compiled once; the rotation is given in turns."""
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


def _generator(images: np.ndarray, batch_size: int) -> Way:
    """Return one pass of `flow`, which else never ends."""
    import tensorflow as tf

    ranges = {"rotation_range": 15, "width_shift_range": 0.1, "height_shift_range": 0.1, "horizontal_flip": True, "fill_mode": "nearest"}
    flow = tf.keras.preprocessing.image.ImageDataGenerator(**ranges).flow(images, batch_size=batch_size, shuffle=False)
    return lambda: (flow[position] for position in range(len(flow)))


def _mapped(arrays: tuple[np.ndarray, ...], step: Any, batch_size: int) -> Any:
    """Return a data set of the steps' results, as many at once as there are cores: for so short a run the automatic number settles too late."""
    import tensorflow as tf

    batches = [array.reshape(-1, batch_size, *array.shape[1:]) for array in arrays]
    return tf.data.Dataset.from_tensor_slices(tuple(batches)).map(step, num_parallel_calls=os.cpu_count()).prefetch(tf.data.AUTOTUNE)


def _cut(images: np.ndarray, batch_size: int) -> Iterable[np.ndarray]:
    return (images[start : start + batch_size] for start in range(0, len(images), batch_size))


def _draws(count: int) -> np.ndarray:
    return draw_all(OPERATIONS, Occasion(SEED), count, IMAGE_SHAPE)


def _seconds(way: Way) -> float:
    """Return the time to make every batch; the last one is waited for."""
    started = time.perf_counter()
    batch = None
    for batch in way():  # noqa: B007
        pass
    np.asarray(batch)
    return time.perf_counter() - started


def _table(speeds: Any) -> Any:
    """Turn images a second (a row a repeat, a column a way) into the rows that `compare` returns."""
    layers = speeds[["keras.layers, graph", "keras.layers, tf.data"]].max(axis=1)
    columns = {
        "images_per_second": speeds.median(),
        "times_generator": speeds.div(speeds["ImageDataGenerator.flow"], axis=0).median(),
        "times_layers": speeds.div(layers, axis=0).median(),
    }
    return pandas.DataFrame(columns).rename_axis("way").reset_index()
