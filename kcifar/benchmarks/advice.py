"""What to train a recipe with on this machine, in a sentence or two."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Setting:
    """What a recipe is trained with: Keras backend, dtype policy, images a batch."""

    backend: str
    precision: str
    batch_size: int

    def __str__(self) -> str:
        return f"{self.backend}, {self.precision}, batch size {self.batch_size:,}"


# Speeds that differ by less are the same: so much one measurement differs from the next.
SAME = 1.02
# What has to be said with every other batch size.
CAUTION = "another batch size changes the training, and needs another learning rate (python -m kcifar.train --find-lr)"


def advice(rows: Sequence[Mapping[str, Any]], present: Setting) -> str:
    """Tell the fastest setting at the recipe's own batch size first, for another one changes the training; then the fastest of all.

    Nothing is called faster that is less than 2 % faster.

    Args:
        rows: Of each measured setting, at least one: `backend`, `precision`, `batch_size`, `images_per_second`.
        present: What the recipe is trained with now.
    """
    speeds = {Setting(row["backend"], row["precision"], row["batch_size"]): float(row["images_per_second"]) for row in rows}
    own = {setting: speed for setting, speed in speeds.items() if setting.batch_size == present.batch_size}
    fastest = max(speeds, key=lambda setting: speeds[setting])
    if not own:
        first = f"the recipe's own batch size, {present.batch_size:,}, was not measured"
        return f"{first}; fastest of all is {_compared(fastest, speeds, present)}, but {CAUTION}"
    best = max(own, key=lambda setting: own[setting])
    if present in own and own[best] < SAME * own[present]:
        best = present
    if best == present:
        first = f"the recipe's present setting, {present}, is the fastest at its batch size"
    else:
        first = f"at the recipe's batch size take {_compared(best, speeds, present)}"
    if speeds[fastest] < SAME * speeds[best]:
        return f"{first}; no other batch size that was measured is faster"
    return f"{first}; fastest of all is {_compared(fastest, speeds, present)}, but {CAUTION}"


def _compared(setting: Setting, speeds: Mapping[Setting, float], present: Setting) -> str:
    """Name a setting with its speed, and how many times as fast as the present one it is, where that was measured."""
    if present not in speeds:
        return f"{setting} ({speeds[setting]:,.0f} images/s; the present setting, {present}, was not measured)"
    return f"{setting} ({speeds[setting]:,.0f} images/s, {speeds[setting] / speeds[present]:.2f} times as fast as the present setting)"
