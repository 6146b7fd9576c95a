"""A stage's optimizer: any of Keras', with clipping, decoupled decay, rate multipliers and a scheduled momentum put into its update.

An update is gradient -> accumulation -> clipping by value -> clipping by norm -> decay -> the optimizer's own step.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from kcifar.core.lazy import keras
from kcifar.engine.schedule_tables import Tables, table_rate
from kcifar.engine.tensorflow.update_kernels import quick_update_step
from kcifar.planning.plan import StagePlan
from kcifar.recipe.stage_settings import WeightDecay


@dataclass(frozen=True)
class Rules:
    """What a stage adds to an optimizer's own update.

    Attributes:
        tables: The scheduled values.
        clip_value: Largest absolute value of a gradient's entry; None for no limit.
        clip_norm: Largest norm of all gradients together; None for no limit.
        decayed: For each trained variable whether weight decay shrinks it.
        multipliers: For each trained variable the tables whose values multiply its learning rate.
    """

    tables: Tables
    clip_value: float | None
    clip_norm: float | None
    decayed: Sequence[bool]
    multipliers: Sequence[Sequence[str]]


def make_optimizer(stage: StagePlan, variables: Sequence[Any], max_updates: int) -> Any:
    """Return a stage's optimizer, built for the trained variables, its tables empty.

    Args:
        stage: What to run.
        variables: The trained Keras variables.
        max_updates: Updates of the longest stage.
    """
    rate, settings = table_rate(), stage.settings
    optimizer = stage.optimizer.make(rate)
    if settings.accumulate > 1:
        optimizer.gradient_accumulation_steps = settings.accumulate
    momentum = momentum_attribute(optimizer) if "momentum" in stage.schedules else None
    if momentum:
        setattr(optimizer, momentum, 0.5)  # any but 0, at which Keras' SGD makes no slots
    optimizer.build(list(variables))
    rate.tables = Tables(optimizer, stage.schedules, max_updates, settings.accumulate)
    decayed = [is_decayed(variable.path, variable.name, settings.weight_decay) for variable in variables]
    multipliers = [_multipliers_of(variable.path, stage) for variable in variables]
    optimizer.rules = Rules(rate.tables, settings.clip_value, settings.clip_norm, decayed, multipliers)
    # The class is replaced, not wrapped: Keras' trainers and its loss scaling ask the optimizer itself.
    optimizer.__class__ = _extended(type(optimizer), momentum, any(multipliers))
    return optimizer


def momentum_attribute(optimizer: Any) -> str | None:
    """Return what an optimizer calls its momentum: "momentum", or "beta_1" as Adam and Lion do; None if it has none."""
    return next((name for name in ("momentum", "beta_1") if hasattr(optimizer, name)), None)


def is_decayed(path: str, name: str, decay: WeightDecay | None) -> bool:
    """Whether weight decay shrinks a variable: kernels alone unless all weights are asked for, of the layers that fit the pattern."""
    if decay is None:
        return False
    return fnmatchcase(layer_of(path), decay.layers) and (decay.weights == "all" or name == "kernel")


def layer_of(path: str) -> str:
    """Return the name of the layer that a variable of this path belongs to."""
    return path.split("/", 1)[0]


def _multipliers_of(path: str, stage: StagePlan) -> list[str]:
    named = enumerate(stage.settings.rate_multipliers)
    return [f"rate_multipliers.{k}.value" for k, multiplier in named if fnmatchcase(path, multiplier.variables)]


def _extended(base: type, momentum: str | None, has_multipliers: bool) -> type:
    """Return a subclass of an optimizer's class that keeps its `rules`."""
    members: dict[str, Any] = {"_clip_gradients": _clip_gradients, "_apply_weight_decay": _apply_weight_decay}
    quick = quick_update_step(base)
    if momentum:
        members[momentum] = property(_scheduled_momentum)
    if quick or momentum or has_multipliers:
        by_keras = _sgd_step if momentum and issubclass(base, keras.optimizers.SGD) else base.update_step  # type: ignore[attr-defined]
        own_step = quick or by_keras
        members["update_step"] = lambda self, gradient, variable, rate: own_step(self, gradient, variable, _multiplied(self, variable, rate))
        if keras.config.backend() == "torch":  # Keras' own there updates all variables at once, at one rate
            members["_backend_update_step"] = _one_by_one
    return type(base.__name__, (base,), members)


def _clip_gradients(self: Any, gradients: Sequence[Any]) -> list[Any]:
    """Clip by value, then scale all gradients together so that their norm is at most the rule's (Pascanu et al., 2013)."""
    ops, rules = keras.ops, self.rules
    if rules.clip_value is not None:
        gradients = [ops.clip(gradient, -rules.clip_value, rules.clip_value) for gradient in gradients]
    if rules.clip_norm is not None:
        norm = ops.sqrt(sum(ops.sum(ops.square(ops.cast(gradient, "float32"))) for gradient in gradients))
        scale = rules.clip_norm / ops.maximum(norm, rules.clip_norm)
        gradients = [gradient * ops.cast(scale, gradient.dtype) for gradient in gradients]
    return list(gradients)


def _apply_weight_decay(self: Any, variables: Sequence[Any]) -> None:
    """Shrink the decayed weights by rate x decay, apart from the gradient (Loshchilov, Hutter, 2019, algorithm 2)."""
    if not any(self.rules.decayed):
        return
    kept = 1 - self.rules.tables.value("learning_rate") * self.rules.tables.value("weight_decay.value")
    for variable in variables:
        if self.rules.decayed[self._get_variable_index(variable)]:
            variable.assign(variable * keras.ops.cast(kept, variable.dtype))


def _multiplied(self: Any, variable: Any, rate: Any) -> Any:
    for name in self.rules.multipliers[self._get_variable_index(variable)]:
        rate = rate * keras.ops.cast(self.rules.tables.value(name), rate.dtype)
    return rate


def _scheduled_momentum(self: Any) -> Any:
    return self.rules.tables.value("momentum")


def _sgd_step(self: Any, gradient: Any, variable: Any, rate: Any) -> None:
    """Update as `keras.optimizers.SGD` does, which asks whether its momentum is 0 and so cannot have a scheduled one."""
    ops, slot = keras.ops, self.momentums[self._get_variable_index(variable)]
    momentum, rate, gradient = (ops.cast(value, slot.dtype) for value in (self.momentum, rate, gradient))
    velocity = momentum * slot - rate * gradient
    self.assign(slot, velocity)
    self.assign_add(variable, momentum * velocity - rate * gradient if self.nesterov else velocity)


def _one_by_one(self: Any, gradients: Sequence[Any], variables: Sequence[Any], rate: Any) -> None:
    for gradient, variable in zip(gradients, variables, strict=True):
        self.update_step(gradient, variable, rate)
