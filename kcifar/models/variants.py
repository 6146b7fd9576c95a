"""Named variants of one builder: `resnet20`, `resnet32`, … are `cifar_resnet` with fixed depths."""

import inspect
from typing import Any

from kcifar.core.registry import Factory
from kcifar.models import MODELS


def register_variant(name: str, builder: Factory, **fixed: Any) -> Factory:
    """Register a family's builder with some of its arguments fixed, under the name that the paper uses.

    Args:
        name: Name of the variant, and of the networks that it builds.
        builder: `def builder(name, image_shape, num_classes, *, …)`; its annotations and defaults are the variant's contract.
        fixed: The arguments that define the variant; a recipe cannot change them, because the network would no longer be that variant.
    Returns:
        The registered function of `image_shape`, `num_classes` and the builder's other arguments.
    """
    signature = inspect.signature(builder, eval_str=True)
    unknown = fixed.keys() - signature.parameters.keys()
    if unknown:
        raise ValueError(f"{name}: {builder.__name__} has no argument {', '.join(sorted(unknown))}")

    def build(image_shape: tuple[int, int, int], num_classes: int, **options: Any) -> Any:
        return builder(name, image_shape, num_classes, **fixed, **options)

    free = [parameter for parameter in signature.parameters.values() if parameter.name not in {"name", *fixed}]
    build.__signature__ = signature.replace(parameters=free)  # type: ignore[attr-defined]  # read by inspect.signature
    build.__name__ = build.__qualname__ = name
    build.__module__, build.__doc__ = builder.__module__, builder.__doc__
    return MODELS.register(name)(build)
