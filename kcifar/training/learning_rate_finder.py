"""`--find-lr`: the learning-rate range test (Smith, Cyclical Learning Rates for Training Neural Networks, 2017, section 3.3).

The recipe's first stage is trained for a few hundred updates while the learning rate grows by the same factor each time. Where the loss
falls fastest, the learning rate is good; where it rises again, it is too high. Only the curve is kept: no run folder, no weights.
"""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from kcifar.core.errors import TrainingFailed, UserError
from kcifar.core.files import write_text
from kcifar.core.lazy import pandas
from kcifar.datasets.dataset import Source
from kcifar.engine.assembly import build_training_loop
from kcifar.engine.backend import check_backend, load_backend, resolve_precision
from kcifar.engine.initialization import initialize_from_data, initialize_from_run
from kcifar.engine.training_loop import TrainingLoop
from kcifar.pictures.saving import save_figure
from kcifar.planning.plan import Plan
from kcifar.planning.prepared_data import PreparedData, prepare_data
from kcifar.planning.stage_batches import make_stage_batches
from kcifar.training.learning_rate_figure import draw_learning_rate_curve

LOWEST, HIGHEST = 1e-6, 10.0
# Updates of the test, at most; an epoch that is shorter is repeated.
UPDATES = 200
# Smoothing of the loss: each new mean keeps this fraction of the mean before it.
SMOOTHING = 0.9
# Once the smoothed loss exceeds its minimum by this factor, higher learning rates are of no use.
DIVERGED = 4.0


@dataclass(frozen=True, repr=False)
class LearningRateCurve:
    """The result of the test.

    Attributes:
        learning_rates: Of each update, ascending.
        losses: Loss of each update's batch.
        smoothed: Exponential mean of the losses, corrected for its start.
    """

    learning_rates: np.ndarray
    losses: np.ndarray
    smoothed: np.ndarray

    def __repr__(self) -> str:
        return f"<learning-rate range test: {len(self.losses)} updates, suggestion {self.suggestion:.2g}>"

    @property
    def suggestion(self) -> float:
        """Return the learning rate, before the minimum of the smoothed loss, at which that loss falls fastest on a logarithmic axis."""
        if len(self.learning_rates) < 3:
            return float(self.learning_rates[0])
        slopes = np.gradient(self.smoothed, np.log(self.learning_rates))
        last = max(2, int(self.smoothed.argmin()) + 1)
        return float(self.learning_rates[slopes[:last].argmin()])


def save_range_test(plan: Plan, data: Path | None, url: str | None, folder: Path) -> LearningRateCurve:
    """Run the test on the recipe's first stage and write `<recipe name>.csv` and `.png`.

    Args:
        plan: What would run.
        data: The `--data` path, or None.
        url: The `--url` mirror, or None.
        folder: Where both files go; it is created.
    Raises:
        UserError: Everything that training refuses.
    """
    stem = folder / plan.recipe.name
    curve = run_range_test(plan, data, url)
    folder.mkdir(parents=True, exist_ok=True)
    suggestion = curve.suggestion
    table = pandas.DataFrame({"learning_rate": curve.learning_rates, "loss": curve.losses, "smoothed_loss": curve.smoothed})
    write_text(stem.with_name(f"{stem.name}.csv"), table.to_csv(index_label="update"))
    title = f"{plan.recipe.name}, stage {plan.stages[0].name}"
    figure = draw_learning_rate_curve(curve.learning_rates, curve.losses, curve.smoothed, suggestion, title)
    save_figure(figure, stem.with_name(f"{stem.name}.png"))
    print(f"suggested learning rate: {suggestion:.2g}, where the loss falls fastest; curve in {stem}.csv and {stem}.png")
    return curve


def run_range_test(plan: Plan, data: Path | None, url: str | None) -> LearningRateCurve:
    """Run the test on the recipe's first stage; arguments and errors as in `save_range_test`."""
    check_backend()
    prepared = prepare_data(plan, Source(data, url, print))
    load_backend()
    return _measure_curve(plan, prepared)


def _measure_curve(plan: Plan, data: PreparedData) -> LearningRateCurve:
    """Train with growing learning rates until the loss diverges or the highest one is reached."""
    stage = plan.stages[0]
    learning_rates = np.geomspace(LOWEST, HIGHEST, UPDATES)
    values = stage.values(len(data.train_indices)) | {"learning_rate": learning_rates}
    loop = _make_training_loop(plan, data)
    losses: list[float] = []
    try:
        for epoch in range(UPDATES):
            batches = make_stage_batches(plan, data, stage, epoch, epoch)
            left = (UPDATES - len(losses)) * stage.settings.accumulate * stage.settings.batch_size
            batches = replace(batches, order=batches.order[:left])
            loop.run_epoch(batches, values, _Recorder(losses, batches, stage.settings.accumulate))
            if len(losses) == UPDATES:
                break
    except (_Diverged, TrainingFailed):
        pass
    if not losses:
        raise UserError(f"{plan.recipe.origin.locate(('stages', 0))}: expected a finite loss at a learning rate of {LOWEST}, got one that is not")
    return LearningRateCurve(learning_rates[: len(losses)], np.array(losses), _smooth(np.array(losses)))


class _Diverged(Exception):
    """The loss has grown so far that higher learning rates are of no interest."""


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
        smoothed = _smooth(np.array(self._losses))
        if smoothed[-1] > DIVERGED * smoothed.min():
            raise _Diverged


def _make_training_loop(plan: Plan, data: PreparedData) -> TrainingLoop:
    """Return the training loop of the first stage, ready for its first update."""
    stage = plan.stages[0]
    precision = resolve_precision(plan.recipe.document.precision)
    loop = build_training_loop(plan, data, precision, UPDATES)
    initialize_from_data(plan, loop.network, loop.normalization, data)
    loop.begin_stage(stage)
    if stage.settings.init_from is not None:
        initialize_from_run(loop.network, stage.settings.init_from, plan.place(stage, "init_from"))
        loop.restart_averages()
    return loop


def _smooth(losses: np.ndarray) -> np.ndarray:
    """Return the exponential mean of the losses so far, corrected for its start as Adam's is."""
    mean, means = 0.0, []
    for count, loss in enumerate(losses, start=1):
        mean = SMOOTHING * mean + (1 - SMOOTHING) * loss
        means.append(mean / (1 - SMOOTHING**count))
    return np.array(means)
