"""The shipped recipes as rows: what each trains, how long, and to which accuracy."""

from collections.abc import Sequence
from typing import Any

from kcifar.documentation.header import parse_header
from kcifar.recipe.load import load_recipe
from kcifar.recipe.shipped import find_shipped_path, list_shipped_names


def list_shipped_recipes() -> list[dict[str, Any]]:
    """Return one row per shipped recipe, the fastest first, those without a measured time last.

    Returns:
        `name`, `title`, `dataset`, `model`, `epochs`, `views` of the test images, `time` as text, `seconds` and `accuracy` in [0, 1]
        (None where not measured yet), and `recommended`: whether no faster recipe for its data set is at least as accurate.
    """
    rows = sorted(map(_make_row, list_shipped_names()), key=lambda row: (row["seconds"] is None, row["seconds"] or 0, row["name"]))
    return [row | {"recommended": _is_recommended(row, rows)} for row in rows]


def _make_row(name: str) -> dict[str, Any]:
    path = find_shipped_path(name)
    header, recipe = parse_header(path.read_text(encoding="utf-8")), load_recipe(path)
    return {
        "name": name,
        "title": header.title,
        "dataset": recipe.document.dataset.name,
        "model": recipe.document.model.name,
        "epochs": sum(stage.epochs for stage in recipe.stages),
        "views": recipe.stages[-1].views,
        "time": header.time,
        "seconds": header.seconds,
        "accuracy": header.accuracy,
    }


def _is_recommended(row: dict[str, Any], rows: Sequence[dict[str, Any]]) -> bool:
    if row["seconds"] is None or row["accuracy"] is None:
        return False
    rivals = [other for other in rows if other["dataset"] == row["dataset"] and None not in (other["seconds"], other["accuracy"])]
    return not any(other["seconds"] <= row["seconds"] and other["accuracy"] >= row["accuracy"] for other in rivals if other is not row)
