"""Studies: runs over the same data whose recipes differ in few things, so that what differs may explain the results."""

import math
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from itertools import takewhile

from kcifar.core.errors import one_line
from kcifar.reporting.analysis.groups import same_data
from kcifar.reporting.analysis.recipe_differences import differing_keys, fingerprint, flatten, write_setting
from kcifar.reporting.page.names import distinct, listed
from kcifar.reporting.stats.differences import Sample, test_sample, training_sample, validation_sample
from kcifar.runs.load import SavedRun

_MAX_NAME = 40  # letters
_MAX_DESCRIBED = 10  # studies
_MAX_KEYS = 3  # that tell studies of one name apart


@dataclass(frozen=True)
class Point:
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
    runs: Sequence[SavedRun]
    training: Sample
    validation: Sample
    test: Sample


def point(setting: Hashable, x: float, runs: Sequence[SavedRun]) -> Point:
    """Return the point of runs that share a setting; those that are not whole count as runs, but not for the accuracies."""
    whole = [run for run in runs if is_whole(run)]
    return Point(setting, x, runs, training_sample(whole), validation_sample(whole), test_sample(whole))


def runs_alike(runs: Sequence[SavedRun], passed_over: Callable[[str], bool]) -> list[list[SavedRun]]:
    """Return the runs over the same data that differ in nothing but the keys passed over, names and seeds; in the order given."""
    found: dict[tuple[int, Hashable], list[SavedRun]] = {}
    for number, group in enumerate(same_data(runs)):
        for run in group.runs:
            found.setdefault((number, fingerprint(flatten(run.settings), passed_over)), []).append(run)
    return list(found.values())


def has_diverged(run: SavedRun) -> bool:
    """Whether the training ended because a value was not finite, or its last training loss is not."""
    return _is_not_finite(run) or (run.status.state == "failed" and "not finite" in (run.status.reason or ""))


def is_whole(run: SavedRun) -> bool:
    """Whether the training finished with finite numbers: what a mean over seeds may hold."""
    return run.status.state == "finished" and not _is_not_finite(run)


def _is_not_finite(run: SavedRun) -> bool:
    return math.isnan(run.history["loss"].iloc[-1])


def left_out(runs: Sequence[SavedRun]) -> list[str]:
    """Return a sentence that names runs which a study leaves out; none where there is none."""
    if not runs:
        return []
    return [f"Left out, as {'it' if len(runs) == 1 else 'they'} did not finish with finite numbers: {listed([run.name for run in runs])}."]


def first_ones(descriptions: Sequence[str]) -> list[str]:
    """Return the first descriptions of studies, as many as one reads, and how many are left out."""
    more = len(descriptions) - _MAX_DESCRIBED
    return [*descriptions[:_MAX_DESCRIBED], *([f"{more:,} more are in the table."] if more > 0 else [])]


def study_names(studies: Sequence[Sequence[SavedRun]], passed_over: Callable[[str], bool]) -> list[str]:
    """Return a name for each study that no other has: what its recipes' names begin with in common, else its network.

    Studies that this does not tell apart are told apart by keys in which they differ, other than those passed over: "lenet (model=a)".
    """
    names = [one_line(_common_name([run.recipe.name for run in runs]) or runs[0].recipe.model.name, _MAX_NAME) for runs in studies]
    alike: dict[str, list[int]] = {}
    for place, name in enumerate(names):
        alike.setdefault(name, []).append(place)
    for name, places in alike.items():
        flats = [flatten(studies[place][0].settings) for place in places]
        keys = [key for key in differing_keys(flats) if not passed_over(key)][:_MAX_KEYS]
        for place, flat in zip(places, flats, strict=True):
            names[place] = f"{name} ({', '.join(write_setting(key, flat) for key in keys)})" if keys else name
    return distinct(names)


def _common_name(names: Sequence[str]) -> str:
    """Whole words, as "_" or else "-" parts them, that all names begin with; empty for none."""
    for separator in "_-":
        columns = zip(*(name.split(separator) for name in names), strict=False)
        if common := [words[0] for words in takewhile(lambda words: len(set(words)) == 1, columns)]:
            return separator.join(common)
    return ""
