"""Gaussian noise from one seed per image."""

import math
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
from pydantic import Field

from kcifar.augment import AUGMENTATIONS
from kcifar.augment.arguments import Probability
from kcifar.augment.operation import Occasion, draw_changed
from kcifar.core.lazy import keras

NUM_SEEDS = 1 << 24  # seeds are whole numbers below it, which float32 represents exactly

# The two multipliers of "lowbias32" (Wellons, Prospecting for hash functions, 2018, https://nullprogram.com/blog/2018/07/31/), shifts
# 16, 15, 16: the least biased hash of the form xor-shift, multiply, xor-shift, multiply, xor-shift that the search found.
_FIRST_MULTIPLIER, _SECOND_MULTIPLIER = 0x7FEB352D, 0x846CA68B
_UNIFORM_BITS = 23  # with the half added below, exact in float32


@AUGMENTATIONS.register("gaussian_noise")
@dataclass(frozen=True)
class GaussianNoise:
    """Add independent Gaussian noise to every channel of every pixel, and clip to 0..255.

    Only a seed is transferred to the device, which makes the noise: a hash of (seed, pixel) gives uniform numbers, and Box and Muller's
    formula turns two of them into two normal ones. The same seed gives the same noise on every backend, except for the last bits of
    logarithm, sine and cosine. Standard deviation 0 keeps every bit of the image.

    Draws: a seed, a whole number below 2^24; the standard deviation, 0 for an image that is not changed.

    Attributes:
        deviation: Standard deviation, gray levels, 0 to 128.
        probability: Fraction of the images that are changed.
    Source:
        Box, Muller, A Note on the Generation of Random Normal Deviates, 1958.
    """

    deviation: Annotated[float, Field(ge=0, le=128)] = 8.0
    probability: Probability = 1.0

    @property
    def num_draws(self) -> int:
        """Two: seed and standard deviation."""
        return 2

    def draw(self, occasion: Occasion, count: int, image_shape: tuple[int, int, int]) -> np.ndarray:
        """Return the seed and the standard deviation (gray levels) of each sample, float32 (count, 2)."""
        seeds = occasion.generator().integers(0, NUM_SEEDS, count)
        return np.stack([seeds, self.deviation * draw_changed(occasion, self.probability, count)], axis=1).astype(np.float32)

    def apply(self, images: Any, draws: Any) -> Any:
        """Return the noisy images; see `Operation.apply`."""
        deviation = draws[:, 1][:, None, None, None]
        return keras.ops.clip(images + deviation * make_normal_noise(draws[:, 0], tuple(images.shape[1:])), 0.0, 255.0)


def make_normal_noise(seeds: Any, shape: tuple[int, int, int]) -> Any:
    """Return standard normal numbers, independent within and between seeds.

    Args:
        seeds: float32 tensor (batch,), whole numbers below 2^24.
        shape: Height, width, channels.
    Returns:
        float32 tensor (batch, height, width, channels), within +-5.8 because a uniform number has 23 bits.
    """
    ops = keras.ops
    size = math.prod(shape)
    pairs = (size + 1) // 2
    first, second = (_make_uniform(seeds, np.arange(start, start + pairs)) for start in (0, pairs))
    radius, angle = ops.sqrt(-2 * ops.log(first)), 2 * math.pi * (second - 0.5)
    numbers = ops.concatenate([radius * ops.cos(angle), radius * ops.sin(angle)], axis=1)[:, :size]
    return ops.reshape(numbers, (-1, *shape))


def make_uniform_noise(seeds: Any, shape: tuple[int, int, int]) -> Any:
    """Return uniform numbers in (0, 1), float32 tensor (batch, height, width, channels); arguments as in `make_normal_noise`."""
    return keras.ops.reshape(_make_uniform(seeds, np.arange(math.prod(shape))), (-1, *shape))


def _make_uniform(seeds: Any, counters: np.ndarray) -> Any:
    """Return a number in (0, 1) for each seed and counter: float32 (batch, counters)."""
    ops = keras.ops
    # Hashed counters, so that the numbers of one seed are not those of another one, shifted; and counters above the seeds, because in a
    # common range seed 5 at counter 7 would equal seed 7 at counter 5, and every seed would be the same at its own counter.
    hashed = ops.convert_to_tensor(_hash_counters(NUM_SEEDS + counters))
    bits = _hash(ops.bitwise_xor(_hash(ops.cast(seeds, "int32"))[:, None], hashed[None, :]))
    return (ops.cast(_shift_right(bits, 32 - _UNIFORM_BITS), "float32") + 0.5) / (1 << _UNIFORM_BITS)


def _hash(numbers: Any) -> Any:
    """Return a hash of each number, a permutation of 32-bit integers. int32 products wrap on every backend; PyTorch has no uint32."""
    ops = keras.ops
    for shift, multiplier in ((16, _FIRST_MULTIPLIER), (15, _SECOND_MULTIPLIER)):
        numbers = ops.bitwise_xor(numbers, _shift_right(numbers, shift)) * np.array(multiplier, np.uint32).astype(np.int32)
    return ops.bitwise_xor(numbers, _shift_right(numbers, 16))


def _shift_right(numbers: Any, bits: int) -> Any:
    """Shift to the right and fill with zeros, although the number is signed."""
    ops = keras.ops
    return ops.bitwise_and(ops.right_shift(numbers, bits), (1 << (32 - bits)) - 1)


def _hash_counters(counters: np.ndarray) -> np.ndarray:
    """Return the same hash on the host: the counters are known when the program is built."""
    numbers = counters.astype(np.uint32)
    for shift, multiplier in ((16, _FIRST_MULTIPLIER), (15, _SECOND_MULTIPLIER)):
        numbers = (numbers ^ (numbers >> np.uint32(shift))) * np.uint32(multiplier)
    return (numbers ^ (numbers >> np.uint32(16))).astype(np.int32)
