"""Several seeds of one recipe, one after the other in one process: data are loaded once, and each program is compiled once."""

import math
from collections.abc import Sequence

from kcifar.core.errors import TrainingFailed
from kcifar.core.interruption import report_interruption
from kcifar.datasets.dataset import Dataset
from kcifar.engine.backend import load_backend
from kcifar.engine.determinism import use_determinism
from kcifar.planning.prepared_data import PreparedData
from kcifar.reporting.stats.intervals import summarize
from kcifar.runs.run import Run
from kcifar.training.epoch_lines import format_duration
from kcifar.training.progress import Progress
from kcifar.training.request import TrainingRequest
from kcifar.training.resume_checks import check_same_data, check_same_environment
from kcifar.training.run_messages import describe_early_stop
from kcifar.training.trainer import Trainer, is_already_finished, prepare_requested_data


def train_seeds(requests: Sequence[TrainingRequest], progress: Progress, data: Dataset | None = None) -> list[Run]:
    """Train each request, say the mean over all, and return the finished runs; each is bit-identical to one trained alone.

    Args:
        requests: Of one recipe with different seeds.
        progress: Where to report to.
        data: The data set itself, instead of the requests' files.
    Raises:
        UserError: As in `trainer.train_run`.
        TrainingFailed: The loss of some seeds is not finite; the others are trained nevertheless.
    """
    left = [request for request in requests if not is_already_finished(request, progress)]
    failures = _train_all(left, progress, data) if left else {}
    runs = [Run(request.folder.path) for request in requests if request.plan.recipe.document.seed not in failures]
    for line in describe_runs(runs):
        progress.say(line)
    if failures:
        raise TrainingFailed("; ".join(f"seed {seed}: {reason}" for seed, reason in failures.items()))
    return runs


def _train_all(requests: Sequence[TrainingRequest], progress: Progress, data: Dataset | None) -> dict[int, str]:
    """Train the requests that are not finished; return why some failed, by seed."""
    with report_interruption(lambda _cause: progress.say(describe_early_stop())):
        prepared = prepare_requested_data(requests[0], progress, data)
        for request in requests[1:]:
            check_same_environment(request, data)
            check_same_data(request, prepared)
        load_backend()
    with use_determinism(requests[0].plan.recipe.document.deterministic):
        with report_interruption(lambda _cause: progress.say(describe_early_stop())):
            trainer = Trainer(requests[0], prepared, progress)
        for request in requests:
            if request.overwrite:  # now, so that none of them is taken for a new one if this process is interrupted and resumed
                request.folder.remove_run()
        return _train_one_by_one(requests, trainer, prepared, progress)


def _train_one_by_one(requests: Sequence[TrainingRequest], trainer: Trainer, data: PreparedData, progress: Progress) -> dict[int, str]:
    failures: dict[int, str] = {}
    for number, request in enumerate(requests, start=1):
        seed = request.plan.recipe.document.seed
        progress.say(f"seed {seed}, {number} of {len(requests)}")
        if number > 1:
            with report_interruption(lambda _cause: progress.say(f"interrupted between two seeds; continue with:\n  {requests[0].resuming}")):
                trainer = Trainer(request, data, progress, trainer.loop)
        try:
            trainer.train_in_folder()
        except TrainingFailed as error:
            failures[seed] = str(error)
    return failures


def describe_runs(runs: Sequence[Run]) -> list[str]:
    """Return a table of finished runs with different seeds, and the mean and spread of each accuracy."""
    columns = _collect_columns(runs)
    lines = [f"{'seed':>18}  " + "".join(f"{title:>12}" for title in columns) + f"{'time':>14}"]
    for row, run in enumerate(runs):
        cells = "".join(f"{values[row]:>12.2%}" for values in columns.values())
        lines.append(f"{run.recipe['seed']:>18}  {cells}{format_duration(float(run.history['seconds'].sum())):>14}")
    summaries = [summarize(values) for values in columns.values()] if runs else []
    if summaries:
        lines.append(f"{'mean':>18}  " + "".join(f"{summary.mean:>12.2%}" for summary in summaries))
    if summaries and not math.isnan(summaries[0].deviation):
        lines.append(f"{'standard deviation':>18}  " + "".join(f"{100 * summary.deviation:>11.2f} " for summary in summaries) + "   points")
    return lines


def _collect_columns(runs: Sequence[Run]) -> dict[str, list[float]]:
    """Return the runs' accuracies on the splits that they were evaluated on."""
    columns: dict[str, list[float]] = {}
    if runs and all(run.recipe["test"] != "never" and (run.path / "test.json").exists() for run in runs):
        columns["test"] = [float(run.test["accuracy"]) for run in runs]
    if runs and all("val_accuracy" in run.history for run in runs):
        columns["validation"] = [float(run.history["val_accuracy"].iloc[-1]) for run in runs]
    return columns
