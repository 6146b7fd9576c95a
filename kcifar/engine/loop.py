"""The epoch driver: a loop of our own over compiled updates of a functional wrapper around the network.

Not Keras' `fit`: under TensorFlow every second or third call of it idles for some 9 seconds at its end, while an iterator of `tf.data` is
destroyed, and it costs Python each batch.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import astuple
from functools import reduce
from typing import Any

import keras
import numpy as np

from kcifar.datasets.dataset import Part
from kcifar.engine.averaging import Averages
from kcifar.engine.backend import dtype_policy, global_randomness_kept, has_gpu, seed_global_randomness
from kcifar.engine.driver import EpochMetrics, OnBatch
from kcifar.engine.epoch import Call, fed_calls, resident_calls, run_calls
from kcifar.engine.loss import training_loss
from kcifar.engine.network import inference_model, network_variables, predict, scoring_model, training_model
from kcifar.engine.optimizer import make_optimizer
from kcifar.engine.patterns import freeze, set_penalties
from kcifar.engine.program import Program, build_for_training, device_bytes, load_program, training_data
from kcifar.engine.resident import ResidentPart, fits_device, put_on_device
from kcifar.engine.step import averaged_variables, model_class, needs_own_step
from kcifar.engine.tensorflow.layer_kernels import quicken
from kcifar.planning.batches import EpochBatches
from kcifar.planning.plan import StagePlan, schedule_keys

Rebuild = Callable[[StagePlan], Any]


class LoopDriver:
    """Trains a network, one epoch at a time.

    Batches are made on the device, and many updates run in one call, where the data set is resident: on a GPU that it takes less than a
    quarter of. Elsewhere each update is fed by the host.

    Args:
        network: Normalised images to logits; its weights are what is trained.
        normalization: The layer in front of it.
        max_updates: Updates of the longest stage.
        precision: The dtype policy that the network was built under.
        rebuild: Builds the network of a stage that asks for another image size or other dropout; without it none may.
        resident: Whether the data set is put on the device; None: by the rule above.
    """

    def __init__(
        self, network: Any, normalization: Any, max_updates: int, precision: str, rebuild: Rebuild | None = None, *, resident: bool | None = None
    ) -> None:
        self.normalization = normalization
        self._image_shape = network.input_shape[1:]
        self._max_updates, self._precision, self._rebuild = max_updates, precision, rebuild
        self._variant: object = (None, None, None)
        self._wants_resident = resident
        self._resident_part: ResidentPart | None = None
        self._program: Program | None = None
        self._model: Any = None
        self._averages: Averages | None = None
        self._structure: object = None
        self._fresh: dict[str, np.ndarray | float] = {}
        self._adopt(network)

    def begin_stage(self, stage: StagePlan) -> None:
        """Build and compile if more than numbers changes, and reset or keep the optimizer's state; see `EpochDriver`."""
        kept = self._kept_state(stage)
        self._fit_variant(stage)
        structure = _structure(stage)
        if structure != self._structure:
            freeze(self.network, stage.settings.freeze, self._frozen)
            set_penalties(self.network, stage.settings)
            self._compile(stage)
            self._structure = structure
        else:
            self._assign(self._fresh)
        self._assign(kept)
        self._tables.begin()
        self.restart_averages()

    def restart_averages(self) -> None:
        """Let the averages begin at the present weights."""
        if self._averages is not None:
            self._averages.restart()

    def end_stage(self) -> None:
        """Make the averages the weights, where the stage has any."""
        for weight, average in self._averaged():
            weight.assign(keras.ops.copy(average))

    @contextmanager
    def averaged(self) -> Iterator[None]:
        """Put the averages in the weights' place inside the block, where the stage has any."""
        pairs = self._averaged()
        trained = [np.array(keras.ops.convert_to_numpy(weight)) for weight, _ in pairs]
        for weight, average in pairs:
            weight.assign(keras.ops.copy(average))
        try:
            yield
        finally:
            for (weight, _), value in zip(pairs, trained, strict=True):
                weight.assign(value)

    def run_epoch(self, batches: EpochBatches, values: Mapping[str, np.ndarray], on_batch: OnBatch) -> EpochMetrics:
        """Train on every batch once; see `EpochDriver`."""
        self._tables.fill(values)
        with global_randomness_kept():
            if not self._program:
                build_for_training(self._model, training_data(batches[0]))
                self._program = load_program(self._model)
            # Not before: building traces the network, and that draws too.
            seed_global_randomness(*astuple(batches.key))
            with self._program.epoch():
                metrics = run_calls(self._calls(self._program, batches), on_batch)
        # As `fit` does: a user's optimizer with `use_ema` puts its averages into the weights now.
        self._model.optimizer.finalize_variable_values(self._model.trainable_variables)
        return metrics

    def logits(self, images: np.ndarray, indices: np.ndarray) -> np.ndarray:
        """Return the un-augmented network's logits of some images, float32 (len(indices), classes)."""
        return predict(self._scoring, images, indices)

    def penalty(self) -> float:
        """Return the sum of the network's weight penalties."""
        return float(sum(float(keras.ops.convert_to_numpy(loss)) for loss in self.network.losses))

    def inference_model(self) -> Any:
        """Return the model that is saved; it shares the network's weights."""
        return inference_model(self.network, self.normalization, self._image_shape)

    def variables(self) -> dict[str, Any]:
        """Return every variable that training changes, by path: weights, statistics, seed generators and the optimizer's."""
        named = network_variables(self.network)
        return named | (self._optimizer_variables() if self._model else {})

    def _calls(self, program: Program, batches: EpochBatches) -> Iterator[Call]:
        if not self._keeps_resident(batches.part):
            return fed_calls(program, batches)
        if self._resident_part is None or self._resident_part.source is not batches.part:
            self._resident_part = put_on_device(batches.part)
        return resident_calls(program, self._resident_part, batches)

    def _keeps_resident(self, part: Part) -> bool:
        if self._wants_resident is not None:
            return self._wants_resident
        return has_gpu() and not self._model.run_eagerly and fits_device(part, device_bytes())

    def _adopt(self, network: Any) -> None:
        """Make a network the one that is trained and scored."""
        self.network = network
        self._frozen = {layer.name for layer in network.layers if not layer.trainable}
        self._scoring = scoring_model(network, self.normalization, self._image_shape)
        quicken(network)

    def _fit_variant(self, stage: StagePlan) -> None:
        """Build the network again where the stage wants another size or other rates; weights move by path."""
        settings = stage.settings
        variant = (settings.image_size, settings.dropout_rate, settings.drop_path_rate)
        if variant == self._variant:
            return
        if self._rebuild is None:
            raise ValueError("a stage with image_size, dropout_rate or drop_path_rate needs a driver that can rebuild the network")
        weights = {path: np.array(keras.ops.convert_to_numpy(variable)) for path, variable in network_variables(self.network).items()}
        with dtype_policy(self._precision):
            self._adopt(self._rebuild(stage))
        for path, variable in network_variables(self.network).items():
            if path in weights:  # dropout layers that the network did not have before bring a seed generator along
                variable.assign(weights[path])
        self._variant, self._structure = variant, None

    def _compile(self, stage: StagePlan) -> None:
        settings = stage.settings
        with dtype_policy(self._precision):
            self._model = training_model(self.network, self.normalization, stage.operations, self._image_shape, model_class(settings))
        optimizer = make_optimizer(stage, self._model.trainable_variables, self._max_updates)
        self._tables, self._averages = optimizer.rules.tables, None
        if needs_own_step(settings):
            self._averages = Averages(optimizer, averaged_variables(self.network), stage)
            self._model.averages = self._averages if self._averages else None
            self._model.radius = settings.sam.radius if settings.sam else None
        self._model.compile(
            optimizer=optimizer,
            loss=training_loss(stage),
            metrics=[
                keras.metrics.CategoricalCrossentropy(from_logits=True, name="cross_entropy"),
                keras.metrics.CategoricalAccuracy(name="accuracy"),
            ],
            jit_compile=_jit_compile(),
        )
        self._program = None  # of the former model
        self._model.optimizer.build(self._model.trainable_variables)  # what Keras wraps around it to scale losses
        self._fresh = {path: _compact(keras.ops.convert_to_numpy(variable)) for path, variable in self._optimizer_variables().items()}

    def _averaged(self) -> list[tuple[Any, Any]]:
        return [] if self._averages is None else self._averages.result()

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


# What a stage may change without another compiled step: numbers, and what happens outside of it.
_NUMBERS = {"name", "epochs", "learning_rate", "batch_size", "last_batch", "optimizer_state", "sampling", "early_stopping", "init_from", "views"}


def _structure(stage: StagePlan) -> object:
    """Return what the compiled step depends on; stages that agree in it differ in numbers only."""
    settings = stage.settings.model_dump(exclude=_NUMBERS | {"class_weight"})
    for name in stage.schedules.keys() - {"learning_rate"}:  # values that are tables
        *outer, key = schedule_keys(name)
        reduce(lambda inner, step: inner[step], outer, settings)[key] = None
    weighted = stage.settings.class_weight is not None
    return settings, list(stage.schedules), weighted, stage.optimizer.to_dict(), stage.loss.to_dict(), stage.operations


def _compact(value: np.ndarray) -> np.ndarray | float:
    """Return one number for an array that repeats it: fresh slots are zeros, and need not be held as such."""
    return value.flat[0] if value.size and (value == value.flat[0]).all() else value
