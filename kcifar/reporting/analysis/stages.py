"""What each stage gained: validation accuracy from its beginning to its end."""

import math
from dataclasses import dataclass

import pandas

from kcifar.reporting.page.columns import read_alike
from kcifar.reporting.page.names import label_stages


@dataclass(frozen=True)
class StageGain:
    """What one stage did to validation accuracy, as the table of stages has it.

    Attributes:
        label: Its name, in quotes.
        epochs: Completed.
        counted_epochs: Those that the gain is over: all, but for the first stage, which counts from the end of its first epoch.
        start: Validation accuracy that the gain counts from; NaN while unknown.
        end: After its last epoch; NaN while unknown.
        first_rate: Learning rate of its first epoch; NaN while unknown.
        last_rate: Of its last.
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
        """End less start, a difference of fractions; NaN where either is unknown."""
        return self.end - self.start

    @property
    def is_known(self) -> bool:
        """Whether there is a gain to tell."""
        return self.counted_epochs > 0 and not math.isnan(self.gain)

    @property
    def is_change(self) -> bool:
        """Whether start and end are written as different shares; only where the gain is known."""
        return not read_alike(self.start, self.end)

    @property
    def gain_an_epoch(self) -> float:
        """Only where it is known."""
        return self.gain / self.counted_epochs


def compute_stage_gains(history: pandas.DataFrame) -> list[StageGain]:
    """Return what each stage that has a completed epoch gained, in order."""
    parts = [rows for _, rows in history.groupby("stage_index")]
    labels = label_stages([str(rows["stage"].iloc[0]) for rows in parts])
    gains: list[StageGain] = []
    reached = float(history["val_accuracy"].iloc[0])
    for label, rows in zip(labels, parts, strict=True):
        end, rates = float(rows["val_accuracy"].iloc[-1]), rows["learning_rate"]
        gains.append(StageGain(label, len(rows), len(rows) - (not gains), reached, end, float(rates.iloc[0]), float(rates.iloc[-1])))
        reached = end
    return gains
