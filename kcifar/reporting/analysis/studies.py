"""Studies: runs on the same data whose recipes differ in a few settings, which may explain different results."""

import math
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import takewhile

from kcifar.core.errors import one_line
from kcifar.reporting.analysis.groups import group_by_data
from kcifar.reporting.analysis.recipe_differences import find_differing_keys, flatten, hash_settings, write_setting
from kcifar.reporting.analysis.samples import make_test_sample, make_training_sample, make_validation_sample
from kcifar.reporting.page.names import join_names, make_distinct
from kcifar.reporting.stats.differences import Sample
from kcifar.runs.load import LoadedRun

_MAX_NAME = 40  # characters
_MAX_DESCRIBED = 10  # studies
_MAX_KEYS = 3  # that distinguish studies of the same name


class Finding(StrEnum):
    """The result of comparing a recipe of a study with the best one or the reference, as tables print it."""

    REFERENCE = "reference"
    BEST = "best"
    HIGHER = "higher"
    LOWER = "lower"
    LOWER_UNEXPLAINED = "lower, cause not shown"
    UNDERFITTING = "underfitting"
    OVERFITTING = "overfitting"
    ALIKE = "no clear difference"
    DIVERGED = "diverged"
    UNKNOWN = "not known"


@dataclass(frozen=True)
class StudyPoint:
    """One value of the setting that a study varies.

    Attributes:
        setting: The value, unique among the points of the study.
        x: Position on the axis of the study; several points may have the same.
        runs: Runs with this value, in the given order.
        training: Training accuracies of their last epochs.
        validation: Validation accuracies of their last epochs.
        test: Test accuracies.
    """

    setting: Hashable
    x: float
    runs: Sequence[LoadedRun]
    training: Sample
    validation: Sample
    test: Sample


def make_point(setting: Hashable, x: float, runs: Sequence[LoadedRun]) -> StudyPoint:
    """Return the point of runs with the same setting; incomplete runs are listed, but their accuracies are not used."""
    complete = [run for run in runs if is_complete(run)]
    return StudyPoint(setting, x, runs, make_training_sample(complete), make_validation_sample(complete), make_test_sample(complete))


def group_similar_runs(runs: Sequence[LoadedRun], is_ignored: Callable[[str], bool]) -> list[list[LoadedRun]]:
    """Return groups of runs on the same data that differ only in the ignored keys, names and seeds; in the given order."""
    by_settings: dict[tuple[int, Hashable], list[LoadedRun]] = {}
    for number, group in enumerate(group_by_data(runs)):
        for run in group.runs:
            by_settings.setdefault((number, hash_settings(flatten(run.settings), is_ignored)), []).append(run)
    return list(by_settings.values())


def has_diverged(run: LoadedRun) -> bool:
    """Whether the training ended because a value was not finite, or the last training loss is not finite."""
    return _is_not_finite(run) or (run.status.state == "failed" and "not finite" in (run.status.reason or ""))


def is_complete(run: LoadedRun) -> bool:
    """Whether the training finished with a finite loss, so that a mean over seeds may include the run."""
    return run.status.state == "finished" and not _is_not_finite(run)


def _is_not_finite(run: LoadedRun) -> bool:
    return math.isnan(run.history["loss"].iloc[-1])


def describe_left_out(runs: Sequence[LoadedRun]) -> list[str]:
    """Return a sentence that names the runs that a study leaves out; an empty list without any."""
    if not runs:
        return []
    return [f"Left out because {'it' if len(runs) == 1 else 'they'} did not finish with finite values: {join_names([run.name for run in runs])}."]


def limit_descriptions(descriptions: Sequence[str]) -> list[str]:
    """Return the first descriptions of studies, and the number of those left out if there are many."""
    more = len(descriptions) - _MAX_DESCRIBED
    return [*descriptions[:_MAX_DESCRIBED], *([f"{more:,} more are in the table."] if more > 0 else [])]


def name_studies(studies: Sequence[Sequence[LoadedRun]], is_ignored: Callable[[str], bool]) -> list[str]:
    """Return a unique name for each study: the common beginning of its recipes' names, else its network.

    Studies of the same name are distinguished by keys in which they differ, except the ignored ones: "lenet (model=a)".
    """
    names = [one_line(_find_common_name([run.recipe.name for run in runs]) or runs[0].recipe.model.name, _MAX_NAME) for runs in studies]
    alike: dict[str, list[int]] = {}
    for place, name in enumerate(names):
        alike.setdefault(name, []).append(place)
    for name, places in alike.items():
        flats = [flatten(studies[place][0].settings) for place in places]
        keys = [key for key in find_differing_keys(flats) if not is_ignored(key)][:_MAX_KEYS]
        for place, flat in zip(places, flats, strict=True):
            names[place] = f"{name} ({', '.join(write_setting(key, flat) for key in keys)})" if keys else name
    return make_distinct(names)


def _find_common_name(names: Sequence[str]) -> str:
    """Return the complete words, separated by "_" or else "-", that all names begin with; "" if there are none."""
    for separator in "_-":
        columns = zip(*(name.split(separator) for name in names), strict=False)
        if common := [words[0] for words in takewhile(lambda words: len(set(words)) == 1, columns)]:
            return separator.join(common)
    return ""
