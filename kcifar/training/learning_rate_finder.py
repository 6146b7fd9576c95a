"""`--find-lr`: the learning-rate range test (Smith, Cyclical Learning Rates for Training Neural Networks, 2017, section 3.3).

The recipe's first stage is trained for a few hundred updates while the learning rate grows by the same factor each time. Where the loss
falls, the learning rate is good; where it rises again, it is too high. Only the curve is kept: no run folder, no weights.
`learning_rate_curve` says what a curve suggests.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from kcifar.core.errors import TrainingFailed, UserError
from kcifar.core.files import write_text
from kcifar.core.lazy import pandas
from kcifar.datasets.dataset import Dataset, Source
from kcifar.engine.assembly import build_training_loop
from kcifar.engine.backend import check_backend, load_backend, resolve_precision
from kcifar.engine.initialization import initialize_from_data, initialize_from_run
from kcifar.engine.training_loop import TrainingLoop
from kcifar.pictures.saving import save_figure
from kcifar.planning.plan import Plan
from kcifar.planning.prepared_data import PreparedData, prepare_data
from kcifar.planning.stage_batches import make_stage_batches
from kcifar.training.learning_rate_curve import LearningRateCurve
from kcifar.training.learning_rate_figure import draw_learning_rate_curve

LOWEST, HIGHEST = 1e-6, 10.0
# Updates of the test, at most; an epoch that is shorter is repeated.
UPDATES = 200
# The loss has diverged once the mean of so many updates exceeds the first such mean, and the lowest by the factor: higher rates are of no use.
DIVERGED_UPDATES, DIVERGED_FACTOR = 5, 4.0


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
    table = pandas.DataFrame({"learning_rate": curve.learning_rates, "loss": curve.losses, "smoothed_loss": curve.smoothed})
    write_text(stem.with_name(f"{stem.name}.csv"), table.to_csv(index_label="update"))
    title = f"{plan.recipe.name}, stage {plan.stages[0].name}"
    save_figure(draw_learning_rate_curve(curve, title), stem.with_name(f"{stem.name}.png"))
    print(f"{describe_suggestion(curve)}\ncurve in {stem}.csv and {stem}.png")
    return curve


def describe_suggestion(curve: LearningRateCurve) -> str:
    """Return the suggestion and the range that it lies in, or why there is none."""
    if curve.suggestion is None or curve.suggested_range is None:
        return f"no learning rate can be suggested: {curve.reason}"
    low, high = curve.suggested_range
    return f"suggested learning rate: {curve.suggestion:.2g}; the loss falls from {low:.2g} to {high:.2g}"


def run_range_test(plan: Plan, data: Path | None, url: str | None, dataset: Dataset | None = None) -> LearningRateCurve:
    """Run the test on the recipe's first stage, on a data set itself or its files; other arguments and errors as in `save_range_test`."""
    check_backend()
    prepared = prepare_data(plan, Source(data, url, print), dataset)
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
    return LearningRateCurve(learning_rates[: len(losses)], np.array(losses))


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
        if has_diverged(self._losses):
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


def has_diverged(losses: Sequence[float]) -> bool:
    """Whether higher rates are of no use after the losses so far; see `DIVERGED_FACTOR`."""
    count = DIVERGED_UPDATES
    if len(losses) < 2 * count:
        return False
    means = np.convolve(losses, np.full(count, 1 / count), "valid")
    return bool(means[-1] > max(means[0], DIVERGED_FACTOR * means.min()))
