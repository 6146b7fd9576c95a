"""Initial weights from the training images, by the initializer registered for a network, or from another run."""

from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import numpy as np

from kcifar.core.errors import UserError, one_line
from kcifar.core.lazy import keras
from kcifar.engine.network import SCORING_BATCH, collect_variables
from kcifar.models import DATA_INITIALIZERS
from kcifar.planning.plan import Plan
from kcifar.planning.prepared_data import PreparedData
from kcifar.recipe.stage_settings import InitFrom
from kcifar.runs.folder import BEST_MODEL_FILE, MODEL_FILE, load_saved_model

# airbench computes its whitening from 5,000 images; of images larger than 64x64 fewer are used, so that they take at most 250 MB as float32.
MAX_IMAGES = 5000
MAX_PIXELS = MAX_IMAGES * 64 * 64


def initialize_from_data(plan: Plan, network: Any, normalization: Any, data: PreparedData) -> None:
    """Call the function in `DATA_INITIALIZERS` that is registered under the network's name, if there is one.

    It gets normalized training images without augmentation: at most 5,000, evenly spread over the training split. Nothing is random,
    so a run that is killed before its first checkpoint starts again with the same weights.

    Args:
        plan: The plan of the run.
        network: Built, with all other initial weights.
        normalization: The layer before it.
        data: The prepared splits.
    """
    if plan.model.name in DATA_INITIALIZERS.names():
        indices = spread_indices(data.train_indices, data.dataset.image_shape)
        DATA_INITIALIZERS.get(plan.model.name)(network, _normalize(normalization, data.dataset.train.images, indices))


def initialize_from_run(network: Any, source: InitFrom, place: str) -> None:
    """Copy the weights of a finished run, by path, into the layers that match a pattern; all other layers keep their weights.

    Args:
        network: Built.
        source: The run, which of its weights to use, and the pattern.
        place: Location of the setting in the recipe, for messages.
    Raises:
        UserError: The run does not exist, or a layer that matches the pattern is missing or has another shape in it.
    """
    saved = _read_saved_variables(source, place)
    chosen = {path: variable for path, variable in collect_variables(network).items() if fnmatchcase(path.split("/", 1)[0], source.layers)}
    if not chosen:
        raise UserError(f"{place}.layers: expected a pattern that matches a layer with weights, got {source.layers!r}")
    for path, variable in chosen.items():
        if path not in saved or saved[path].shape != tuple(variable.shape):
            difference = f"has shape {saved[path].shape}" if path in saved else "is missing"
            raise UserError(f"{place}: expected a run whose network has {path} of shape {tuple(variable.shape)}; in {source.run} it {difference}")
    for path, variable in chosen.items():
        variable.assign(saved[path])


def _read_saved_variables(source: InitFrom, place: str) -> dict[str, np.ndarray]:
    """Return the arrays of a run's network, by path."""
    path = Path(source.run) / (MODEL_FILE if source.weights == "last" else BEST_MODEL_FILE)
    if not path.exists():
        raise UserError(f"{place}: expected a finished run with {path.name}, got {source.run!r}")
    try:
        model = load_saved_model(path)
    except (OSError, ValueError, TypeError) as error:
        raise UserError(f"{place}: {path} cannot be read ({one_line(error, 100)})") from None
    network = next(layer for layer in model.layers if isinstance(layer, keras.Model))
    return {name: np.array(keras.ops.convert_to_numpy(variable)) for name, variable in collect_variables(network).items()}


def spread_indices(indices: np.ndarray, image_shape: tuple[int, int, int]) -> np.ndarray:
    """Return evenly spaced indices: at most `MAX_IMAGES`, and at most `MAX_PIXELS` pixels, but at least one image."""
    height, width, _ = image_shape
    count = min(len(indices), MAX_IMAGES, max(1, MAX_PIXELS // (height * width)))
    return indices[np.arange(count) * len(indices) // count]


def _normalize(normalization: Any, images: np.ndarray, indices: np.ndarray) -> np.ndarray:
    """Return the normalized images at the indices, float32 (count, height, width, channels)."""
    chunks = [indices[first : first + SCORING_BATCH] for first in range(0, len(indices), SCORING_BATCH)]
    return np.concatenate([keras.ops.convert_to_numpy(normalization(images[chunk].astype(np.float32))) for chunk in chunks])
