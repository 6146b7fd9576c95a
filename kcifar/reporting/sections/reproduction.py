"""How to reproduce the runs of each recipe: commands, versions and hardware."""

import math
from collections.abc import Callable, Iterator, Sequence
from statistics import fmean
from typing import Any

from kcifar.reporting.analysis.groups import group_by_recipe
from kcifar.reporting.analysis.hardware import NO_HARDWARE, find_hardware
from kcifar.reporting.analysis.training_command import describe_training
from kcifar.reporting.page.columns import COMMAND, COUNT, MINUTES, TEXT, make_frame
from kcifar.reporting.page.content import SectionContent, Table
from kcifar.reporting.page.names import join_names, shorten_name
from kcifar.runs.load import LoadedRun
from kcifar.runs.schemas import EnvironmentFile

ORDER = 300
TITLE = "How to reproduce the runs"
NOTE = (
    "Command: trains the first run of the recipe that recorded its command, from the folder where this report was made. A shipped recipe is named if "
    "it still says what the run did; another is taken from the run folder. Its recipe.yaml, in which every value is written out, always trains the "
    "same: --stages FOLDER/recipe.yaml. Another seed: --set seed=N. Minutes: time of all epochs, mean over the finished runs with known times, on "
    "this hardware and with whatever else was running."
)
COLUMNS = {
    "recipe": TEXT,
    "seeds": TEXT,
    "command": COMMAND,
    "minutes": MINUTES,
    "epochs": COUNT,
    "backend": TEXT,
    "precision": TEXT,
    "hardware": TEXT,
    "versions": TEXT,
}
PAGE_COLUMNS = ("command", "minutes", "seeds", "epochs", "backend", "precision", "hardware")


def of_runs(runs: Sequence[LoadedRun]) -> SectionContent:
    """Return one row per recipe; nothing if no run recorded its command."""
    groups = group_by_recipe(runs)
    if not any(run.environment and run.environment.command for run in runs):
        return SectionContent()
    rows = [{"recipe": group.label, **_make_row(group.runs)} for group in groups]
    table = Table("reproduction", TITLE, COLUMNS, make_frame(rows, COLUMNS, ("recipe",)), NOTE, page_columns=PAGE_COLUMNS)
    return SectionContent([*_describe_unrecorded(runs)], [table])


def _make_row(runs: Sequence[LoadedRun]) -> dict[str, Any]:
    minutes = [run_minutes for run in runs if run.status.state == "finished" and not math.isnan(run_minutes := run.minutes)]
    return {
        "seeds": join_names([str(seed) for seed in sorted({run.recipe.seed for run in runs})]),
        "command": describe_training(runs),
        "minutes": fmean(minutes) if minutes else None,
        "epochs": runs[0].planned_epochs,
        "backend": _join_facts(runs, lambda environment: environment.backend),
        "precision": _join_facts(runs, lambda environment: environment.precision),
        "hardware": _join_facts(runs, lambda environment: environment.hardware),
        "versions": _join_facts(runs, lambda environment: environment.versions),
    }


def _join_facts(runs: Sequence[LoadedRun], fact: Callable[[EnvironmentFile], str]) -> str | None:
    """Return a fact about the runs, different values separated by semicolons; None if no run recorded it."""
    facts = dict.fromkeys(fact(run.environment) for run in runs if run.environment)
    return "; ".join(text for text in facts if text) or None


def _describe_unrecorded(runs: Sequence[LoadedRun]) -> Iterator[str]:
    unrecorded = [shorten_name(run.name) for run in runs if find_hardware(run) == NO_HARDWARE]
    if unrecorded:
        yield f"The hardware is not recorded for {join_names(unrecorded)}."
