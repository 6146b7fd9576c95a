"""Gaussian noise from a seed for each image."""

import math
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
from pydantic import Field

from kcifar.augment import AUGMENTATIONS
from kcifar.augment.chance import Probability, strikes
from kcifar.augment.operation import Occasion
from kcifar.core.lazy import keras

SEEDS = 1 << 24  # seeds are whole numbers below it, which a float32 holds exactly

# The two multipliers of "lowbias32" (Wellons, Prospecting for hash functions, 2018, https://nullprogram.com/blog/2018/07/31/), shifts
# 16, 15, 16: the least biased of the form xor-shift, multiply, xor-shift, multiply, xor-shift that its search found.
_FIRST, _SECOND = 0x7FEB352D, 0x846CA68B
_UNIFORM_BITS = 23  # with the half added below, exact in float32


@AUGMENTATIONS.register("gaussian_noise")
@dataclass(frozen=True)
class GaussianNoise:
    """Add independent Gaussian noise to every channel of every pixel, and cut to 0..255.

    Only a seed crosses over to the device, which makes the noise: a hash of (seed, pixel) gives uniform numbers, Box and Muller's
    formula turns two of them into two normal ones. The same seed makes the same noise on every backend, but for the last bits of
    logarithm, sine and cosine. Deviation 0 leaves every bit of the image as it is.

    Draws: a seed, a whole number below 2^24; the deviation, 0 where it does not strike.

    Attributes:
        deviation: Standard deviation, grey levels, 0 to 128.
        probability: Share of the images that are changed.
    Source:
        Box, Muller, A Note on the Generation of Random Normal Deviates, 1958.
    """

    deviation: Annotated[float, Field(ge=0, le=128)] = 8.0
    probability: Probability = 1.0

    @property
    def num_draws(self) -> int:
        """Two: seed and deviation."""
        return 2

    def draw(self, occasion: Occasion, count: int, image_shape: tuple[int, int, int]) -> np.ndarray:
        """Return the seed and the deviation (grey levels) of each sample, float32 (count, 2)."""
        seeds = occasion.generator().integers(0, SEEDS, count)
        return np.stack([seeds, self.deviation * strikes(occasion, self.probability, count)], axis=1).astype(np.float32)

    def apply(self, images: Any, draws: Any) -> Any:
        """Return the noisy images; see `Operation.apply`."""
        deviation = draws[:, 1][:, None, None, None]
        return keras.ops.clip(images + deviation * normal_noise(draws[:, 0], tuple(images.shape[1:])), 0.0, 255.0)


def normal_noise(seeds: Any, shape: tuple[int, int, int]) -> Any:
    """Return standard normal numbers, independent of one another and from seed to seed.

    Args:
        seeds: float32 tensor (batch,), whole numbers below 2^24.
        shape: Height, width, channels.
    Returns:
        float32 tensor (batch, height, width, channels), within +-5.8 by the 23 bits of a uniform number.
    """
    ops = keras.ops
    size = math.prod(shape)
    pairs = (size + 1) // 2
    first, second = (_uniform(seeds, np.arange(start, start + pairs)) for start in (0, pairs))
    radius, angle = ops.sqrt(-2 * ops.log(first)), 2 * math.pi * (second - 0.5)
    numbers = ops.concatenate([radius * ops.cos(angle), radius * ops.sin(angle)], axis=1)[:, :size]
    return ops.reshape(numbers, (-1, *shape))


def uniform_noise(seeds: Any, shape: tuple[int, int, int]) -> Any:
    """Return uniform numbers in (0, 1), float32 tensor (batch, height, width, channels); arguments as for `normal_noise`."""
    return keras.ops.reshape(_uniform(seeds, np.arange(math.prod(shape))), (-1, *shape))


def _uniform(seeds: Any, counters: np.ndarray) -> Any:
    """Return a number in (0, 1) for each seed and counter: float32 (batch, counters)."""
    ops = keras.ops
    # Scattered counters, so that the numbers of one seed are not those of another, moved; and from beyond the seeds, since with a
    # common range seed 5 at counter 7 would equal seed 7 at counter 5, and all seeds at their own counter.
    scattered = ops.convert_to_tensor(_hashed_counters(SEEDS + counters))
    bits = _hashed(ops.bitwise_xor(_hashed(ops.cast(seeds, "int32"))[:, None], scattered[None, :]))
    return (ops.cast(_shifted(bits, 32 - _UNIFORM_BITS), "float32") + 0.5) / (1 << _UNIFORM_BITS)


def _hashed(numbers: Any) -> Any:
    """Return a hash of each number: a permutation of the 2^32. int32, whose products wrap on every backend; torch has no uint32."""
    ops = keras.ops
    for shift, multiplier in ((16, _FIRST), (15, _SECOND)):
        numbers = ops.bitwise_xor(numbers, _shifted(numbers, shift)) * np.array(multiplier, np.uint32).astype(np.int32)
    return ops.bitwise_xor(numbers, _shifted(numbers, 16))


def _shifted(numbers: Any, bits: int) -> Any:
    """Shift to the right and fill with zeros, though the number is signed."""
    ops = keras.ops
    return ops.bitwise_and(ops.right_shift(numbers, bits), (1 << (32 - bits)) - 1)


def _hashed_counters(counters: np.ndarray) -> np.ndarray:
    """Return the same hash, on the host: the counters are known when the program is built."""
    numbers = counters.astype(np.uint32)
    for shift, multiplier in ((16, _FIRST), (15, _SECOND)):
        numbers = (numbers ^ (numbers >> np.uint32(shift))) * np.uint32(multiplier)
    return (numbers ^ (numbers >> np.uint32(16))).astype(np.int32)
