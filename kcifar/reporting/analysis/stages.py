"""The gain of each stage: validation accuracy from its start to its end."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import pandas

from kcifar.reporting.analysis.claims import Claim, claim_change
from kcifar.reporting.page.columns import is_change, read_alike
from kcifar.reporting.page.names import label_stages
from kcifar.reporting.stats.significance import SIGNIFICANCE_LEVEL, adjust_holm


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


def claim_gains(gains: Sequence[StageGain], images: int | None) -> list[Claim]:
    """Return the claim of each stage that validation accuracy changed, adjusted by Holm's method for the stages with a known gain.

    Args:
        gains: Of the stages of a run.
        images: Number of validation images; if None, no claim holds.
    """
    claims = [claim_change(stage.start, stage.end, images) if stage.is_known else Claim(math.nan, 1.0) for stage in gains]
    known = [place for place, stage in enumerate(gains) if stage.is_known]
    adjusted = dict(zip(known, adjust_holm([claims[place].p_value for place in known]).tolist(), strict=True))
    return [Claim(claim.difference, adjusted.get(place, 1.0)) for place, claim in enumerate(claims)]


def claim_fastest(gains: Sequence[StageGain], images: int | None) -> int | None:
    """Return the place of the stage that clearly gained more per epoch than every other one, and clearly gained; None if there is none.

    The accuracies at the ends of stages are taken as independent, with variance p (1 - p) / n, p with one success and one failure added.
    Consecutive stages share one, so the difference of two rates is a sum over accuracies, each with its own factor. The p-value is
    multiplied by the number of pairs of stages, from which this one is chosen.
    """
    rates = {place: stage.gain_per_epoch for place, stage in enumerate(gains) if stage.is_known}
    if not images or len(rates) < 2:
        return None
    fastest = max(rates, key=lambda place: rates[place])
    if rates[fastest] < 0 or not claim_gains(gains, images)[fastest].holds or not is_change(rates[fastest]):
        return None
    pairs = math.comb(len(rates), 2)
    others = (_compare_rates(gains, fastest, other, images) for other in rates if other != fastest)
    return fastest if all(pairs * p_value < SIGNIFICANCE_LEVEL for p_value in others) else None


def _compare_rates(gains: Sequence[StageGain], a: int, b: int, images: int) -> float:
    """Return the two-sided p-value of the hypothesis that two stages gain equally per epoch."""
    factors: dict[int, float] = {}
    for place, sign in ((a, 1), (b, -1)):
        for boundary, direction in ((place, -1), (place + 1, 1)):  # the end of a stage is the start of the next
            factors[boundary] = factors.get(boundary, 0.0) + sign * direction / gains[place].counted_epochs
    accuracies = [gains[0].start, *(stage.end for stage in gains)]
    smoothed = [(accuracy * images + 1) / (images + 2) for accuracy in accuracies]
    variance = sum(factor**2 * smoothed[place] * (1 - smoothed[place]) / images for place, factor in factors.items())
    return math.erfc(abs(gains[a].gain_per_epoch - gains[b].gain_per_epoch) / math.sqrt(2 * variance))
