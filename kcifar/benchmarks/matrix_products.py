"""The fastest matrix products measured on this machine: a training update reaches a fraction of their speed."""

from collections.abc import Iterator

from kcifar.benchmarks.convolutions import Convolution, compile_call
from kcifar.benchmarks.timing import Call, make_random_tensor, measure_least_seconds
from kcifar.core.lazy import keras

Product = tuple[int, Call]  # multiply-accumulates, and the call that does them

# Larger products are tried until a call takes longer than this; by then a machine is at its peak.
SECONDS = 0.02
SIDES = (512, 1024, 2048, 4096, 8192)
IMAGE_SIDE = 16
BATCHES_AND_CHANNELS = ((64, 128), (64, 256), (256, 256), (256, 512), (1024, 512))
KERNEL_SIDES = (1, 3)


def measure_peak(dtype: str) -> float:
    """Return the multiply-accumulates per second of the fastest among some square matrix products and convolutions.

    Square matrices of 512 to 8192, and 1x1 and 3x3 convolutions of 16x16 images with as many filters as channels, all by the
    loaded backend; each kind from small to large while a call takes at most a fiftieth of a second.

    Args:
        dtype: "float32", "bfloat16" or "float16".
    """
    return max(_measure_fastest(products) for products in (_make_squares(dtype), *(_make_convolutions(side, dtype) for side in KERNEL_SIDES)))


def _measure_fastest(products: Iterator[Product]) -> float:
    fastest = 0.0
    for multiply_accumulates, call in products:
        seconds = measure_least_seconds(call)
        fastest = max(fastest, multiply_accumulates / seconds)
        if seconds > SECONDS:
            break
    return fastest


def _make_squares(dtype: str) -> Iterator[Product]:
    for side in SIDES:
        matrix = make_random_tensor((side, side), dtype)
        yield side**3, compile_call(keras.ops.matmul, matrix, matrix)


def _make_convolutions(kernel_side: int, dtype: str) -> Iterator[Product]:
    for batch, channels in BATCHES_AND_CHANNELS:
        convolution = Convolution((IMAGE_SIDE, IMAGE_SIDE, channels), (kernel_side, kernel_side, channels, channels), dtype=dtype)
        yield batch * IMAGE_SIDE**2 * kernel_side**2 * channels**2, next(convolution.make_passes(batch))
