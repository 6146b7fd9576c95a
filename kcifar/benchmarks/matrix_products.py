"""The fastest matrix products that this machine was seen to do: what a training update's speed is a share of."""

from collections.abc import Iterator

from kcifar.benchmarks.convolutions import Convolution, compiled_call
from kcifar.benchmarks.timing import Call, least_seconds, random_tensor
from kcifar.core.lazy import keras

Product = tuple[int, Call]  # multiply-accumulates, and what does them

# Larger ones are tried until a call takes longer than this; a machine that is at its peak gains nothing by still larger ones.
SECONDS = 0.02
SIDES = (512, 1024, 2048, 4096, 8192)
IMAGE_SIDE = 16
BATCHES_AND_CHANNELS = ((64, 128), (64, 256), (256, 256), (256, 512), (1024, 512))
KERNEL_SIDES = (1, 3)


def measure_peak(dtype: str) -> float:
    """Return the multiply-accumulates a second of the fastest of some square matrix products and convolutions.

    Square matrices of 512 to 8192, and 1x1 and 3x3 convolutions of 16x16 images with as many filters as channels, all by the
    backend that is loaded; each kind from small to large while a call takes at most a fiftieth of a second.

    Args:
        dtype: "float32", "bfloat16" or "float16".
    """
    return max(_fastest(products) for products in (_square(dtype), *(_convolutions(side, dtype) for side in KERNEL_SIDES)))


def _fastest(products: Iterator[Product]) -> float:
    fastest = 0.0
    for multiply_accumulates, call in products:
        seconds = least_seconds(call)
        fastest = max(fastest, multiply_accumulates / seconds)
        if seconds > SECONDS:
            break
    return fastest


def _square(dtype: str) -> Iterator[Product]:
    for side in SIDES:
        matrix = random_tensor((side, side), dtype)
        yield side**3, compiled_call(keras.ops.matmul, matrix, matrix)


def _convolutions(kernel_side: int, dtype: str) -> Iterator[Product]:
    for batch, channels in BATCHES_AND_CHANNELS:
        convolution = Convolution((IMAGE_SIDE, IMAGE_SIDE, channels), (kernel_side, kernel_side, channels, channels), dtype=dtype)
        yield batch * IMAGE_SIDE**2 * kernel_side**2 * channels**2, next(convolution.passes(batch))
