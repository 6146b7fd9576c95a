"""Which runs belong together: those of one recipe, which differ by chance alone, and those over the same data, which may be ranked."""

from collections import Counter
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from kcifar.core.errors import one_line
from kcifar.reporting.analysis.recipe_differences import differing_keys, fingerprint, flatten, write_setting
from kcifar.reporting.page.names import distinct
from kcifar.runs.load import SavedRun
from kcifar.runs.measures import accuracy_of

Value = TypeVar("Value", int, str)
Facts = Callable[[Sequence[int]], Sequence[Mapping[str, str]]]  # what may tell the things at some places apart: a text for each key

UNKNOWN = "unknown"
_MAX_KEYS = 3  # in a label
_MAX_NAME = 60  # letters of a name in a label
_MAX_DATA = 40  # letters of a data set in the label of a recipe


@dataclass(frozen=True)
class Group:
    """Runs that belong together, in the order given; the label is of no other group."""

    label: str
    runs: Sequence[SavedRun]


def same_recipe(runs: Sequence[SavedRun]) -> list[Group]:
    """Return the runs by recipe, in the order of each recipe's first run.

    Two runs are of the same recipe when their recipes have the same name and differ in nothing but the `IGNORED_KEYS`, and their data
    are the same (`same_data`). The name counts, as it may stand for what settings do not tell, such as changed code. A label is that
    name; where several groups share it, it goes on with the settings that tell them apart: "lenet (stages[0].learning_rate.value=0.01)".
    """
    data = {id(run): group.label for group in same_data(runs) for run in group.runs}
    found: dict[Hashable, list[SavedRun]] = {}
    for run in runs:
        found.setdefault((data[id(run)], run.recipe.name, fingerprint(flatten(run.settings))), []).append(run)
    first = [members[0] for members in found.values()]
    names = [one_line(run.recipe.name, _MAX_NAME) for run in first]
    labels = _told_apart(names, lambda places: _recipe_facts([first[place] for place in places], data))
    return [Group(label, members) for label, members in zip(labels, found.values(), strict=True)]


def same_data(runs: Sequence[SavedRun]) -> list[Group]:
    """Return the runs by what they were trained and tested on, in the order of each data set's first run.

    The same are: the data set's name, the number of test images, and the sum over its content. A run that does not tell one of the
    latter counts as of what the others of its name tell, where they all tell the same.
    """
    names = [run.recipe.dataset.name for run in runs]
    images = _filled(names, [_test_images(run) for run in runs])
    contents = _filled(list(zip(names, images, strict=True)), [run.dataset.content_sha256 or None if run.dataset else None for run in runs])
    found: dict[tuple[str, int | None, str | None], list[SavedRun]] = {}
    for run, name, number, content in zip(runs, names, images, contents, strict=True):
        found.setdefault((name, number, content), []).append(run)
    facts = [_data_facts(number, content) for _, number, content in found]
    labels = _told_apart([one_line(name, _MAX_NAME) for name, _, _ in found], lambda places: [facts[place] for place in places])
    return [Group(label, members) for label, members in zip(labels, found.values(), strict=True)]


def ranked(runs: Sequence[SavedRun]) -> list[Group]:
    """Return the runs that have a test result by data set, in each the most accurate first; equal ones stay in the order given."""
    groups = [Group(group.label, [run for run in group.runs if run.test]) for group in same_data(runs)]
    return [Group(group.label, sorted(group.runs, key=accuracy_of, reverse=True)) for group in groups if group.runs]


def _test_images(run: SavedRun) -> int | None:
    counts = run.dataset.counts if run.dataset else {}
    return run.test.samples if run.test else counts.get("test")


def _filled(kinds: Sequence[Hashable], values: Sequence[Value | None]) -> list[Value | None]:
    """Return the values; where one is None, that which all others of its kind have, if they have the same."""
    known: dict[Hashable, set[Value]] = {}
    for kind, value in zip(kinds, values, strict=True):
        known.setdefault(kind, set()).update(set() if value is None else {value})
    return [next(iter(known[kind])) if value is None and len(known[kind]) == 1 else value for kind, value in zip(kinds, values, strict=True)]


def _recipe_facts(runs: Sequence[SavedRun], data: Mapping[int, str]) -> list[dict[str, str]]:
    """Return over what data each run is, and what it says under the keys that tell their recipes apart."""
    flats = [flatten(run.settings) for run in runs]
    keys = differing_keys(flats)
    return [
        {"data": f"data={one_line(data[id(run)], _MAX_DATA)}"} | {key: write_setting(key, flat) for key in keys}
        for run, flat in zip(runs, flats, strict=True)
    ]


def _data_facts(test_images: int | None, content: str | None) -> dict[str, str]:
    number = UNKNOWN if test_images is None else f"{test_images:,}"
    return {"test images": f"test images={number}", "content": f"content={one_line((content or UNKNOWN)[:8], 8)}"}


def _told_apart(names: Sequence[str], facts: Facts) -> list[str]:
    """Add to names that occur several times the facts in which they differ, then a number if that does not do."""
    labels = list(names)
    for name in [name for name, times in Counter(names).items() if times > 1]:
        places = [place for place, other in enumerate(names) if other == name]
        for place, texts in zip(places, zip(*_telling_facts(facts(places)), strict=True), strict=False):
            labels[place] = f"{name} ({', '.join(texts)})"
    return distinct(labels)


def _telling_facts(facts: Sequence[Mapping[str, str]]) -> list[list[str]]:
    """Return the texts of few keys, each the key that tells most of them apart after those before it."""
    candidates = [[each[key] for each in facts] for key in facts[0]]
    chosen: list[list[str]] = []
    told = 1
    while len(chosen) < _MAX_KEYS:
        counts = [len(set(zip(*chosen, texts, strict=True))) for texts in candidates]
        if max(counts) <= told:
            break
        told = max(counts)
        chosen.append(candidates[counts.index(told)])
    return chosen
