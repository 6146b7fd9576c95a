"""`--plot-schedule`: a picture of the learning rate, momentum and weight decay at every update of a recipe."""

from pathlib import Path

import numpy as np

from kcifar.datasets.dataset import Source
from kcifar.pictures.figure import Axes, Figure
from kcifar.pictures.saving import save_figure
from kcifar.pictures.stage_marks import StageRange, mark_boundaries, name_stages
from kcifar.pictures.style import BLUE, GREEN, VERMILION, report_style
from kcifar.planning.plan import Plan
from kcifar.planning.prepared_data import prepare_data
from kcifar.planning.stage_plan import StagePlan

# A picture has too few pixels to show more points than this.
MAX_POINTS = 4000
# Stages whose largest values differ by more than this factor are drawn on a logarithmic axis.
LOGARITHMIC_FROM = 30.0

PANELS = {"learning_rate": ("learning rate", BLUE), "momentum": ("momentum", GREEN), "weight_decay.value": ("weight decay", VERMILION)}


def write_schedule_figure(plan: Plan, data: Path | None, url: str | None, path: Path) -> None:
    """Draw what changes from update to update, over all stages.

    Momentum is what the recipe schedules, or the optimizer's constant (`beta_1` of Adam and Lion). A `plateau`, whose values depend on
    results, is drawn as if results kept improving; a stage that may stop early is drawn at its full length.

    Args:
        plan: What would run.
        data: The `--data` path, or None: the number of training images decides how many updates an epoch has.
        url: The `--url` mirror, or None.
        path: PNG or SVG.
    """
    num_images = len(prepare_data(plan, Source(data, url, print)).train_indices)
    with report_style():
        save_figure(draw_schedule(plan, num_images), path)
    print(f"wrote {path}")


def draw_schedule(plan: Plan, num_images: int) -> Figure:
    """Return the picture: a panel for the learning rate, and one each for momentum and weight decay if a stage has any."""
    curves = {name: [_find_curve(stage, name, num_images) for stage in plan.stages] for name in PANELS}
    shown = [name for name in PANELS if any(curve is not None and curve.any() for curve in curves[name])]
    figure = Figure(figsize=(8, 0.9 + 1.9 * len(shown)), layout="constrained")
    panels = figure.subplots(len(shown), 1, sharex=True, squeeze=False)[:, 0]
    ends = np.cumsum([0, *(stage.epochs for stage in plan.stages)])
    stages = [StageRange(stage.name, float(begin), float(end)) for stage, begin, end in zip(plan.stages, ends, ends[1:], strict=False)]
    for panel, name in zip(panels, shown, strict=True):
        _draw_panel(panel, name, curves[name], stages)
    panels[-1].set_xlabel("epoch")
    name_stages(panels[0], stages, 7.0)
    return figure


def _find_curve(stage: StagePlan, name: str, num_images: int) -> np.ndarray | None:
    """Return a setting's value at each update of a stage; None if the stage has no such setting."""
    span = stage.span(num_images)
    if name in stage.schedules:
        return stage.schedules[name].table(span)
    constant = stage.optimizer.arguments.get("momentum", stage.optimizer.arguments.get("beta_1")) if name == "momentum" else None
    return None if constant is None else np.full(span.steps, float(constant))


def _draw_panel(panel: Axes, name: str, curves: list[np.ndarray | None], stages: list[StageRange]) -> None:
    title, color = PANELS[name]
    for curve, (_, begin, end) in zip(curves, stages, strict=True):
        if curve is not None:
            kept = np.unique(np.linspace(0, len(curve) - 1, min(len(curve), MAX_POINTS)).round().astype(int))
            x, y = np.append(begin + kept / len(curve) * (end - begin), end), np.append(curve[kept], curve[-1])
            panel.plot(x, y, color=color, linewidth=1.8, drawstyle="steps-post" if len(kept) < 60 else "default")
    peaks = [curve.max() for curve in curves if curve is not None and curve.any()]
    if max(peaks) > LOGARITHMIC_FROM * min(peaks):
        panel.set_yscale("log")
        panel.set_ylim(bottom=min(peaks) / 100, top=2 * max(peaks))
    else:
        panel.set_ylim(bottom=0, top=1.08 * max(peaks))
    panel.set_ylabel(title)
    panel.set_xlim(stages[0].begin, stages[-1].end)
    mark_boundaries(panel, stages)
