"""The batches of an epoch of a stage, as the recipe asks for them: for training, the range test and the preview alike."""

from kcifar.planning.batches import EpochBatches, EpochKey, class_weights, epoch_batches
from kcifar.planning.plan import Plan, StagePlan
from kcifar.planning.prepared_data import PreparedData


def stage_batches(plan: Plan, data: PreparedData, stage: StagePlan, stage_epoch: int, total_epoch: int) -> EpochBatches:
    """Return the batches of one epoch.

    Args:
        plan: What runs.
        data: Its data.
        stage: One of the plan's stages.
        stage_epoch: Epoch of the stage, from 0.
        total_epoch: Completed epochs of the run before it.
    """
    settings, (_, _, channels) = stage.settings, data.dataset.image_shape
    return epoch_batches(
        data.dataset.train,
        data.train_indices,
        EpochKey(plan.recipe.document.seed, stage.index, stage_epoch, total_epoch),
        stage.operations,
        data.num_classes,
        settings.batch_size,
        settings.last_batch,
        sampling=settings.sampling,
        class_weights=class_weights(settings.class_weight, data.dataset.train.labels[data.train_indices], data.num_classes),
        image_shape=(settings.image_size, settings.image_size, channels) if settings.image_size else None,
    )
