"""An epoch as a sequence of calls of a program, reported update by update and timed."""

import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

import numpy as np

from kcifar.core.errors import TrainingFailed
from kcifar.core.lazy import keras
from kcifar.engine.driver import EpochMetrics, OnBatch
from kcifar.engine.program import METRICS, Program, training_data
from kcifar.engine.resident import ResidentPart, chunk_lengths, put_tables_on_device
from kcifar.planning.batches import EpochBatches


@dataclass(frozen=True)
class Call:
    """One call of a program, done.

    Attributes:
        rows: float32 (updates, 3): the metrics after each update, means over the epoch so far.
        images: Images that it trained on.
        seconds: From the end of the call before it.
        compiled: Whether the program was compiled in it.
    """

    rows: np.ndarray
    images: int
    seconds: float
    compiled: bool


def fed_calls(program: Program, batches: EpochBatches) -> Iterator[Call]:
    """Train an update a call, on batches made by the host: the next one while the device computes, before the metrics are waited for."""
    watch = _Watch(program)
    data = training_data(batches[0])
    for index in range(len(batches)):
        images, row = len(data[1]), program.update(data)
        if index + 1 < len(batches):
            data = training_data(batches[index + 1])
        yield watch.call_done(row, images)


def resident_calls(program: Program, part: ResidentPart, batches: EpochBatches) -> Iterator[Call]:
    """Train many updates a call, on batches made by the device; a smaller last batch is a call of its own."""
    watch = _Watch(program)
    tables, size, first = put_tables_on_device(batches), batches.batch_size, 0
    chunks = [(updates, size) for updates in chunk_lengths(len(batches.order) // size)]
    left = len(batches.order) % size
    for updates, batch_size in [*chunks, *([(1, left)] if left else [])]:
        rows = program.update_many(part, tables, first, updates, batch_size)
        first += updates * batch_size
        yield watch.call_done(rows, updates * batch_size)


class _Watch:
    """Waits for a program's calls and measures them."""

    def __init__(self, program: Program) -> None:
        self._program, self._compilations, self._stopped = program, program.compilations, time.perf_counter()

    def call_done(self, metrics: Any, images: int) -> Call:
        rows = keras.ops.convert_to_numpy(metrics).reshape(-1, len(METRICS))
        now, compilations = time.perf_counter(), self._program.compilations
        call = Call(rows, images, now - self._stopped, compilations > self._compilations)
        self._stopped, self._compilations = now, compilations
        return call


def run_calls(calls: Iterator[Call], on_batch: OnBatch) -> EpochMetrics:
    """Run an epoch's calls, report each update, and sum the epoch up.

    Args:
        calls: At least one.
        on_batch: Called after each update; see `EpochDriver.run_epoch`.
    Raises:
        TrainingFailed: The loss is not finite; the message says at which update.
    """
    done: list[Call] = []
    step = 0
    for call in calls:
        done.append(call)
        for loss, _, accuracy in call.rows.tolist():
            step += 1
            if not math.isfinite(loss):
                raise TrainingFailed(f"step {step}: the loss is not finite ({loss})")
            on_batch(step, loss, accuracy)
    loss, entropy, accuracy = done[-1].rows[-1].tolist()
    return EpochMetrics(loss, entropy, accuracy, images_per_second(done), compilation_seconds(done))


def images_per_second(calls: Sequence[Call]) -> float:
    """Return the speed of the calls that held no compilation; of all where each did."""
    counted = [call for call in calls if not call.compiled] or calls
    return sum(call.images for call in counted) / sum(call.seconds for call in counted)


def compilation_seconds(calls: Sequence[Call]) -> float:
    """Return the time of the calls that held a compilation, less that of as many usual updates: the median of the others', 0 without any."""
    usual = median([call.seconds / len(call.rows) for call in calls if not call.compiled] or [0.0])
    return sum((max(0.0, call.seconds - usual * len(call.rows)) for call in calls if call.compiled), 0.0)
