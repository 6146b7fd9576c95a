"""What a notebook shows of a run: its headline, learning curves and confusion matrix."""

import base64
from collections.abc import Callable, Mapping
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np

from kcifar.core.errors import UserError, one_line

if TYPE_CHECKING:
    from kcifar.runs.run import Run

_IMAGE = '<img style="max-width:49%;vertical-align:top" alt="{text}" src="data:image/png;base64,{png}">'


def make_run_card(run: "Run") -> str:
    """Return HTML about a run; what the run does not have (yet) is left out."""
    images = [image for draw in (_draw_curves, _draw_confusion_matrix) if (image := _try(lambda draw=draw: draw(run)))]  # type: ignore[misc]
    return f"<h3>{escape(run.path.name)}</h3><p>{escape(make_headline(run))}</p>{''.join(images)}"


def make_headline(run: "Run") -> str:
    """Return one line: data set, network, state, epochs, test accuracy."""
    recipe, status = _try(lambda: run.recipe) or {}, _try(lambda: run.status) or {}
    test = _try(lambda: run.test)
    data = _try(lambda: run.dataset["name"]) or _read_name(recipe, "dataset")  # the recipe's is another if arrays took its place
    names = [str(name) for name in (data, _read_name(recipe, "model")) if name]
    state = f"{status.get('state', 'unknown state')} after epoch {status.get('epoch', 0)}"
    accuracy = _try(lambda: f"test accuracy {test['accuracy']:.2%} ({test['samples']:,} images)") or "test split not evaluated"
    return " · ".join(one_line(part, 60) for part in [*names, state, accuracy])


def _read_name(recipe: Mapping[str, Any], key: str) -> Any:
    return _try(lambda: recipe[key]["name"])


def _try(read: Callable[[], Any]) -> Any:
    """Return what is read, or None where the run has no such file or it is damaged: a display must not fail."""
    try:
        return read()
    except (UserError, LookupError, TypeError, ValueError):
        return None


def _draw_curves(run: "Run") -> str:
    from kcifar.pictures.history import draw_history
    from kcifar.runs.csv_files import find_best_validation

    history = run.history
    return _embed("learning curves", lambda: draw_history(run.path.name, make_headline(run), history, find_best_validation(history)))


def _draw_confusion_matrix(run: "Run") -> str:
    from kcifar.pictures.confusion_matrix import MAX_CLASSES, compute_scale_end, draw_confusion_matrix

    matrix, names = np.array(run.test["confusion_matrix"]), [row["name"] for row in run.test["classes"]]
    if not 2 <= len(names) <= MAX_CLASSES:
        return ""
    title = f"Confusion matrix, {run.test['samples']:,} test images"
    scale_end = compute_scale_end(matrix, int(matrix.sum(axis=1).max()))
    return _embed(
        "confusion matrix",
        lambda: draw_confusion_matrix(run.path.name, title, names, matrix, lambda value: f"{value:,.0f}", "images", scale_end),
    )


def _embed(text: str, draw: Callable[[], Any]) -> str:
    from kcifar.pictures.saving import render_figure

    png, _ = render_figure(draw)
    return _IMAGE.format(text=text, png=base64.b64encode(png).decode("ascii"))
