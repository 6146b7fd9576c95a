"""The report's figures, drawn with matplotlib."""

from kcifar.pictures import import_matplotlib

import_matplotlib()
