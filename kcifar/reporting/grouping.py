"""Which runs belong together: those of one recipe, which differ by chance alone, and those over the same data, which may be ranked."""

import math
from collections import Counter
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any, TypeVar

from kcifar.errors import one_line
from kcifar.reporting.load import SavedRun

Value = TypeVar("Value", int, str)

UNKNOWN = "unknown"
ABSENT = "absent"  # stands for the value of a key that a recipe lacks
_MAX_KEYS = 3  # in a label
_MAX_VALUE = 24  # letters of a value in a label
_MAX_LISTED = 5  # names in a sentence
_MAX_ENTRY = 160  # letters of each
_MAX_NAME = 60  # letters of a name in a label
_HALF_NAME = 28  # letters kept of each end of a name in a sentence


@dataclass(frozen=True)
class Group:
    """Runs that belong together, in the order given; the label is of no other group."""

    label: str
    runs: Sequence[SavedRun]


def same_recipe(runs: Sequence[SavedRun]) -> list[Group]:
    """Return the runs by recipe, in the order of each recipe's first run.

    Two runs are of the same recipe when their resolved recipes are equal but for `seed`, whatever the order of the keys, and their
    data are the same (`same_data`). A label is the recipe's name; where several groups share it, it goes on with the keys that
    tell them apart: "lenet (stages[0].learning_rate.value=0.01)".
    """
    data = {id(run): group.label for group in same_data(runs) for run in group.runs}
    found: dict[Hashable, list[SavedRun]] = {}
    for run in runs:
        found.setdefault((data[id(run)], frozen(_without_seed(run))), []).append(run)
    first = [members[0] for members in found.values()]
    facts = [{"data": data[id(run)], **flat(_without_seed(run))} for run in first]
    labels = _told_apart([one_line(run.recipe.name, _MAX_NAME) for run in first], facts)
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
    facts = [{"test images": UNKNOWN if number is None else f"{number:,}", "content": (content or UNKNOWN)[:8]} for _, number, content in found]
    labels = _told_apart([one_line(name, _MAX_NAME) for name, _, _ in found], facts)
    return [Group(label, members) for label, members in zip(labels, found.values(), strict=True)]


def ranked(runs: Sequence[SavedRun]) -> list[Group]:
    """Return the runs that have a test result by data set, in each the most accurate first; equal ones stay in the order given."""
    groups = [Group(group.label, [run for run in group.runs if run.test]) for group in same_data(runs)]
    return [Group(group.label, sorted(group.runs, key=accuracy_of, reverse=True)) for group in groups if group.runs]


def accuracy_of(run: SavedRun) -> float:
    """Return a run's test accuracy, each image seen once as it is; NaN without a test result."""
    return run.test.accuracy if run.test else math.nan


def minutes_of(run: SavedRun) -> float:
    """Return how long a run's completed epochs took; NaN where that of one is not known."""
    return float(run.history["seconds"].sum(skipna=False)) / 60


def best_of_each(groups: Sequence[Group], limit: int) -> list[Group]:
    """Return the first runs of each group, at most `limit` in all, shared out evenly; groups of which none is left are dropped."""
    shares = even_shares([len(group.runs) for group in groups], limit)
    return [Group(group.label, group.runs[:share]) for group, share in zip(groups, shares, strict=True) if share]


def even_shares(sizes: Sequence[int], limit: int) -> list[int]:
    """Return how many to take of several groups, at most `limit` in all, as evenly as their sizes allow; the first get what is over.

    Example:
        >>> even_shares([30, 5, 30], 40)
        [18, 5, 17]
    """
    places = sorted((place, number) for number, size in enumerate(sizes) for place in range(min(size, limit)))
    taken = Counter(number for _, number in places[:limit])
    return [taken[number] for number in range(len(sizes))]


def listed(names: Sequence[str]) -> str:
    """Return names for a sentence, as many as one reads: "a, b, c, d, e and 3 more"."""
    shown = ", ".join(one_line(name, _MAX_ENTRY) for name in names[:_MAX_LISTED])
    return shown + (f" and {len(names) - _MAX_LISTED:,} more" if len(names) > _MAX_LISTED else "")


def called(name: str) -> str:
    """Return a name for a sentence: on one line, and without its middle where it is long, for runs often differ in their last letters.

    Example:
        >>> called("resnet20_with_a_name_that_goes_on_and_on_and_on_and_on-seed0")
        'resnet20_with_a_name_that_go…n_and_on_and_on_and_on-seed0'
    """
    flat = one_line(name, 10_000)
    return flat if len(flat) <= 2 * _HALF_NAME + 1 else f"{flat[:_HALF_NAME]}…{flat[-_HALF_NAME:]}"


def frozen(value: Any) -> Hashable:
    """Return plain containers as something that can be compared and looked up: mappings whatever their order, NaN equal to itself.

    Example:
        >>> frozen({"a": [1, 2.0], "b": {}}) == frozen({"b": {}, "a": [1.0, 2]})
        True
        >>> frozen({"flip": True}) == frozen({"flip": 1})
        False
    """
    if isinstance(value, Mapping):
        return "mapping", frozenset((key, frozen(inner)) for key, inner in value.items())
    if isinstance(value, list | tuple):
        return "list", tuple(map(frozen, value))
    return ("truth", value) if isinstance(value, bool) else "nan" if value != value else (value,)


def flat(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return nested settings by dotted key.

    Example:
        >>> flat({"model": {"name": "lenet"}, "stages": [{"epochs": 3}], "tags": []})
        {'model.name': 'lenet', 'stages[0].epochs': 3, 'tags': []}
    """
    return {key: value for name, inner in settings.items() for key, value in _leaves(str(name), inner)}


def _leaves(path: str, value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping) and value:
        for name, inner in value.items():
            yield from _leaves(f"{path}.{name}", inner)
    elif isinstance(value, list) and value:
        for place, inner in enumerate(value):
            yield from _leaves(f"{path}[{place}]", inner)
    else:
        yield path, value


def _without_seed(run: SavedRun) -> dict[str, Any]:
    return {name: value for name, value in run.settings.items() if name != "seed"}


def _test_images(run: SavedRun) -> int | None:
    counts = run.dataset.counts if run.dataset else {}
    return run.test.samples if run.test else counts.get("test")


def _filled(kinds: Sequence[Hashable], values: Sequence[Value | None]) -> list[Value | None]:
    """Return the values; where one is None, that which all others of its kind have, if they have the same."""
    known: dict[Hashable, set[Value]] = {}
    for kind, value in zip(kinds, values, strict=True):
        known.setdefault(kind, set()).update(set() if value is None else {value})
    return [next(iter(known[kind])) if value is None and len(known[kind]) == 1 else value for kind, value in zip(kinds, values, strict=True)]


def _told_apart(names: Sequence[str], facts: Sequence[Mapping[str, Any]]) -> list[str]:
    """Add to names that occur several times the facts in which they differ, then a number if that does not do."""
    labels = list(names)
    for name in [name for name, times in Counter(names).items() if times > 1]:
        members = [place for place, other in enumerate(names) if other == name]
        texts = _telling_facts([facts[place] for place in members])
        for row, place in enumerate(members):
            described = ", ".join(f"{key}={values[row]}" for key, values in texts.items())
            labels[place] = f"{name} ({described})" if described else name
    return distinct(labels)


def _telling_facts(facts: Sequence[Mapping[str, Any]]) -> dict[str, list[str]]:
    """Return few keys with the value in each mapping, each the key that tells most of them apart after those before it."""
    candidates = {key: [_word(each.get(key, ABSENT)) for each in facts] for key in dict.fromkeys(key for each in facts for key in each)}
    chosen: dict[str, list[str]] = {}
    told = 1
    while len(chosen) < _MAX_KEYS:
        counts = {key: len(set(zip(*chosen.values(), values, strict=True))) for key, values in candidates.items()}
        best = max(counts, key=lambda key: counts[key], default="")
        if counts.get(best, 0) <= told:
            break
        told, chosen[best] = counts[best], candidates[best]
    return chosen


def _word(value: Any) -> str:
    """Write a value as recipes do."""
    return {None: "null", True: "true", False: "false"}[value] if value is None or isinstance(value, bool) else one_line(value, _MAX_VALUE)


def distinct(labels: Sequence[str]) -> list[str]:
    """Make labels unique: the second of equal ones gets " #2", or the next number that makes it so."""
    unique: dict[str, None] = {}
    for label in labels:
        numbered = (f"{label} #{number}" for number in count(2))
        unique[label if label not in unique else next(other for other in numbered if other not in unique)] = None
    return list(unique)
