"""Updates under JAX: a stateless step compiled by `jax.jit`, and a scan of it over batches that are made on the device.

The model's variables are handed from update to update and given away to the compiled step, which writes into their memory; they are
put back into the model after the epoch, since doing so after each update costs more than a small update takes.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import jax
import jax.numpy as jnp

from kcifar.engine.program import metric_row
from kcifar.engine.resident import ResidentPart, Tables, make_batch, rows_of

State = tuple[list[Any], ...]


class BackendProgram:
    """The compiled updates of one training model; see `Program`. Each batch size and length of a chunk is a program of its own.

    Args:
        model: Compiled by Keras; its `run_eagerly` holds here too.
    """

    def __init__(self, model: Any) -> None:
        self.compilations = 0
        self._model = model
        self._state: State = ()
        self._step = self._one_step if model.run_eagerly else jax.jit(self._traced_step, donate_argnums=0)
        self._scan = jax.jit(self._scan_on_device, donate_argnums=0, static_argnames=("updates", "batch_size"))

    @contextmanager
    def epoch(self) -> Iterator[None]:
        """Return the block of an epoch; see `Program`."""
        self._model.reset_metrics()
        groups = self._variables()
        self._state = tuple([variable.value for variable in group] for group in groups)
        try:
            yield
        finally:
            for group, values in zip(groups, self._state, strict=True):
                for variable, value in zip(group, values, strict=True):
                    variable.assign(value)
            self._state = ()

    def update(self, data: tuple[Any, ...]) -> Any:
        """Train on one batch; see `Program`."""
        self._state, row = self._step(self._state, data)
        return row

    def update_many(self, part: ResidentPart, tables: Tables, first: int, updates: int, batch_size: int) -> Any:
        """Train on consecutive batches; see `Program`."""
        self._state, rows = self._scan(self._state, part.images, part.labels, tables, first, updates=updates, batch_size=batch_size)
        return rows

    def _variables(self) -> tuple[list[Any], ...]:
        """Return the variables of the state, in the order in which Keras' stateless step takes them."""
        model = self._model
        return model.trainable_variables, model.non_trainable_variables, model.optimizer.variables, model.metrics_variables

    def _one_step(self, state: State, data: tuple[Any, ...]) -> tuple[State, Any]:
        logs, after = self._model.train_step(state, data)
        return tuple(list(values) for values in after), metric_row(logs)

    def _traced_step(self, state: State, data: tuple[Any, ...]) -> tuple[State, Any]:
        self.compilations += 1
        return self._one_step(state, data)

    def _scan_on_device(
        self, state: State, images: Any, labels: Any, tables: Tables, first: Any, *, updates: int, batch_size: int
    ) -> tuple[State, Any]:
        self.compilations += 1

        def run_one(state: State, index: Any) -> tuple[State, Any]:
            rows = rows_of(tables, first + index * batch_size, batch_size)
            return self._one_step(state, make_batch(images, labels, rows, self._model.output_shape[-1]))

        after, rows = jax.lax.scan(run_one, state, jnp.arange(updates, dtype="int32"))
        return after, rows


def device_bytes() -> int | None:
    """Return what JAX may use of the memory of its first device; None where it does not tell."""
    statistics = jax.local_devices()[0].memory_stats() or {}
    return statistics.get("bytes_limit")
