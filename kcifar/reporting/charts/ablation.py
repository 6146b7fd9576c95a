"""A chart of differences from a reference recipe with their intervals."""

from collections.abc import Sequence

from matplotlib.figure import Figure

from kcifar.core.errors import one_line
from kcifar.pictures.style import BLACK, BLUE, FIGURE_WIDTH
from kcifar.reporting.analysis.ablation import Variant
from kcifar.reporting.analysis.studies import Finding

_MAX_LETTERS = 26  # of a name next to its row


def draw_ablation(reference: str, variants: Sequence[Variant]) -> Figure:
    """Draw the difference of each variant from the reference with its interval, one row per variant."""
    figure = Figure(figsize=(FIGURE_WIDTH, 1.3 + 0.28 * len(variants)))
    panel = figure.subplots()
    panel.axvline(0, color=BLACK, linewidth=1)
    for place, variant in enumerate(variants):
        difference, face = variant.test_difference, BLUE if variant.finding in (Finding.HIGHER, Finding.LOWER) else "white"
        panel.errorbar(100 * difference.value, place, xerr=100 * difference.half_width, fmt="o", color=BLUE, markerfacecolor=face, capsize=3)
    panel.set_yticks(range(len(variants)), [one_line(variant.name, _MAX_LETTERS) for variant in variants], fontsize=9)
    panel.set(ylim=(len(variants) - 0.5, -0.5), xlabel="difference in test accuracy, percentage points")
    figure.suptitle(f"compared with {one_line(reference, 40)}", fontsize=10)
    panel.grid(axis="y", visible=False)
    return figure
