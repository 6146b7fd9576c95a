"""Which backend, precision and batch size to train a recipe with on this machine, in a sentence or two."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Setting:
    """What a recipe is trained with: Keras backend, dtype policy, images per batch."""

    backend: str
    precision: str
    batch_size: int

    def __str__(self) -> str:
        return f"{self.backend}, {self.precision}, batch size {self.batch_size:,}"


# Speeds that differ by less than this factor count as equal: repeated measurements differ by as much.
SAME = 1.02
# Follows every advice to change the batch size.
CAUTION = "another batch size changes the training and needs another learning rate (python -m kcifar.train --find-lr)"


def write_advice(rows: Sequence[Mapping[str, Any]], current: Setting) -> str:
    """Name the fastest setting at the recipe's batch size first, since another batch size changes the training; then the fastest of all.

    A setting that is less than 2 % faster does not count as faster.

    Args:
        rows: Of each measured setting, at least one: `backend`, `precision`, `batch_size`, `images_per_second`.
        current: What the recipe is trained with now.
    """
    speeds = {Setting(row["backend"], row["precision"], row["batch_size"]): float(row["images_per_second"]) for row in rows}
    same_size = {setting: speed for setting, speed in speeds.items() if setting.batch_size == current.batch_size}
    fastest = max(speeds, key=lambda setting: speeds[setting])
    if not same_size:
        first = f"the recipe's batch size, {current.batch_size:,}, was not measured"
        return f"{first}; the fastest of all is {_compare(fastest, speeds, current)}, but {CAUTION}"
    best = max(same_size, key=lambda setting: same_size[setting])
    if current in same_size and same_size[best] < SAME * same_size[current]:
        best = current
    if best == current:
        first = f"the recipe's current setting, {current}, is the fastest at its batch size"
    else:
        first = f"at the recipe's batch size use {_compare(best, speeds, current)}"
    if speeds[fastest] < SAME * speeds[best]:
        return f"{first}; no other measured batch size is faster"
    return f"{first}; the fastest of all is {_compare(fastest, speeds, current)}, but {CAUTION}"


def _compare(setting: Setting, speeds: Mapping[Setting, float], current: Setting) -> str:
    """Name a setting with its speed, and how many times as fast as the current one it is, if that was measured."""
    if current not in speeds:
        return f"{setting} ({speeds[setting]:,.0f} images/s; the current setting, {current}, was not measured)"
    return f"{setting} ({speeds[setting]:,.0f} images/s, {speeds[setting] / speeds[current]:.2f} times as fast as the current setting)"
