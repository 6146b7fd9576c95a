"""The picture of a learning-rate range test."""

import numpy as np

from kcifar.pictures.figure import Figure
from kcifar.pictures.style import BLUE, SKY_BLUE, VERMILION, report_style


def draw_learning_rate_curve(learning_rates: np.ndarray, losses: np.ndarray, smoothed: np.ndarray, suggestion: float, title: str) -> Figure:
    """Return loss against learning rate, for each batch and smoothed, with the suggested learning rate marked.

    Args:
        learning_rates: Of each update, ascending, (updates,).
        losses: Loss of each update's batch, (updates,).
        smoothed: Their running mean, (updates,).
        suggestion: The learning rate to mark.
        title: Of the picture.
    """
    with report_style():
        figure = Figure(figsize=(7, 4.2), layout="constrained")
        panel = figure.subplots()
        panel.plot(learning_rates, losses, color=SKY_BLUE, linewidth=0.9, label="each batch")
        panel.plot(learning_rates, smoothed, color=BLUE, linewidth=2, label="smoothed")
        panel.axvline(suggestion, color=VERMILION, linewidth=1.2, linestyle=(0, (4, 3)), label=f"falls fastest at {suggestion:.2g}")
        low, high = smoothed.min(), smoothed[0]
        panel.set_ylim(low - 0.15 * (high - low) - 0.05, high + 0.5 * (high - low) + 0.05)
        panel.set_xscale("log")
        panel.set_xlabel("learning rate")
        panel.set_ylabel("loss")
        panel.set_title(title, fontsize=10, loc="left")
        panel.legend(loc="lower left")
    return figure
