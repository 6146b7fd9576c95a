"""The report's figures, drawn with matplotlib."""

from kcifar.core.matplotlib_import import import_matplotlib

import_matplotlib()
