"""The compiled updates of a training model, one at a time or many in one program: the interface that each backend implements."""

import importlib
from contextlib import AbstractContextManager
from typing import Any, Protocol

from kcifar.core.lazy import keras
from kcifar.engine.resident import EpochArrays, ResidentPart
from kcifar.planning.batches import Batch

# The metrics that a program returns for each update, in this order: means over the epoch so far, float32.
METRICS = ("loss", "cross_entropy", "accuracy")


class Program(Protocol):
    """The compiled updates of one training model.

    Attributes:
        compilations: Number of programs compiled so far; if a call increases it, a program was compiled during that call.
    """

    compilations: int

    def use_for_epoch(self) -> AbstractContextManager[None]:
        """Return a block for the updates of an epoch: it resets the metrics, and after it the model's variables hold the result."""
        ...

    def train_batch(self, data: tuple[Any, ...]) -> Any:
        """Train on one batch of host arrays; see `make_training_data`.

        Returns:
            float32 tensor (3,): `METRICS`. The device may still be computing it.
        """
        ...

    def train_batches(self, part: ResidentPart, arrays: EpochArrays, first: int, updates: int, batch_size: int) -> Any:
        """Train on consecutive batches that are made on the device.

        Args:
            part: The data set, on the device.
            arrays: The order and draws of the epoch.
            first: Place in the epoch's order where the first batch begins.
            updates: Number of updates, > 0.
            batch_size: Images per batch.
        Returns:
            float32 tensor (updates, 3): `METRICS` after each update. The device may still be computing it.
        """
        ...


def load_program(model: Any) -> Program:
    """Return the program of a compiled training model (see `network.make_training_model`) for the current backend."""
    module = importlib.import_module(f"kcifar.engine.{keras.config.backend()}.program")
    program: Program = module.BackendProgram(model)
    return program


def find_device_bytes() -> int | None:
    """Return the memory of the backend's first device; None if it is not known."""
    module = importlib.import_module(f"kcifar.engine.{keras.config.backend()}.program")
    memory: int | None = module.find_device_bytes()
    return memory


def make_training_data(batch: Batch) -> tuple[Any, ...]:
    """Return a batch as `keras.Model.train_step` takes it: inputs, targets and, if there are any, weights."""
    inputs = {"images": batch.images, "draws": batch.draws}
    if batch.partners is not None:
        inputs |= {"partners": batch.partners.images, "partner_draws": batch.partners.draws}
    return (inputs, batch.targets) if batch.weights is None else (inputs, batch.targets, batch.weights)


def stack_metrics(logs: dict[str, Any]) -> Any:
    """Return the metrics of `train_step` as one tensor, so that a single transfer brings them to the host."""
    return keras.ops.stack([keras.ops.cast(logs[name], "float32") for name in METRICS])
