"""Initial weights from elsewhere: from the training images, by a network's registered second function, or from another run."""

from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import numpy as np

from kcifar.core.errors import UserError, one_line
from kcifar.core.lazy import keras
from kcifar.engine.network import SCORING_BATCH, network_variables
from kcifar.models import DATA_INITIALIZERS
from kcifar.planning.plan import Plan
from kcifar.planning.prepared_data import PreparedData
from kcifar.recipe.stage_settings import InitFrom
from kcifar.runs.folder import BEST_FILE, MODEL_FILE, load_saved_model

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


def initialize_from_run(network: Any, source: InitFrom, place: str) -> None:
    """Give a network the weights of a finished run, those of the layers that fit a pattern, by path; the others stay as they are.

    Args:
        network: Built.
        source: Which run, which of its weights, and the pattern.
        place: Where the recipe says so, for messages.
    Raises:
        UserError: No such run, or a layer that fits the pattern and is missing or of another shape there.
    """
    saved = _saved_variables(source, place)
    chosen = {path: v for path, v in network_variables(network).items() if fnmatchcase(path.split("/", 1)[0], source.layers)}
    if not chosen:
        raise UserError(f"{place}.layers: expected a pattern that fits a layer with weights, got {source.layers!r}")
    for path, variable in chosen.items():
        if path not in saved or saved[path].shape != tuple(variable.shape):
            there = f"{saved[path].shape} there" if path in saved else "missing there"
            raise UserError(f"{place}: expected a run whose network has {path} of shape {tuple(variable.shape)}; in {source.run} it is {there}")
    for path, variable in chosen.items():
        variable.assign(saved[path])


def _saved_variables(source: InitFrom, place: str) -> dict[str, np.ndarray]:
    """Return the arrays of a run's network by path."""
    path = Path(source.run) / (MODEL_FILE if source.weights == "last" else BEST_FILE)
    if not path.exists():
        raise UserError(f"{place}: expected a finished run with {path.name}, got {source.run!r}")
    try:
        model = load_saved_model(path)
    except (OSError, ValueError, TypeError) as error:
        raise UserError(f"{place}: {path} cannot be read ({one_line(error, 100)})") from None
    network = next(layer for layer in model.layers if isinstance(layer, keras.Model))
    return {name: np.array(keras.ops.convert_to_numpy(variable)) for name, variable in network_variables(network).items()}


def spread_indices(indices: np.ndarray, image_shape: tuple[int, int, int]) -> np.ndarray:
    """Return at most `MAX_IMAGES` of the indices, and at most `MAX_PIXELS` pixels but one image at least, at even distances."""
    height, width, _ = image_shape
    count = min(len(indices), MAX_IMAGES, max(1, MAX_PIXELS // (height * width)))
    return indices[np.arange(count) * len(indices) // count]


def _normalized(normalization: Any, images: np.ndarray, indices: np.ndarray) -> np.ndarray:
    """Return the images at the indices as the network sees them, float32 (count, height, width, channels)."""
    chunks = [indices[first : first + SCORING_BATCH] for first in range(0, len(indices), SCORING_BATCH)]
    return np.concatenate([keras.ops.convert_to_numpy(normalization(images[chunk].astype(np.float32))) for chunk in chunks])
