"""What the epoch loop asks of a backend: the updates of a training model, one at a time or many in one program."""

import importlib
from contextlib import AbstractContextManager
from typing import Any, Protocol

from kcifar.core.lazy import keras
from kcifar.engine.resident import ResidentPart, Tables
from kcifar.planning.batches import Batch

# What a program returns of each update, in this order: means over the epoch so far, float32.
METRICS = ("loss", "cross_entropy", "accuracy")


class Program(Protocol):
    """The compiled updates of one training model.

    Attributes:
        compilations: How many programs were compiled so far; a call during which it grows held a compilation.
    """

    compilations: int

    def epoch(self) -> AbstractContextManager[None]:
        """Return a block that an epoch's updates run in: its metrics begin at nothing, and the model's variables hold the result after it."""
        ...

    def update(self, data: tuple[Any, ...]) -> Any:
        """Train on one batch of host arrays; see `training_data`.

        Returns:
            float32 tensor (3,): `METRICS`. The device may still be computing it.
        """
        ...

    def update_many(self, part: ResidentPart, tables: Tables, first: int, updates: int, batch_size: int) -> Any:
        """Train on consecutive batches that are made on the device.

        Args:
            part: The data set, on the device.
            tables: What the epoch does with it.
            first: Place in the epoch's order that the first batch begins at.
            updates: How many, > 0.
            batch_size: Images of each.
        Returns:
            float32 tensor (updates, 3): `METRICS` after each. The device may still be computing it.
        """
        ...


def load_program(model: Any) -> Program:
    """Return the program of a compiled training model (see `network.training_model`) under the present backend."""
    module = importlib.import_module(f"kcifar.engine.{keras.config.backend()}.program")
    program: Program = module.BackendProgram(model)
    return program


def device_bytes() -> int | None:
    """Return the memory of the backend's first device; None where it is not known."""
    module = importlib.import_module(f"kcifar.engine.{keras.config.backend()}.program")
    found: int | None = module.device_bytes()
    return found


def training_data(batch: Batch) -> tuple[Any, ...]:
    """Return a batch as `keras.Model.train_step` takes it: inputs, targets and, where there are any, weights."""
    inputs = {"images": batch.images, "draws": batch.draws}
    if batch.partners is not None:
        inputs |= {"partners": batch.partners.images, "partner_draws": batch.partners.draws}
    return (inputs, batch.targets) if batch.weights is None else (inputs, batch.targets, batch.weights)


def metric_row(logs: dict[str, Any]) -> Any:
    """Return what `train_step` reports as one tensor, which crosses to the host at once."""
    return keras.ops.stack([keras.ops.cast(logs[name], "float32") for name in METRICS])


def build_for_training(model: Any, data: tuple[Any, ...]) -> None:
    """Create the variables of a compiled model's metrics by the shapes of a batch, before a compiled step needs them.

    Keras has no public way to it but `fit` and its like, which train or evaluate.
    """
    model._symbolic_build(data_batch=data if len(data) == 3 else (*data, None))
