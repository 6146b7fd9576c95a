"""Checks of every stage against the network, before the first stage runs."""

from collections.abc import Callable
from typing import Any

from kcifar.core.errors import UserError
from kcifar.engine.initialization import initialize_from_run
from kcifar.engine.network import Shape, build_network, collect_variables
from kcifar.engine.patterns import check_patterns
from kcifar.planning.plan import Plan
from kcifar.planning.stage_plan import StagePlan


def check_stages(network: Any, plan: Plan, image_shape: Shape, num_classes: int, build: Callable[..., Any] = build_network) -> None:
    """Refuse now what would make a later stage fail hours later.

    Args:
        network: As the recipe's `model` describes it.
        plan: The plan of the run.
        image_shape: Shape of the data set's images.
        num_classes: Number of classes in the data set.
        build: Makes the network of a stage: `build_network`; or `sketch_network`, if no stage takes its weights from a run.
    Raises:
        UserError: A pattern that matches nothing, a size or rate that the network does not support or that changes the shape of a weight,
            or initial weights that do not fit.
    """
    check_patterns(network, plan)
    for stage in plan.stages:
        settings = stage.settings
        if settings.image_size or settings.dropout_rate is not None or settings.drop_path_rate is not None:
            _check_variant(network, build(plan, image_shape, num_classes, stage), plan, stage)
        if settings.init_from is not None:
            stage_network = build(plan, image_shape, num_classes, stage)
            initialize_from_run(stage_network, settings.init_from, plan.place(stage, "init_from"))


def _check_variant(network: Any, variant: Any, plan: Plan, stage: StagePlan) -> None:
    """Refuse a stage's network if the shapes of its weights differ from those of the weights it takes over."""
    weights = collect_variables(network)
    for path, variable in collect_variables(variant).items():
        if path in weights and tuple(weights[path].shape) != tuple(variable.shape):
            key = "image_size" if stage.settings.image_size else "dropout_rate"
            raise UserError(
                f"{plan.place(stage, key)}: expected a network whose weights fit every image size, got {plan.model.name!r}: {path} has shape "
                f"{tuple(weights[path].shape)} at first and {tuple(variable.shape)} in this stage"
            )
