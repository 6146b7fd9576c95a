"""Figures: style, saving, text that fits, image grids, and diagrams of networks.

Importing this package imports matplotlib whatever MPLBACKEND names (`kcifar/core/matplotlib_import.py`); modules elsewhere that draw are in
packages that do the same (`kcifar/reporting/charts/`), or take `Figure` from `pictures/figure.py`.
"""

from kcifar.core.matplotlib_import import import_matplotlib

import_matplotlib()
