"""A stage's list of augmentations as one: all draws in one table, all operations in order."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from kcifar.augment.operation import Operation
from kcifar.lazy import keras


def draw_all(
    operations: Sequence[Operation],
    generator_for: Callable[[int], np.random.Generator],
    count: int,
    image_shape: tuple[int, int, int],
) -> np.ndarray:
    """Make every random choice for `count` samples.

    Args:
        operations: In the order of the recipe.
        generator_for: Gives the generator of the operation at a position, from 0; so another operation before or after it, or
            another number of its draws, leaves an operation's draws as they are.
        count: How many samples, >= 0.
        image_shape: Height, width, channels.
    Returns:
        float32 (count, total draws): the columns of the first operation, then those of the second, and so on.
    """
    tables = [operation.draw(generator_for(position), count, image_shape) for position, operation in enumerate(operations)]
    return np.concatenate([np.empty((count, 0), np.float32), *tables], axis=1)


def apply_all(operations: Sequence[Operation], images: Any, draws: Any) -> Any:
    """Apply the operations in order.

    Args:
        operations: As given to `draw_all`; none means the cast alone.
        images: Tensor (batch, height, width, channels) in 0..255, uint8 or float.
        draws: (batch, total draws), as `draw_all` made it.
    Returns:
        float32 tensor of the same shape, in 0..255, whatever Keras' precision policy.
    """
    images, draws = keras.ops.cast(images, "float32"), keras.ops.cast(draws, "float32")
    start = 0
    for operation in operations:
        stop = start + operation.num_draws
        images = operation.apply(images, draws[:, start:stop])
        start = stop
    return images


def compiled_apply(operations: Sequence[Operation]) -> Callable[[Any, Any], Any]:
    """Return `apply_all` for these operations as training runs it: a function of images and draws.

    Under TensorFlow it is a program of its own, compiled by XLA even where the network around it is not: one pass over the pixels
    instead of dozens (measured on two cores: a fifth of the processor time). The other backends compile it with what is around it.
    """
    step = partial(apply_all, operations)
    if keras.config.backend() != "tensorflow":
        return step
    import tensorflow as tf

    return tf.function(step, jit_compile=True)  # type: ignore[no-any-return]
