"""Measures complete training updates of a recipe's first stage, under the backend of this process."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from kcifar.benchmarks.convolutions import Floor, measure_floor
from kcifar.benchmarks.matrix_products import measure_peak
from kcifar.benchmarks.synthetic import ImageKind, make_random_data
from kcifar.core.errors import Failure, UserError, one_line
from kcifar.core.lazy import keras
from kcifar.engine.assembly import build_training_loop
from kcifar.engine.backend import choose_precision, has_gpu, resolve_precision
from kcifar.engine.epoch import EpochMetrics
from kcifar.engine.training_loop import TrainingLoop
from kcifar.models.summary import summarize_model
from kcifar.planning.batches import EpochBatches
from kcifar.planning.plan import make_plan
from kcifar.planning.prepared_data import PreparedData
from kcifar.planning.stage_batches import make_stage_batches
from kcifar.planning.stage_plan import StagePlan
from kcifar.recipe.load import load_recipe

# A combination is skipped if two updates would take longer than this, and has no further turn after this time; seconds.
PATIENCE = 8.0
# No further convolution is measured after this time, seconds: compiling them may take longer than compiling the update.
FLOOR_PATIENCE = 8.0
# How long a turn is meant to last, seconds; it has at least two batches.
SECONDS_PER_TURN = 0.5
MIN_BATCHES, MAX_BATCHES = 2, 100
# On a GPU, many updates are one compiled program, whose length must be the same in every turn.
GPU_BATCHES = 32
# Forward pass, gradient of the inputs, gradient of the weights; an operation is a product or a sum.
OPERATIONS = 3 * 2


@dataclass(frozen=True)
class UpdatesRequest:
    """What one backend is asked to measure.

    Attributes:
        recipe: The resolved recipe, as plain containers.
        kind: Of the images.
        precisions: Dtype policies; none for float32, the automatic one and the recipe's.
        batch_sizes: Images per batch.
        repeats: Turns of each combination, > 0.
    """

    recipe: dict[str, Any]
    kind: ImageKind
    precisions: Sequence[str]
    batch_sizes: Sequence[int]
    repeats: int

    def find_recipe_precision(self) -> str:
        """Return the precision that the recipe trains with under this process's backend."""
        precision: str = self.recipe["precision"]
        return resolve_precision(precision)


class _Skipped(Failure):
    """A combination is too large or too slow for this machine."""


def measure_updates(request: UpdatesRequest) -> Iterator[dict[str, Any]]:
    """Yield a row for each combination of precision and batch size, smaller batches first.

    A row has `precision`, `batch_size`, and either `reason`, why it was not measured (`is_user_error`: the recipe does not allow it), or
    `images_per_second` (of the fastest turn), `compilation_seconds`, `gigaflops` (achieved, by the forward pass's multiply-accumulates),
    `peak_gigaflops`, `times_convolutions` (None if not all convolutions were measured).
    """
    data = make_random_data(request.kind)
    for precision in request.precisions or dict.fromkeys(["float32", choose_precision(), request.find_recipe_precision()]):
        peak = 2 * measure_peak(precision.removeprefix("mixed_")) / 1e9
        limits = _Limits()
        for batch_size in sorted(request.batch_sizes):
            combination = {"precision": precision, "batch_size": batch_size}
            try:
                measured = _measure(request, data, precision, batch_size, limits)
            except (UserError, _Skipped) as error:
                yield combination | {"reason": str(error), "is_user_error": isinstance(error, UserError)}
            else:
                yield combination | measured | {"peak_gigaflops": peak}
            keras.backend.clear_session()


@dataclass
class _Limits:
    """What the smaller batches say about the larger ones.

    Attributes:
        seconds_per_image: The least that an image takes.
        has_time_for_floor: Whether there was time to measure all convolutions.
        reason: Why larger batches are skipped; empty if they are not.
    """

    seconds_per_image: float = 0.0
    has_time_for_floor: bool = True
    reason: str = ""

    def check_patience(self, batch_size: int) -> None:
        """Skip what would take too long, and what follows a batch size that was skipped.

        Raises:
            _Skipped: One line.
        """
        seconds = self.seconds_per_image * batch_size
        if MIN_BATCHES * seconds > PATIENCE:
            limit = PATIENCE / MIN_BATCHES
            self.reason = self.reason or f"an update of {batch_size:,} images would take at least {seconds:.0f} seconds (limit: {limit:.0f})"
        if self.reason:
            raise _Skipped(self.reason)


def _measure(request: UpdatesRequest, data: PreparedData, precision: str, batch_size: int, limits: _Limits) -> dict[str, Any]:
    """Measure one combination, and remember what it says about larger batches."""
    limits.check_patience(batch_size)
    try:
        return _measure_case(_Case(request.recipe, data, precision, batch_size), request.repeats, limits)
    except Exception as error:
        if not _is_out_of_memory(error):
            raise
    limits.reason = f"out of memory at {batch_size:,} images"
    raise _Skipped(limits.reason)


def _measure_case(case: "_Case", repeats: int, limits: _Limits) -> dict[str, Any]:
    """Measure convolutions, then updates, unless the convolutions alone take too long."""
    floor = case.measure_floor() if limits.has_time_for_floor else Floor(0.0, False)
    limits.has_time_for_floor = floor.is_complete
    limits.seconds_per_image = max(limits.seconds_per_image, floor.seconds / case.batch_size)
    limits.check_patience(case.batch_size)
    measured = case.measure_updates(repeats)
    limits.seconds_per_image = 1 / measured["images_per_second"]
    ratio = case.batch_size * limits.seconds_per_image / floor.seconds if floor.is_complete and floor.seconds else None
    return measured | {"times_convolutions": ratio}


class _Case:
    """A recipe's first stage, ready for its first update, with one precision and batch size."""

    def __init__(self, recipe: dict[str, Any], data: PreparedData, precision: str, batch_size: int) -> None:
        first = recipe | {"stages": [recipe["stages"][0] | {"batch_size": batch_size}]}
        self._plan = make_plan(load_recipe(first))
        self._data, self.batch_size = data, batch_size
        self._stage: StagePlan = self._plan.stages[0]
        self._loop: TrainingLoop = build_training_loop(self._plan, data, precision)
        self._loop.begin_stage(self._stage)
        self._epoch = make_stage_batches(self._plan, data, self._stage, 0, 0)

    def measure_floor(self) -> Floor:
        """Measure the convolutions on their own."""
        return measure_floor(self._loop.network, self.batch_size, FLOOR_PATIENCE)

    def measure_updates(self, repeats: int) -> dict[str, Any]:
        """Return the speed of the fastest turn, and how long the first one took to compile."""
        count, started = GPU_BATCHES if has_gpu() else MIN_BATCHES, time.perf_counter()
        first = self._train(count)
        seconds = self.batch_size / first.images_per_second
        if not has_gpu():
            count = int(np.clip(SECONDS_PER_TURN / seconds, MIN_BATCHES, MAX_BATCHES))
        speeds: list[float] = []
        while len(speeds) < repeats and time.perf_counter() - started + count * seconds < PATIENCE:
            speeds.append(self._train(count).images_per_second)
        fastest = max(speeds, default=first.images_per_second)
        products = summarize_model(self._loop.network)["multiply_accumulates"]
        gigaflops = fastest * products * OPERATIONS / 1e9
        return {"images_per_second": fastest, "compilation_seconds": first.compilation_seconds, "gigaflops": gigaflops}

    def _train(self, batches: int) -> EpochMetrics:
        """Train on some batches as an epoch of a run does."""
        values = self._stage.values(len(self._data.train_indices))
        # A learning rate of 0 keeps the loss of random images finite; the update does the same work with it.
        values |= {"learning_rate": np.zeros_like(values["learning_rate"])}
        return self._loop.run_epoch(self._take_batches(batches), values, lambda step, loss, accuracy: None)

    def _take_batches(self, batches: int) -> EpochBatches:
        """Return the epoch's first batches, all of them full, rounded up to complete updates."""
        epoch, accumulate = self._epoch, self._stage.settings.accumulate
        images = self.batch_size * min(-(-batches // accumulate) * accumulate, len(epoch.order) // self.batch_size)
        rows = {name: getattr(epoch, name) for name in ("order", "draws", "partners", "partner_draws", "own_shares")}
        return replace(epoch, **{name: table[:images] for name, table in rows.items() if table is not None})


def _is_out_of_memory(error: Exception) -> bool:
    text = one_line(error, 2000).lower()
    return isinstance(error, MemoryError) or "out of memory" in text or "resource_exhausted" in text or "oom" in text.split()
