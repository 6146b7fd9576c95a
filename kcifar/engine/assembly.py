"""Builds a recipe's training loop: its network, checked against every stage, and the normalization in front of it."""

from kcifar.engine.backend import use_dtype_policy
from kcifar.engine.network import build_network, make_normalization
from kcifar.engine.stage_checks import check_stages
from kcifar.engine.training_loop import TrainingLoop
from kcifar.planning.plan import Plan
from kcifar.planning.prepared_data import PreparedData
from kcifar.planning.update_counts import check_updates


def build_training_loop(plan: Plan, data: PreparedData, precision: str, min_updates: int = 1) -> TrainingLoop:
    """Build a recipe's network and the loop that trains it; a backend must be loaded.

    Args:
        plan: The plan of the run.
        data: Its data.
        precision: The dtype policy.
        min_updates: Minimum length of the loop's schedule tables, in updates; they are at least as long as the longest stage.
    Raises:
        UserError: A stage's setting that does not fit the network.
    """
    shape, classes, description = data.dataset.image_shape, data.num_classes, data.description
    with use_dtype_policy(precision):
        network = build_network(plan, shape, classes)
        check_stages(network, plan, shape, classes)
        check_updates(plan, len(data.train_indices))
        kind = plan.recipe.document.input.normalization
        normalization = make_normalization(kind, description["channel_mean"], description["channel_deviation"])
        # Computes every schedule of every stage once, so that durations that do not fit are refused now.
        longest = max(min_updates, *(len(stage.values(len(data.train_indices))["learning_rate"]) for stage in plan.stages))
        return TrainingLoop(network, normalization, longest, precision, lambda stage: build_network(plan, shape, classes, stage))


def restart_training_loop(loop: TrainingLoop, plan: Plan, data: PreparedData, precision: str) -> None:
    """Make a loop ready for another seed of the recipe that it was built for; the programs that it compiled are used again.

    Args:
        loop: From `build_training_loop`, with a recipe that differs in the seed alone.
        plan: The plan of the next run.
        data: The data of both.
        precision: The dtype policy of both.
    """
    with use_dtype_policy(precision):
        loop.restart(build_network(plan, data.dataset.image_shape, data.num_classes))
