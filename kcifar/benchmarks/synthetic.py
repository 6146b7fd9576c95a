"""Random images that replace a recipe's data set, which is neither loaded nor downloaded."""

import math
from dataclasses import dataclass

import numpy as np

from kcifar.core.option_names import name_option
from kcifar.datasets.cifar_layouts import CIFAR10, describe_cifar100
from kcifar.datasets.dataset import Dataset, Split
from kcifar.planning.plan import Plan
from kcifar.planning.prepared_data import PreparedData

# The length of an epoch, on which schedules and the draws of an augmentation depend.
TRAINING_IMAGES = 50_000
# Distinct images take up to this size; the cost of an update does not depend on what they show.
_BYTES = 2**26
_SIDE, _CLASSES = 32, 10


@dataclass(frozen=True)
class ImageKind:
    """The images that a network is built for.

    Attributes:
        side: Height and width of the images, in pixels.
        classes: How many classes there are.
        is_known: Whether both are known to be the data set's; to know more, the data set would have to be read.
    """

    side: int
    classes: int
    is_known: bool

    def __str__(self) -> str:
        options = f"{name_option('image-size')} and {name_option('classes')}"
        return f"{self.side}x{self.side}x3, {self.classes} classes{'' if self.is_known else f' (assumed; set {options} to change this)'}"


def find_image_kind(plan: Plan, side: int | None, classes: int | None) -> ImageKind:
    """Return the size and the classes of a recipe's images without reading them.

    Args:
        plan: What would run.
        side: Height and width that the user sets, or None.
        classes: Number of classes that the user sets, or None.
    """
    arguments = plan.dataset.arguments
    known = {"cifar10": len(CIFAR10.class_names), "digits": 10}
    if plan.dataset.name == "cifar100":
        known["cifar100"] = len(describe_cifar100(arguments["labels"]).class_names)
    known_side = arguments.get("image_size", _SIDE if plan.dataset.name in known else None)
    side, classes = side or known_side, classes or known.get(plan.dataset.name)
    return ImageKind(side or _SIDE, classes or _CLASSES, is_known=side is not None and classes is not None)


def make_random_data(kind: ImageKind) -> PreparedData:
    """Return 50,000 labeled training images; if they would take more than 64 MiB, fewer that are shown several times per epoch."""
    shape = (kind.side, kind.side, 3)
    count = max(kind.classes, min(TRAINING_IMAGES, _BYTES // math.prod(shape)))
    part = Split(np.random.default_rng(0).integers(0, 256, (count, *shape), np.uint8), np.arange(count) % kind.classes)
    names = tuple(map(str, range(kind.classes)))
    indices = np.arange(TRAINING_IMAGES) % count
    statistics = {"channel_mean": [0.5] * 3, "channel_deviation": [0.29] * 3}  # of uniform values in [0, 1]
    return PreparedData(Dataset("random", names, part), indices, None, np.empty(0, np.int64), statistics)
