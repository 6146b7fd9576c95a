"""A chart of the test accuracy of runs with their intervals, one block per data set."""

from collections.abc import Sequence

from matplotlib.figure import Figure

from kcifar.pictures.style import BLACK, BLUE
from kcifar.reporting.analysis.groups import Group
from kcifar.reporting.analysis.leader import compute_accuracy_interval
from kcifar.reporting.charts.dot_plot import RowGroup, draw_dot_plot
from kcifar.reporting.page.columns import PERCENT


def draw_comparison(groups: Sequence[Group]) -> Figure:
    """Draw the test accuracy of runs with its interval: one row per run, one block per data set."""
    blocks = [RowGroup(group.label, [run.name for run in group.runs], [PERCENT.write(run.test_accuracy) for run in group.runs]) for group in groups]
    figure, panel, heights = draw_dot_plot(blocks, "test accuracy")
    for group, rows in zip(groups, heights, strict=True):
        panel.hlines(rows, *zip(*map(compute_accuracy_interval, group.runs), strict=True), color=BLUE, linewidth=2.4)
        panel.plot([run.test_accuracy for run in group.runs], rows, "o", color=BLACK, markerfacecolor=BLUE, markersize=4.5)
    return figure
