"""The network with what stands around it: normalisation in front, softmax behind, augmentation for training alone.

All three models share the layers of the network, so that weights live once:

    inference   float32 images 0..255 -> normalisation -> network -> probabilities      (saved, exported)
    scoring     float32 images 0..255 -> normalisation -> network -> logits             (validation, test)
    training    uint8 images, draws -> augmentation -> normalisation -> network -> logits
"""

from collections.abc import Sequence
from fnmatch import fnmatchcase
from typing import Any

import numpy as np

from kcifar.augment.operation import Operation
from kcifar.augment.pipeline import compiled_apply
from kcifar.errors import UserError
from kcifar.lazy import keras
from kcifar.models.build import build_within_bounds
from kcifar.plan import Plan
from kcifar.randomness import seeded_weights
from kcifar.recipe import Penalty

# Images scored at once: 256 of 32x32x64 float32 activations are 67 MB.
SCORING_BATCH = 256


def build_network(plan: Plan, image_shape: tuple[int, int, int], num_classes: int) -> Any:
    """Build a recipe's network, normalised float32 images to float32 logits; weights and dropout seeds derive from the recipe's seed.

    Args:
        plan: What runs.
        image_shape: Height, width, channels.
        num_classes: Number of logits.
    Raises:
        UserError: The builder refuses its arguments or the images, or the network would be too large.
    """
    try:
        return build_within_bounds(lambda: _make(plan, image_shape, num_classes))
    except UserError as error:
        raise UserError(f"{plan.recipe.origin.locate(('model',))}: {error}") from None


def _make(plan: Plan, image_shape: tuple[int, int, int], num_classes: int) -> Any:
    with seeded_weights(plan.recipe.document.seed):
        return plan.model.make(image_shape, num_classes)


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


def inference_model(network: Any, normalization: Any) -> Any:
    """Return the model that is saved: float32 images 0..255 (batch, height, width, 3) to probabilities (batch, classes)."""
    images = keras.Input(network.input_shape[1:], name="images", dtype="float32")
    probabilities = keras.layers.Softmax(name="probabilities", dtype="float32")
    return keras.Model(images, probabilities(network(normalization(images))), name=f"{network.name}_inference")


def scoring_model(network: Any, normalization: Any) -> Any:
    """Return the model that validation and test use: images as above to logits (batch, classes)."""
    images = keras.Input(network.input_shape[1:], name="images", dtype="float32")
    return keras.Model(images, network(normalization(images)), name=f"{network.name}_scoring")


def predict(model: Any, images: np.ndarray, indices: np.ndarray) -> np.ndarray:
    """Return a model's outputs for some images, float32 (len(indices), classes).

    Args:
        model: Takes float32 pixels 0..255.
        images: uint8 (count, height, width, 3); never copied as a whole.
        indices: Which of them, in the order of the result.
    """
    chunks = [indices[first : first + SCORING_BATCH] for first in range(0, len(indices), SCORING_BATCH)]
    return np.concatenate([np.asarray(model.predict_on_batch(images[chunk].astype(np.float32)), np.float32) for chunk in chunks])


def training_model(network: Any, normalization: Any, operations: Sequence[Operation]) -> Any:
    """Return the model that `fit` trains: {"images": uint8, "draws": float32 (batch, draws)} to logits (batch, classes)."""
    images = keras.Input(network.input_shape[1:], name="images", dtype="uint8")
    draws = keras.Input((sum(operation.num_draws for operation in operations),), name="draws", dtype="float32")
    apply = compiled_apply(operations)
    augmentation = keras.layers.Lambda(
        lambda inputs: apply(inputs["images"], inputs["draws"]), output_shape=network.input_shape[1:], dtype="float32", name="augmentation"
    )
    augmented = augmentation({"images": images, "draws": draws})
    return keras.Model({"images": images, "draws": draws}, network(normalization(augmented)), name=f"{network.name}_training")


def check_penalties(network: Any, plan: Plan) -> None:
    """Try every stage's penalty, so that a pattern that fits nothing is refused before the first stage and not hours later.

    Raises:
        UserError: See `set_penalty`.
    """
    for stage in plan.stages:
        set_penalty(network, stage.l2, plan.place(stage, "l2", "layers"))


def set_penalty(network: Any, penalty: Penalty | None, place: str) -> None:
    """Put an L2 penalty on the kernels of the layers whose name fits the pattern, and on no other.

    The regulariser is set on the variable: setting `layer.kernel_regularizer` after the layer is built has no effect. Kernels of
    frozen layers (a whitening that was set from the data) are left out: their penalty would be a constant in the reported loss.

    Args:
        network: The network.
        penalty: Strength (of the sum of squares) and pattern; None for no penalty.
        place: Where the recipe says so, for the message.
    Raises:
        UserError: The pattern fits no layer with a trained kernel.
    """
    # By the variable's name, not the layer's attribute: attention holds four kernels in layers of its own.
    kernels = [(layer.name, variable) for layer in network.layers for variable in layer.trainable_variables if variable.name == "kernel"]
    chosen = {name for name, _ in kernels if penalty is not None and fnmatchcase(name, penalty.layers)}
    if penalty is not None and not chosen:
        raise UserError(f"{place}: expected a pattern that fits a layer with a kernel, such as {kernels[0][0]!r}, got {penalty.layers!r}")
    for name, kernel in kernels:
        kernel.regularizer = keras.regularizers.L2(penalty.value) if penalty is not None and name in chosen else None
