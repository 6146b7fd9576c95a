"""What does each augmentation cost? Images per second of every registered one, against a plain cast of the same batches."""

import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from kcifar.augment import AUGMENTATIONS
from kcifar.augment.erasing import Cutout
from kcifar.augment.flips import HorizontalFlip
from kcifar.augment.operation import Step
from kcifar.augment.pipeline import compile_apply
from kcifar.core.lazy import keras, pandas
from kcifar.datasets.dataset import Split
from kcifar.engine.backend import load_backend
from kcifar.planning.batches import EpochKey
from kcifar.planning.epoch_batches import make_epoch_batches

IMAGE_SHAPE = (32, 32, 3)
NUM_CLASSES = 10
SEED = 0  # of images, labels and draws

# Usual settings for CIFAR-10. What is computed does not depend on how many images are changed.
SETTINGS: dict[str, dict[str, Any]] = {
    "alternating_flip": {},
    "aug_mix": {},
    "auto_augment": {},
    "color_jitter": {"brightness": 0.4, "contrast": 0.4, "saturation": 0.4, "hue": 0.1},
    "cutmix": {},
    "cutout": {"size": 16},
    "gaussian_blur": {},
    "gaussian_noise": {},
    "grayscale": {"probability": 1.0},
    "horizontal_flip": {},
    "mixup": {},
    "one_of": {"operations": (HorizontalFlip(), Cutout())},
    "rand_augment": {},
    "random_affine": {"rotation": 15.0, "width_shift": 0.1, "height_shift": 0.1, "zoom": 0.1, "shear": 10.0},
    "random_crop": {"padding": 4},
    "random_erasing": {},
    "random_perspective": {},
    "trivial_augment": {},
    "vertical_flip": {},
}
CAST = "(cast only)"

# Makes every batch once and returns the seconds it took.
Turn = Callable[[], float]


def measure_augmentations(names: Sequence[str], batches: int = 200, repeats: int = 7, batch_size: int = 64) -> Any:
    """Measure images per second of each augmentation on its own, as training runs it.

    The time includes drawing for the epoch, gathering each batch (and its partners) on the host and the compiled step on the device;
    it excludes compilation. The cast to float32 does the same with the same batches, without an augmentation. All take turns in
    one process, so a busy machine slows all of them.

    Args:
        names: Registered augmentations; none for all.
        batches: Batches of one measurement, > 0.
        repeats: Measurements of each, > 0.
        batch_size: Images per batch, > 0.
    Returns:
        DataFrame, one row for the cast, then one per augmentation: `augmentation`, `images_per_second` (median of the
        repeats) and `times_cast`: images per second divided by those of the cast in the same turn, median of the repeats.
    Raises:
        UserError: There is no such augmentation.
    """
    factories = {name: AUGMENTATIONS.get(name, "bench augmentations") for name in names or AUGMENTATIONS.names()}
    load_backend()
    part, indices = _make_images(batches * batch_size), np.arange(batches * batch_size)
    steps = {CAST: (), **{name: (factory(**SETTINGS.get(name, {})),) for name, factory in factories.items()}}
    turns = {name: _make_turn(part, indices, step, batch_size) for name, step in steps.items()}
    for turn in turns.values():
        turn()
    seconds = pandas.DataFrame([{name: turn() for name, turn in turns.items()} for _ in range(repeats)])
    speeds = len(indices) / seconds
    columns = {"images_per_second": speeds.median(), "times_cast": speeds.div(speeds[CAST], axis=0).median()}
    return pandas.DataFrame(columns).rename_axis("augmentation").reset_index()


def _make_images(count: int) -> Split:
    random = np.random.default_rng(SEED)
    images = random.integers(0, 256, (count, *IMAGE_SHAPE), dtype=np.uint8)
    return Split(images, random.integers(0, NUM_CLASSES, count))


def _make_turn(part: Split, indices: np.ndarray, steps: tuple[Step, ...], batch_size: int) -> Turn:
    """Return a function that makes every batch once and returns the seconds until the last one is there."""
    apply = _compile_steps(steps)

    def run() -> float:
        started = time.perf_counter()
        result = None
        batches = make_epoch_batches(part, indices, EpochKey(SEED, 0, 0), steps, NUM_CLASSES, batch_size, "drop")
        for batch in map(batches.__getitem__, range(len(batches))):
            partners = () if batch.partners is None else (batch.partners.images, batch.partners.draws)
            result = apply(batch.images, batch.draws, *partners)
        keras.ops.convert_to_numpy(result)
        return time.perf_counter() - started

    return run


def _compile_steps(steps: tuple[Step, ...]) -> Callable[..., Any]:
    """Return the steps as a program of their own; in training under JAX they are part of the network's program."""
    apply = compile_apply(steps)
    if keras.config.backend() != "jax":
        return apply
    import jax

    return jax.jit(apply)  # type: ignore[no-any-return]
