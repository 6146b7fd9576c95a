"""Where stages begin and end, drawn into any panel whose x axis counts epochs."""

from collections.abc import Sequence
from typing import NamedTuple

import pandas
from matplotlib.axes import Axes
from matplotlib.ticker import NullLocator

from kcifar.core.errors import one_line

_INCHES_A_LETTER = 0.085  # of the 9-point names, generously
_INCHES_A_LINE = 0.16  # between upright names
_MAX_LETTERS = 18


class StageRange(NamedTuple):
    """Name, beginning and end of a stage on the axis of a panel."""

    name: str
    begin: float
    end: float


def find_stage_ranges(history: pandas.DataFrame) -> list[StageRange]:
    """Return name, beginning and end of each stage in epochs; epoch n reaches from n - 0.5 to n + 0.5."""
    stages = (rows for _, rows in history.groupby("stage_index"))
    return [StageRange(str(rows["stage"].iloc[0]), rows["epoch"].min() - 0.5, rows["epoch"].max() + 0.5) for rows in stages]


def mark_boundaries(panel: Axes, spans: Sequence[StageRange]) -> None:
    """Draw a dashed line where a stage follows another."""
    begins = [span.begin for span in spans[1:]]
    width = min(0.9, 20 / len(spans))
    panel.vlines(begins, 0, 1, color="0.45", linewidth=width, linestyle=(0, (4, 3)), zorder=0.8, transform=panel.get_xaxis_transform())


def name_stages(panel: Axes, spans: Sequence[StageRange], width: float) -> None:
    """Write the stages' names above a panel: level where all fit, else upright, as many as there is room for.

    Args:
        panel: Its x limits are the ends of the spans.
        spans: See `find_stage_ranges`.
        width: Of the panel, inches.
    """
    inches_an_epoch = width / (spans[-1].end - spans[0].begin)
    names = [(one_line(name, _MAX_LETTERS), (begin + end) / 2, (end - begin) * inches_an_epoch) for name, begin, end in spans]
    level = all(len(name) * _INCHES_A_LETTER <= room for name, _, room in names)
    shown = names if level else _spread(names, _INCHES_A_LINE / inches_an_epoch)
    axis = panel.secondary_xaxis("top")
    axis.set_xticks([centre for _, centre, _ in shown], [name for name, _, _ in shown], rotation=0 if level else 90, fontsize=9, color="0.25")
    axis.xaxis.set_minor_locator(NullLocator())
    axis.tick_params(length=0)
    axis.spines["top"].set_visible(False)


def _spread(names: list[tuple[str, float, float]], distance: float) -> list[tuple[str, float, float]]:
    """Keep the names that stand at least `distance` epochs after the last one kept."""
    kept = names[:1]
    for name in names[1:]:
        if name[1] - kept[-1][1] >= distance:
            kept.append(name)
    return kept
