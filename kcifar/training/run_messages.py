"""What a run says about itself when it begins and when it ends."""

import math
import shlex
from collections.abc import Mapping
from typing import Any

from kcifar.core.option_names import uses_python_names
from kcifar.engine.backend import list_device_names, warn_about_precision
from kcifar.planning.prepared_data import PreparedData
from kcifar.training.metrics import format_scores
from kcifar.training.progress import Progress
from kcifar.training.request import TrainingRequest


def announce_run(progress: Progress, activity: str, request: TrainingRequest, data: PreparedData, network: Any, backend: str, precision: str) -> None:
    """Say what is trained, on which data, by which backend and devices, and where it is saved.

    Args:
        progress: Where to say it.
        activity: How the first line begins: "training".
        request: Whose folder it is.
        data: The run's data.
        network: The run's network.
        backend: The Keras backend.
        precision: The dtype policy in use.
    """
    counts = ", ".join(f"{count:,} {title}" for title, count in data.description["counts"].items())
    progress.say(f"{activity} {network.name} ({network.count_params():,} parameters)")
    progress.say(f"on {data.dataset.name}: {counts}")
    progress.say(f"by {backend}, {precision}, {', '.join(list_device_names())}; run folder {request.folder.path}")
    if warning := warn_about_precision(precision):
        progress.say(warning)


def report_non_finite(progress: Progress, row: Mapping[str, Any]) -> None:
    """Say which results of an epoch are not finite, if any."""
    names = [name for name, value in row.items() if isinstance(value, float) and not math.isfinite(value)]
    if names:
        progress.say(f"warning: epoch {row['epoch']}: {', '.join(names)}: not finite; the weights are, so training continues")


def report_results(progress: Progress, request: TrainingRequest, results: dict[str, Any] | None) -> None:
    """Say what the finished run scored on the test split, if it was evaluated, and where it is saved."""
    if results is not None:
        line = f"test {format_scores(results)} ({results['samples']:,} images)"
        if "views" in results:
            line += f"\naveraged over {results['views']['count']} views: {results['views']['accuracy']:.2%}"
        progress.say(line)
    path = str(request.folder.path)
    command = f"kcifar.report({path!r})" if uses_python_names() else f"python -m kcifar.report {shlex.quote(path)}"
    progress.say(f"saved in {path}; for tables and figures:\n  {command}")


def describe_saved_epoch(epoch: int) -> str:
    """Return where a run that goes on will begin: after the epoch whose state is saved last; 0 if none is."""
    return f"after epoch {epoch}" if epoch else "before the state of an epoch was saved: training begins again"


def describe_early_stop() -> str:
    """Return what is said if a signal arrives before the run has written anything; what was downloaded is kept."""
    return f"interrupted before training began; the same {'call' if uses_python_names() else 'command'} goes on"
