"""Where stages begin and end, drawn into any panel whose x axis counts epochs."""

from collections.abc import Sequence
from typing import NamedTuple

import pandas
from matplotlib.axes import Axes
from matplotlib.ticker import NullLocator

from kcifar.core.errors import one_line

_INCHES_PER_LETTER = 0.085  # of the 9-point names, generously
_INCHES_PER_LINE = 0.16  # between upright names
_MAX_LETTERS = 18


class StageRange(NamedTuple):
    """A stage's name, and where it begins and ends on the x axis."""

    name: str
    begin: float
    end: float


def find_stage_ranges(history: pandas.DataFrame) -> list[StageRange]:
    """Return the range of each stage in epochs; epoch n extends from n - 0.5 to n + 0.5."""
    return [
        StageRange(str(rows["stage"].iloc[0]), rows["epoch"].min() - 0.5, rows["epoch"].max() + 0.5) for _, rows in history.groupby("stage_index")
    ]


def mark_boundaries(panel: Axes, stages: Sequence[StageRange]) -> None:
    """Draw a dashed line where a stage follows another."""
    begins = [stage.begin for stage in stages[1:]]
    width = min(0.9, 20 / len(stages))
    panel.vlines(begins, 0, 1, color="0.45", linewidth=width, linestyle=(0, (4, 3)), zorder=0.8, transform=panel.get_xaxis_transform())


def name_stages(panel: Axes, stages: Sequence[StageRange], width: float) -> None:
    """Write the stages' names above a panel: level if all fit, else upright and as many as there is room for.

    Args:
        panel: Its x limits are the ends of the stages.
        stages: In order.
        width: Of the panel, inches.
    """
    inches_per_epoch = width / (stages[-1].end - stages[0].begin)
    names = [one_line(stage.name, _MAX_LETTERS) for stage in stages]
    centers = [(stage.begin + stage.end) / 2 for stage in stages]
    level = all(len(name) * _INCHES_PER_LETTER <= (stage.end - stage.begin) * inches_per_epoch for name, stage in zip(names, stages, strict=True))
    shown = range(len(stages)) if level else _spread(centers, _INCHES_PER_LINE / inches_per_epoch)
    axis = panel.secondary_xaxis("top")
    axis.set_xticks([centers[k] for k in shown], [names[k] for k in shown], rotation=0 if level else 90, fontsize=9, color="0.25")
    axis.xaxis.set_minor_locator(NullLocator())
    axis.tick_params(length=0)
    axis.spines["top"].set_visible(False)


def _spread(centers: Sequence[float], distance: float) -> list[int]:
    """Return the positions of centers that are at least `distance` apart, the first one included."""
    kept = [0]
    for position, center in enumerate(centers):
        if center - centers[kept[-1]] >= distance:
            kept.append(position)
    return kept
