"""Imports matplotlib whatever MPLBACKEND names.

Figures are drawn into memory, so the backend that MPLBACKEND names, which is for windows and notebooks, is never used here. Yet matplotlib
refuses to be imported if that backend is not installed, and Keras imports matplotlib.
"""

import contextlib
import importlib
import os
import sys

BACKEND = "MPLBACKEND"


def import_matplotlib() -> None:
    """Import matplotlib whatever MPLBACKEND names; a backend that it accepts is then chosen for the user's own figures, as without us."""
    if "matplotlib" in sys.modules:
        return
    wanted = os.environ.pop(BACKEND, None)
    try:
        matplotlib = importlib.import_module("matplotlib")
    finally:
        if wanted is not None:
            os.environ[BACKEND] = wanted
    if wanted:
        with contextlib.suppress(ValueError):
            matplotlib.rcParams["backend"] = wanted
