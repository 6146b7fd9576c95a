"""Updates under torch, which compiles nothing: a GPU works through the queue of their operations while the host adds to it."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import keras
import torch

from kcifar.engine.program import stack_metrics
from kcifar.engine.resident import EpochArrays, ResidentPart, make_batch, select_rows


class BackendProgram:
    """The updates of one training model; see `Program`.

    Args:
        model: Compiled by Keras.
    """

    compilations = 0

    def __init__(self, model: Any) -> None:
        self._model = model

    @contextmanager
    def use_for_epoch(self) -> Iterator[None]:
        """Return the block of an epoch; see `Program`. Torch layers in a user's network are in training mode inside it."""
        self._model.reset_metrics()
        self._model.train()
        try:
            yield
        finally:
            self._model.eval()

    def train_batch(self, data: tuple[Any, ...]) -> Any:
        """Train on one batch; see `Program`."""
        return self._run_step(keras.tree.map_structure(keras.ops.convert_to_tensor, data))

    def train_batches(self, part: ResidentPart, arrays: EpochArrays, first: int, updates: int, batch_size: int) -> Any:
        """Train on consecutive batches, without waiting for the device between them; see `Program`."""
        starts = range(first, first + updates * batch_size, batch_size)
        return torch.stack([self._run_step_on_rows(part, select_rows(arrays, start, batch_size)) for start in starts])

    def _run_step_on_rows(self, part: ResidentPart, rows: EpochArrays) -> Any:
        return self._run_step(make_batch(part.images, part.labels, rows, self._model.output_shape[-1]))

    def _run_step(self, data: tuple[Any, ...]) -> Any:
        return stack_metrics(self._model.train_step(data)).detach()


def find_device_bytes() -> int | None:
    """Return the memory of the first GPU; None if there is none."""
    return int(torch.cuda.get_device_properties(0).total_memory) if torch.cuda.is_available() else None
