"""The network and the three models around it: normalization before it, softmax after it, augmentation only for training.

All three models share the layers of the network, so each weight exists once:

    inference   float32 images 0..255 -> normalization -> network -> probabilities      (saved, exported)
    scoring     float32 images 0..255 -> normalization -> network -> logits             (validation, test)
    training    uint8 images, draws -> augmentation -> normalization -> network -> logits
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from kcifar.augment.operation import Step
from kcifar.augment.pipeline import compile_apply, find_mixing
from kcifar.core.errors import UserError
from kcifar.core.keras_internals import is_seed_state
from kcifar.core.lazy import keras
from kcifar.core.randomness import seed_weights
from kcifar.models.build import build_within_bounds, sketch_within_bounds
from kcifar.planning.plan import Plan
from kcifar.planning.stage_plan import StagePlan

# Images scored in one batch: 256 of 32x32x64 float32 activations are 67 MB.
SCORING_BATCH = 256

Shape = tuple[int, int, int]


def build_network(plan: Plan, image_shape: tuple[int, int, int], num_classes: int, stage: StagePlan | None = None) -> Any:
    """Build a recipe's network, from normalized float32 images to float32 logits; its weights and dropout seeds derive from the recipe's seed.

    Args:
        plan: The plan of the run.
        image_shape: Height, width, channels of the data set's images.
        num_classes: Number of logits.
        stage: The stage whose image size, dropout rate and drop-path rate apply; None for the model's own.
    Raises:
        UserError: The builder refuses its arguments or the image shape, or the network is too large.
    """
    return _finish_network(build_within_bounds, plan, image_shape, num_classes, stage)


def sketch_network(plan: Plan, image_shape: tuple[int, int, int], num_classes: int, stage: StagePlan | None = None) -> Any:
    """Return the network of `build_network` with weights that have shapes and no values; arguments and errors are the same."""
    return _finish_network(sketch_within_bounds, plan, image_shape, num_classes, stage)


def _finish_network(
    finish: Callable[[Callable[[], Any]], Any], plan: Plan, image_shape: tuple[int, int, int], num_classes: int, stage: StagePlan | None
) -> Any:
    """Check a stage's arguments, and let `finish` call the builder."""
    arguments = {**plan.model.arguments, **(_find_replaced_rates(plan, stage) if stage else {})}
    size = stage.settings.image_size if stage else None
    shape = (size, size, image_shape[2]) if size else image_shape
    place = plan.place(stage, "image_size") if stage and size else plan.recipe.origin.locate(("model",))
    try:
        return finish(lambda: _make_network(plan, arguments, shape, num_classes))
    except UserError as error:
        raise UserError(f"{place}: {error}") from None


def _find_replaced_rates(plan: Plan, stage: StagePlan) -> dict[str, float]:
    """Return the builder's arguments that a stage sets.

    Raises:
        UserError: The network has no such argument.
    """
    rates = {key: getattr(stage.settings, key) for key in ("dropout_rate", "drop_path_rate")}
    replaced = {key: rate for key, rate in rates.items() if rate is not None}
    for key in replaced:
        if key not in plan.model.arguments:
            raise UserError(f"{plan.place(stage, key)}: expected a network with an argument {key}, got {plan.model.name!r}, which has none")
    return replaced


def _make_network(plan: Plan, arguments: Mapping[str, Any], image_shape: tuple[int, int, int], num_classes: int) -> Any:
    with seed_weights(plan.recipe.document.seed):
        return plan.model.factory(image_shape, num_classes, **arguments)


def collect_variables(network: Any) -> dict[str, Any]:
    """Return a network's variables by a path that is the same in every process.

    Keras' own path does not always qualify: it numbers the seed generators of dropout and attention layers throughout the process.
    For these, and for variables whose path does not begin with their layer's name, the path is the layer's name and their index in it.

    Raises:
        UserError: Two variables share a path because the network's layers are not all named.
    """
    paths = [
        (variable.path if _has_lasting_path(variable, layer) else f"{layer.name}/{index}/{variable.name}", variable)
        for layer in network.layers
        for index, variable in enumerate(layer.variables)
    ]
    by_path = dict(paths)
    if len(by_path) != len(paths):
        raise UserError(f"model {network.name}: two variables share a path; give every layer a unique name")
    return by_path


def _has_lasting_path(variable: Any, layer: Any) -> bool:
    return variable.path.startswith(f"{layer.name}/") and not is_seed_state(variable)


def make_normalization(kind: str, channel_mean: Sequence[float], channel_deviation: Sequence[float]) -> Any:
    """Return the layer, without weights, that turns pixels 0..255 into the network's input, in float32.

    Args:
        kind: "unit": to [0, 1]; "standardize": to mean 0 and standard deviation 1 of each channel; "none": pixels as they are.
        channel_mean: Means of the training images on the scale 0..1, one per channel.
        channel_deviation: Their standard deviations on the same scale.
    """
    scale, offset = np.full(3, 1 / 255), np.zeros(3)
    if kind == "standardize":
        deviation = np.maximum(channel_deviation, 1e-6)  # keeps a constant channel finite
        scale, offset = scale / deviation, -np.asarray(channel_mean) / deviation
    elif kind == "none":
        scale = np.ones(3)
    uniform = len(set(scale)) == 1 and not offset.any()
    return keras.layers.Rescaling(
        scale=float(scale[0]) if uniform else scale.tolist(), offset=0.0 if uniform else offset.tolist(), name="normalization", dtype="float32"
    )


def make_inference_model(network: Any, normalization: Any, image_shape: Shape) -> Any:
    """Return the model that is saved: float32 images 0..255 (batch, height, width, 3) to probabilities (batch, classes).

    Args:
        network: Normalized images of its own size to logits.
        normalization: The layer before it.
        image_shape: Shape of the images that the model takes; they are resized if the network's size differs.
    """
    images = keras.Input(image_shape, name="images", dtype="float32")
    probabilities = keras.layers.Softmax(name="probabilities", dtype="float32")
    logits = network(normalization(_resize(images, network)))
    return keras.Model(images, probabilities(logits), name=f"{network.name}_inference")


def make_scoring_model(network: Any, normalization: Any, image_shape: Shape) -> Any:
    """Return the model for validation and test: images as in `make_inference_model` to logits (batch, classes)."""
    images = keras.Input(image_shape, name="images", dtype="float32")
    return keras.Model(images, network(normalization(_resize(images, network))), name=f"{network.name}_scoring")


def _resize(images: Any, network: Any) -> Any:
    from kcifar.layers import ResizeImages

    height, width, _ = network.input_shape[1:]
    if tuple(images.shape[1:3]) == (height, width):
        return images
    return ResizeImages(height, width, name="resize", dtype="float32")(images)


def predict(model: Any, images: np.ndarray, indices: np.ndarray) -> np.ndarray:
    """Return a model's outputs for some images, float32 (len(indices), classes).

    Args:
        model: Takes float32 pixels 0..255.
        images: uint8 (count, height, width, 3); copied batch by batch only.
        indices: Which images, in the order of the result.
    """
    # The last chunk is padded with the first images, so that no second program is compiled for its length.
    size = min(SCORING_BATCH, len(indices))
    padded = np.resize(indices, -(-len(indices) // size) * size)
    chunks = [padded[first : first + size] for first in range(0, len(padded), size)]
    return np.concatenate([np.asarray(model.predict_on_batch(images[chunk].astype(np.float32)), np.float32) for chunk in chunks])[: len(indices)]


def make_training_model(network: Any, normalization: Any, steps: Sequence[Step], image_shape: Shape, kind: Any) -> Any:
    """Return the model that is trained, from a dictionary of a batch's arrays to logits (batch, classes).

    Its inputs are "images" uint8 and "draws" float32 (batch, draws) and, if a step mixes images, "partners" and "partner_draws" of the same form.

    Args:
        network: Normalized images of its own size to logits.
        normalization: The layer before it.
        steps: The augmentation.
        image_shape: Shape of the images that the model takes.
        kind: The model's class, `keras.Model` or a subclass.
    """
    names = [("images", "draws"), ("partners", "partner_draws")] if find_mixing(steps) else [("images", "draws")]
    inputs: dict[str, Any] = {}
    for images, draws in names:
        inputs[images] = keras.Input(image_shape, name=images, dtype="uint8")
        inputs[draws] = keras.Input((sum(step.num_draws for step in steps),), name=draws, dtype="float32")
    height, width, _ = network.input_shape[1:]
    apply = compile_apply(steps, None if (height, width) == tuple(image_shape[:2]) else (height, width))
    augmentation = keras.layers.Lambda(
        lambda tensors: apply(*(tensors[name] for name in inputs)), output_shape=network.input_shape[1:], dtype="float32", name="augmentation"
    )
    return kind(inputs, network(normalization(augmentation(inputs))), name=f"{network.name}_training")
