"""Networks by name: their arguments checked, sketched without memory, built."""

from collections.abc import Callable
from typing import Any

from kcifar.core.checks import checked_arguments
from kcifar.core.errors import UserError
from kcifar.core.keras_internals import drop_uninitialized_variables
from kcifar.core.lazy import keras
from kcifar.models import MODELS

# 2 GB of float32 weights; training with Adam needs four times that.
MAX_PARAMETERS = 500_000_000


def build_model(name: str, image_shape: tuple[int, int, int], num_classes: int, **arguments: Any) -> Any:
    """Build a registered network with random weights.

    Args:
        name: As in a recipe's `model.name`; `python -m kcifar.models` lists all.
        image_shape: Height, width, channels.
        num_classes: Number of logits, > 0.
        arguments: The network's own arguments, as in a recipe.
    Returns:
        keras.Model from normalized float32 images (batch, *image_shape) to float32 logits (batch, num_classes).
    Raises:
        UserError: No such network, an argument out of range, an image size that it cannot process, or a network too large for memory.
    Example:
        >>> build_model("lenet", (32, 32, 3), 10).count_params()
        62006
    """
    return build_within_bounds(make_builder(name, image_shape, num_classes, **arguments))


def sketch_model(name: str, image_shape: tuple[int, int, int], num_classes: int, **arguments: Any) -> Any:
    """Return the network of `build_model`, except that its weights have shapes and no values: for summaries and pictures."""
    return sketch(make_builder(name, image_shape, num_classes, **arguments))


def make_builder(name: str, image_shape: tuple[int, int, int], num_classes: int, **arguments: Any) -> Callable[[], Any]:
    """Check everything that a user gives, and return the call that builds the network."""
    factory = MODELS.get(name)
    for title, number in [*zip(("height", "width", "channels"), image_shape, strict=True), ("num_classes", num_classes)]:
        if number < 1:
            raise UserError(f"{name}: {title}: expected an integer > 0, got {number}")
    values = checked_arguments(factory, arguments, (), lambda path: name, MODELS.supplied)
    return lambda: factory(image_shape, num_classes, **values)


def build_within_bounds(build: Callable[[], Any]) -> Any:
    """Build a network unless a sketch of it is too large.

    Raises:
        UserError: It has more than `MAX_PARAMETERS`.
    """
    sketch_within_bounds(build)
    return build()


def sketch_within_bounds(build: Callable[[], Any]) -> Any:
    """Return a sketch of a network; errors as in `build_within_bounds`."""
    network = sketch(build)
    parameters = network.count_params()
    if parameters > MAX_PARAMETERS:
        raise UserError(f"{network.name}: expected a network of at most {MAX_PARAMETERS:,} parameters, got {parameters:,}")
    return network


def sketch(build: Callable[[], Any]) -> Any:
    """Build a network in a scope where Keras gives its variables shapes and no values, so that any size takes no memory."""
    with drop_uninitialized_variables(), keras.StatelessScope(initialize_variables=False):
        return build()
