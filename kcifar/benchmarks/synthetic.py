"""Random images in place of a recipe's data set, which is neither loaded nor downloaded."""

import math
from dataclasses import dataclass

import numpy as np

from kcifar.datasets.cifar_layouts import CIFAR10, cifar100_with
from kcifar.datasets.dataset import Dataset, Part
from kcifar.planning.plan import Plan
from kcifar.planning.prepared_data import PreparedData

# How long an epoch is, for what depends on it: schedules, and the draws of an augmentation.
TRAINING_IMAGES = 50_000
# Different images are held up to this size; what an update costs does not depend on what they show.
_BYTES = 2**26
_SIDE, _CLASSES = 32, 10


@dataclass(frozen=True)
class ImageKind:
    """What a network must be built for.

    Attributes:
        side: Height and width of the images, in pixels.
        classes: How many classes there are.
        is_known: Whether both are the data set's own; else the data set would have to be read.
    """

    side: int
    classes: int
    is_known: bool

    def __str__(self) -> str:
        return f"{self.side}x{self.side}x3, {self.classes} classes{'' if self.is_known else ' (assumed: --image-size and --classes change it)'}"


def image_kind(plan: Plan, side: int | None, classes: int | None) -> ImageKind:
    """Return the size and the classes of a recipe's images without reading them.

    Args:
        plan: What would run.
        side: The user's own height and width, or None.
        classes: The user's own number of classes, or None.
    """
    arguments = plan.dataset.arguments
    known = {"cifar10": len(CIFAR10.class_names), "digits": 10}
    if plan.dataset.name == "cifar100":
        known["cifar100"] = len(cifar100_with(arguments["labels"]).class_names)
    own_classes, own_side = known.get(plan.dataset.name), arguments.get("image_size", _SIDE if plan.dataset.name in known else None)
    is_known = (side or own_side) is not None and (classes or own_classes) is not None
    return ImageKind(side or own_side or _SIDE, classes or own_classes or _CLASSES, is_known)


def random_data(kind: ImageKind) -> PreparedData:
    """Return 50,000 labelled training images; where they would take more than 64 MiB, fewer that are shown several times an epoch."""
    shape = (kind.side, kind.side, 3)
    count = max(kind.classes, min(TRAINING_IMAGES, _BYTES // math.prod(shape)))
    part = Part(np.random.default_rng(0).integers(0, 256, (count, *shape), np.uint8), np.arange(count) % kind.classes)
    names = tuple(map(str, range(kind.classes)))
    indices = np.arange(TRAINING_IMAGES) % count
    statistics = {"channel_mean": [0.5] * 3, "channel_deviation": [0.29] * 3}  # of uniform values in [0, 1]
    return PreparedData(Dataset("random", names, part), indices, None, np.empty(0, np.int64), statistics)
