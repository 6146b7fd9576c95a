"""What to know before the minutes of several runs are compared: which machines they are of, and what was trained before them."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from kcifar.core.errors import one_line
from kcifar.reporting.page.names import join_names, shorten_name
from kcifar.runs.load import LoadedRun

NO_HARDWARE = "not recorded"


def find_hardware(run: LoadedRun) -> str:
    """Return what a run was trained on: processor, cores and devices."""
    return (run.environment.hardware if run.environment else "") or NO_HARDWARE


def count_hardware(runs: Sequence[LoadedRun]) -> Counter[str]:
    """Return how many of the runs whose minutes are known were trained on which hardware."""
    return Counter(find_hardware(run) for run in runs if not np.isnan(run.minutes))


def describe_hardware(runs: Sequence[LoadedRun]) -> Iterator[str]:
    """Say where minutes are of different machines, or may be."""
    kinds = count_hardware(runs)
    if len(kinds) - (NO_HARDWARE in kinds) > 1:
        counted = [f"{one_line(kind, 50)}: {number:,}" for kind, number in kinds.most_common()]
        yield f"The minutes are not of one machine (runs by hardware: {join_names(counted)})."
    if untold := kinds[NO_HARDWARE]:
        minutes = "their minutes may be of different machines" if untold > 1 else "its minutes may be of another machine"
        yield f"Of {untold:,} run{'s' * (untold != 1)} the hardware is not recorded; {minutes}."


def describe_origin(runs: Sequence[LoadedRun]) -> Iterator[str]:
    """Name the runs that began with the weights of another."""
    begun = [
        shorten_name(run.name)
        for run in runs
        if any(isinstance(stage, Mapping) and stage.get("init_from") for stage in run.settings.get("stages", ()))
    ]
    if begun:
        yield f"These began with the weights of another run, whose minutes and images are not counted here: {join_names(begun)}."
