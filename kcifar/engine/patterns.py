"""What a stage sets on layers and variables by patterns of their names: penalties, frozen layers, rates; all checked beforehand."""

from collections.abc import Collection
from fnmatch import fnmatchcase
from typing import Any

from kcifar.core.errors import UserError, did_you_mean
from kcifar.core.lazy import keras, tensorflow
from kcifar.engine.optimizer import layer_of
from kcifar.planning.plan import Plan, StagePlan
from kcifar.recipe.stage_settings import Penalty, Stage


def check_patterns(network: Any, plan: Plan) -> None:
    """Try every stage's patterns, so that one that fits nothing is refused before the first stage and not hours later.

    Raises:
        UserError: A pattern of a penalty, of weight decay, of frozen layers or of a rate multiplier that fits nothing.
    """
    trained = {id(variable) for variable in network.trainable_variables}
    kernels = list(dict.fromkeys(layer.name for layer, kernel in _kernels(network) if id(kernel) in trained))
    for stage in plan.stages:
        settings = stage.settings
        for key, part in (("l1", settings.l1), ("l2", settings.l2), ("weight_decay", settings.weight_decay)):
            if part is not None:
                _expect_fit(plan.place(stage, key, "layers"), "a layer with a kernel", part.layers, kernels)
        for k, pattern in enumerate(settings.freeze):
            _expect_fit(plan.place(stage, "freeze", k), "a layer", pattern, [layer.name for layer in network.layers])
        for k, multiplier in enumerate(settings.rate_multipliers):
            variables = [variable.path for variable in network.trainable_variables]
            _expect_fit(plan.place(stage, "rate_multipliers", k, "variables"), "a trained variable", multiplier.variables, variables)
        _check_something_is_trained(network, stage, plan)


def freeze(network: Any, patterns: Collection[str], frozen: Collection[str]) -> None:
    """Freeze the layers that fit a pattern, and no others but those that the builder froze.

    Frozen batch normalisation uses its averages and leaves them as they are.

    Args:
        network: The network.
        patterns: As the stage writes them.
        frozen: Names of the layers that the builder froze.
    """
    for layer in network.layers:
        layer.trainable = layer.name not in frozen and not _fits(layer.name, patterns)


def set_penalties(network: Any, settings: Stage) -> None:
    """Put a stage's L1 and L2 penalties on the kernels of the layers whose names fit their patterns, and on no others.

    The regulariser is set on the variable: setting `layer.kernel_regularizer` after the layer is built has no effect. Kernels of
    frozen layers (a whitening that was set from the data) are left out: their penalty would be a constant in the reported loss.
    """
    trained = {id(variable) for variable in network.trainable_variables}
    for layer, kernel in _kernels(network):
        l1, l2 = (_strength(layer.name, penalty) for penalty in (settings.l1, settings.l2))
        kernel.regularizer = _penalty(l1, l2) if (l1 or l2) and id(kernel) in trained else None


def _penalty(l1: float, l2: float) -> Any:
    """Return Keras' regulariser; under TensorFlow L2 by itself is one kernel's sum, without a pass that writes the squares."""
    if l1 or keras.config.backend() != "tensorflow":
        return keras.regularizers.L1L2(l1, l2)
    return lambda kernel: 2 * l2 * tensorflow.nn.l2_loss(tensorflow.convert_to_tensor(kernel))


def _kernels(network: Any) -> list[tuple[Any, Any]]:
    """Return layers and their kernels, by the variable's name, not the layer's attribute: attention holds four in layers of its own."""
    return [(layer, variable) for layer in network.layers for variable in layer.variables if variable.name == "kernel"]


def _strength(name: str, penalty: Penalty | None) -> float:
    return penalty.value if penalty is not None and fnmatchcase(name, penalty.layers) else 0.0


def _fits(name: str, patterns: Collection[str]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)


def _expect_fit(place: str, what: str, pattern: str, names: list[str]) -> None:
    if not any(fnmatchcase(name, pattern) for name in names):
        example = f"such as {names[0]!r}" if names else "of which this network has none"
        raise UserError(f"{place}: expected a pattern that fits {what}, {example}, got {pattern!r}{did_you_mean(pattern, names)}")


def _check_something_is_trained(network: Any, stage: StagePlan, plan: Plan) -> None:
    if all(_fits(layer_of(variable.path), stage.settings.freeze) for variable in network.trainable_variables):
        raise UserError(f"{plan.place(stage, 'freeze')}: expected some layers to be left to train, got patterns that freeze all")
