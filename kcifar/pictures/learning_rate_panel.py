"""The learning rate below another panel: steps as wide as its epochs."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, NullLocator

from kcifar.core.number_format import write_rate
from kcifar.pictures.style import BLACK

_MAX_NAMED = 5  # rates with a tick of their own
_MAX_LOGARITHMIC = 1000  # ratio of largest to smallest rate; on a logarithmic axis, rates near zero would dominate


def draw_learning_rate(panel: Axes, rates: np.ndarray, edges: np.ndarray) -> None:
    """Draw learning rates as steps.

    Args:
        panel: Drawn into.
        rates: Float (count,); values that are not finite leave a gap.
        edges: Float (count + 1,), ascending: rate k lasts from edge k to edge k + 1.
    """
    panel.margins(y=0.15)
    panel.set_ylabel("learning\nrate")  # the panel is too low for one line
    panel.stairs(rates, edges, color=BLACK, linewidth=1.6, baseline=None)
    known = np.unique(rates[np.isfinite(rates)])
    if len(known) and known[0] > 0 and 3 < known[-1] / known[0] <= _MAX_LOGARITHMIC:
        panel.set_yscale("log")
        panel.yaxis.set_minor_locator(NullLocator())
    if 0 < len(known) <= _MAX_NAMED:
        panel.set_yticks(known)
    panel.yaxis.set_major_formatter(FuncFormatter(lambda rate, _: write_rate(rate)))
