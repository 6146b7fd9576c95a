"""Groups of runs: runs of one recipe, which differ only by chance, and runs on the same data, which may be ranked."""

from collections import Counter
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from kcifar.core.errors import one_line
from kcifar.reporting.analysis.recipe_differences import find_differing_keys, flatten, hash_settings, write_setting
from kcifar.reporting.page.names import make_distinct
from kcifar.runs.load import LoadedRun

_Value = TypeVar("_Value", int, str)
_Facts = Callable[[Sequence[int]], Sequence[Mapping[str, str]]]  # texts by key that may distinguish the items at some places

_UNKNOWN = "unknown"
_MAX_KEYS = 3  # in a label
_MAX_NAME = 60  # characters of a name in a label
_MAX_DATA = 40  # characters of a data set in the label of a recipe


@dataclass(frozen=True)
class Group:
    """Runs that belong together, in the given order, with a unique label."""

    label: str
    runs: Sequence[LoadedRun]


def group_by_recipe(runs: Sequence[LoadedRun]) -> list[Group]:
    """Return the runs by recipe, in the order of each recipe's first run.

    Two runs have the same recipe if the recipes have the same name and differ only in the `IGNORED_KEYS`, and their data are the same
    (`group_by_data`). The name counts, because it may stand for something that settings do not show, such as changed code. The label is
    that name; if several groups have the same name, the settings that distinguish them follow: "lenet (stages[0].learning_rate.value=0.01)".
    """
    data = {id(run): group.label for group in group_by_data(runs) for run in group.runs}
    by_recipe: dict[Hashable, list[LoadedRun]] = {}
    for run in runs:
        by_recipe.setdefault((data[id(run)], run.recipe.name, hash_settings(flatten(run.settings))), []).append(run)
    first = [members[0] for members in by_recipe.values()]
    names = [one_line(run.recipe.name, _MAX_NAME) for run in first]
    labels = _make_labels(names, lambda places: _list_recipe_facts([first[place] for place in places], data))
    return [Group(label, members) for label, members in zip(labels, by_recipe.values(), strict=True)]


def group_by_data(runs: Sequence[LoadedRun]) -> list[Group]:
    """Return the runs by the data that they were trained and tested on, in the order of each data set's first run.

    Runs have the same data if the name of the data set, the number of test images and the checksum of its content are equal. If a run
    lacks the number or the checksum, that of the other runs of the same name is assumed, provided that they all agree.
    """
    names = [run.dataset_name for run in runs]
    images = _fill_unknown(names, [_count_test_images(run) for run in runs])
    contents = _fill_unknown(list(zip(names, images, strict=True)), [run.dataset.content_sha256 or None if run.dataset else None for run in runs])
    by_data: dict[tuple[str, int | None, str | None], list[LoadedRun]] = {}
    for run, name, number, content in zip(runs, names, images, contents, strict=True):
        by_data.setdefault((name, number, content), []).append(run)
    facts = [_list_data_facts(number, content) for _, number, content in by_data]
    labels = _make_labels([one_line(name, _MAX_NAME) for name, _, _ in by_data], lambda places: [facts[place] for place in places])
    return [Group(label, members) for label, members in zip(labels, by_data.values(), strict=True)]


def rank_by_accuracy(runs: Sequence[LoadedRun]) -> list[Group]:
    """Return the runs that have a test result by data set, the most accurate first; equal ones keep their order."""
    groups = [Group(group.label, [run for run in group.runs if run.test]) for group in group_by_data(runs)]
    return [Group(group.label, sorted(group.runs, key=lambda run: run.test_accuracy, reverse=True)) for group in groups if group.runs]


def take_best_of_each(groups: Sequence[Group], limit: int) -> list[Group]:
    """Return the first runs of each group, at most `limit` in all, distributed evenly; groups without any are dropped."""
    counts = distribute_evenly([len(group.runs) for group in groups], limit)
    return [Group(group.label, group.runs[:count]) for group, count in zip(groups, counts, strict=True) if count]


def distribute_evenly(sizes: Sequence[int], limit: int) -> list[int]:
    """Return how many items to take from each group, at most `limit` in all, as evenly as sizes allow; the first groups get the remainder.

    Example:
        >>> distribute_evenly([30, 5, 30], 40)
        [18, 5, 17]
    """
    places = sorted((place, number) for number, size in enumerate(sizes) for place in range(min(size, limit)))
    taken = Counter(number for _, number in places[:limit])
    return [taken[number] for number in range(len(sizes))]


def _count_test_images(run: LoadedRun) -> int | None:
    counts = run.dataset.counts if run.dataset else {}
    return run.test.samples if run.test else counts.get("test")


def _fill_unknown(kinds: Sequence[Hashable], values: Sequence[_Value | None]) -> list[_Value | None]:
    """Return the values, with None replaced by the value of the others of its kind if these all agree."""
    known: dict[Hashable, set[_Value]] = {}
    for kind, value in zip(kinds, values, strict=True):
        known.setdefault(kind, set()).update(set() if value is None else {value})
    return [next(iter(known[kind])) if value is None and len(known[kind]) == 1 else value for kind, value in zip(kinds, values, strict=True)]


def _list_recipe_facts(runs: Sequence[LoadedRun], data: Mapping[int, str]) -> list[dict[str, str]]:
    """Return the data of each run, and its values of the keys in which the recipes differ."""
    flats = [flatten(run.settings) for run in runs]
    keys = find_differing_keys(flats)
    return [
        {"data": f"data={one_line(data[id(run)], _MAX_DATA)}"} | {key: write_setting(key, flat) for key in keys}
        for run, flat in zip(runs, flats, strict=True)
    ]


def _list_data_facts(test_images: int | None, content: str | None) -> dict[str, str]:
    number = _UNKNOWN if test_images is None else f"{test_images:,}"
    return {"test images": f"test images={number}", "content": f"content={one_line((content or _UNKNOWN)[:8], 8)}"}


def _make_labels(names: Sequence[str], facts: _Facts) -> list[str]:
    """Make labels of names: add to repeated names the facts in which they differ, and a number if these do not suffice."""
    labels = list(names)
    for name in [name for name, times in Counter(names).items() if times > 1]:
        places = [place for place, other_name in enumerate(names) if other_name == name]
        for place, texts in zip(places, zip(*_choose_facts(facts(places)), strict=True), strict=False):
            labels[place] = f"{name} ({', '.join(texts)})"
    return make_distinct(labels)


def _choose_facts(facts: Sequence[Mapping[str, str]]) -> list[list[str]]:
    """Return the texts of a few keys, each chosen to distinguish the most items given the keys before it."""
    candidates = [[each[key] for each in facts] for key in facts[0]]
    chosen: list[list[str]] = []
    distinguished = 1
    while len(chosen) < _MAX_KEYS:
        counts = [len(set(zip(*chosen, texts, strict=True))) for texts in candidates]
        if max(counts) <= distinguished:
            break
        distinguished = max(counts)
        chosen.append(candidates[counts.index(distinguished)])
    return chosen
