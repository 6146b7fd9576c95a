"""Updates under JAX: a stateless step compiled by `jax.jit`, and a scan of it over batches that are made on the device.

The values of the model's variables pass from update to update and are donated to the compiled step, which overwrites their memory. They are
written back to the model after the epoch; doing so after each update would take longer than a small update itself.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import jax
import jax.numpy as jnp

from kcifar.engine.program import stack_metrics
from kcifar.engine.resident import EpochArrays, ResidentPart, make_batch, select_rows

State = tuple[list[Any], ...]


class BackendProgram:
    """The compiled updates of one training model; see `Program`. Each batch size and each chunk length is a separate program.

    Args:
        model: Compiled by Keras; its `run_eagerly` applies here too.
    """

    def __init__(self, model: Any) -> None:
        self.compilations = 0
        self._model = model
        self._state: State = ()
        self._step = self._run_step if model.run_eagerly else jax.jit(self._trace_step, donate_argnums=0)
        self._scan = jax.jit(self._trace_scan, donate_argnums=0, static_argnames=("updates", "batch_size"))

    @contextmanager
    def use_for_epoch(self) -> Iterator[None]:
        """Return the block of an epoch; see `Program`."""
        self._model.reset_metrics()
        groups = self._collect_variables()
        self._state = tuple([variable.value for variable in group] for group in groups)
        try:
            yield
        finally:
            for group, values in zip(groups, self._state, strict=True):
                for variable, value in zip(group, values, strict=True):
                    variable.assign(value)
            self._state = ()

    def train_batch(self, data: tuple[Any, ...]) -> Any:
        """Train on one batch; see `Program`."""
        self._state, row = self._step(self._state, data)
        return row

    def train_batches(self, part: ResidentPart, arrays: EpochArrays, first: int, updates: int, batch_size: int) -> Any:
        """Train on consecutive batches; see `Program`."""
        self._state, rows = self._scan(self._state, part.images, part.labels, arrays, first, updates=updates, batch_size=batch_size)
        return rows

    def _collect_variables(self) -> tuple[list[Any], ...]:
        """Return the variables of the state, in the order in which Keras' stateless step takes them."""
        model = self._model
        return model.trainable_variables, model.non_trainable_variables, model.optimizer.variables, model.metrics_variables

    def _run_step(self, state: State, data: tuple[Any, ...]) -> tuple[State, Any]:
        logs, after = self._model.train_step(state, data)
        return tuple(list(values) for values in after), stack_metrics(logs)

    def _trace_step(self, state: State, data: tuple[Any, ...]) -> tuple[State, Any]:
        self.compilations += 1
        return self._run_step(state, data)

    def _trace_scan(
        self, state: State, images: Any, labels: Any, arrays: EpochArrays, first: Any, *, updates: int, batch_size: int
    ) -> tuple[State, Any]:
        self.compilations += 1

        def run_update(state: State, index: Any) -> tuple[State, Any]:
            rows = select_rows(arrays, first + index * batch_size, batch_size)
            return self._run_step(state, make_batch(images, labels, rows, self._model.output_shape[-1]))

        after, rows = jax.lax.scan(run_update, state, jnp.arange(updates, dtype="int32"))
        return after, rows


def find_device_bytes() -> int | None:
    """Return the memory of JAX's first device that JAX may use; None if it is not known."""
    statistics = jax.local_devices()[0].memory_stats() or {}
    return statistics.get("bytes_limit")
