"""A stage's optimizer: one of Keras' optimizers, its update extended by clipping, decoupled decay, rate multipliers and scheduled momentum.

The order is gradient -> accumulation -> clipping by value -> clipping by norm -> weight decay -> the optimizer's own step.

A rate multiplier of 0 holds a variable, bit for bit, from that update on, whatever velocity it has: no step and no decay. The optimizer's
slots go on as at a rate of 0: the means of gradients of Adam, Lion and Muon stay current, and the velocity of SGD, which holds rate x gradient,
dies away. Once the multiplier is positive again, the variable continues from these slots. Its gradient still counts in `clip_norm`, and the
averages go on: lookahead moves it to its slow weight, as in airbench.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import partialmethod, reduce
from operator import mul
from typing import Any

from kcifar.core.keras_internals import get_sgd_velocity, get_variable_index, name_optimizer_hooks
from kcifar.core.lazy import keras
from kcifar.engine.schedule_tables import ScheduleTables, make_table_rate
from kcifar.engine.tensorflow.update_kernels import UpdateStep, find_fast_update_step
from kcifar.planning.stage_plan import StagePlan
from kcifar.recipe.stage_settings import WeightDecay


@dataclass(frozen=True)
class UpdateRules:
    """A stage's additions to an optimizer's own update.

    Attributes:
        tables: The scheduled values.
        clip_value: Largest absolute value of a gradient's entry; None for no limit.
        clip_norm: Largest norm of all gradients together; None for no limit.
        decayed: For each trained variable, whether weight decay shrinks it.
        multipliers: For each trained variable, the names of the tables whose values multiply its learning rate.
    """

    tables: ScheduleTables
    clip_value: float | None
    clip_norm: float | None
    decayed: Sequence[bool]
    multipliers: Sequence[Sequence[str]]


def make_optimizer(stage: StagePlan, variables: Sequence[Any], max_updates: int) -> Any:
    """Return a stage's optimizer, built for the trained variables, with empty tables and its `update_rules`.

    Args:
        stage: The stage.
        variables: The trained Keras variables.
        max_updates: Updates of the longest stage.
    """
    rate, settings = make_table_rate(), stage.settings
    optimizer = stage.optimizer.make(rate)
    if settings.accumulate > 1:
        optimizer.gradient_accumulation_steps = settings.accumulate
    momentum = find_momentum_attribute(optimizer) if "momentum" in stage.schedules else None
    if momentum:
        setattr(optimizer, momentum, 0.5)  # any number except 0, for which Keras' SGD creates no slots
    optimizer.build(list(variables))
    rate.tables = ScheduleTables(optimizer, stage.schedules, max_updates, settings.accumulate)
    decayed = [is_decayed(variable.path, variable.name, settings.weight_decay) for variable in variables]
    multipliers = [_find_multipliers(variable.path, stage) for variable in variables]
    optimizer.update_rules = UpdateRules(rate.tables, settings.clip_value, settings.clip_norm, decayed, multipliers)
    # Replace the class instead of wrapping the optimizer: Keras' trainers and its loss scaling use the optimizer itself.
    optimizer.__class__ = _extend_class(type(optimizer), momentum, any(multipliers))
    return optimizer


def find_momentum_attribute(optimizer: Any) -> str | None:
    """Return the name of an optimizer's momentum: "momentum", or "beta_1" in Adam and Lion; None if it has none."""
    return next((name for name in ("momentum", "beta_1") if hasattr(optimizer, name)), None)


def is_decayed(path: str, name: str, decay: WeightDecay | None) -> bool:
    """Whether weight decay shrinks a variable: in layers that match the pattern, kernels, or all weights if the stage says so."""
    if decay is None:
        return False
    return fnmatchcase(find_layer_name(path), decay.layers) and (decay.weights == "all" or name == "kernel")


def find_layer_name(path: str) -> str:
    """Return the name of the layer that owns the variable with this path."""
    return path.split("/", 1)[0]


def compute_global_norm(tensors: Sequence[Any]) -> Any:
    """Return the Euclidean norm of all entries of some tensors together, a float32 scalar tensor."""
    ops = keras.ops
    return ops.sqrt(sum(ops.sum(ops.square(ops.cast(tensor, "float32"))) for tensor in tensors))


def _find_multipliers(path: str, stage: StagePlan) -> list[str]:
    """Return the names of the tables that multiply the learning rate of the variable with this path."""
    numbered = enumerate(stage.settings.rate_multipliers)
    return [f"rate_multipliers.{k}.value" for k, multiplier in numbered if fnmatchcase(path, multiplier.variables)]


def _extend_class(base: type, momentum: str | None, has_multipliers: bool) -> type:
    """Return a subclass of an optimizer's class that applies its `update_rules`."""
    fast_step = find_fast_update_step(base)
    is_extended = bool(fast_step or momentum or has_multipliers)
    update_variables = _update_one_by_one if is_extended and keras.config.backend() == "torch" else None
    members: dict[str, Any] = dict(name_optimizer_hooks(_clip_gradients, _apply_weight_decay, update_variables))
    if momentum:
        members[momentum] = property(_look_up_momentum)
    if is_extended:
        keras_step = _update_by_sgd if momentum and issubclass(base, keras.optimizers.SGD) else base.update_step  # type: ignore[attr-defined]
        members["update_step"] = partialmethod(_update_by_rules, fast_step or keras_step)
    return type(base.__name__, (base,), members)


def _clip_gradients(self: Any, gradients: Sequence[Any]) -> list[Any]:
    """Clip by value, then scale all gradients together so that their norm is at most `clip_norm` (Pascanu et al., 2013)."""
    ops, rules = keras.ops, self.update_rules
    if rules.clip_value is not None:
        gradients = [ops.clip(gradient, -rules.clip_value, rules.clip_value) for gradient in gradients]
    if rules.clip_norm is not None:
        scale = rules.clip_norm / ops.maximum(compute_global_norm(gradients), rules.clip_norm)
        gradients = [gradient * ops.cast(scale, gradient.dtype) for gradient in gradients]
    return list(gradients)


def _apply_weight_decay(self: Any, variables: Sequence[Any]) -> None:
    """Shrink the decayed weights by their rate x decay, independently of the gradient (Loshchilov, Hutter, 2019, algorithm 2)."""
    rules = self.update_rules
    if not any(rules.decayed):
        return
    rate, decay = rules.tables.look_up("learning_rate"), rules.tables.look_up("weight_decay.value")
    for variable in variables:
        if rules.decayed[get_variable_index(self, variable)]:
            multiplier = _look_up_multiplier(self, variable)
            kept = 1 - (rate if multiplier is None else rate * multiplier) * decay
            variable.assign(variable * keras.ops.cast(kept, variable.dtype))


def _update_by_rules(self: Any, step: UpdateStep, gradient: Any, variable: Any, rate: Any) -> None:
    """Take an optimizer's step at the variable's own rate; hold the variable where its multiplier is 0, since a velocity would move it on."""
    ops, multiplier = keras.ops, _look_up_multiplier(self, variable)
    if multiplier is None:
        step(self, gradient, variable, rate)
        return
    before = ops.copy(ops.convert_to_tensor(variable))  # under torch the step overwrites the tensor itself
    step(self, gradient, variable, rate * ops.cast(multiplier, rate.dtype))
    variable.assign(ops.where(multiplier > 0, ops.convert_to_tensor(variable), before))


def _look_up_multiplier(self: Any, variable: Any) -> Any:
    """Return the product of a variable's rate multipliers for the current update, a float32 scalar tensor; None if it has none."""
    rules = self.update_rules
    factors = [rules.tables.look_up(name) for name in rules.multipliers[get_variable_index(self, variable)]]
    return reduce(mul, factors) if factors else None


def _look_up_momentum(self: Any) -> Any:
    return self.update_rules.tables.look_up("momentum")


def _update_by_sgd(self: Any, gradient: Any, variable: Any, rate: Any) -> None:
    """Update as `keras.optimizers.SGD` does, which compares its momentum with 0 and so does not support a scheduled one."""
    ops, slot = keras.ops, get_sgd_velocity(self, variable)
    momentum, rate, gradient = (ops.cast(value, slot.dtype) for value in (self.momentum, rate, gradient))
    velocity = momentum * slot - rate * gradient
    self.assign(slot, velocity)
    self.assign_add(variable, momentum * velocity - rate * gradient if self.nesterov else velocity)


def _update_one_by_one(self: Any, gradients: Sequence[Any], variables: Sequence[Any], rate: Any) -> None:
    for gradient, variable in zip(gradients, variables, strict=True):
        self.update_step(gradient, variable, rate)
