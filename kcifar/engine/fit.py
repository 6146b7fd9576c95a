"""The first epoch driver: Keras' own `fit`, one epoch a call, on a functional wrapper around the network."""

import math
import time
from dataclasses import astuple
from typing import Any

import keras
import numpy as np

from kcifar.engine.backend import dtype_policy, global_randomness_kept, has_gpu, seed_global_randomness
from kcifar.engine.driver import EpochMetrics, OnBatch
from kcifar.engine.kernels import quicken
from kcifar.engine.network import network_variables, predict, scoring_model, set_penalty, training_model
from kcifar.engine.rates import attach_rate_table, set_rates, table_schedule
from kcifar.errors import TrainingFailed
from kcifar.pipeline import EpochBatches, EpochKey
from kcifar.plan import StagePlan


class FitDriver:
    """Trains a network by `fit`, one epoch at a time.

    Args:
        network: Normalised images to logits; its weights are what is trained.
        normalization: The layer in front of it.
        max_steps: Updates of the longest stage.
        precision: The dtype policy that the network was built under.
    """

    def __init__(self, network: Any, normalization: Any, max_steps: int, precision: str) -> None:
        self.network = network
        self.normalization = normalization
        self._max_steps = max_steps
        self._precision = precision
        self._scoring = scoring_model(network, normalization)
        quicken(network)
        self._model: Any = None
        self._schedule: Any = None
        self._structure: object = None
        self._fresh: dict[str, np.ndarray | float] = {}

    def begin_stage(self, stage: StagePlan, rates: np.ndarray, place: str) -> None:
        """Compile if more than numbers changes, reset or keep the optimizer's state, set the rates; see `EpochDriver`."""
        kept = self._kept_state(stage)
        structure = _structure(stage)
        if structure != self._structure:
            set_penalty(self.network, stage.l2, place)
            self._compile(stage)
            self._structure = structure
        else:
            self._assign(self._fresh)
        self._assign(kept)
        set_rates(self._schedule, rates, int(self._model.optimizer.iterations))

    def run_epoch(self, batches: EpochBatches, on_batch: OnBatch) -> EpochMetrics:
        """Train on every batch once by one call of `fit`; see `EpochDriver`."""
        watch = _Watch(on_batch, batches.key)
        started = time.perf_counter()
        with global_randomness_kept():
            history = self._model.fit(_Feed(batches), epochs=1, verbose=0, shuffle=False, callbacks=[watch])
        ended = time.perf_counter()
        last = {name: float(values[-1]) for name, values in history.history.items()}
        images, first = len(batches.order), min(batches.batch_size, len(batches.order))
        rate = (images - first) / (ended - watch.first_done) if images > first else images / (ended - started)
        return EpochMetrics(last["loss"], last["cross_entropy"], last["accuracy"], rate)

    def logits(self, images: np.ndarray, indices: np.ndarray) -> np.ndarray:
        """Return the un-augmented network's logits of some images, float32 (len(indices), classes)."""
        return predict(self._scoring, images, indices)

    def penalty(self) -> float:
        """Return the sum of the network's weight penalties."""
        return float(sum(float(keras.ops.convert_to_numpy(loss)) for loss in self.network.losses))

    def variables(self) -> dict[str, Any]:
        """Return every variable that training changes, by path: weights, statistics, seed generators and the optimizer's."""
        named = network_variables(self.network)
        return named | (self._optimizer_variables() if self._model else {})

    def _compile(self, stage: StagePlan) -> None:
        self._schedule = table_schedule()
        optimizer = stage.optimizer.make(self._schedule)
        attach_rate_table(optimizer, self._schedule, self._max_steps)
        with dtype_policy(self._precision):
            self._model = training_model(self.network, self.normalization, stage.operations)
        self._model.compile(
            optimizer=optimizer,
            loss=keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=stage.loss.label_smoothing),
            metrics=[
                keras.metrics.CategoricalCrossentropy(from_logits=True, name="cross_entropy"),
                keras.metrics.CategoricalAccuracy(name="accuracy"),
            ],
            jit_compile=_jit_compile(),
        )
        self._model.optimizer.build(self._model.trainable_variables)
        self._fresh = {path: _compact(keras.ops.convert_to_numpy(variable)) for path, variable in self._optimizer_variables().items()}

    def _kept_state(self, stage: StagePlan) -> dict[str, np.ndarray | float]:
        """Return the optimizer's state if the stage keeps it (nothing for the first stage)."""
        if stage.settings.optimizer_state == "reset" or self._model is None:
            return {}
        # A copy: under torch the array would be a view, and change with the variable.
        return {path: np.array(keras.ops.convert_to_numpy(variable)) for path, variable in self._optimizer_variables().items()}

    def _optimizer_variables(self) -> dict[str, Any]:
        return {variable.path: variable for variable in self._model.optimizer.variables}

    def _assign(self, values: dict[str, np.ndarray | float]) -> None:
        variables = self._optimizer_variables()
        for path, value in values.items():
            if path in variables:  # an optimizer with other settings may have fewer slots than the one that it keeps the state of
                variables[path].assign(np.broadcast_to(value, variables[path].shape))


def _jit_compile() -> bool:
    """Whether XLA compiles the step: always under JAX, on a GPU under TensorFlow; on processors it is six times slower there (measured)."""
    backend = keras.config.backend()
    return bool(backend == "jax" or (backend == "tensorflow" and has_gpu()))


def _structure(stage: StagePlan) -> object:
    """Return what the compiled step depends on; stages that agree in it differ in numbers only."""
    return stage.optimizer.to_dict(), stage.loss, stage.l2, stage.operations


def _compact(value: np.ndarray) -> np.ndarray | float:
    """Return one number for an array that repeats it: fresh slots are zeros, and need not be held as such."""
    return value.flat[0] if value.size and (value == value.flat[0]).all() else value


class _Feed(keras.utils.PyDataset):  # type: ignore[misc]
    """Hands an epoch's batches to `fit`, in their order."""

    def __init__(self, batches: EpochBatches) -> None:
        super().__init__()
        self._batches = batches

    def __len__(self) -> int:
        return len(self._batches)

    def __getitem__(self, index: int) -> tuple[dict[str, np.ndarray], np.ndarray]:
        batch = self._batches[index]
        return {"images": batch.images, "draws": batch.draws}, batch.targets


class _Watch(keras.callbacks.Callback):  # type: ignore[misc]
    """Seeds the epoch, reports each update and stops at the first loss that is not finite."""

    def __init__(self, on_batch: OnBatch, key: EpochKey) -> None:
        super().__init__()
        self._on_batch, self._key = on_batch, key
        self.first_done = 0.0

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        # Not before: the first `fit` of a process traces the network, and that draws too.
        seed_global_randomness(*astuple(self._key))

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        if batch == 0:
            self.first_done = time.perf_counter()
        loss, accuracy = float((logs or {})["loss"]), float((logs or {})["accuracy"])
        if not math.isfinite(loss):
            raise TrainingFailed(f"step {batch + 1}: the loss is not finite ({loss})")
        self._on_batch(batch + 1, loss, accuracy)
