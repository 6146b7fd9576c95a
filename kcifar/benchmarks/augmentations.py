"""What does each augmentation cost? Images a second of every registered one, against a plain cast of the same batches."""

import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from kcifar.augment import AUGMENTATIONS
from kcifar.augment.erasing import Cutout
from kcifar.augment.flips import HorizontalFlip
from kcifar.augment.operation import Step
from kcifar.augment.pipeline import compiled_apply
from kcifar.core.lazy import keras, pandas
from kcifar.datasets.dataset import Part
from kcifar.planning.batches import EpochKey, epoch_batches

IMAGE_SHAPE = (32, 32, 3)
NUM_CLASSES = 10
SEED = 0  # of images, labels and draws

# Each under settings that are usual for CIFAR-10; every image is changed, for what is computed does not depend on how many are.
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
CAST = "(cast alone)"

Way = Callable[[], float]


def compare(names: Sequence[str], batches: int = 200, repeats: int = 7, batch_size: int = 64) -> Any:
    """Measure images a second of each augmentation by itself, as training runs it.

    Drawing for the epoch, gathering each batch (and its partners) on the host and the compiled step on the device are part of the
    time; compilation is not. The cast to float32 with nothing behind it does the same with the same batches. All take turns in
    one process, so a busy machine slows all of them.

    Args:
        names: Registered augmentations.
        batches: Batches of one measurement, > 0.
        repeats: Measurements of each, > 0.
        batch_size: Images a batch, > 0.
    Returns:
        DataFrame, a row an augmentation and the first one for the cast: `augmentation`, `images_per_second` (median of the
        repeats) and `times_cast`: images a second divided by those of the cast in the same turn, median of the repeats.
    """
    part, indices = _training_part(batches * batch_size), np.arange(batches * batch_size)
    steps = {CAST: (), **{name: (AUGMENTATIONS.get(name)(**SETTINGS.get(name, {})),) for name in names}}
    ways = {name: _way(part, indices, step, batch_size) for name, step in steps.items()}
    for way in ways.values():
        way()
    seconds = pandas.DataFrame([{name: way() for name, way in ways.items()} for _ in range(repeats)])
    speeds = len(indices) / seconds
    columns = {"images_per_second": speeds.median(), "times_cast": speeds.div(speeds[CAST], axis=0).median()}
    return pandas.DataFrame(columns).rename_axis("augmentation").reset_index()


def _training_part(count: int) -> Part:
    random = np.random.default_rng(SEED)
    images = random.integers(0, 256, (count, *IMAGE_SHAPE), dtype=np.uint8)
    return Part(images, random.integers(0, NUM_CLASSES, count))


def _way(part: Part, indices: np.ndarray, steps: tuple[Step, ...], batch_size: int) -> Way:
    """Return a function that makes every batch once and returns the seconds it took; the last batch is waited for."""
    apply = _compiled(steps)

    def run() -> float:
        started = time.perf_counter()
        result = None
        batches = epoch_batches(part, indices, EpochKey(SEED, 0, 0), steps, NUM_CLASSES, batch_size, "drop")
        for batch in map(batches.__getitem__, range(len(batches))):
            partners = () if batch.partners is None else (batch.partners.images, batch.partners.draws)
            result = apply(batch.images, batch.draws, *partners)
        keras.ops.convert_to_numpy(result)
        return time.perf_counter() - started

    return run


def _compiled(steps: tuple[Step, ...]) -> Callable[..., Any]:
    """Return the steps as a program of their own; under JAX, in training, it is part of the network's."""
    apply = compiled_apply(steps)
    if keras.config.backend() != "jax":
        return apply
    import jax

    return jax.jit(apply)  # type: ignore[no-any-return]
