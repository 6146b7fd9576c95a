"""Averages of the weights during a stage: an exponential moving average, or the slow weights of Lookahead.

Both include the statistics of batch normalization; otherwise the averaged weights would be evaluated with the statistics of other weights.
They are variables of the optimizer, so checkpoints save them and every backend passes them into the compiled step.
"""

from collections.abc import Callable, Sequence
from typing import Any

from kcifar.core.lazy import keras
from kcifar.engine.schedule_tables import ScheduleTables
from kcifar.planning.stage_plan import StagePlan
from kcifar.recipe.stage_settings import Average


class Averages:
    """The averages that a stage's settings ask for.

    Args:
        optimizer: Built, with its `update_rules`.
        averaged: The network's float variables: weights and statistics.
        stage: The stage; without `ema` and `lookahead` nothing is averaged.
    """

    def __init__(self, optimizer: Any, averaged: Sequence[Any], stage: StagePlan) -> None:
        self._tables: ScheduleTables = optimizer.update_rules.tables
        self._ema, self._lookahead = stage.settings.ema, stage.settings.lookahead
        self._weights = list(averaged)
        self._means = [optimizer.add_variable_from_reference(variable, "ema") for variable in averaged] if self._ema else []
        self._slow = [optimizer.add_variable_from_reference(variable, "slow") for variable in averaged] if self._lookahead else []

    def __bool__(self) -> bool:
        return bool(self._means or self._slow)

    def restart(self) -> None:
        """Set the averages to the current weights."""
        for averages in (self._means, self._slow):
            for average, weight in zip(averages, self._weights, strict=False):
                average.assign(keras.ops.copy(weight))  # JAX would share one buffer, and cannot donate the same one twice

    def pair_with_weights(self) -> list[tuple[Any, Any]]:
        """Return pairs of a weight and its average: the moving average if there is one, otherwise the slow weight."""
        return list(zip(self._weights, self._means or self._slow, strict=False))

    def update(self) -> None:
        """Update the averages if an update is complete; called inside the compiled step, after the optimizer."""
        complete = self._tables.is_update_complete()
        if self._lookahead is not None:
            due = keras.ops.equal(self._tables.count_updates() % self._lookahead.every, 0)
            assign_if(keras.ops.logical_and(complete, due), [*self._slow, *self._weights], self._synchronize)
        if self._ema is not None:
            decay = _compute_decay(self._ema, self._tables.count_updates())
            assign_if(complete, self._means, lambda: [_blend(*pair, decay) for pair in zip(self._means, self._weights, strict=True)])

    def _synchronize(self) -> list[Any]:
        """Return new slow and fast weights, which are equal (Zhang et al., Lookahead Optimizer, 2019, algorithm 1; alpha is 1 - keep)."""
        keep = self._tables.look_up("lookahead.keep")
        blended = [_blend(slow, fast, keep) for slow, fast in zip(self._slow, self._weights, strict=True)]
        return blended + blended


def assign_if(condition: Any, variables: Sequence[Any], compute_values: Callable[[], Sequence[Any]]) -> None:
    """Assign values to variables if a bool tensor is true; otherwise the values are not computed."""
    backend = keras.config.backend()
    if backend == "jax":
        import jax

        values = jax.lax.cond(condition, lambda: list(compute_values()), lambda: [variable.value for variable in variables])
        _assign_all(variables, values)
    elif backend == "tensorflow":
        import tensorflow as tf

        tf.cond(condition, lambda: _assign_all(variables, compute_values()), lambda: tf.constant(0))
    elif bool(condition):
        _assign_all(variables, compute_values())


def _assign_all(variables: Sequence[Any], values: Sequence[Any]) -> Any:
    """Assign the values and return a constant: both branches of `tf.cond` must return a tensor."""
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)
    return keras.ops.convert_to_tensor(0, "int32")


def _blend(average: Any, value: Any, keep: Any) -> Any:
    """Return keep x average + (1 - keep) x value."""
    keep = keras.ops.cast(keep, average.dtype)
    return keep * average + (1 - keep) * value


def _compute_decay(ema: Average, updates: Any) -> Any:
    """Return the fraction of the average that is kept: with warm-up min(decay, (1 + n) / (10 + n)) after n updates."""
    if not ema.warm_up:
        return ema.decay
    done = keras.ops.cast(updates, "float32")
    return keras.ops.minimum(ema.decay, (1 + done) / (10 + done))
