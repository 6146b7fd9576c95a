"""How a run's picture files become pixels: what its data set, its `dataset.json` and its exported model agree on."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

Resize = Literal["crop", "stretch", "pad"]


@dataclass(frozen=True)
class Reading:
    """How picture files are read; see `decode_image`, which obeys it.

    Attributes:
        height: Of the pixels that the network sees, > 0.
        width: The same.
        resize: crop: the largest part in the middle of that shape; stretch: the entire image, distorted; pad: the entire image, with black borders.
        bits: Significant bits of gray pictures with more than 8, from 8 to 16; the values 0 to 2^bits - 1 become 0 to 255.
    """

    height: int
    width: int
    resize: Resize = "crop"
    bits: int = 16

    def describe(self) -> dict[str, Any]:
        """Return the settings by name, as `dataset.json` stores them; what holds for every run is named too."""
        return asdict(self) | {"orientation": "exif", "filter": "bilinear, antialiased", "transparency": "dropped"}


def recall_reading(dataset: Mapping[str, Any], recipe: Mapping[str, Any]) -> Reading:
    """Return how a saved run reads picture files.

    A run of a version that stored nothing about it has a data set that says so in the recipe (`folder`), or was made of arrays: those
    are read as `folder` reads by default.

    Args:
        dataset: The contents of `dataset.json`.
        recipe: The resolved recipe.
    """
    height, width = dataset["image_shape"][:2]
    stored = dataset.get("reading") or {"resize": recipe["dataset"].get("resize", "crop")}
    return Reading(height, width, stored["resize"], stored.get("bits", 16))
