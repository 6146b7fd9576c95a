"""`--find-lr`: the learning-rate range test (Smith, Cyclical Learning Rates for Training Neural Networks, 2017, section 3.3).

The recipe's first stage is trained for a few hundred updates while the rate grows by the same factor each time. Where the loss falls
fastest the rate is good; where it rises again it is too high. Nothing of it stays but the curve: no run folder, no weights.
"""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from kcifar.core.errors import TrainingFailed, UserError
from kcifar.core.files import write_text
from kcifar.core.lazy import pandas
from kcifar.datasets.dataset import Source
from kcifar.engine.assembly import assemble_driver
from kcifar.engine.backend import automatic_precision, check_backend, load_backend
from kcifar.engine.driver import EpochDriver
from kcifar.engine.initialization import initialize_from_data, initialize_from_run
from kcifar.pictures.saving import save_figure
from kcifar.planning.plan import Plan
from kcifar.planning.prepared_data import PreparedData, prepare_data
from kcifar.planning.stage_batches import stage_batches
from kcifar.training.rate_figure import draw_rate_curve

LOWEST, HIGHEST = 1e-6, 10.0
# Updates of the test, at most; an epoch that is shorter is repeated.
UPDATES = 200
# The mean that the loss is judged by keeps this share of its past.
SMOOTHING = 0.9
# Where the smoothed loss has grown by this factor over its least, the rate is far beyond use.
DIVERGED = 4.0


@dataclass(frozen=True)
class RateCurve:
    """What the test found.

    Attributes:
        rates: Learning rate of each update, ascending.
        losses: Loss of each update's batch.
        smoothed: Exponential mean of the losses, corrected for its start.
    """

    rates: np.ndarray
    losses: np.ndarray
    smoothed: np.ndarray

    def suggestion(self) -> float:
        """Return the rate at which the smoothed loss falls fastest against the logarithm of the rate, before its least."""
        if len(self.rates) < 3:
            return float(self.rates[0])
        slopes = np.gradient(self.smoothed, np.log(self.rates))
        last = max(2, int(self.smoothed.argmin()) + 1)
        return float(self.rates[slopes[:last].argmin()])


def find_rate(plan: Plan, data: Path | None, url: str | None, folder: Path) -> RateCurve:
    """Run the test on the recipe's first stage and write `<recipe name>.csv` and `.png`.

    Args:
        plan: What would run.
        data: The `--data` path, or None.
        url: The `--url` mirror, or None.
        folder: Where both files go; it is made.
    Raises:
        UserError: What training would refuse.
    """
    stem = folder / plan.recipe.name
    check_backend()
    prepared = prepare_data(plan, Source(data, url, print))
    load_backend()
    curve = measure_curve(plan, prepared)
    folder.mkdir(parents=True, exist_ok=True)
    table = pandas.DataFrame({"learning_rate": curve.rates, "loss": curve.losses, "smoothed_loss": curve.smoothed})
    write_text(stem.with_name(f"{stem.name}.csv"), table.to_csv(index_label="update"))
    title = f"{plan.recipe.name}, stage {plan.stages[0].name}"
    save_figure(draw_rate_curve(curve.rates, curve.losses, curve.smoothed, curve.suggestion(), title), stem.with_name(f"{stem.name}.png"))
    print(f"suggested learning rate {curve.suggestion():.2g} (the loss falls fastest there); curve in {stem}.csv and {stem}.png")
    return curve


def measure_curve(plan: Plan, data: PreparedData) -> RateCurve:
    """Train with growing rates until the loss is out of hand or the highest rate is reached."""
    stage = plan.stages[0]
    rates = np.geomspace(LOWEST, HIGHEST, UPDATES)
    values = stage.values(len(data.train_indices)) | {"learning_rate": rates}
    driver = _driver(plan, data)
    losses: list[float] = []
    try:
        for epoch in range(UPDATES):
            batches = stage_batches(plan, data, stage, epoch, epoch)
            left = (UPDATES - len(losses)) * stage.settings.accumulate * stage.settings.batch_size
            batches = replace(batches, order=batches.order[:left])
            driver.run_epoch(batches, values, _Recorder(losses, batches, stage.settings.accumulate))
            if len(losses) == UPDATES:
                break
    except (_OutOfHand, TrainingFailed):
        pass
    if not losses:
        raise UserError(f"{plan.recipe.origin.locate(('stages', 0))}: expected a loss that is finite at a rate of {LOWEST}, got one that is not")
    return RateCurve(rates[: len(losses)], np.array(losses), _smoothed(np.array(losses)))


class _OutOfHand(Exception):
    """The loss has grown so far that higher rates tell nothing."""


class _Recorder:
    """Turns the running means of an epoch into the loss of each update."""

    def __init__(self, losses: list[float], batches: Any, accumulate: int) -> None:
        self._losses, self._batches, self._accumulate = losses, batches, accumulate
        self._sum, self._seen = 0.0, 0

    def __call__(self, step: int, loss: float, accuracy: float) -> None:
        if step % self._accumulate:
            return
        seen = min(step * self._batches.batch_size, len(self._batches.order))
        self._losses.append((loss * seen - self._sum) / (seen - self._seen))
        self._sum, self._seen = loss * seen, seen
        smoothed = _smoothed(np.array(self._losses))
        if smoothed[-1] > DIVERGED * smoothed.min():
            raise _OutOfHand


def _driver(plan: Plan, data: PreparedData) -> EpochDriver:
    """Return a driver of the first stage, ready for its first update."""
    document, stage = plan.recipe.document, plan.stages[0]
    precision = automatic_precision() if document.precision == "auto" else document.precision
    driver = assemble_driver(plan, data, precision, UPDATES)
    initialize_from_data(plan, driver.network, driver.normalization, data)
    driver.begin_stage(stage)
    if stage.settings.init_from is not None:
        initialize_from_run(driver.network, stage.settings.init_from, plan.place(stage, "init_from"))
        driver.restart_averages()
    return driver


def _smoothed(losses: np.ndarray) -> np.ndarray:
    """Return the exponential mean of the losses so far, corrected for its start as Adam's is."""
    mean, means = 0.0, []
    for count, loss in enumerate(losses, start=1):
        mean = SMOOTHING * mean + (1 - SMOOTHING) * loss
        means.append(mean / (1 - SMOOTHING**count))
    return np.array(means)
