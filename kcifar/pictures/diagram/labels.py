"""Group and block of each layer, according to its name."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence

from kcifar.pictures.diagram.words import LayerSummary, is_attached

Label = tuple[str, str]  # group and block; either may be empty
UNNAMED: Label = ("", "")
IMAGES: Label = ("", "images")


def clear_labels(rows: Sequence[LayerSummary]) -> dict[str, Label]:
    """Return no label for every layer except the inputs."""
    return {row["name"]: IMAGES if row["type"] == "InputLayer" else UNNAMED for row in rows}


def read_labels(rows: Sequence[LayerSummary]) -> dict[str, Label]:
    """Read group and block from the names; a layer without such a name that is not an operation belongs to its only consumer."""
    tokens = Counter(_first_token(row["name"]) for row in rows)
    labels = {row["name"]: _read_label(row, tokens) for row in rows}
    consumers: dict[str, list[str]] = {}
    for row in rows:
        for source in row["inputs"]:
            consumers.setdefault(source, []).append(row["name"])
    for row in reversed(rows):
        after = consumers.get(row["name"], [])
        if labels[row["name"]] == UNNAMED and is_attached(row) and len(after) == 1:
            labels[row["name"]] = labels[after[0]]
    return labels


def _read_label(row: LayerSummary, tokens: Mapping[str, int]) -> Label:
    name = row["name"]
    if row["type"] == "InputLayer":
        return IMAGES
    if name == "logits":
        return ("", "head")
    named = re.match(r"(?:(group\d+)_)?(block\d+|stem|head)(?:_|$)|(group\d+)(?:_|$)", name)
    if named:
        return (named[1] or named[3] or "", named[2] or "")
    token = _first_token(name)
    return ("", token) if token and tokens[token] > 1 else UNNAMED


def _first_token(name: str) -> str:
    match = re.match(r"([a-z]+)_[a-z]", name)
    return match[1] if match else ""
