"""The picture of an architecture."""

from collections.abc import Mapping
from typing import Any

import matplotlib.style
from matplotlib.figure import Figure

from kcifar.pictures.diagram.page import compose
from kcifar.pictures.diagram.paint import paint


def draw(summary: Mapping[str, Any]) -> Figure:
    """Draw a network: blocks, resolutions, channels, shortcuts; equal blocks in a row are drawn once.

    Args:
        summary: As `kcifar.models.summary.model_summary` returns it and a run's `model.json` holds it.
    Returns:
        A figure of its own size, for `kcifar.pictures.saving.save`; the same summary gives the same figure.
    """
    with matplotlib.style.context("default"):  # the user's own settings are set aside
        return paint(compose(summary))
