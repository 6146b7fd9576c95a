"""How long does a recipe train until it reaches a validation accuracy? Runs of several seeds, each in its own process, and their histories."""

import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kcifar.benchmarks.table import print_benchmark
from kcifar.core.errors import UserError
from kcifar.core.lazy import pandas
from kcifar.core.option_names import name_option
from kcifar.engine.backend import check_backend
from kcifar.recipe.load import load_recipe
from kcifar.runs.run import open_run
from kcifar.training.request import TrainingRequest, make_request

if TYPE_CHECKING:
    import pandas as pd

# The test split is for final results; these measurements may still be used to choose a recipe.
UNTESTED = "test=never"


def check_target(target: float) -> None:
    """Refuse a target that no accuracy can reach, or that every accuracy has.

    Raises:
        UserError: One line.
    """
    if not 0 < target <= 1:
        raise UserError(f"{name_option('target')}: expected a fraction in (0, 1], such as 0.88, got {target:g}")


def print_time_to_accuracy(
    recipe: Path, target: float, seeds: int, *, overrides: Sequence[str], imports: Sequence[Path], data: Path | None, folder: Path
) -> int:
    """Train a recipe's seeds, measure when they reach the target, and print the table.

    Args:
        recipe: The recipe's file.
        target: Validation accuracy; checked.
        seeds: How many, from the recipe's upward, > 0.
        overrides: As `--set` takes them.
        imports: The user's files that register parts; imported already.
        data: The data set's files, or None.
        folder: Where the run folders go.
    Returns:
        0, or the exit code of the first training that failed.
    Raises:
        UserError: See `make_seed_requests`, or the backend is refused.
    """
    check_backend()
    requests = make_seed_requests(recipe, overrides, seeds, folder, data)
    for request in requests:
        code = train_seed(request, recipe, overrides, imports)
        if code:
            return code
    runs = {request.plan.recipe.document.seed: open_run(request.folder.path) for request in requests}
    rows = {seed: measure_history(run.history, target) for seed, run in runs.items()}
    title = f"Time to a validation accuracy of {target:g}: {requests[0].plan.recipe.name}, runs in {folder}"
    print_benchmark(title, format_seed_table(make_seed_table(rows)), [run.environment for run in runs.values()])
    print(f"\n{describe_outcome(rows, target)}")
    return 0


def make_seed_requests(recipe: Path, overrides: Sequence[str], seeds: int, folder: Path, data: Path | None) -> list[TrainingRequest]:
    """Plan a run for each seed, from the recipe's upward; a run that already exists is resumed.

    Args:
        recipe: The recipe's file.
        overrides: As `--set` takes them.
        seeds: How many, > 0.
        folder: Where the run folders are, or will be: `<recipe name>-seed<N>`.
        data: The data set's files, or None.
    Raises:
        UserError: Training refuses the recipe, the recipe has no validation split, or a folder contains a run of another recipe.
    """
    first = load_recipe(recipe, overrides)
    if not first.document.dataset.validation:
        place = first.origin.place(("dataset", "validation"))
        raise UserError(f"{place}: expected a validation split, on which the target is measured, got 0")
    requests = []
    for seed in range(first.document.seed, first.document.seed + seeds):
        seeded = load_recipe(recipe, [*_drop_seed(overrides), UNTESTED, f"seed={seed}"])
        requests.append(make_request(seeded, folder / f"{seeded.name}-seed{seed}", resume=True, overwrite=False, data=data))
    return requests


def _drop_seed(overrides: Sequence[str]) -> list[str]:
    """Return the overrides without the seed, which is the first of several."""
    return [text for text in overrides if not text.startswith("seed=")]


def train_seed(request: TrainingRequest, recipe: Path, overrides: Sequence[str], imports: Sequence[Path]) -> int:
    """Train what is left of a run as `python -m kcifar.train` does, in its own process, so that each seed compiles.

    Args:
        request: The run.
        recipe: The recipe's file.
        overrides: Those that the request was made with.
        imports: The user's files that register parts.
    Returns:
        The exit code of the process, which reports its own errors.
    """
    if request.folder.is_finished():
        return 0
    document = request.plan.recipe.document
    settings = [option for text in (*_drop_seed(overrides), UNTESTED, f"seed={document.seed}") for option in ("--set", text)]
    data = [] if request.data is None else ["--data", str(request.data)]
    parts = [option for path in imports for option in ("--import", str(path))]
    command = [sys.executable, "-m", "kcifar.train", "--resume", "--run", str(request.folder.path), "--stages", str(recipe)]
    return _wait_for(subprocess.Popen([*command, *settings, *data, *parts], stdout=2))  # its progress is not our result


def _wait_for(process: "subprocess.Popen[bytes]") -> int:
    """Wait for a training process, which saves its state when it is stopped: Ctrl-C reaches it directly, SIGTERM is passed on."""
    former = signal.signal(signal.SIGTERM, lambda number, frame: process.terminate())
    try:
        return process.wait()
    except KeyboardInterrupt:
        process.wait()
        raise
    finally:
        signal.signal(signal.SIGTERM, former)


def measure_history(history: "pd.DataFrame", target: float) -> dict[str, Any]:
    """Return when one run reached the target, and how fast it trained.

    Args:
        history: One row per epoch, as saved.
        target: Validation accuracy, a fraction in (0, 1].
    Returns:
        `epochs` (trained), `val_accuracy` (of the last), `epoch` (the first that reached the target), `seconds` (of all epochs up to it:
        training and validation), `seconds_without_compilation`, and `images_per_second` (training alone, over all epochs). The values for
        the target are None if it was not reached; the one without compilation also if the history does not contain that time.
    """
    images = history["images_seen"].diff().fillna(history["images_seen"])
    row: dict[str, Any] = {"epochs": len(history), "val_accuracy": history["val_accuracy"].iloc[-1]}
    row |= {"epoch": None, "seconds": None, "seconds_without_compilation": None}
    reached = (history["val_accuracy"] >= target).to_numpy()
    if reached.any():
        until = history.iloc[: int(reached.argmax()) + 1]
        row |= {"epoch": len(until), "seconds": until["seconds"].sum()}
        if "compilation_seconds" in until:
            row["seconds_without_compilation"] = row["seconds"] - until["compilation_seconds"].sum()
    return row | {"images_per_second": images.sum() / (images / history["images_per_second"]).sum()}


def make_seed_table(rows: Mapping[int, Mapping[str, Any]]) -> "pd.DataFrame":
    """Return the seeds' rows, then mean and sample standard deviation of each column over the seeds that have a value.

    Args:
        rows: By seed; see `measure_history`.
    """
    seeds = pandas.DataFrame(rows.values(), index=[str(seed) for seed in rows]).astype(float)
    summary = pandas.DataFrame({"mean": seeds.mean(), "standard deviation": seeds.std()}).T
    joined: pd.DataFrame = pandas.concat([seeds, summary]).rename_axis("seed").reset_index()
    return joined


def describe_outcome(rows: Mapping[int, Mapping[str, Any]], target: float) -> str:
    """Say how many seeds reached the target, and which seeds the means are over."""
    count = sum(row["epoch"] is not None for row in rows.values())
    outcome = f"{count} of {len(rows)} seeds reached {target:g}"
    return outcome if count in (0, len(rows)) else f"{outcome}; the means of epoch and seconds are over these seeds"


def format_seed_table(table: "pd.DataFrame") -> "pd.DataFrame":
    """Return the table for printing: accuracies to a hundredth of a percent, epochs of a seed as integers."""
    text = table.copy()
    text["val_accuracy"] = [f"{value:.4f}" if value == value else None for value in table["val_accuracy"]]
    for name in ("epochs", "epoch"):
        pairs = zip(table["seed"], table[name], strict=True)
        text[name] = [f"{value:.{0 if seed.isdecimal() else 2}f}" if value == value else None for seed, value in pairs]
    return text
