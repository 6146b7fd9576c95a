"""The batches of one epoch of a stage, as the recipe asks for them: for training, the range test and the preview alike."""

from collections.abc import Sequence

import numpy as np

from kcifar.planning.batches import EpochBatches, EpochKey
from kcifar.planning.class_weights import list_class_weights
from kcifar.planning.epoch_batches import make_epoch_batches
from kcifar.planning.plan import Plan
from kcifar.planning.prepared_data import PreparedData
from kcifar.planning.stage_plan import StagePlan


def make_stage_batches(plan: Plan, data: PreparedData, stage: StagePlan, stage_epoch: int, total_epoch: int) -> EpochBatches:
    """Return the batches of one epoch.

    Args:
        plan: The run's plan.
        data: The run's data.
        stage: One of the plan's stages.
        stage_epoch: Epoch of the stage, from 0.
        total_epoch: Epoch over all stages, from 0.
    """
    settings, (_, _, channels) = stage.settings, data.dataset.image_shape
    weights = list_class_weights(settings.class_weight, data.dataset.class_names)
    return make_epoch_batches(
        data.dataset.train,
        data.train_indices,
        EpochKey(plan.recipe.document.seed, stage.index, stage_epoch, total_epoch),
        stage.operations,
        data.num_classes,
        settings.batch_size,
        settings.last_batch,
        sampling=settings.sampling,
        class_weights=compute_class_weights(weights, data.dataset.train.labels[data.train_indices], data.num_classes),
        image_shape=(settings.image_size, settings.image_size, channels) if settings.image_size else None,
    )


def compute_class_weights(rule: str | Sequence[float] | None, labels: np.ndarray, num_classes: int) -> np.ndarray | None:
    """Return the weight of each class in the loss, float32 (classes,), or None for none.

    Args:
        rule: "balanced": samples / (classes * samples of the class), as in scikit-learn, so that every class counts the same and the
            mean over the samples is 1; classes without samples are not counted and weigh 0. Or the weights themselves; or None.
        labels: The training images' labels.
        num_classes: Number of classes.
    """
    if rule is None or not isinstance(rule, str):
        return None if rule is None else np.asarray(rule, np.float32)
    counts = np.bincount(labels, minlength=num_classes)
    return np.divide(len(labels) / np.count_nonzero(counts), counts, out=np.zeros(num_classes), where=counts > 0).astype(np.float32)
