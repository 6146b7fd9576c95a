"""An epoch as a sequence of calls of a compiled program, reported update by update and timed."""

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

import numpy as np

from kcifar.core.errors import TrainingFailed
from kcifar.core.lazy import keras
from kcifar.engine.program import METRICS, Program, make_training_data
from kcifar.engine.resident import ResidentPart, choose_chunk_lengths, put_epoch_on_device
from kcifar.planning.batches import EpochBatches

OnBatch = Callable[[int, float, float], None]


@dataclass(frozen=True)
class EpochMetrics:
    """The results of an epoch of training.

    Attributes:
        loss: Mean over images, penalties and label smoothing included.
        cross_entropy: Mean over images, without either.
        accuracy: Fraction of images, as predicted while the weights changed.
        images_per_second: Without the calls in which a program was compiled.
        compilation_seconds: Time of those calls, less that of the same number of usual updates; 0.0 if nothing was compiled.
    """

    loss: float
    cross_entropy: float
    accuracy: float
    images_per_second: float
    compilation_seconds: float


@dataclass(frozen=True)
class ProgramCall:
    """A finished call of a program.

    Attributes:
        rows: float32 (updates, 3): the metrics after each update, means over the epoch so far.
        images: Number of images trained on.
        seconds: Time since the end of the previous call.
        compiled: Whether the program was compiled during the call.
    """

    rows: np.ndarray
    images: int
    seconds: float
    compiled: bool


def iterate_fed_calls(program: Program, batches: EpochBatches) -> Iterator[ProgramCall]:
    """Train one update per call on batches made by the host, which makes the next batch while the device computes."""
    timer = _CallTimer(program)
    data = make_training_data(batches[0])
    for index in range(len(batches)):
        images, row = len(data[1]), program.train_batch(data)
        if index + 1 < len(batches):
            data = make_training_data(batches[index + 1])
        yield timer.finish_call(row, images)


def iterate_resident_calls(program: Program, part: ResidentPart, batches: EpochBatches) -> Iterator[ProgramCall]:
    """Train many updates per call on batches made by the device; a smaller last batch is a call of its own."""
    timer = _CallTimer(program)
    arrays, size, first = put_epoch_on_device(batches), batches.batch_size, 0
    chunks = [(updates, size) for updates in choose_chunk_lengths(len(batches.order) // size)]
    rest = len(batches.order) % size
    for updates, batch_size in [*chunks, *([(1, rest)] if rest else [])]:
        rows = program.train_batches(part, arrays, first, updates, batch_size)
        first += updates * batch_size
        yield timer.finish_call(rows, updates * batch_size)


class _CallTimer:
    """Waits for the calls of a program and measures their time."""

    def __init__(self, program: Program) -> None:
        self._program, self._compilations, self._stopped = program, program.compilations, time.perf_counter()

    def finish_call(self, metrics: Any, images: int) -> ProgramCall:
        rows = keras.ops.convert_to_numpy(metrics).reshape(-1, len(METRICS))
        now, compilations = time.perf_counter(), self._program.compilations
        call = ProgramCall(rows, images, now - self._stopped, compilations > self._compilations)
        self._stopped, self._compilations = now, compilations
        return call


def run_calls(calls: Iterator[ProgramCall], on_batch: OnBatch) -> EpochMetrics:
    """Run the calls of an epoch, report each update, and return the metrics of the epoch.

    Args:
        calls: At least one.
        on_batch: Called after each update; see `TrainingLoop.run_epoch`.
    Raises:
        TrainingFailed: The loss is not finite; the message names the update.
    """
    finished: list[ProgramCall] = []
    step = 0
    for call in calls:
        finished.append(call)
        for loss, _, accuracy in call.rows.tolist():
            step += 1
            if not math.isfinite(loss):
                raise TrainingFailed(f"step {step}: the loss is not finite ({loss})")
            on_batch(step, loss, accuracy)
    loss, entropy, accuracy = finished[-1].rows[-1].tolist()
    return EpochMetrics(loss, entropy, accuracy, compute_images_per_second(finished), compute_compilation_seconds(finished))


def compute_images_per_second(calls: Sequence[ProgramCall]) -> float:
    """Return the speed of the calls without a compilation; of all calls if each had one."""
    counted = [call for call in calls if not call.compiled] or calls
    return sum(call.images for call in counted) / sum(call.seconds for call in counted)


def compute_compilation_seconds(calls: Sequence[ProgramCall]) -> float:
    """Return the time of the calls with a compilation, less that of the same number of usual updates.

    A usual update takes the median time per update of the other calls, or 0 if there are none.
    """
    usual = median([call.seconds / len(call.rows) for call in calls if not call.compiled] or [0.0])
    return sum((max(0.0, call.seconds - usual * len(call.rows)) for call in calls if call.compiled), 0.0)
