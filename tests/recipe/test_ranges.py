"""Every number of a recipe has a range, wherever it may be written: plain, in a schedule of any kind, in a part's arguments, in an override."""

import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pytest
from tiny_recipe import tiny_recipe

from kcifar.core.errors import UserError
from kcifar.core.mistakes import Path, SeveralMistakes
from kcifar.documentation.model_schemas import make_schema
from kcifar.documentation.parts import KINDS
from kcifar.planning.part_plan import PartPlan
from kcifar.planning.plan import load_plan
from kcifar.planning.schedule_plan import SchedulePlan
from kcifar.recipe.document import Document
from kcifar.recipe.span import Span
from kcifar.recipe.stage_settings import SCHEDULE_PARTS, MomentumPart, Stage
from kcifar.schedules import SCHEDULES

NO_NUMBERS = (math.nan, math.inf, -math.inf, True, "1", 10**40, 10**400)
# The arguments of schedules that are values of what is scheduled; all others have ranges of their own.
VALUES = {"value", "end", "start", "peak", "values", "min_value"}
# For each key that takes a schedule: numbers that any of its values may be, numbers that none may be, and those that only a schedule may reach.
SCHEDULED: dict[Path, tuple[tuple[float, ...], tuple[float, ...], tuple[float, ...]]] = {
    ("learning_rate",): ((1e-9, 1, 1e38), (-1e-9, 1e39), (0,)),
    ("momentum",): ((0, 0.5, 0.999), (-1e-9, 1, 1.5, 2), ()),
    ("weight_decay", "value"): ((0, 15, 1e38), (-1e-9, 1e39), ()),
    ("lookahead", "keep"): ((0, 0.5, 0.999), (-1e-9, 1.001, 2), (1,)),
    ("rate_multipliers", 0, "value"): ((0, 64, 1e38), (-1e-9, 1e39), ()),
}


def nest(values: Mapping[Path, Any]) -> Any:
    """Return containers that hold each value at its path; a number in a path is the first entry of a list."""
    if () in values:
        return values[()]
    inner = {key: nest({path[1:]: value for path, value in values.items() if path[0] == key}) for key in dict.fromkeys(path[0] for path in values)}
    return [inner[0]] if 0 in inner else inner


def find_refused(values: Mapping[Path, Any], overrides: Any = ()) -> set[Path]:
    """Return the paths, out of those given, of values that are mistakes; a list may be named instead of its entry."""
    stage = {"name": "a", "epochs": 1, "learning_rate": 0.1}
    given = nest(values)
    if "stages" in given:
        given["stages"] = [stage | given["stages"][0]]
    found = find_mistakes(tiny_recipe(stages=[stage]) | given, overrides)
    return {path for path in values if any(place in (path, path[:-1]) or place[: len(path)] == path for place in found)}


def find_mistakes(recipe: Mapping[str, Any], overrides: Any = ()) -> list[Path]:
    """Return the paths of all mistakes; others than those looked for do not matter."""
    try:
        load_plan(recipe, overrides)
    except SeveralMistakes as error:
        return [mistake.path for mistake in error.mistakes]
    return []


def list_numbers(node: Mapping[str, Any], schema: Mapping[str, Any], path: Path = ()) -> Iterator[tuple[Path, Mapping[str, Any]]]:
    """Yield the path of each number inside a JSON schema, and its own schema; the arguments of parts are not in it."""
    if "$ref" in node:
        node = schema["$defs"][node["$ref"].rsplit("/", 1)[-1]]
    for choice in node.get("anyOf", ()):
        yield from list_numbers(choice, schema, path)
    if "items" in node:
        yield from list_numbers(node["items"], schema, (*path, 0))
    for key, field in node.get("properties", {}).items():
        yield from list_numbers(field, schema, (*path, key))
    if node.get("type") in ("number", "integer"):
        yield path, node


def list_part_numbers(kind: str, name: str) -> list[tuple[Path, Mapping[str, Any]]]:
    schema = KINDS[kind].make_argument_schema(name)
    return [(path, node) for path, node in list_numbers(schema, schema) if "operations" not in path]


DOCUMENT = [path for path, _ in list_numbers(make_schema(Document), make_schema(Document)) if path[0] not in ("stages", "defaults")]
STAGE = [("stages", 0, *path) for path, _ in list_numbers(make_schema(Stage), make_schema(Stage))]
PARTS = {
    "dataset": ("dataset",),
    "model": ("model",),
    "optimizer": ("stages", 0, "optimizer"),
    "loss": ("stages", 0, "loss"),
    "augmentation": ("stages", 0, "augmentation", 0),
}


def test_the_walk_finds_the_numbers() -> None:
    assert {("seed",), ("dataset", "validation"), ("log_every",)} <= set(DOCUMENT)
    assert {("stages", 0, "lookahead", "every"), ("stages", 0, "class_weight", 0), ("stages", 0, "learning_rate", "warm_up")} <= set(STAGE)
    assert {part.__name__ for part in SCHEDULE_PARTS} == {"RatePart", "ValuePart", "MomentumPart", "KeepPart"}


@pytest.mark.parametrize("paths", [DOCUMENT, STAGE], ids=["recipe", "stage"])
def test_no_key_takes_what_is_no_number_of_its_range(paths: list[Path]) -> None:
    for value in NO_NUMBERS:
        assert set(paths) - find_refused(dict.fromkeys(paths, value)) == set(), value


@pytest.mark.parametrize("kind", PARTS)
def test_every_argument_of_every_part_has_a_range_and_keeps_to_it(kind: str) -> None:
    for name in KINDS[kind].registry.names():
        numbers = {(*PARTS[kind], *path): node for path, node in list_part_numbers(kind, name) if "enum" not in node and "const" not in node}
        part = {(*PARTS[kind], "name"): name} | ({("stages", 0, "weight_decay"): 0.1} if name == "adamw" else {})
        for value in NO_NUMBERS:
            assert set(numbers) - find_refused(dict.fromkeys(numbers, value) | part) == set(), (name, value)
        places = [(*PARTS[kind], *path) for path, _ in list_part_numbers(kind, name)]
        # A count or a fraction has two ranges, of which each may hold what the other does not.
        numbers = {path: node for path, node in numbers.items() if places.count(path) == 1}
        for outside in (find_below, find_above):
            values = {path: outside(node) for path, node in numbers.items()}
            assert None not in values.values(), (name, values)
            assert set(numbers) - find_refused(values | part) == set(), (name, values)
        for bound in ("minimum", "maximum"):
            values = {path: node[bound] for path, node in numbers.items() if bound in node}
            assert not find_refused(values | part) & set(values), (name, values)


def find_below(node: Mapping[str, Any]) -> float | None:
    """Return a number just below the range; None if it has no lower end."""
    return node["minimum"] - 1 if "minimum" in node else node.get("exclusiveMinimum")


def find_above(node: Mapping[str, Any]) -> float | None:
    return node["maximum"] + 1 if "maximum" in node else node.get("exclusiveMaximum")


@pytest.mark.parametrize("key", SCHEDULED, ids=str)
def test_a_plain_number_and_a_constant_have_the_same_range(key: Path) -> None:
    allowed, outside, only_in_schedules = SCHEDULED[key]
    place = ("stages", 0, *key)
    others = {(*place[:-1], "variables"): "*"} if key[0] == "rate_multipliers" else {}
    for form in ({place: None}, {(*place, "value"): None, (*place, "name"): "constant"}):
        path = next(iter(form))
        for value in allowed:
            assert not find_refused(form | {path: value} | others), value
        for value in (*NO_NUMBERS, *outside, *only_in_schedules):
            assert path in find_refused(form | {path: value} | others), value


@pytest.mark.parametrize("key", SCHEDULED, ids=str)
def test_every_argument_of_every_schedule_has_the_range_of_its_key(key: Path) -> None:
    allowed, outside, only_in_schedules = SCHEDULED[key]
    place = ("stages", 0, *key)
    others = {(*place[:-1], "variables"): "*"} if key[0] == "rate_multipliers" else {}
    for name in SCHEDULES.names():
        paths = [(*place, *path) for path, _ in list_part_numbers("schedule", name)]
        part = others | {(*place, "name"): name}
        for value in NO_NUMBERS:
            assert set(paths) - find_refused(dict.fromkeys(paths, value) | part) == set(), (name, value)
        if name != "constant":
            values = [path for path in paths if path[len(place)] in VALUES]
            for value in outside:
                assert set(values) - find_refused(dict.fromkeys(values, value) | part) == set(), (name, value)
            for value in (*allowed, *only_in_schedules):
                assert not find_refused(dict.fromkeys(values, value) | part) & set(values), (name, value)


@pytest.mark.parametrize(
    ("override", "path"),
    [
        ("stages.0.momentum=2", ("stages", 0, "momentum")),
        ("defaults.momentum={name: triangular, start: 0.5, peak: 1.5, end: 0.5, peak_at: 0.5}", ("defaults", "momentum", "peak")),
        ("stages.*.lookahead={keep: 2}", ("stages", 2, "lookahead", "keep")),
        ("seed=.inf", ("seed",)),
        ("defaults.clip_norm=.nan", ("defaults", "clip_norm")),
        ("defaults.accumulate=true", ("defaults", "accumulate")),
        ("defaults.l2={value: 1e99}", ("defaults", "l2", "value")),
    ],
)
def test_overrides_have_the_same_ranges(override: str, path: Path) -> None:
    assert path in find_mistakes(tiny_recipe(), [override])


def test_values_that_only_the_table_shows_are_refused_too() -> None:
    """A rise out of the range, and a schedule of the user's whose arguments have no range."""
    stage = {"name": "a", "epochs": 4, "learning_rate": 0.1, "momentum": {"name": "exponential", "value": 0.9, "factor": 2.0, "every": "1 epoch"}}
    plan = load_plan(tiny_recipe(stages=[stage], defaults={"optimizer": {"name": "sgd"}}))
    message = r"stages\[0\].momentum: expected values >= 0 and < 1, got 1.0\d* at step 3 of 'exponential'"
    with pytest.raises(UserError, match=message):
        plan.stages[0].values(10 * 64)
    for wrong in (1.0, -0.1, math.nan, math.inf):
        table = SchedulePlan(PartPlan("mine", lambda span, wrong=wrong: np.array([0.5, wrong]), {}), None, 0.0, "here", MomentumPart.VALUES)
        with pytest.raises(UserError, match=r"here: expected values >= 0 and < 1, got .* at step 2 of 'mine'"):
            table.table(Span(2, 1))


def test_durations_and_numbers_of_epochs_have_a_limit_on_their_digits() -> None:
    for value in ("9" * 10 + " epochs", "9" * 5000 + " steps", "-1 epochs", "1.5 epochs", "1  epochs", "١ epochs"):
        paths: list[Path] = [("stages", 0, "learning_rate", "warm_up"), ("stages", 0, "early_stopping")]
        assert find_refused(dict.fromkeys(paths, value)) == set(paths)


@pytest.mark.parametrize("text", ["1 epoch", "1 epochs", "10 epochs", "3 epoch"])
def test_a_number_of_epochs_may_be_written_with_its_unit(text: str) -> None:
    number = int(text.split()[0])
    plateau = {"name": "plateau", "value": 0.1, "patience": text, "cooldown": text}
    stage = {"name": "a", "epochs": 1, "learning_rate": plateau, "early_stopping": text}
    plan = load_plan(tiny_recipe(stages=[stage])).to_dict()["stages"][0]
    assert plan["early_stopping"]["patience"] == plan["learning_rate"]["patience"] == plan["learning_rate"]["cooldown"] == number
