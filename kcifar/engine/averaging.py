"""Averages of the weights that a stage trains towards: an exponential moving average, or Lookahead's slow weights.

Both hold the statistics of batch normalisation too, or the averaged weights would be judged with other weights' statistics. They are
variables of the optimizer, so that checkpoints save them and every backend passes them into the compiled step.
"""

from collections.abc import Callable, Sequence
from typing import Any

from kcifar.core.lazy import keras
from kcifar.engine.schedule_tables import Tables
from kcifar.planning.plan import StagePlan
from kcifar.recipe.stage_settings import Average


class Averages:
    """What a stage averages.

    Args:
        optimizer: Built, with its `rules`.
        averaged: The network's float variables: weights and statistics.
        stage: What to run; one that has neither `ema` nor `lookahead` averages nothing.
    """

    def __init__(self, optimizer: Any, averaged: Sequence[Any], stage: StagePlan) -> None:
        self._tables: Tables = optimizer.rules.tables
        self._ema, self._lookahead = stage.settings.ema, stage.settings.lookahead
        self._weights = list(averaged)
        self._means = [optimizer.add_variable_from_reference(variable, "ema") for variable in averaged] if self._ema else []
        self._slow = [optimizer.add_variable_from_reference(variable, "slow") for variable in averaged] if self._lookahead else []

    def __bool__(self) -> bool:
        return bool(self._means or self._slow)

    def restart(self) -> None:
        """Let the averages begin at the present weights."""
        for averages in (self._means, self._slow):
            for average, weight in zip(averages, self._weights, strict=False):
                average.assign(keras.ops.copy(weight))  # JAX would share one buffer, and cannot give the same one away twice

    def result(self) -> list[tuple[Any, Any]]:
        """Return pairs of a weight and its average: the moving one where there is one, else the slow one."""
        return list(zip(self._weights, self._means or self._slow, strict=False))

    def update(self) -> None:
        """Take a completed update in; inside the compiled step, after the optimizer."""
        complete = self._tables.completes_update()
        if self._lookahead is not None:
            due = keras.ops.equal(self._tables.updates() % self._lookahead.every, 0)
            assign_if(keras.ops.logical_and(complete, due), [*self._slow, *self._weights], self._synchronised)
        if self._ema is not None:
            decay = _decay(self._ema, self._tables.updates())
            assign_if(complete, self._means, lambda: [_towards(*pair, decay) for pair in zip(self._means, self._weights, strict=True)])

    def _synchronised(self) -> list[Any]:
        """Return slow and fast weights after they meet (Zhang et al., Lookahead Optimizer, 2019, algorithm 1; alpha is 1 - keep)."""
        keep = self._tables.value("lookahead.keep")
        met = [_towards(slow, fast, keep) for slow, fast in zip(self._slow, self._weights, strict=True)]
        return met + met


def assign_if(condition: Any, variables: Sequence[Any], values: Callable[[], Sequence[Any]]) -> None:
    """Assign values to variables where a bool tensor says so; they are computed only then."""
    backend = keras.config.backend()
    if backend == "jax":
        import jax

        for variable, value in zip(variables, jax.lax.cond(condition, lambda: list(values()), lambda: [v.value for v in variables]), strict=True):
            variable.assign(value)
    elif backend == "tensorflow":
        import tensorflow as tf

        tf.cond(condition, lambda: _assigned(variables, values()), lambda: tf.constant(0))
    elif bool(condition):
        _assigned(variables, values())


def _assigned(variables: Sequence[Any], values: Sequence[Any]) -> Any:
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)
    return keras.ops.convert_to_tensor(0, "int32")


def _towards(average: Any, value: Any, keep: Any) -> Any:
    """Return keep x average + (1 - keep) x value."""
    keep = keras.ops.cast(keep, average.dtype)
    return keep * average + (1 - keep) * value


def _decay(ema: Average, updates: Any) -> Any:
    """Return the share of the mean that is kept: min(decay, (1 + n) / (10 + n)) after n updates where it warms up."""
    if not ema.warm_up:
        return ema.decay
    done = keras.ops.cast(updates, "float32")
    return keras.ops.minimum(ema.decay, (1 + done) / (10 + done))
