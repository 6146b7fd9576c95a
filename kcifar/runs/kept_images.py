"""The images that a run keeps to be shown, each beside what was predicted for it."""

from dataclasses import dataclass

import numpy as np

from kcifar.runs.arrays import Predictions
from kcifar.runs.load import SavedRun


@dataclass(frozen=True)
class KeptImages(Predictions):
    """Predictions for the kept images of the part that a run's outcome is about, in the order of that part, with the images.

    Attributes:
        images: uint8 (any number, height, width, 3).
        rows: int64 (count,), place of each among `images`.
    """

    images: np.ndarray
    rows: np.ndarray

    def image(self, place: int) -> np.ndarray:
        """Return one image, uint8 (height, width, 3)."""
        return np.asarray(self.images[self.rows[place]])

    def most_confident(self, wanted: np.ndarray, limit: int) -> list[int]:
        """Return the places of wanted images, those of the largest confidence first, ties in the order of the part.

        Args:
            wanted: bool (count,).
            limit: So many at most.
        """
        places = np.flatnonzero(wanted)
        return [int(place) for place in places[np.argsort(-self.confidence[places], kind="stable")][:limit]]


def kept_images(run: SavedRun) -> KeptImages | None:
    """Return the kept images for which there are predictions; None where there is none."""
    predictions, examples = run.predictions, run.examples
    if predictions is None or examples is None:
        return None
    row_of = examples.rows_of(predictions.split)
    places = np.flatnonzero(np.isin(predictions.indices, list(row_of)))
    if not len(places):
        return None
    places = places[np.argsort(predictions.indices[places])]
    indices = predictions.indices[places]
    rows = np.array([row_of[int(index)] for index in indices])
    return KeptImages(predictions.split, predictions.labels[places], predictions.probabilities[places], indices, examples.images, rows)
