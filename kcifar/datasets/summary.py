"""The summary of a data set: counts, class balance, channel statistics, checksum."""

from typing import Any

import numpy as np

from kcifar.datasets.checksum import compute_content_sha256
from kcifar.datasets.class_checks import describe_missing_classes
from kcifar.datasets.dataset import Dataset
from kcifar.datasets.statistics import compute_channel_statistics, count_classes


def summarize_dataset(dataset: Dataset) -> dict[str, Any]:
    """Return plain containers: `name`, `image_shape`, `class_names`, `counts`, `class_counts`, `channel_mean`, …

    `notes` say what is unusual, classes without images among it. Means and standard deviations are those of the train split, on the
    scale 0..1, in the order red, green, blue.
    """
    splits = dataset.splits()
    labels = {name: split.labels for name, split in splits.items()}
    mean, deviation = compute_channel_statistics(dataset.train.images, np.arange(len(dataset.train)))
    return {
        "name": dataset.name,
        "image_shape": list(dataset.image_shape),
        "class_names": list(dataset.class_names),
        "counts": {name: len(split) for name, split in splits.items()},
        "class_counts": {name: count_classes(split.labels, len(dataset.class_names)).tolist() for name, split in splits.items()},
        "channel_mean": mean.tolist(),
        "channel_deviation": deviation.tolist(),
        "content_sha256": compute_content_sha256(dataset),
        "notes": [*dataset.notes, *describe_missing_classes(dataset.class_names, labels)],
    }
