"""Networks by name: checked, sketched without memory, built."""

from collections.abc import Callable
from typing import Any

from kcifar.core.checks import checked_arguments
from kcifar.core.errors import UserError
from kcifar.core.lazy import keras
from kcifar.models import MODELS

# 2 GB of float32 weights; training with Adam holds four times that.
MAX_PARAMETERS = 500_000_000
SUPPLIED = ("image_shape", "num_classes")


def build_model(name: str, image_shape: tuple[int, int, int], num_classes: int, **arguments: Any) -> Any:
    """Build a registered network, random weights and all.

    Args:
        name: As a recipe's `model.name`; `python -m kcifar.models` lists all.
        image_shape: Height, width, channels.
        num_classes: Number of logits, > 0.
        arguments: The builder's own, as a recipe gives them.
    Returns:
        keras.Model: normalised float32 images (batch, *image_shape) to float32 logits (batch, num_classes).
    Raises:
        UserError: No such network, an argument out of range, an image size that it cannot take, a network too large to hold.
    Example:
        >>> build_model("lenet", (32, 32, 3), 10).count_params()
        62006
    """
    return build_within_bounds(model_maker(name, image_shape, num_classes, **arguments))


def sketch_model(name: str, image_shape: tuple[int, int, int], num_classes: int, **arguments: Any) -> Any:
    """Return the network as `build_model` does, but for its weights, which have shapes and no values: for summaries and pictures."""
    return sketch(model_maker(name, image_shape, num_classes, **arguments))


def model_maker(name: str, image_shape: tuple[int, int, int], num_classes: int, **arguments: Any) -> Callable[[], Any]:
    """Return the call that builds a network, everything that a user gives checked."""
    factory = MODELS.get(name)
    for title, number in [*zip(("height", "width", "channels"), image_shape, strict=True), ("num_classes", num_classes)]:
        if number < 1:
            raise UserError(f"{name}: {title}: expected an integer > 0, got {number}")
    values = checked_arguments(factory, arguments, (), lambda path: name, SUPPLIED)
    return lambda: factory(image_shape, num_classes, **values)


def build_within_bounds(make: Callable[[], Any]) -> Any:
    """Call a builder if a sketch of what it builds is not too large.

    Raises:
        UserError: It has more than `MAX_PARAMETERS`.
    """
    drawn = sketch(make)
    parameters = drawn.count_params()
    if parameters > MAX_PARAMETERS:
        raise UserError(f"{drawn.name}: expected a network of at most {MAX_PARAMETERS:,} parameters, got {parameters:,}")
    return make()


def sketch(make: Callable[[], Any]) -> Any:
    """Call a builder in a scope where Keras gives its variables shapes and no values, so that no size takes memory."""
    from keras.src.backend.common import global_state  # Keras keeps a list of such variables, and would fill them at its next scope

    waiting = list(global_state.get_global_attribute("uninitialized_variables", []))
    try:
        with keras.StatelessScope(initialize_variables=False):
            return make()
    finally:
        global_state.set_global_attribute("uninitialized_variables", waiting)
