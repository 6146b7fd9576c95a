"""Checks that every stage makes at least one update with the data at hand."""

from kcifar.core.errors import UserError
from kcifar.planning.plan import Plan


def check_updates(plan: Plan, num_images: int) -> None:
    """Refuse a stage that would train on all of its batches and change nothing.

    Groups of `accumulate` batches run on from epoch to epoch; only those left at the end of a stage make no update.

    Args:
        plan: The plan of the run.
        num_images: Training images per epoch.
    Raises:
        UserError: A stage accumulates the gradients of more batches than it has.
    """
    for stage in plan.stages:
        batches, accumulate = stage.epochs * stage.batches_per_epoch(num_images), stage.settings.accumulate
        if accumulate > batches:
            place = plan.place(stage, "accumulate")
            raise UserError(f"{place}: expected at most {batches:,}, the number of batches of stage {stage.name!r}, got {accumulate:,}: no update")
