"""Settings that a stage applies to layers and variables by name patterns: penalties, frozen layers, rates; all checked beforehand."""

from collections.abc import Collection
from fnmatch import fnmatchcase
from typing import Any

from kcifar.core.errors import UserError
from kcifar.core.keras_internals import is_seed_state, set_regularizer
from kcifar.core.lazy import keras, tensorflow
from kcifar.engine.name_patterns import check_match
from kcifar.engine.optimizer import find_layer_name
from kcifar.planning.plan import Plan
from kcifar.planning.stage_plan import StagePlan
from kcifar.recipe.stage_settings import Penalty, Stage


def check_patterns(network: Any, plan: Plan) -> None:
    """Try every stage's patterns, so that a pattern that matches nothing is refused before the first stage and not hours later.

    Raises:
        UserError: A pattern of a penalty, of weight decay, of frozen layers or of a rate multiplier that matches nothing.
    """
    trained = {id(variable) for variable in network.trainable_variables}
    kernels = list(dict.fromkeys(layer.name for layer, kernel in _find_kernels(network) if id(kernel) in trained))
    weighted = [layer.name for layer in network.layers if any(not is_seed_state(variable) for variable in layer.variables)]
    for stage in plan.stages:
        settings = stage.settings
        for key, part in (("l1", settings.l1), ("l2", settings.l2), ("weight_decay", settings.weight_decay)):
            if part is not None:
                check_match(plan.place(stage, key, "layers"), "a layer with a kernel", part.layers, kernels)
        for k, pattern in enumerate(settings.freeze):
            check_match(plan.place(stage, "freeze", k), "a layer with weights", pattern, weighted)
        for k, multiplier in enumerate(settings.rate_multipliers):
            variables = [variable.path for variable in network.trainable_variables]
            check_match(plan.place(stage, "rate_multipliers", k, "variables"), "a trained variable", multiplier.variables, variables)
        _check_something_is_trained(network, stage, plan)


def freeze_layers(network: Any, patterns: Collection[str], frozen: Collection[str]) -> None:
    """Freeze the layers that match a pattern and those that the builder froze, and unfreeze all others.

    Frozen batch normalization uses its moving averages and does not change them.

    Args:
        network: The network.
        patterns: As the stage writes them.
        frozen: Names of the layers that the builder froze.
    """
    for layer in network.layers:
        layer.trainable = layer.name not in frozen and not _matches_any(layer.name, patterns)


def set_penalties(network: Any, settings: Stage) -> None:
    """Put a stage's L1 and L2 penalties on the kernels of the layers whose names match, and remove all others.

    Kernels of frozen layers (a whitening layer that was set from the data) get no penalty: it would add a constant to the reported loss.
    """
    trained = {id(variable) for variable in network.trainable_variables}
    for layer, kernel in _find_kernels(network):
        l1, l2 = (_find_strength(layer.name, penalty) for penalty in (settings.l1, settings.l2))
        set_regularizer(kernel, _make_regularizer(l1, l2) if (l1 or l2) and id(kernel) in trained else None)


def _make_regularizer(l1: float, l2: float) -> Any:
    """Return Keras' regularizer; for L2 alone under TensorFlow, a single kernel that does not write the squares to memory."""
    if l1 or keras.config.backend() != "tensorflow":
        return keras.regularizers.L1L2(l1, l2)
    return lambda kernel: 2 * l2 * tensorflow.nn.l2_loss(tensorflow.convert_to_tensor(kernel))


def _find_kernels(network: Any) -> list[tuple[Any, Any]]:
    """Return layers and their kernels, by the name of the variable, not by the layer's attribute: attention has four, in inner layers."""
    return [(layer, variable) for layer in network.layers for variable in layer.variables if variable.name == "kernel"]


def _find_strength(name: str, penalty: Penalty | None) -> float:
    return penalty.value if penalty is not None and fnmatchcase(name, penalty.layers) else 0.0


def _matches_any(name: str, patterns: Collection[str]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)


def _check_something_is_trained(network: Any, stage: StagePlan, plan: Plan) -> None:
    if all(_matches_any(find_layer_name(variable.path), stage.settings.freeze) for variable in network.trainable_variables):
        raise UserError(f"{plan.place(stage, 'freeze')}: expected at least one layer to stay trainable, got patterns that freeze all")
