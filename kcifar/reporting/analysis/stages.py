"""The gain of each stage: validation accuracy from its start to its end."""

import math
from dataclasses import dataclass

import pandas

from kcifar.reporting.page.columns import read_alike
from kcifar.reporting.page.names import label_stages


@dataclass(frozen=True)
class StageGain:
    """The effect of one stage on validation accuracy.

    Attributes:
        label: Name of the stage, in quotes.
        epochs: Completed epochs.
        counted_epochs: Epochs that the gain covers: all, except for the first stage, whose gain starts after its first epoch.
        start: Validation accuracy at the start of the gain; NaN if unknown.
        end: Validation accuracy after the last epoch; NaN if unknown.
        first_rate: Learning rate of the first epoch; NaN if unknown.
        last_rate: Learning rate of the last epoch; NaN if unknown.
    """

    label: str
    epochs: int
    counted_epochs: int
    start: float
    end: float
    first_rate: float
    last_rate: float

    @property
    def gain(self) -> float:
        """End minus start, a difference of fractions; NaN if either is unknown."""
        return self.end - self.start

    @property
    def is_known(self) -> bool:
        """Whether the gain is known."""
        return self.counted_epochs > 0 and not math.isnan(self.gain)

    @property
    def is_change(self) -> bool:
        """Whether start and end are printed as different values; only valid if the gain is known."""
        return not read_alike(self.start, self.end)

    @property
    def gain_per_epoch(self) -> float:
        """Gain divided by the epochs that it covers; only valid if the gain is known."""
        return self.gain / self.counted_epochs


def compute_stage_gains(history: pandas.DataFrame) -> list[StageGain]:
    """Return the gain of each stage with a completed epoch, in order."""
    stages = [rows for _, rows in history.groupby("stage_index")]
    labels = label_stages([str(rows["stage"].iloc[0]) for rows in stages])
    gains: list[StageGain] = []
    reached = float(history["val_accuracy"].iloc[0])
    for label, rows in zip(labels, stages, strict=True):
        end, rates = float(rows["val_accuracy"].iloc[-1]), rows["learning_rate"]
        gains.append(StageGain(label, len(rows), len(rows) - (not gains), reached, end, float(rates.iloc[0]), float(rates.iloc[-1])))
        reached = end
    return gains
