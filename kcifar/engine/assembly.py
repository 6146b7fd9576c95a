"""A recipe's driver: its network, checked against every stage, with all that stands around it."""

from kcifar.engine.backend import dtype_policy
from kcifar.engine.driver import EpochDriver
from kcifar.engine.network import build_network, normalization_layer
from kcifar.engine.stage_checks import check_stages
from kcifar.planning.plan import Plan
from kcifar.planning.prepared_data import PreparedData


def assemble_driver(plan: Plan, data: PreparedData, precision: str, least_updates: int = 1) -> EpochDriver:
    """Build a recipe's network and the driver that trains it; a backend must be loaded.

    Args:
        plan: What runs.
        data: Its data.
        precision: The dtype policy.
        least_updates: How many updates there is room for in its tables at least; else as many as the longest stage has.
    Raises:
        UserError: What a stage asks for and the network does not admit.
    """
    from kcifar.engine.loop import LoopDriver  # imports the backend, which `load_backend` has checked and quietened

    shape, classes, description = data.dataset.image_shape, data.num_classes, data.description
    with dtype_policy(precision):
        network = build_network(plan, shape, classes)
        check_stages(network, plan, shape, classes)
        kind = plan.recipe.document.input.normalization
        normalization = normalization_layer(kind, description["channel_mean"], description["channel_deviation"])
        # Every schedule of every stage is tabulated once, so that lengths that do not fit are refused now.
        longest = max(least_updates, *(len(stage.values(len(data.train_indices))["learning_rate"]) for stage in plan.stages))
        return LoopDriver(network, normalization, longest, precision, lambda stage: build_network(plan, shape, classes, stage))
