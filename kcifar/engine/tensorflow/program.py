"""Updates under TensorFlow: a step compiled by `tf.function`, and a loop of it around batches that are made on the device."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import tensorflow as tf

from kcifar.engine.program import METRICS, metric_row
from kcifar.engine.resident import ResidentPart, Tables, make_batch, rows_of


class BackendProgram:
    """The compiled updates of one training model; see `Program`.

    Args:
        model: Compiled by Keras; its `run_eagerly` and `jit_compile` hold here too.
    """

    def __init__(self, model: Any) -> None:
        self.compilations = 0
        self._model = model
        self._fed_sizes: set[int] = set()
        # XLA takes the step alone, which is small; the loop around it stays TensorFlow's.
        self._compile = partial(tf.function, autograph=False, jit_compile=model.jit_compile)
        self._step: Callable[[tuple[Any, ...]], Any] | None = self._eager_step if model.run_eagerly else None
        self._resident_step = self._compile(self._step_on_rows)
        self._loop = tf.function(self._loop_on_device, autograph=False)

    @contextmanager
    def epoch(self) -> Iterator[None]:
        """Return the block of an epoch; see `Program`."""
        self._model.reset_metrics()
        yield

    def update(self, data: tuple[Any, ...]) -> Any:
        """Train on one batch; see `Program`."""
        if self._step is None:
            # Traced once for batches of any size; what XLA compiles, the augmentation at least, it compiles for each size.
            signature = tf.nest.map_structure(lambda array: tf.TensorSpec((None, *array.shape[1:]), array.dtype), data)
            self._step = self._compile(self._train, input_signature=(signature,))
        if len(data[1]) not in self._fed_sizes and not self._model.run_eagerly:
            self._fed_sizes.add(len(data[1]))
            self.compilations += 1
        return self._step(data)

    def update_many(self, part: ResidentPart, tables: Tables, first: int, updates: int, batch_size: int) -> Any:
        """Train on consecutive batches; see `Program`."""
        # As tensors, or each of their values would be another program.
        return self._loop(part.images, part.labels, tables, tf.constant(first), tf.constant(updates), batch_size)

    def _train(self, data: tuple[Any, ...]) -> Any:
        return metric_row(self._model.train_step(data))

    def _eager_step(self, data: tuple[Any, ...]) -> Any:
        return self._train(tf.nest.map_structure(tf.convert_to_tensor, data))

    def _step_on_rows(self, images: Any, labels: Any, rows: Tables) -> Any:
        return self._train(make_batch(images, labels, rows, self._model.output_shape[-1]))

    def _loop_on_device(self, images: Any, labels: Any, tables: Tables, first: Any, updates: Any, batch_size: int) -> Any:
        self.compilations += 1  # Python runs this once for each batch size, to trace it

        def run_one(index: Any, rows: Any) -> tuple[Any, Any]:
            row = self._resident_step(images, labels, rows_of(tables, first + index * batch_size, batch_size))
            return index + 1, rows.write(index, row)

        rows = tf.TensorArray("float32", size=updates, element_shape=(len(METRICS),))
        # One at a time: an update reads the variables that the one before it wrote.
        _, rows = tf.while_loop(lambda index, _: index < updates, run_one, (tf.constant(0), rows), parallel_iterations=1)
        return rows.stack()


def device_bytes() -> int | None:
    """Return None: TensorFlow does not tell the memory of its devices."""
    return None
