"""Names next to the dots of a chart, placed so that none covers another, a dot that is named, or the edge of the panel."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from kcifar.pictures.text import measure_text, shorten_middle

SIZE = 8.5  # points: 9 pixels on a phone
GAP = 0.05  # inches from a dot to its name
_LINE, _ROUNDING = 0.15, 0.02  # inches: height of a name, and what rounding to whole dots may add to its width
_DOT = 0.04  # inches: half the side of the square that a dot takes
_MAX_NAME = 100.0  # points; a longer name loses its middle
_MAX_MERGED = 2  # names in one label
_MAX_LABELS = 40
_SIDES = ((False, True), (True, True), (True, False), (False, False))  # (right, above); a rising front has no dot on the left above


@dataclass(frozen=True)
class PointLabel:
    """A label of a dot: above or below it, to its right or left."""

    dot: int
    text: str
    right: bool
    above: bool


def place_labels(dots: np.ndarray, texts: Sequence[Sequence[str]], room: np.ndarray) -> Iterator[PointLabel]:
    """Yield labels for as many dots as have room, the first dots first.

    Args:
        dots: float (dots, 2), inches from the lower left corner of the panel. Dots at the same place share a label.
        texts: The texts that each dot may bear, the preferred one first; dots without any are not covered by the labels of others.
        room: float (2,), width and height of the panel in inches.
    """
    boxes = [np.concatenate([dot - _DOT, dot + _DOT]) for dot in dots]
    taken: list[np.ndarray] = []
    for place, members in _merge_dots(dots, texts).items():
        if len(taken) >= _MAX_LABELS:
            return
        others = [box for dot, box in enumerate(boxes) if dot not in members] if len(boxes) <= _MAX_LABELS else []
        for text, (right, above) in ((text, side) for text in _merge_texts([texts[dot] for dot in members]) for side in _SIDES):
            box = _make_box(place, text, right, above)
            if (box[:2] >= 0).all() and (box[2:] <= room).all() and not any(_overlap(box, other) for other in (*taken, *others)):
                taken.append(box)
                yield PointLabel(members[0], text, right, above)
                break


def _merge_dots(dots: np.ndarray, texts: Sequence[Sequence[str]]) -> dict[tuple[float, float], list[int]]:
    """Return the dots that have texts by place."""
    merged: dict[tuple[float, float], list[int]] = {}
    for dot, (x, y) in enumerate(dots.tolist()):
        if texts[dot]:
            merged.setdefault((x, y), []).append(dot)
    return merged


def _merge_texts(texts: Sequence[Sequence[str]]) -> Iterator[str]:
    """Yield what a label may say: the texts of its dots, each in its preferred form, then in the next."""
    for forms in zip(*texts, strict=False):
        yield ", ".join(shorten_middle(form, _MAX_NAME, SIZE) for form in forms[:_MAX_MERGED]) + ("…" if len(forms) > _MAX_MERGED else "")


def _make_box(place: tuple[float, float], text: str, right: bool, above: bool) -> np.ndarray:
    """Return the corners of a label, float (4,): left, bottom, right, top in inches."""
    width = measure_text(text, SIZE) / 72 + _ROUNDING
    left = place[0] + GAP if right else place[0] - GAP - width
    bottom = place[1] + GAP if above else place[1] - GAP - _LINE
    return np.array([left, bottom, left + width, bottom + _LINE])


def _overlap(one: np.ndarray, other: np.ndarray) -> bool:
    return bool((one[:2] < other[2:]).all() and (other[:2] < one[2:]).all())
