"""The network with what stands around it: normalisation in front, softmax behind, augmentation for training alone.

All three models share the layers of the network, so that weights live once:

    inference   float32 images 0..255 -> normalisation -> network -> probabilities      (saved, exported)
    scoring     float32 images 0..255 -> normalisation -> network -> logits             (validation, test)
    training    uint8 images, draws -> augmentation -> normalisation -> network -> logits
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from kcifar.augment.operation import Step
from kcifar.augment.pipeline import compiled_apply, mixing_columns
from kcifar.core.errors import UserError
from kcifar.core.lazy import keras
from kcifar.core.randomness import seeded_weights
from kcifar.models.build import build_within_bounds
from kcifar.planning.plan import Plan, StagePlan

# Images scored at once: 256 of 32x32x64 float32 activations are 67 MB.
SCORING_BATCH = 256

Shape = tuple[int, int, int]


def build_network(plan: Plan, image_shape: tuple[int, int, int], num_classes: int, stage: StagePlan | None = None) -> Any:
    """Build a recipe's network, normalised float32 images to float32 logits; weights and dropout seeds derive from the recipe's seed.

    Args:
        plan: What runs.
        image_shape: Height, width, channels of the data set's images.
        num_classes: Number of logits.
        stage: Builds what this stage trains: at its image size, with its dropout and drop-path rates.
    Raises:
        UserError: The builder refuses its arguments or the images, or the network would be too large.
    """
    arguments = {**plan.model.arguments, **(_rates_of(plan, stage) if stage else {})}
    size = stage.settings.image_size if stage else None
    shape = (size, size, image_shape[2]) if size else image_shape
    place = plan.place(stage, "image_size") if stage and size else plan.recipe.origin.locate(("model",))
    try:
        return build_within_bounds(lambda: _make(plan, arguments, shape, num_classes))
    except UserError as error:
        raise UserError(f"{place}: {error}") from None


def _rates_of(plan: Plan, stage: StagePlan) -> dict[str, float]:
    """Return the builder's arguments that a stage replaces.

    Raises:
        UserError: The network has no such argument.
    """
    rates = {key: getattr(stage.settings, key) for key in ("dropout_rate", "drop_path_rate")}
    given = {key: rate for key, rate in rates.items() if rate is not None}
    for key in given:
        if key not in plan.model.arguments:
            raise UserError(f"{plan.place(stage, key)}: expected a network with an argument {key}, got {plan.model.name!r}, which has none")
    return given


def _make(plan: Plan, arguments: Mapping[str, Any], image_shape: tuple[int, int, int], num_classes: int) -> Any:
    with seeded_weights(plan.recipe.document.seed):
        return plan.model.factory(image_shape, num_classes, **arguments)


def network_variables(network: Any) -> dict[str, Any]:
    """Return a network's variables by a path that is the same in every process.

    Keras' own path will not do for all: the seed generators of dropout layers, and of attention, are numbered through the whole process.
    They, and what does not lie under its layer's name, are called after the layer and their place in it.

    Raises:
        UserError: Two variables share a path; the network's layers are not all named.
    """
    paths = [
        (variable.path if _is_lasting(variable, layer) else f"{layer.name}/{index}/{variable.name}", variable)
        for layer in network.layers
        for index, variable in enumerate(layer.variables)
    ]
    by_path = dict(paths)
    if len(by_path) != len(paths):
        raise UserError(f"model {network.name}: two variables share a path; give every layer a name of its own")
    return by_path


def _is_lasting(variable: Any, layer: Any) -> bool:
    return bool(variable.path.startswith(f"{layer.name}/") and variable.name != "seed_generator_state")


def normalization_layer(kind: str, channel_mean: Sequence[float], channel_deviation: Sequence[float]) -> Any:
    """Return the layer without weights that turns pixels 0..255 into the network's input, in float32.

    Args:
        kind: "unit": to [0, 1]; "standardize": to mean 0 and deviation 1 of each channel; "none": pixels as they are.
        channel_mean: Means of the training part on the scale 0..1, one a channel.
        channel_deviation: Deviations, likewise.
    """
    scale, offset = np.full(3, 1 / 255), np.zeros(3)
    if kind == "standardize":
        deviation = np.maximum(channel_deviation, 1e-6)  # a channel without variation stays finite
        scale, offset = scale / deviation, -np.asarray(channel_mean) / deviation
    elif kind == "none":
        scale = np.ones(3)
    uniform = len(set(scale)) == 1 and not offset.any()
    return keras.layers.Rescaling(
        scale=float(scale[0]) if uniform else scale.tolist(), offset=0.0 if uniform else offset.tolist(), name="normalization", dtype="float32"
    )


def inference_model(network: Any, normalization: Any, image_shape: Shape) -> Any:
    """Return the model that is saved: float32 images 0..255 (batch, height, width, 3) to probabilities (batch, classes).

    Args:
        network: Normalised images of its own size to logits.
        normalization: The layer in front of it.
        image_shape: Of the images that the model takes; they are resized where the network's size differs.
    """
    images = keras.Input(image_shape, name="images", dtype="float32")
    probabilities = keras.layers.Softmax(name="probabilities", dtype="float32")
    logits = network(normalization(_resized(images, network)))
    return keras.Model(images, probabilities(logits), name=f"{network.name}_inference")


def scoring_model(network: Any, normalization: Any, image_shape: Shape) -> Any:
    """Return the model that validation and test use: images as above to logits (batch, classes)."""
    images = keras.Input(image_shape, name="images", dtype="float32")
    return keras.Model(images, network(normalization(_resized(images, network))), name=f"{network.name}_scoring")


def _resized(images: Any, network: Any) -> Any:
    from kcifar.layers import ResizeImages

    height, width, _ = network.input_shape[1:]
    if tuple(images.shape[1:3]) == (height, width):
        return images
    return ResizeImages(height, width, name="resize", dtype="float32")(images)


def predict(model: Any, images: np.ndarray, indices: np.ndarray) -> np.ndarray:
    """Return a model's outputs for some images, float32 (len(indices), classes).

    Args:
        model: Takes float32 pixels 0..255.
        images: uint8 (count, height, width, 3); never copied as a whole.
        indices: Which of them, in the order of the result.
    """
    # The last chunk is filled up with the first images, so that no second program is compiled for its length.
    size = min(SCORING_BATCH, len(indices))
    filled = np.resize(indices, -(-len(indices) // size) * size)
    chunks = [filled[first : first + size] for first in range(0, len(filled), size)]
    return np.concatenate([np.asarray(model.predict_on_batch(images[chunk].astype(np.float32)), np.float32) for chunk in chunks])[: len(indices)]


def training_model(network: Any, normalization: Any, steps: Sequence[Step], image_shape: Shape, kind: Any) -> Any:
    """Return the model that is trained, a dictionary of what `Batch` holds to logits (batch, classes).

    Its inputs are "images" uint8 and "draws" float32 (batch, draws), and, where a step mixes, "partners" and "partner_draws" like them.

    Args:
        network: Normalised images of its own size to logits.
        normalization: The layer in front of it.
        steps: The augmentation.
        image_shape: Of the images that it takes.
        kind: The model's class, `keras.Model` or a subclass.
    """
    names = [("images", "draws"), ("partners", "partner_draws")] if mixing_columns(steps) else [("images", "draws")]
    inputs: dict[str, Any] = {}
    for images, draws in names:
        inputs[images] = keras.Input(image_shape, name=images, dtype="uint8")
        inputs[draws] = keras.Input((sum(step.num_draws for step in steps),), name=draws, dtype="float32")
    height, width, _ = network.input_shape[1:]
    apply = compiled_apply(steps, None if (height, width) == tuple(image_shape[:2]) else (height, width))
    augmentation = keras.layers.Lambda(
        lambda given: apply(*(given[name] for name in inputs)), output_shape=network.input_shape[1:], dtype="float32", name="augmentation"
    )
    return kind(inputs, network(normalization(augmentation(inputs))), name=f"{network.name}_training")
