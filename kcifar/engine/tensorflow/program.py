"""Updates under TensorFlow: a step compiled by `tf.function`, and a loop of it over batches that are made on the device."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import tensorflow as tf

from kcifar.engine.program import METRICS, stack_metrics
from kcifar.engine.resident import EpochArrays, ResidentPart, make_batch, select_rows


class BackendProgram:
    """The compiled updates of one training model; see `Program`.

    Args:
        model: Compiled by Keras; its `run_eagerly` and `jit_compile` apply here too.
    """

    def __init__(self, model: Any) -> None:
        self.compilations = 0
        self._model = model
        self._fed_sizes: set[int] = set()
        # XLA compiles only the step, which is small; the loop around it stays TensorFlow's.
        self._compile = partial(tf.function, autograph=False, jit_compile=model.jit_compile)
        self._step: Callable[[tuple[Any, ...]], Any] | None = self._run_step_eagerly if model.run_eagerly else None
        self._resident_step = self._compile(self._run_step_on_rows)
        self._loop = tf.function(self._trace_loop, autograph=False)

    @contextmanager
    def use_for_epoch(self) -> Iterator[None]:
        """Return the block of an epoch; see `Program`."""
        self._model.reset_metrics()
        yield

    def train_batch(self, data: tuple[Any, ...]) -> Any:
        """Train on one batch; see `Program`."""
        if self._step is None:
            # Traced once for batches of any size; the parts compiled by XLA, at least the augmentation, are compiled for each size.
            signature = tf.nest.map_structure(lambda array: tf.TensorSpec((None, *array.shape[1:]), array.dtype), data)
            self._step = self._compile(self._run_step, input_signature=(signature,))
        if len(data[1]) not in self._fed_sizes and not self._model.run_eagerly:
            self._fed_sizes.add(len(data[1]))
            self.compilations += 1
        return self._step(data)

    def train_batches(self, part: ResidentPart, arrays: EpochArrays, first: int, updates: int, batch_size: int) -> Any:
        """Train on consecutive batches; see `Program`."""
        # As tensors; with numbers, each value would be a separate program.
        return self._loop(part.images, part.labels, arrays, tf.constant(first), tf.constant(updates), batch_size)

    def _run_step(self, data: tuple[Any, ...]) -> Any:
        return stack_metrics(self._model.train_step(data))

    def _run_step_eagerly(self, data: tuple[Any, ...]) -> Any:
        return self._run_step(tf.nest.map_structure(tf.convert_to_tensor, data))

    def _run_step_on_rows(self, images: Any, labels: Any, rows: EpochArrays) -> Any:
        return self._run_step(make_batch(images, labels, rows, self._model.output_shape[-1]))

    def _trace_loop(self, images: Any, labels: Any, arrays: EpochArrays, first: Any, updates: Any, batch_size: int) -> Any:
        self.compilations += 1  # Python runs this function once per batch size, to trace it

        def run_update(index: Any, rows: Any) -> tuple[Any, Any]:
            row = self._resident_step(images, labels, select_rows(arrays, first + index * batch_size, batch_size))
            return index + 1, rows.write(index, row)

        rows = tf.TensorArray("float32", size=updates, element_shape=(len(METRICS),))
        # One at a time, because each update reads the variables that the previous one wrote.
        _, rows = tf.while_loop(lambda index, _: index < updates, run_update, (tf.constant(0), rows), parallel_iterations=1)
        return rows.stack()


def find_device_bytes() -> int | None:
    """Return None: TensorFlow does not report the memory of its devices."""
    return None
