"""Initial weights from the training images, by the initializer registered for a network, or from another run."""

from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import numpy as np

from kcifar.core.errors import UserError, one_line
from kcifar.core.lazy import keras
from kcifar.engine.name_patterns import check_match
from kcifar.engine.network import SCORING_BATCH, collect_variables
from kcifar.models import DATA_INITIALIZERS
from kcifar.planning.plan import Plan
from kcifar.planning.prepared_data import PreparedData
from kcifar.recipe.stage_settings import InitFrom
from kcifar.runs.folder import BEST_MODEL_FILE, MODEL_FILE, load_saved_model

# airbench computes its whitening from 5,000 images; of images larger than 64x64 fewer are used, so that they take at most 250 MB as float32.
MAX_IMAGES = 5000
MAX_PIXELS = MAX_IMAGES * 64 * 64
_MAX_LISTED = 3
_SEED_STATE = "seed_generator_state"


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


def initialize_from_run(network: Any, source: InitFrom, place: str) -> str:
    """Copy the weights of a finished run into the layers that match a pattern; all other layers keep their weights.

    With the pattern `*`, layers that the run has with other shapes or not at all keep theirs, too: the last one, if the run had other classes.
    Any other pattern is a choice, so every layer that it matches must fit.

    Args:
        network: Built.
        source: The run, which of its weights to use, and the pattern.
        place: Location of the setting in the recipe, for messages.
    Returns:
        One line about the layers that did not fit; empty if all did.
    Raises:
        UserError: The run does not exist, no layer fits, a chosen layer does not fit, or the layers merely have other names in the run.
    """
    arrays, variables = _read_saved_variables(source, place), collect_variables(network)
    saved, layers = _group_by_layer(arrays), _group_by_layer(variables)
    check_match(f"{place}.layers", "a layer with weights", source.layers, list(layers))
    chosen = {name: layer for name, layer in layers.items() if fnmatchcase(name, source.layers)}
    differences = {name: difference for name, layer in chosen.items() if (difference := _describe_difference(layer, saved.get(name, {})))}
    if differences and (len(differences) == len(chosen) or source.layers != "*"):
        raise UserError(f"{place}: expected a run whose network has {next(iter(differences.values()))}")
    _check_names({name: chosen[name] for name in differences}, {name: saved[name] for name in saved if name not in layers}, source.run, place)
    for path, variable in variables.items():  # the states of seed generators, too, where the run has them
        name = path.split("/", 1)[0]
        if fnmatchcase(name, source.layers) and name not in differences and path in arrays:
            variable.assign(arrays[path])
    return _describe_rest(list(differences.values()), len(chosen), source.run)


def _describe_rest(differences: Sequence[str], count: int, run: str) -> str:
    """Return one line about the layers that did not fit; empty if there is none."""
    if not differences:
        return ""
    more = f"; and {len(differences) - _MAX_LISTED} more" if len(differences) > _MAX_LISTED else ""
    listed = "; ".join(differences[:_MAX_LISTED])
    return f"init_from: {count - len(differences)} of {count} layers begin with the weights of {run}, all but: {listed}{more}"


def _group_by_layer(variables: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return variables, or arrays, by layer and path; without the states of seed generators, which are no weights."""
    layers: dict[str, dict[str, Any]] = {}
    for path, variable in variables.items():
        if not path.endswith(_SEED_STATE):
            layers.setdefault(path.split("/", 1)[0], {})[path] = variable
    return layers


def _describe_difference(variables: Mapping[str, Any], saved: Mapping[str, np.ndarray]) -> str:
    """Describe the first variable of a layer that the run does not have in this shape; empty if the layer fits."""
    for path, variable in variables.items():
        shape = tuple(variable.shape)
        if path not in saved or saved[path].shape != shape:
            there = f"has shape {saved[path].shape}" if path in saved else "is missing"
            return f"{path} of shape {shape}; in the run it {there}"
    return ""


def _check_names(others: Mapping[str, Any], unused: Mapping[str, Any], run: str, place: str) -> None:
    """Refuse layers that do not fit if each has a counterpart of the same shapes, and another name, in the run: then all would fit.

    Raises:
        UserError: One line with the first pair of names.
    """
    shapes = {name: _list_shapes(variables) for name, variables in unused.items()}
    pairs: dict[str, str] = {}
    for name, variables in others.items():
        same = [other for other in shapes if shapes[other] == _list_shapes(variables) and other not in pairs.values()]
        if not same:
            return
        pairs[name] = same[0]
    for name, other in pairs.items():
        raise UserError(
            f"{place}: expected layers of the same names as in {run}, where the shapes of {name!r} are those of {other!r}; "
            f"layers: chooses those that it has"
        )


def _list_shapes(variables: Mapping[str, Any]) -> list[tuple[int, ...]]:
    return sorted(tuple(variable.shape) for variable in variables.values())


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
