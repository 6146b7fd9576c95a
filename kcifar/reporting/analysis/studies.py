"""Studies: runs over the same data whose recipes differ in few things, so that what differs may explain the results."""

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

_MAX_NAME = 40  # letters
_MAX_DESCRIBED = 10  # studies
_MAX_KEYS = 3  # that tell studies of one name apart


class Finding(StrEnum):
    """What a study says of one of its recipes beside the best, or beside the reference, in words as tables have them."""

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
    """One setting of what a study varies.

    Attributes:
        setting: What tells it from the other points of the study.
        x: Where it stands on the study's axis; several points may share it.
        runs: Those with this setting, in the order given.
        training: Accuracies of their last epochs on the training images.
        validation: The same on validation.
        test: Accuracies on the test images.
    """

    setting: Hashable
    x: float
    runs: Sequence[LoadedRun]
    training: Sample
    validation: Sample
    test: Sample


def make_point(setting: Hashable, x: float, runs: Sequence[LoadedRun]) -> StudyPoint:
    """Return the point of runs that share a setting; those that are not whole count as runs, but not for the accuracies."""
    whole = [run for run in runs if is_complete(run)]
    return StudyPoint(setting, x, runs, make_training_sample(whole), make_validation_sample(whole), make_test_sample(whole))


def group_similar_runs(runs: Sequence[LoadedRun], passed_over: Callable[[str], bool]) -> list[list[LoadedRun]]:
    """Return the runs over the same data that differ in nothing but the keys passed over, names and seeds; in the order given."""
    by_settings: dict[tuple[int, Hashable], list[LoadedRun]] = {}
    for number, group in enumerate(group_by_data(runs)):
        for run in group.runs:
            by_settings.setdefault((number, hash_settings(flatten(run.settings), passed_over)), []).append(run)
    return list(by_settings.values())


def has_diverged(run: LoadedRun) -> bool:
    """Whether the training ended because a value was not finite, or its last training loss is not."""
    return _is_not_finite(run) or (run.status.state == "failed" and "not finite" in (run.status.reason or ""))


def is_complete(run: LoadedRun) -> bool:
    """Whether the training finished with finite numbers: what a mean over seeds may hold."""
    return run.status.state == "finished" and not _is_not_finite(run)


def _is_not_finite(run: LoadedRun) -> bool:
    return math.isnan(run.history["loss"].iloc[-1])


def describe_left_out(runs: Sequence[LoadedRun]) -> list[str]:
    """Return a sentence that names runs which a study leaves out; none where there is none."""
    if not runs:
        return []
    return [f"Left out, as {'it' if len(runs) == 1 else 'they'} did not finish with finite numbers: {join_names([run.name for run in runs])}."]


def limit_descriptions(descriptions: Sequence[str]) -> list[str]:
    """Return the first descriptions of studies, as many as one reads, and how many are left out."""
    more = len(descriptions) - _MAX_DESCRIBED
    return [*descriptions[:_MAX_DESCRIBED], *([f"{more:,} more are in the table."] if more > 0 else [])]


def name_studies(studies: Sequence[Sequence[LoadedRun]], passed_over: Callable[[str], bool]) -> list[str]:
    """Return a name for each study that no other has: what its recipes' names begin with in common, else its network.

    Studies that this does not tell apart are told apart by keys in which they differ, other than those passed over: "lenet (model=a)".
    """
    names = [one_line(_find_common_name([run.recipe.name for run in runs]) or runs[0].recipe.model.name, _MAX_NAME) for runs in studies]
    alike: dict[str, list[int]] = {}
    for place, name in enumerate(names):
        alike.setdefault(name, []).append(place)
    for name, places in alike.items():
        flats = [flatten(studies[place][0].settings) for place in places]
        keys = [key for key in find_differing_keys(flats) if not passed_over(key)][:_MAX_KEYS]
        for place, flat in zip(places, flats, strict=True):
            names[place] = f"{name} ({', '.join(write_setting(key, flat) for key in keys)})" if keys else name
    return make_distinct(names)


def _find_common_name(names: Sequence[str]) -> str:
    """Whole words, as "_" or else "-" parts them, that all names begin with; empty for none."""
    for separator in "_-":
        columns = zip(*(name.split(separator) for name in names), strict=False)
        if common := [words[0] for words in takewhile(lambda words: len(set(words)) == 1, columns)]:
            return separator.join(common)
    return ""
