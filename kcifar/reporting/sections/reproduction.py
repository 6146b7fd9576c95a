"""By which commands the runs of each recipe were trained, with which versions, on what: what is needed to train them again."""

import math
import shlex
from collections.abc import Callable, Iterator, Sequence
from statistics import fmean
from typing import Any

from kcifar.reporting.columns import COUNT, DECIMAL, TEXT, frame
from kcifar.reporting.content import Content, Table
from kcifar.reporting.grouping import same_recipe
from kcifar.reporting.load import SavedRun
from kcifar.reporting.machines import UNKNOWN, hardware_of
from kcifar.reporting.measures import minutes_of
from kcifar.reporting.naming import called, listed
from kcifar.reporting.run_files import Environment

ORDER = 95
TITLE = "How to train them again"
NOTE = (
    "Command: as it was typed for the first run of the recipe that tells it; where it does not name the recipe's file, the run folder's own "
    "recipe.yaml trains the same (--stages FOLDER/recipe.yaml). Another seed: --seed N. Minutes: of all completed epochs, the mean over the runs "
    "whose times are known, on this hardware and with whatever else was running."
)
COLUMNS = {
    "recipe": TEXT,
    "seeds": TEXT,
    "command": TEXT,
    "minutes": DECIMAL,
    "epochs": COUNT,
    "backend": TEXT,
    "precision": TEXT,
    "hardware": TEXT,
    "versions": TEXT,
}


def of_runs(runs: Sequence[SavedRun]) -> Content:
    """Return a row for each recipe; nothing where no run tells its command."""
    groups = same_recipe(runs)
    if not any(run.environment and run.environment.command for run in runs):
        return Content()
    rows = [{"recipe": group.label, **_row(group.runs)} for group in groups]
    table = Table("reproduction", TITLE, COLUMNS, frame(rows, COLUMNS, ("recipe",)), NOTE)
    return Content([*_untold_sentences(runs)], [table])


def _row(runs: Sequence[SavedRun]) -> dict[str, Any]:
    minutes = [found for run in runs if not math.isnan(found := minutes_of(run))]
    return {
        "seeds": listed([str(seed) for seed in sorted({run.recipe.seed for run in runs})]),
        "command": next((shlex.join(run.environment.command) for run in runs if run.environment and run.environment.command), None),
        "minutes": fmean(minutes) if minutes else None,
        "epochs": runs[0].planned_epochs,
        "backend": _all_of(runs, lambda environment: environment.backend),
        "precision": _all_of(runs, lambda environment: environment.precision),
        "hardware": _all_of(runs, lambda environment: environment.hardware),
        "versions": _all_of(runs, lambda environment: environment.versions),
    }


def _all_of(runs: Sequence[SavedRun], fact: Callable[[Environment], str]) -> str | None:
    """Return a fact of the runs, or each of several, parted by semicolons; None where no run tells it."""
    found = dict.fromkeys(fact(run.environment) for run in runs if run.environment)
    return "; ".join(text for text in found if text) or None


def _untold_sentences(runs: Sequence[SavedRun]) -> Iterator[str]:
    untold = [called(run.name) for run in runs if hardware_of(run) == UNKNOWN]
    if untold:
        yield f"The hardware is not recorded of {listed(untold)}."
