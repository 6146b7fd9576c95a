"""Measures whole training updates of a recipe's first stage, under the backend of this process."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from kcifar.benchmarks.convolutions import Floor, measure_floor
from kcifar.benchmarks.matrix_products import measure_peak
from kcifar.benchmarks.synthetic import ImageKind, random_data
from kcifar.core.errors import Failure, UserError, one_line
from kcifar.core.lazy import keras
from kcifar.engine.assembly import assemble_driver
from kcifar.engine.backend import automatic_precision, has_gpu
from kcifar.engine.driver import EpochDriver, EpochMetrics
from kcifar.models.summary import model_summary
from kcifar.planning.batches import EpochBatches
from kcifar.planning.plan import StagePlan, make_plan
from kcifar.planning.prepared_data import PreparedData
from kcifar.planning.stage_batches import stage_batches
from kcifar.recipe.load import load_recipe

# A combination is left out where two updates would take longer than this, and has no further turn after this time; seconds.
PATIENCE = 8.0
# No further convolution is begun after this time, seconds: a compiler may take longer over them than over the update.
FLOOR_PATIENCE = 8.0
# How long a turn is meant to last, seconds; it has two batches at least.
SECONDS_PER_TURN = 0.5
LEAST_BATCHES, MOST_BATCHES = 2, 100
# On a GPU many updates are one compiled program, whose length must not change from turn to turn.
GPU_BATCHES = 32
# Forward pass, gradient of the inputs, gradient of the weights; an operation is a product or a sum.
OPERATIONS = 3 * 2


@dataclass(frozen=True)
class Request:
    """What one backend is asked to measure.

    Attributes:
        recipe: The resolved recipe, as plain containers.
        kind: Of the images.
        precisions: Dtype policies; none for float32, the automatic one and the recipe's own.
        batch_sizes: Images a batch.
        repeats: Turns of each combination, > 0.
    """

    recipe: dict[str, Any]
    kind: ImageKind
    precisions: Sequence[str]
    batch_sizes: Sequence[int]
    repeats: int

    def own_precision(self) -> str:
        """Return the precision that the recipe trains with under this process' backend."""
        wanted: str = self.recipe["precision"]
        return automatic_precision() if wanted == "auto" else wanted


class _LeftOut(Failure):
    """A combination is too large or too slow for this machine."""


def measure_updates(request: Request) -> Iterator[dict[str, Any]]:
    """Yield a row for each combination of precision and batch size, smaller batches first.

    A row has `precision`, `batch_size`, and either `reason`, why it was not measured (`is_mistake`: the recipe does not admit it), or
    `images_per_second` (of the fastest turn), `compilation_seconds`, `gigaflops` (achieved, by the forward pass' multiply-accumulates),
    `peak_gigaflops`, `times_convolutions` (None where the convolutions were not all measured).
    """
    data = random_data(request.kind)
    for precision in request.precisions or dict.fromkeys(["float32", automatic_precision(), request.own_precision()]):
        peak = 2 * measure_peak(precision.removeprefix("mixed_")) / 1e9
        known = _Known()
        for batch_size in sorted(request.batch_sizes):
            combination = {"precision": precision, "batch_size": batch_size}
            try:
                measured = _measure(request, data, precision, batch_size, known)
            except (UserError, _LeftOut) as error:
                yield combination | {"reason": str(error), "is_mistake": isinstance(error, UserError)}
            else:
                yield combination | measured | {"peak_gigaflops": peak}
            keras.backend.clear_session()


@dataclass
class _Known:
    """What smaller batches told of the larger ones.

    Attributes:
        seconds_an_image: What one takes at least.
        has_time_for_floor: Whether there was time for all convolutions.
        refusal: Why larger batches are left out; empty where they are not.
    """

    seconds_an_image: float = 0.0
    has_time_for_floor: bool = True
    refusal: str = ""

    def check_patience(self, batch_size: int) -> None:
        """Refuse what would take too long, or what a smaller batch was refused for.

        Raises:
            _LeftOut: One line.
        """
        seconds = self.seconds_an_image * batch_size
        if LEAST_BATCHES * seconds > PATIENCE:
            limit = PATIENCE / LEAST_BATCHES
            self.refusal = self.refusal or f"an update of {batch_size:,} images would take {seconds:.0f} seconds or more (left out above {limit:.0f})"
        if self.refusal:
            raise _LeftOut(self.refusal)


def _measure(request: Request, data: PreparedData, precision: str, batch_size: int, known: _Known) -> dict[str, Any]:
    """Measure one combination, and remember what it tells of larger batches."""
    known.check_patience(batch_size)
    try:
        return _measure_case(_Case(request.recipe, data, precision, batch_size), request.repeats, known)
    except Exception as error:
        if not _is_out_of_memory(error):
            raise
    known.refusal = f"out of memory at {batch_size:,} images"
    raise _LeftOut(known.refusal)


def _measure_case(case: "_Case", repeats: int, known: _Known) -> dict[str, Any]:
    """Measure convolutions, then updates, unless the convolutions alone take too long."""
    floor = case.floor() if known.has_time_for_floor else Floor(0.0, False)
    known.has_time_for_floor = floor.is_whole
    known.seconds_an_image = max(known.seconds_an_image, floor.seconds / case.batch_size)
    known.check_patience(case.batch_size)
    measured = case.measure(repeats)
    known.seconds_an_image = 1 / measured["images_per_second"]
    share = case.batch_size * known.seconds_an_image / floor.seconds if floor.is_whole and floor.seconds else None
    return measured | {"times_convolutions": share}


class _Case:
    """A recipe's first stage, ready for its first update, with one precision and batch size."""

    def __init__(self, recipe: dict[str, Any], data: PreparedData, precision: str, batch_size: int) -> None:
        first = recipe | {"stages": [recipe["stages"][0] | {"batch_size": batch_size}]}
        self._plan = make_plan(load_recipe(first))
        self._data, self.batch_size = data, batch_size
        self._stage: StagePlan = self._plan.stages[0]
        self._driver: EpochDriver = assemble_driver(self._plan, data, precision)
        self._driver.begin_stage(self._stage)
        self._epoch = stage_batches(self._plan, data, self._stage, 0, 0)

    def floor(self) -> Floor:
        """Measure the convolutions by themselves."""
        return measure_floor(self._driver.network, self.batch_size, FLOOR_PATIENCE)

    def measure(self, repeats: int) -> dict[str, Any]:
        """Return what the fastest turn gave, and what the first one took to compile."""
        count, started = GPU_BATCHES if has_gpu() else LEAST_BATCHES, time.perf_counter()
        first = self._turn(count)
        seconds = self.batch_size / first.images_per_second
        if not has_gpu():
            count = int(np.clip(SECONDS_PER_TURN / seconds, LEAST_BATCHES, MOST_BATCHES))
        speeds: list[float] = []
        while len(speeds) < repeats and time.perf_counter() - started + count * seconds < PATIENCE:
            speeds.append(self._turn(count).images_per_second)
        fastest = max(speeds, default=first.images_per_second)
        products = model_summary(self._driver.network)["multiply_accumulates"]
        gigaflops = fastest * products * OPERATIONS / 1e9
        return {"images_per_second": fastest, "compilation_seconds": first.compilation_seconds, "gigaflops": gigaflops}

    def _turn(self, batches: int) -> EpochMetrics:
        """Train on some batches as an epoch of a run does."""
        values = self._stage.values(len(self._data.train_indices))
        # A rate of 0 keeps the loss of random images finite; it is looked up and multiplied all the same.
        values |= {"learning_rate": np.zeros_like(values["learning_rate"])}
        return self._driver.run_epoch(self._first(batches), values, lambda step, loss, accuracy: None)

    def _first(self, batches: int) -> EpochBatches:
        """Return the epoch's first batches, all of them full, as many as complete an update."""
        epoch, accumulate = self._epoch, self._stage.settings.accumulate
        images = self.batch_size * min(-(-batches // accumulate) * accumulate, len(epoch.order) // self.batch_size)
        rows = {name: getattr(epoch, name) for name in ("order", "draws", "partners", "partner_draws", "own_shares")}
        return replace(epoch, **{name: table[:images] for name, table in rows.items() if table is not None})


def _is_out_of_memory(error: Exception) -> bool:
    text = one_line(error, 2000).lower()
    return isinstance(error, MemoryError) or "out of memory" in text or "resource_exhausted" in text or "oom" in text.split()
