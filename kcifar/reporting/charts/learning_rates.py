"""Charts of accuracy against the learning rate, one panel per sweep."""

import math
from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

from kcifar.core.number_format import write_rate
from kcifar.pictures.style import BLACK
from kcifar.reporting.analysis.learning_rate_sweeps import Sweep, count_diverged, find_best_point
from kcifar.reporting.charts.study_panels import draw_test, draw_validation, finish_panel, make_study_figure, mark_best_point
from kcifar.reporting.page.columns import PERCENT

_MIN_DISTANCE = 0.14  # between named rates, as a fraction of the axis


def draw_learning_rates(sweeps: Mapping[str, Sweep]) -> Figure:
    """Draw one panel per sweep: validation and test accuracy against the learning rate, with crosses where a run diverged."""
    figure, panels = make_study_figure(list(sweeps))
    for panel, sweep in zip(panels, sweeps.values(), strict=True):
        panel.set_xscale("log")
        draw_validation(panel, sweep.points)
        draw_test(panel, sweep.points)
        best = find_best_point(sweep)
        if best is not None:
            point = sweep.points[best]
            mark_best_point(
                panel, point.x, point.validation.mean, f"best validation: {PERCENT.write(point.validation.mean)}, rate {write_rate(point.x)}"
            )
        if diverged := [point.x for point in sweep.points if count_diverged(point)]:
            place = panel.get_xaxis_transform()  # y as a fraction of the panel: a run that diverged has no accuracy
            panel.plot(diverged, [0.03] * len(diverged), "X", color=BLACK, markersize=8, transform=place, label="diverged, no accuracy")
        _name_rates(panel, sorted({point.x for point in sweep.points}))
        finish_panel(panel, "learning rate")
    return figure


def _name_rates(panel: Axes, rates: Sequence[float]) -> None:
    """Name the rates on a logarithmic axis, except those too close to the previous named one."""
    named = list(rates[:1])
    for rate in rates[1:]:
        if math.log(rate / named[-1]) > math.log(rates[-1] / rates[0]) * _MIN_DISTANCE:
            named.append(rate)
    panel.set_xticks(named, [write_rate(rate) for rate in named])
    panel.xaxis.set_minor_locator(NullLocator())
