"""The picture of a learning-rate range test."""

from kcifar.pictures.figure import Figure
from kcifar.pictures.style import BLUE, SKY_BLUE, VERMILION, report_style
from kcifar.training.learning_rate_curve import LearningRateCurve


def draw_learning_rate_curve(curve: LearningRateCurve, title: str) -> Figure:
    """Return loss against learning rate, faint for each batch and smoothed, with the suggested rate and the range that it lies in.

    Args:
        curve: The result of the test.
        title: Of the picture; without a suggestion, a second line gives the reason.
    """
    with report_style():
        figure = Figure(figsize=(7, 4.2), layout="constrained")
        panel = figure.subplots()
        rates, smoothed = curve.learning_rates, curve.smoothed
        panel.plot(rates, curve.losses, ".", color=SKY_BLUE, markersize=4, alpha=0.6, label=f"each batch (noise {curve.noise:.2g})")
        panel.plot(rates, smoothed, color=BLUE, linewidth=2, label="mean of half a decade")
        if curve.suggestion is not None and curve.suggested_range is not None:
            panel.axvspan(*curve.suggested_range, color=VERMILION, alpha=0.12, linewidth=0, label="falls from 20 % to 80 % of its way")
            panel.axvline(curve.suggestion, color=VERMILION, linewidth=1.2, linestyle=(0, (4, 3)), label=f"middle: {curve.suggestion:.2g}")
        low, high = smoothed.min(), smoothed[0]
        panel.set_ylim(low - 0.15 * (high - low) - 0.05, high + 0.5 * (high - low) + 0.05)
        panel.set_xscale("log")
        panel.set_xlabel("learning rate")
        panel.set_ylabel("loss")
        panel.set_title(f"{title}\nno suggestion: {curve.reason}" if curve.reason else title, fontsize=10, loc="left")
        figure.legend(loc="outside lower center", ncols=2)
    return figure
