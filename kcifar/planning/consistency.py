"""Checks of keys that are valid one by one but do not fit each other."""

from collections.abc import Sequence
from itertools import pairwise

from kcifar.augment.operation import is_mixing
from kcifar.core.errors import UserError
from kcifar.core.mistakes import Mistakes
from kcifar.planning.stage_plan import StagePlan
from kcifar.recipe.load import Recipe


def check_consistency(recipe: Recipe, stages: Sequence[StagePlan], mistakes: Mistakes) -> None:
    """Collect settings that do not fit each other.

    Args:
        recipe: The recipe.
        stages: Its stages; those with mistakes of their own are left out, as one of the settings may be the mistake.
        mistakes: Collects one line for each key that does not fit.
    """
    for stage in stages:
        for key, check in (("augmentation", _check_mixing), ("momentum", _check_momentum), ("optimizer", _check_weight_decay)):
            with mistakes.collect(recipe.stage_path(stage.index, key)):
                check(recipe, stage)
        _check_monitors(recipe, stage, mistakes)
    for previous, stage in pairwise(stages):
        with mistakes.collect(recipe.stage_path(stage.index, "optimizer_state")):
            _check_optimizer_state(recipe, previous, stage)


def _check_mixing(recipe: Recipe, stage: StagePlan) -> None:
    """Refuse a second step that mixes images: it would need a partner of the partner."""
    mixing = [part.name for part, step in zip(stage.augmentation, stage.operations, strict=True) if is_mixing(step)]
    if len(mixing) > 1:
        place = recipe.origin.place(recipe.stage_path(stage.index, "augmentation"))
        raise UserError(f"{place}: expected at most one step that mixes images (one_of chooses between several), got {', '.join(mixing)}")


def _check_optimizer_state(recipe: Recipe, previous: StagePlan, stage: StagePlan) -> None:
    """Refuse to keep the state of one optimizer for another: their numbers mean different things."""
    follows = stage.index == previous.index + 1
    if follows and stage.settings.optimizer_state == "keep" and stage.optimizer.name != previous.optimizer.name:
        place = recipe.origin.place(recipe.stage_path(stage.index, "optimizer_state"))
        raise UserError(f"{place}: 'keep' needs the previous stage's optimizer, {previous.optimizer.name!r}, got {stage.optimizer.name!r}")


def _check_monitors(recipe: Recipe, stage: StagePlan, mistakes: Mistakes) -> None:
    """Refuse to monitor a validation column that no epoch will have."""
    if recipe.document.dataset is None or recipe.document.dataset.validation:
        return
    plateau = stage.schedules["learning_rate"].part.arguments.get("monitor", "")
    for key, monitor in (("early_stopping", getattr(stage.settings.early_stopping, "monitor", "")), ("learning_rate", plateau)):
        path = (*recipe.stage_path(stage.index, key), "monitor")
        with mistakes.collect(path):
            if monitor.startswith("val_"):
                raise UserError(f"{recipe.origin.place(path)}: {monitor!r} needs a validation split, got dataset.validation: 0")


def _check_momentum(recipe: Recipe, stage: StagePlan) -> None:
    """Refuse to schedule the momentum of an optimizer that has none."""
    if "momentum" in stage.schedules and not {"momentum", "beta_1"} & stage.optimizer.arguments.keys():
        place = recipe.origin.place(recipe.stage_path(stage.index, "momentum"))
        raise UserError(f"{place}: expected an optimizer with momentum or beta_1, got {stage.optimizer.name!r}")


def _check_weight_decay(recipe: Recipe, stage: StagePlan) -> None:
    """Refuse AdamW without weight decay: it would be Adam."""
    if stage.optimizer.name == "adamw" and stage.settings.weight_decay is None:
        place = recipe.origin.place(recipe.stage_path(stage.index, "optimizer"))
        raise UserError(f"{place}: 'adamw' needs the stage's weight_decay, such as weight_decay: 0.05 (without decay: 'adam'), got none")
