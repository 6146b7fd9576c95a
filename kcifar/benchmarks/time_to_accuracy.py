"""How long does a recipe train to a validation accuracy? Runs of several seeds, each in a process of its own, and what their histories say."""

import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kcifar.core.errors import UserError
from kcifar.core.lazy import pandas
from kcifar.recipe.load import load_recipe
from kcifar.training.request import Job, make_job

if TYPE_CHECKING:
    import pandas as pd

# The test part is for what is decided already; what is measured here may still be chosen by.
UNTESTED = "test=never"


def check_target(target: float) -> None:
    """Refuse what no accuracy can reach, and what every one has.

    Raises:
        UserError: One line.
    """
    if not 0 < target <= 1:
        raise UserError(f"--target: expected a fraction in (0, 1], such as 0.88, got {target:g}")


def seed_jobs(recipe: Path, overrides: Sequence[str], seeds: int, folder: Path, data: Path | None) -> list[Job]:
    """Plan a run for each seed from the recipe's own upward; a run that is there already is gone on with.

    Args:
        recipe: The recipe's file.
        overrides: As `--set` takes them.
        seeds: How many, > 0.
        folder: Where the run folders are, or will be: `<recipe name>-seed<N>`.
        data: The data set's files, or None.
    Raises:
        UserError: What training would refuse of the recipe, a recipe without validation part, or a run of another recipe in a folder.
    """
    first = load_recipe(recipe, overrides)
    if not first.document.dataset.validation:
        place = first.origin.place(("dataset", "validation"))
        raise UserError(f"{place}: expected a validation part, by which the target is judged, got 0")
    jobs = []
    for seed in range(first.document.seed, first.document.seed + seeds):
        seeded = load_recipe(recipe, [*overrides, UNTESTED, f"seed={seed}"])
        jobs.append(make_job(seeded, folder / f"{seeded.name}-seed{seed}", resume=True, overwrite=False, data=data))
    return jobs


def train(job: Job, recipe: Path, overrides: Sequence[str], imports: Sequence[Path]) -> int:
    """Train what is left of a run, as `python -m kcifar.train` does and in a process of its own, so that each seed compiles.

    Args:
        job: The run.
        recipe: The recipe's file.
        overrides: Those that the job was made with.
        imports: The user's files that register parts.
    Returns:
        The process' exit code; what went wrong it has said itself.
    """
    if job.folder.is_finished():
        return 0
    document = job.plan.recipe.document
    settings = [option for text in (*overrides, UNTESTED, f"seed={document.seed}") for option in ("--set", text)]
    data = [] if job.data is None else ["--data", str(job.data)]
    parts = [option for path in imports for option in ("--import", str(path))]
    command = [sys.executable, "-m", "kcifar.train", "--resume", "--run", str(job.folder.path), "--stages", str(recipe)]
    return _wait_for(subprocess.Popen([*command, *settings, *data, *parts], stdout=2))  # its progress is not our result


def _wait_for(process: "subprocess.Popen[bytes]") -> int:
    """Wait for a training, which saves its state when it is stopped: Ctrl-C reaches it by itself, SIGTERM is passed on."""
    former = signal.signal(signal.SIGTERM, lambda number, frame: process.terminate())
    try:
        return process.wait()
    except KeyboardInterrupt:
        process.wait()
        raise
    finally:
        signal.signal(signal.SIGTERM, former)


def measure(history: "pd.DataFrame", target: float) -> dict[str, Any]:
    """Return what one run's history tells.

    Args:
        history: A row an epoch, as saved.
        target: Validation accuracy, a fraction in (0, 1].
    Returns:
        `epochs` (trained), `val_accuracy` (of the last), `epoch` (the first that reached the target), `seconds` (of all epochs up to it:
        training and validation), `seconds_without_compilation`, and `images_per_second` (training alone, over all epochs). The three of the
        target are None where it was not reached; the one without compilation also where the history does not say how long that took.
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


def table(rows: Mapping[int, Mapping[str, Any]]) -> "pd.DataFrame":
    """Return the seeds' rows, and under them mean and sample deviation of each column over the seeds that have a value.

    Args:
        rows: By seed; see `measure`.
    """
    seeds = pandas.DataFrame(rows.values(), index=[str(seed) for seed in rows]).astype(float)
    summary = pandas.DataFrame({"mean": seeds.mean(), "deviation": seeds.std()}).T
    joined: pd.DataFrame = pandas.concat([seeds, summary]).rename_axis("seed").reset_index()
    return joined


def verdict(rows: Mapping[int, Mapping[str, Any]], target: float) -> str:
    """Tell how many seeds reached the target, and whom the means are over."""
    count = sum(row["epoch"] is not None for row in rows.values())
    told = f"{count} of {len(rows)} seeds reached {target:g}"
    return told if count in (0, len(rows)) else f"{told}; epoch and seconds are means over those"


def shown(measured: "pd.DataFrame") -> "pd.DataFrame":
    """Return the table for print: accuracies to a hundredth of a percent, epochs of a seed as the counts that they are."""
    text = measured.copy()
    text["val_accuracy"] = [f"{value:.4f}" if value == value else None for value in measured["val_accuracy"]]
    for name in ("epochs", "epoch"):
        pairs = zip(measured["seed"], measured[name], strict=True)
        text[name] = [f"{value:.{0 if seed.isdecimal() else 2}f}" if value == value else None for seed, value in pairs]
    return text
