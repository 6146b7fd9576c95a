"""A stage's list of augmentations as one: all draws in one table, all steps in order."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from kcifar.augment.operation import Mixing, Occasion, Step, is_mixing
from kcifar.core.lazy import keras


def draw_all(steps: Sequence[Step], occasion: Occasion, count: int, image_shape: tuple[int, int, int]) -> np.ndarray:
    """Make every random choice for `count` samples.

    Each step has generators of its own, by its position: another step before or after it, or another number of its draws, leaves
    a step's draws as they are.

    Args:
        steps: In the order of the recipe.
        occasion: Seed, stage and epoch; its position is not used.
        count: How many samples, >= 0.
        image_shape: Height, width, channels.
    Returns:
        float32 (count, total draws): the columns of the first step, then those of the second, and so on.
    """
    outer = Occasion(occasion.seed, occasion.stage, occasion.epoch, (), occasion.total_epoch, occasion.occurrence)
    tables = [step.draw(outer.inner(position), count, image_shape) for position, step in enumerate(steps)]
    return np.concatenate([np.empty((count, 0), np.float32), *tables], axis=1)


def mixing_columns(steps: Sequence[Step]) -> tuple[Mixing, slice] | None:
    """Return the step that mixes and its columns in the table of draws; None if no step does."""
    start = 0
    for step in steps:
        if is_mixing(step):
            return step, slice(start, start + step.num_draws)
        start += step.num_draws
    return None


def apply_all(steps: Sequence[Step], images: Any, draws: Any, partners: Any = None, partner_draws: Any = None) -> Any:
    """Apply the steps in order.

    A partner goes through the steps before the mixing with its own draws, so it looks as it would by itself in that epoch; what
    comes after the mixing is applied to the mixed image.

    Args:
        steps: As given to `draw_all`, at most one that mixes among them; none means the cast alone.
        images: Tensor (batch, height, width, channels) in 0..255, uint8 or float.
        draws: (batch, total draws), as `draw_all` made it.
        partners: Like `images`; needed only for a step that mixes.
        partner_draws: The partners' rows of the table.
    Returns:
        float32 tensor of the same shape, in 0..255, whatever Keras' precision policy.
    """
    ops = keras.ops
    images, draws = ops.cast(images, "float32"), ops.cast(draws, "float32")
    place = next((position for position, step in enumerate(steps) if is_mixing(step)), None)
    if place is None:
        return _apply_in_order(steps, images, draws)
    mixing = steps[place]
    before = sum(step.num_draws for step in steps[:place])
    after = before + mixing.num_draws
    partners = _apply_in_order(steps[:place], ops.cast(partners, "float32"), ops.cast(partner_draws, "float32"))
    images = _apply_in_order(steps[:place], images, draws)
    mixed = mixing.mix(images, partners, draws[:, before:after])  # type: ignore[union-attr]
    return _apply_in_order(steps[place + 1 :], mixed, draws[:, after:])


def _apply_in_order(steps: Sequence[Any], images: Any, draws: Any) -> Any:
    start = 0
    for step in steps:
        stop = start + step.num_draws
        images = step.apply(images, draws[:, start:stop])
        start = stop
    return images


def compiled_apply(steps: Sequence[Step], size: tuple[int, int] | None = None) -> Callable[..., Any]:
    """Return `apply_all` for these steps as training runs it: a function of images and draws (and of the partners').

    Args:
        steps: The augmentation.
        size: Height and width that images and partners are resized to first; None for their own.

    Under TensorFlow it is a program of its own, compiled by XLA even where the network around it is not: one pass over the pixels
    instead of dozens (measured on two cores: a fifth of the processor time). The other backends compile it with what is around it.
    """
    step = partial(apply_all, steps) if size is None else partial(_resize_and_apply, steps, size)
    if keras.config.backend() != "tensorflow":
        return step
    import tensorflow as tf

    return tf.function(step, jit_compile=True)  # type: ignore[no-any-return]


def _resize_and_apply(steps: Sequence[Step], size: tuple[int, int], images: Any, draws: Any, *partners: Any) -> Any:
    """Resize, then apply; `partners` are their images and draws, or nothing."""
    from kcifar.layers import resize

    given = [resize(keras.ops.cast(images, "float32"), *size), draws]
    if partners:
        given += [resize(keras.ops.cast(partners[0], "float32"), *size), partners[1]]
    return apply_all(steps, *given)
