"""Seconds of one call, and something to compute with, of whichever backend is loaded."""

import importlib
import math
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from kcifar.core.lazy import keras, tensorflow
from kcifar.engine.backend import has_gpu

Call = Callable[[], Any]

# A GPU is handed this many calls at once, so that starting one is hidden behind the one before, as in a whole update.
_QUEUED_CALLS = 10
# A call of this many seconds is measured once: what its first time adds is small against it.
_LONG = 0.5
# How many random values are drawn; larger arrays repeat them, which is faster than drawing more.
_DIFFERENT_VALUES = 2**20


def least_seconds(call: Call, seconds: float = 0.1) -> float:
    """Measure a call again and again and return the seconds of the fastest; the first one counts only where a call takes half a second.

    Args:
        call: Returns what the backend computed; compiled already.
        seconds: How long to go on measuring, > 0.
    """
    calls, first = _QUEUED_CALLS if has_gpu() else 1, _seconds(call, 1)
    if first > _LONG:
        return first
    least, started = _seconds(call, calls), time.perf_counter()
    while time.perf_counter() - started < seconds:
        least = min(least, _seconds(call, calls))
    return least


def random_tensor(shape: tuple[int, ...], dtype: str) -> Any:
    """Return numbers from -1/2 to 1/2, drawn on the host: a backend may have to compile its own generator for every shape."""
    values = np.random.default_rng(0).random(min(math.prod(shape), _DIFFERENT_VALUES), np.float32) - 0.5
    return keras.ops.convert_to_tensor(np.resize(values, shape), dtype)


def _seconds(call: Call, calls: int) -> float:
    """Return the mean seconds of some calls, until the last one's result is there."""
    started = time.perf_counter()
    results = [call() for _ in range(calls)]
    _wait(results)
    return (time.perf_counter() - started) / calls


def _wait(results: Any) -> None:
    backend = keras.config.backend()
    if backend == "jax":
        importlib.import_module("jax").block_until_ready(results)
    elif backend == "tensorflow":
        tensorflow.test.experimental.sync_devices()
    elif has_gpu():
        importlib.import_module("torch").cuda.synchronize()
