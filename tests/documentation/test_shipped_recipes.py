"""The list of shipped recipes: what it says comes from their files, and a newcomer sees first what suits a short time."""

import pytest

from kcifar.documentation.header import Header, parse_header
from kcifar.documentation.printing import format_accuracy
from kcifar.documentation.shipped_recipes import list_shipped_recipes
from kcifar.recipe.shipped import list_shipped_names

ROWS = list_shipped_recipes()
BY_NAME = {row["name"]: row for row in ROWS}
TEXT = "# A network,\n# trained.\n#\n#   python\n#\n# Hardware: two cores.\n# Time: {time}\n# Result: {result}\nname: x\n# Time: 1 s\n"


@pytest.mark.parametrize(
    ("time", "result", "expected"),
    [
        ("8.4 s of training (8.3 to 8.6).", "test accuracy 99.33 % (seed 0).", ("8.4 s", 8.4, 0.9933)),
        ("120.5 min for all epochs.", "test accuracy 88.55 % (seed 0).", ("120.5 min", 7230.0, 0.8855)),
        ("not measured yet.", "not measured yet. The original claims 84.46 %.", (None, None, None)),
        ("about 3 min.", "validation accuracy 88.55 %.", (None, None, None)),
    ],
)
def test_a_header_is_parsed(time: str, result: str, expected: tuple[str | None, float | None, float | None]) -> None:
    assert parse_header(TEXT.format(time=time, result=result)) == Header("A network, trained.", *expected)


def test_a_file_without_a_header_says_nothing() -> None:
    assert parse_header("name: x\n# Time: 3 s\n") == Header("", None, None, None)


def test_there_is_one_row_per_recipe_and_the_fastest_is_first() -> None:
    assert sorted(BY_NAME) == list_shipped_names()
    assert len(ROWS) == len(BY_NAME)
    seconds = [row["seconds"] for row in ROWS if row["seconds"] is not None]
    assert seconds == sorted(seconds)
    assert [row["seconds"] for row in ROWS[len(seconds) :]] == [None] * (len(ROWS) - len(seconds))
    assert ROWS[0]["name"] == "quickstart"


def test_a_row_says_what_the_recipe_trains() -> None:
    row = BY_NAME["three_stage"]
    assert (row["dataset"], row["model"], row["epochs"], row["views"]) == ("cifar10", "residual_cnn", 35, 1)
    assert BY_NAME["vgg16_ablation/plain"]["epochs"] == 40
    assert BY_NAME["fast95"]["views"] == 6
    assert format_accuracy(BY_NAME["fast96"]) == "not measured yet"
    assert format_accuracy({"accuracy": 0.94, "views": 6}) == "94.00 % (6 views)"


def test_a_recommended_recipe_is_beaten_by_none_that_is_as_fast() -> None:
    for row in ROWS:
        faster = [other for other in ROWS if other["dataset"] == row["dataset"] and (other["seconds"] or 1e9) < (row["seconds"] or 1e9)]
        best = max((other["accuracy"] for other in faster if other["accuracy"] is not None), default=0)
        assert row["recommended"] == (row["accuracy"] is not None and row["accuracy"] > best), row["name"]
    assert [row["name"] for row in ROWS if row["recommended"]][:2] == ["quickstart", "seed_in_minutes"]
