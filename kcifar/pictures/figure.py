"""matplotlib's `Axes` and `Figure`, for modules outside this package: imported from here, they do not depend on MPLBACKEND."""

from matplotlib.axes import Axes as Axes
from matplotlib.figure import Figure as Figure
