"""The seconds of one call, and random tensors to compute with, for the loaded backend."""

import importlib
import math
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from kcifar.core.lazy import keras, tensorflow
from kcifar.engine.backend import has_gpu

Call = Callable[[], Any]

# A GPU is handed this many calls at once: starting one is then hidden behind the one before, as in a complete update.
_QUEUED_CALLS = 10
# A call of this many seconds is measured once: the overhead of its first time is small by comparison.
_LONG = 0.5
# How many random values are drawn; larger arrays repeat them, which is faster than drawing more.
_DIFFERENT_VALUES = 2**20


def measure_least_seconds(call: Call, seconds: float = 0.1) -> float:
    """Measure a call repeatedly and return the seconds of the fastest; the first one counts only if a call takes half a second.

    Args:
        call: Returns the backend's result; already compiled.
        seconds: How long to keep measuring, > 0.
    """
    calls, first = _QUEUED_CALLS if has_gpu() else 1, _measure_mean_seconds(call, 1)
    if first > _LONG:
        return first
    least, started = _measure_mean_seconds(call, calls), time.perf_counter()
    while time.perf_counter() - started < seconds:
        least = min(least, _measure_mean_seconds(call, calls))
    return least


def make_random_tensor(shape: tuple[int, ...], dtype: str) -> Any:
    """Return numbers from -1/2 to 1/2, drawn on the host: a backend may have to compile its own generator for every shape."""
    values = np.random.default_rng(0).random(min(math.prod(shape), _DIFFERENT_VALUES), np.float32) - 0.5
    return keras.ops.convert_to_tensor(np.resize(values, shape), dtype)


def _measure_mean_seconds(call: Call, calls: int) -> float:
    """Return the mean seconds of some calls, until the last one's result is there."""
    started = time.perf_counter()
    results = [call() for _ in range(calls)]
    _wait_for(results)
    return (time.perf_counter() - started) / calls


def _wait_for(results: Any) -> None:
    backend = keras.config.backend()
    if backend == "jax":
        importlib.import_module("jax").block_until_ready(results)
    elif backend == "tensorflow":
        tensorflow.test.experimental.sync_devices()
    elif has_gpu():
        importlib.import_module("torch").cuda.synchronize()
