"""Initial weights that need data: what a network's registered second function makes of the training images."""

from typing import Any

import numpy as np

from kcifar.engine.network import SCORING_BATCH
from kcifar.lazy import keras
from kcifar.models import DATA_INITIALIZERS
from kcifar.plan import Plan
from kcifar.preparation import PreparedData

# airbench whitens by 5,000 images; of images larger than 64x64 fewer are taken, so that they fill at most 250 MB as float32.
MAX_IMAGES = 5000
MAX_PIXELS = MAX_IMAGES * 64 * 64


def initialize_from_data(plan: Plan, network: Any, normalization: Any, data: PreparedData) -> None:
    """Call what is registered in `DATA_INITIALIZERS` under the network's name, if anything.

    It gets training images as the network will see them, but for the augmentation: at most 5,000, spread evenly over the training
    part. Nothing is random, so that a run that is killed before its first checkpoint begins again with the same weights.

    Args:
        plan: What runs.
        network: Built, its other initial weights in place.
        normalization: The layer in front of it.
        data: The prepared parts.
    """
    if plan.model.name in DATA_INITIALIZERS.names():
        indices = spread_indices(data.train_indices, data.dataset.image_shape)
        DATA_INITIALIZERS.get(plan.model.name)(network, _normalized(normalization, data.dataset.train.images, indices))


def spread_indices(indices: np.ndarray, image_shape: tuple[int, int, int]) -> np.ndarray:
    """Return at most `MAX_IMAGES` of the indices, and at most `MAX_PIXELS` pixels but one image at least, at even distances."""
    height, width, _ = image_shape
    count = min(len(indices), MAX_IMAGES, max(1, MAX_PIXELS // (height * width)))
    return indices[np.arange(count) * len(indices) // count]


def _normalized(normalization: Any, images: np.ndarray, indices: np.ndarray) -> np.ndarray:
    """Return the images at the indices as the network sees them, float32 (count, height, width, channels)."""
    chunks = [indices[first : first + SCORING_BATCH] for first in range(0, len(indices), SCORING_BATCH)]
    return np.concatenate([keras.ops.convert_to_numpy(normalization(images[chunk].astype(np.float32))) for chunk in chunks])
