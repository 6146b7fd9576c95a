"""Checks of every stage against the network, before the first one runs."""

from typing import Any

from kcifar.core.errors import UserError
from kcifar.engine.initialization import initialize_from_run
from kcifar.engine.network import Shape, build_network, network_variables
from kcifar.engine.patterns import check_patterns
from kcifar.planning.plan import Plan, StagePlan


def check_stages(network: Any, plan: Plan, image_shape: Shape, num_classes: int) -> None:
    """Refuse what a later stage would stumble over hours later.

    Args:
        network: As the recipe's `model` describes it.
        plan: What runs.
        image_shape: Of the data set's images.
        num_classes: Of the data set.
    Raises:
        UserError: A pattern that fits nothing, a size or rate that the network does not admit or that changes a weight's shape, or
            starting weights that do not fit.
    """
    check_patterns(network, plan)
    for stage in plan.stages:
        settings = stage.settings
        weights = settings.class_weight
        if isinstance(weights, list) and len(weights) != num_classes:
            raise UserError(f"{plan.place(stage, 'class_weight')}: expected {num_classes} weights, one a class, got {len(weights)}")
        if settings.image_size or settings.dropout_rate is not None or settings.drop_path_rate is not None:
            _check_variant(network, build_network(plan, image_shape, num_classes, stage), plan, stage)
        if settings.init_from is not None:
            other = build_network(plan, image_shape, num_classes, stage)
            initialize_from_run(other, settings.init_from, plan.place(stage, "init_from"))


def _check_variant(network: Any, variant: Any, plan: Plan, stage: StagePlan) -> None:
    """Refuse a network whose weights have other shapes than those that they move from."""
    weights = network_variables(network)
    for path, variable in network_variables(variant).items():
        if path in weights and tuple(weights[path].shape) != tuple(variable.shape):
            key = "image_size" if stage.settings.image_size else "dropout_rate"
            raise UserError(
                f"{plan.place(stage, key)}: expected a network whose weights fit every image size, got {plan.model.name!r}: {path} is "
                f"{tuple(weights[path].shape)} at first and {tuple(variable.shape)} in this stage"
            )
