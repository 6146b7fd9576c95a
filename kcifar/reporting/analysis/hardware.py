"""Conditions for comparing the minutes of several runs: their machines, and the runs that they started from."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from kcifar.core.errors import one_line
from kcifar.reporting.page.names import join_names, shorten_name
from kcifar.runs.load import LoadedRun

NO_HARDWARE = "not recorded"


def find_hardware(run: LoadedRun) -> str:
    """Return the hardware that a run was trained on: processor, cores and devices."""
    return (run.environment.hardware if run.environment else "") or NO_HARDWARE


def count_hardware(runs: Sequence[LoadedRun]) -> Counter[str]:
    """Count the runs with known minutes by hardware."""
    return Counter(find_hardware(run) for run in runs if not np.isnan(run.minutes))


def describe_hardware(runs: Sequence[LoadedRun]) -> Iterator[str]:
    """Yield a sentence if minutes were, or may have been, measured on different machines."""
    kinds = count_hardware(runs)
    if len(kinds) - (NO_HARDWARE in kinds) > 1:
        counted = [f"{one_line(kind, 50)}: {number:,}" for kind, number in kinds.most_common()]
        yield f"The minutes were measured on different machines (runs by hardware: {join_names(counted)})."
    if unrecorded := kinds[NO_HARDWARE]:
        minutes = "their minutes may be from different machines" if unrecorded > 1 else "its minutes may be from another machine"
        yield f"The hardware of {unrecorded:,} run{'s' * (unrecorded != 1)} is not recorded; {minutes}."


def describe_origin(runs: Sequence[LoadedRun]) -> Iterator[str]:
    """Yield a sentence that names the runs that started from the weights of another run."""
    continued = [
        shorten_name(run.name)
        for run in runs
        if any(isinstance(stage, Mapping) and stage.get("init_from") for stage in run.settings.get("stages", ()))
    ]
    if continued:
        yield f"Runs that started from the weights of another run, whose minutes and images are not counted here: {join_names(continued)}."
