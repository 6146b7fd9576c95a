"""Updates under torch, which compiles nothing: a GPU works through the queue of their operations while the host adds to it."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import keras
import torch

from kcifar.engine.program import metric_row
from kcifar.engine.resident import ResidentPart, Tables, make_batch, rows_of


class BackendProgram:
    """The updates of one training model; see `Program`.

    Args:
        model: Compiled by Keras.
    """

    compilations = 0

    def __init__(self, model: Any) -> None:
        self._model = model

    @contextmanager
    def epoch(self) -> Iterator[None]:
        """Return the block of an epoch; see `Program`. Torch's own layers, of a user's network, are told that they train."""
        self._model.reset_metrics()
        self._model.train()
        try:
            yield
        finally:
            self._model.eval()

    def update(self, data: tuple[Any, ...]) -> Any:
        """Train on one batch; see `Program`."""
        return self._step(keras.tree.map_structure(keras.ops.convert_to_tensor, data))

    def update_many(self, part: ResidentPart, tables: Tables, first: int, updates: int, batch_size: int) -> Any:
        """Train on consecutive batches; nothing waits for the device before the rows are read. See `Program`."""
        starts = range(first, first + updates * batch_size, batch_size)
        return torch.stack([self._step_on_rows(part, rows_of(tables, start, batch_size)) for start in starts])

    def _step_on_rows(self, part: ResidentPart, rows: Tables) -> Any:
        return self._step(make_batch(part.images, part.labels, rows, self._model.output_shape[-1]))

    def _step(self, data: tuple[Any, ...]) -> Any:
        return metric_row(self._model.train_step(data)).detach()


def device_bytes() -> int | None:
    """Return the memory of the first GPU; None without one."""
    return int(torch.cuda.get_device_properties(0).total_memory) if torch.cuda.is_available() else None
