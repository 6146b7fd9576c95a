"""Charts of accuracy against the number of epochs, one panel per study."""

from collections.abc import Mapping, Sequence

from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from kcifar.reporting.analysis.epoch_studies import choose_samples, find_best_place, write_epochs
from kcifar.reporting.analysis.studies import StudyPoint
from kcifar.reporting.charts.study_panels import (
    draw_test,
    draw_training,
    draw_validation,
    finish_panel,
    make_study_figure,
    mark_best_point,
)
from kcifar.reporting.page.columns import PERCENT


def draw_epochs(studies: Mapping[str, Sequence[StudyPoint]]) -> Figure:
    """Draw one panel per study: training, validation and test accuracy against epochs."""
    figure, panels = make_study_figure(list(studies))
    for panel, points in zip(panels, studies.values(), strict=True):
        draw_training(panel, points)
        draw_validation(panel, points)
        draw_test(panel, points)
        split, samples = choose_samples(points)
        if samples:
            best = find_best_place(samples)
            mark_best_point(
                panel, points[best].x, samples[best].mean, f"best {split}: {PERCENT.write(samples[best].mean)}, {write_epochs([points[best]])}"
            )
        panel.xaxis.set_major_locator(MaxNLocator(integer=True))
        finish_panel(panel, "epochs")
    return figure
