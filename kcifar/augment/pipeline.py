"""A stage's list of augmentations as one function: all draws in one table, all steps in order."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from kcifar.augment.operation import Mixing, Occasion, Step, is_mixing
from kcifar.core.lazy import keras


def draw_all(steps: Sequence[Step], occasion: Occasion, count: int, image_shape: tuple[int, int, int]) -> np.ndarray:
    """Make every random choice for `count` samples.

    Each step has its own generators, by its position: steps before or after it, and the number of their draws, do not affect
    its draws.

    Args:
        steps: The steps in the order of the recipe.
        occasion: Seed, stage and epoch; its position is not used.
        count: Number of samples, >= 0.
        image_shape: Height, width, channels.
    Returns:
        float32 (count, total draws): the columns of the first step, then those of the second, and so on.
    """
    outer = Occasion(occasion.seed, occasion.stage, occasion.epoch, (), occasion.total_epoch, occasion.occurrence)
    tables = [step.draw(outer.inner(position), count, image_shape) for position, step in enumerate(steps)]
    return np.concatenate([np.empty((count, 0), np.float32), *tables], axis=1)


def find_mixing(steps: Sequence[Step]) -> tuple[Mixing, slice] | None:
    """Return the step that mixes and its columns in the table of draws; None if no step does."""
    start = 0
    for step in steps:
        if is_mixing(step):
            return step, slice(start, start + step.num_draws)
        start += step.num_draws
    return None


def apply_all(steps: Sequence[Step], images: Any, draws: Any, partners: Any = None, partner_draws: Any = None) -> Any:
    """Apply the steps in order.

    A partner passes through the steps before the mixing with its own draws, so it looks as it does on its own in that epoch; the
    steps after the mixing are applied to the mixed image.

    Args:
        steps: The steps of `draw_all`, at most one of which mixes; without steps, images are only cast.
        images: Tensor (batch, height, width, channels) in 0..255, uint8 or float.
        draws: (batch, total draws), rows of the table of `draw_all`.
        partners: Like `images`; needed only for a step that mixes.
        partner_draws: The partners' rows of the table.
    Returns:
        float32 tensor of the same shape, in 0..255, under any of Keras' precision policies.
    """
    ops = keras.ops
    images, draws = ops.cast(images, "float32"), ops.cast(draws, "float32")
    mixing_position = next((position for position, step in enumerate(steps) if is_mixing(step)), None)
    if mixing_position is None:
        return _apply_in_order(steps, images, draws)
    mixing = steps[mixing_position]
    before = sum(step.num_draws for step in steps[:mixing_position])
    after = before + mixing.num_draws
    partners = _apply_in_order(steps[:mixing_position], ops.cast(partners, "float32"), ops.cast(partner_draws, "float32"))
    images = _apply_in_order(steps[:mixing_position], images, draws)
    mixed = mixing.mix(images, partners, draws[:, before:after])  # type: ignore[union-attr]
    return _apply_in_order(steps[mixing_position + 1 :], mixed, draws[:, after:])


def _apply_in_order(steps: Sequence[Any], images: Any, draws: Any) -> Any:
    start = 0
    for step in steps:
        stop = start + step.num_draws
        images = step.apply(images, draws[:, start:stop])
        start = stop
    return images


def compile_apply(steps: Sequence[Step], size: tuple[int, int] | None = None) -> Callable[..., Any]:
    """Return `apply_all` for these steps as training runs it: a function of images and draws (and those of the partners).

    Args:
        steps: The augmentation.
        size: Height and width to which images and partners are resized first; None: not resized.

    Under TensorFlow it is a separate program, compiled by XLA even where the network around it is not: one pass over the pixels
    instead of dozens (measured on two cores: a fifth of the processor time). The other backends compile it together with the network.
    """
    step = partial(apply_all, steps) if size is None else partial(_resize_and_apply, steps, size)
    if keras.config.backend() != "tensorflow":
        return step
    import tensorflow as tf

    return tf.function(step, jit_compile=True)  # type: ignore[no-any-return]


def _resize_and_apply(steps: Sequence[Step], size: tuple[int, int], images: Any, draws: Any, *partners: Any) -> Any:
    """Resize, then apply; `partners` are the partners' images and draws, or nothing."""
    from kcifar.layers import resize

    arguments = [resize(keras.ops.cast(images, "float32"), *size), draws]
    if partners:
        arguments += [resize(keras.ops.cast(partners[0], "float32"), *size), partners[1]]
    return apply_all(steps, *arguments)
