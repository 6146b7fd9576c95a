"""Whether validation accuracy was still rising when training ended."""

import math
from dataclasses import dataclass
from statistics import mean, stdev

import pandas

_MAX_WINDOW = 5  # epochs that are averaged
_MIN_RISE = 0.002  # between two such means; less is not worth an epoch


@dataclass(frozen=True)
class Rise:
    """Validation accuracy that was still rising: its mean over the last epochs of the last stage, and over as many before them."""

    epochs: int
    before: float
    last: float


def still_rising(history: pandas.DataFrame) -> Rise | None:
    """Return the rise of validation accuracy at the end of the last stage, or None.

    Two means are compared, over the last n epochs of the stage and the n before (n up to 5, half the stage at most, 2 at least). They
    must differ by more than two standard errors, taken from the scatter within both. Where the learning rate more than halves in these
    epochs nothing is said: the rise may end with the rate.
    """
    stage = history[history["stage_index"] == history["stage_index"].iloc[-1]]
    window = min(_MAX_WINDOW, len(stage) // 2)
    accuracy, rates = stage["val_accuracy"].tolist()[-2 * window :], stage["learning_rate"].tolist()[-2 * window :]
    if window < 2 or any(map(math.isnan, accuracy)) or rates[-1] < rates[0] / 2:
        return None
    before, last = accuracy[:window], accuracy[window:]
    error = math.sqrt((stdev(before) ** 2 + stdev(last) ** 2) / window)
    rise = mean(last) - mean(before)
    return Rise(window, mean(before), mean(last)) if rise > max(2 * error, _MIN_RISE) else None
