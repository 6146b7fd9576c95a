"""The training loop: stages and epochs of compiled updates of a functional model around the network.

It replaces Keras' `fit`: under TensorFlow every second or third call of `fit` idles for about 9 seconds at its end, while an iterator of
`tf.data` is destroyed, and each batch costs Python time.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import astuple
from functools import reduce
from typing import Any

import numpy as np

from kcifar.core.keras_internals import build_metrics, is_gradient_accumulator
from kcifar.core.lazy import keras
from kcifar.datasets.dataset import Split
from kcifar.engine.averaging import Averages
from kcifar.engine.backend import has_gpu, keep_global_randomness, seed_global_randomness, use_dtype_policy
from kcifar.engine.epoch import EpochMetrics, OnBatch, ProgramCall, iterate_fed_calls, iterate_resident_calls, run_calls
from kcifar.engine.loss import make_training_loss
from kcifar.engine.network import collect_variables, make_inference_model, make_scoring_model, make_training_model, predict
from kcifar.engine.optimizer import make_optimizer
from kcifar.engine.patterns import freeze_layers, set_penalties
from kcifar.engine.program import Program, find_device_bytes, load_program, make_training_data
from kcifar.engine.resident import ResidentPart, fits_device, put_on_device
from kcifar.engine.step import find_averaged_variables, find_model_class, needs_custom_step
from kcifar.engine.tensorflow.layer_kernels import use_fast_kernels
from kcifar.planning.batches import EpochBatches
from kcifar.planning.schedule_plan import split_schedule_name
from kcifar.planning.stage_plan import StagePlan

BuildStageNetwork = Callable[[StagePlan], Any]

# Image size, dropout rate and drop-path rate of a stage that sets none of them: those of the model itself.
_OWN_VARIANT = (None, None, None)


class TrainingLoop:
    """Trains a network, one epoch at a time.

    If the data set is resident, its batches are made on the device and one call runs many updates. By default it is resident on a GPU
    if it takes less than a quarter of the memory. Otherwise the host feeds the batch of each update.

    Args:
        network: Normalized images to logits; its weights are trained.
        normalization: The layer before it.
        max_updates: Updates of the longest stage.
        precision: The dtype policy that the network was built under.
        build_stage_network: Builds the network of a stage that sets another image size or other dropout; None if no stage does.
        resident: Whether the data set is put on the device; None applies the default.
    """

    def __init__(
        self,
        network: Any,
        normalization: Any,
        max_updates: int,
        precision: str,
        build_stage_network: BuildStageNetwork | None = None,
        *,
        resident: bool | None = None,
    ) -> None:
        self.normalization = normalization
        self._image_shape = network.input_shape[1:]
        self._max_updates, self._precision, self._build_stage_network = max_updates, precision, build_stage_network
        self._variant: object = _OWN_VARIANT
        self._has_begun = False  # a stage of this run
        self._resident = resident
        self._resident_part: ResidentPart | None = None
        self._program: Program | None = None
        self._model: Any = None
        self._averages: Averages | None = None
        self._structure: object = None
        self._initial_state: dict[str, np.ndarray | float] = {}  # of the optimizer
        self._use_network(network)

    @property
    def is_compiled(self) -> bool:
        """Whether the next epoch's updates are compiled already; batches of another size may still need a program of their own."""
        return self._program is not None

    def begin_stage(self, stage: StagePlan) -> None:
        """Prepare a stage: compile if more than numbers changes, and reset or keep the optimizer's state."""
        kept, updates = self._copy_kept_state(stage)
        self._adapt_network(stage)
        structure = _describe_structure(stage)
        if structure != self._structure:
            freeze_layers(self.network, stage.settings.freeze, self._frozen)
            set_penalties(self.network, stage.settings)
            self._compile(stage)
            self._structure = structure
        else:
            self._assign_optimizer_state(self._initial_state)
        self._assign_optimizer_state(kept)
        self._tables.restart(updates)
        self.restart_averages()
        self._has_begun = True

    def restart(self, network: Any) -> None:
        """Take the weights of a newly built network, as at the beginning of another run; what is compiled is kept.

        Args:
            network: Of the same architecture as the one that the loop began with.
        """
        self._has_begun = False
        if self._variant != _OWN_VARIANT:  # the last stage had an image size or rates of its own
            self._use_network(network)
            self._variant, self._structure = _OWN_VARIANT, None
            return
        # As copies: under JAX the first update would delete a buffer that both networks share.
        values = {path: np.array(keras.ops.convert_to_numpy(variable)) for path, variable in collect_variables(network).items()}
        for path, variable in collect_variables(self.network).items():
            variable.assign(values[path])

    def restart_averages(self) -> None:
        """Set the stage's averages to the current weights, for weights that were set from outside."""
        if self._averages is not None:
            self._averages.restart()

    def end_stage(self) -> None:
        """Make the averages the network's weights, if the stage has any."""
        for weight, average in self._pair_averages():
            weight.assign(keras.ops.copy(average))

    @contextmanager
    def use_averages(self) -> Iterator[None]:
        """Give the network, inside the block, the weights to validate and save: the averages, if the stage has any."""
        pairs = self._pair_averages()
        trained = [np.array(keras.ops.convert_to_numpy(weight)) for weight, _ in pairs]
        for weight, average in pairs:
            weight.assign(keras.ops.copy(average))
        try:
            yield
        finally:
            for (weight, _), value in zip(pairs, trained, strict=True):
                weight.assign(value)

    def run_epoch(self, batches: EpochBatches, values: Mapping[str, np.ndarray], on_batch: OnBatch) -> EpochMetrics:
        """Train on every batch once.

        Args:
            batches: The epoch.
            values: The values of the stage's schedules for each of its updates, by name; see `StagePlan.values`.
            on_batch: Called after each batch with its number in the epoch (from 1) and the mean loss and accuracy so far.
        Raises:
            TrainingFailed: The loss is not finite; the message names the step.
        """
        self._tables.fill(values)
        with keep_global_randomness():
            if not self._program:
                build_metrics(self._model, make_training_data(batches[0]))
                self._program = load_program(self._model)
            # Only now: building the metrics traces the network, which draws random numbers too.
            seed_global_randomness(*astuple(batches.key))
            with self._program.use_for_epoch():
                metrics = run_calls(self._iterate_calls(self._program, batches), on_batch)
        # As `fit` does: a user's optimizer with `use_ema` now writes its averages to the weights.
        self._model.optimizer.finalize_variable_values(self._model.trainable_variables)
        return metrics

    def compute_logits(self, images: np.ndarray, indices: np.ndarray) -> np.ndarray:
        """Return the network's logits of the images at `indices`, without augmentation, float32 (len(indices), classes)."""
        return predict(self._scoring, images, indices)

    def compute_penalty(self) -> float:
        """Return the sum of the network's weight penalties."""
        return float(sum(float(keras.ops.convert_to_numpy(loss)) for loss in self.network.losses))

    def build_inference_model(self) -> Any:
        """Return the model that is saved: images of the data set's size, 0..255, to probabilities; it shares the network's weights."""
        return make_inference_model(self.network, self.normalization, self._image_shape)

    def collect_state(self) -> dict[str, Any]:
        """Return every variable that training changes, by path: weights, statistics, seed generators and the optimizer's variables."""
        return collect_variables(self.network) | (self._collect_optimizer_variables() if self._model else {})

    def _iterate_calls(self, program: Program, batches: EpochBatches) -> Iterator[ProgramCall]:
        if not self._is_resident(batches.part):
            return iterate_fed_calls(program, batches)
        if self._resident_part is None or self._resident_part.source is not batches.part:
            self._resident_part = put_on_device(batches.part)
        return iterate_resident_calls(program, self._resident_part, batches)

    def _is_resident(self, part: Split) -> bool:
        if self._resident is not None:
            return self._resident
        return has_gpu() and not self._model.run_eagerly and fits_device(part, find_device_bytes())

    def _use_network(self, network: Any) -> None:
        """Train and score this network from now on."""
        self.network = network
        self._frozen = {layer.name for layer in network.layers if not layer.trainable}
        self._scoring = make_scoring_model(network, self.normalization, self._image_shape)
        use_fast_kernels(network)

    def _adapt_network(self, stage: StagePlan) -> None:
        """Rebuild the network if the stage sets another image size or other rates; the weights are copied by path."""
        settings = stage.settings
        variant = (settings.image_size, settings.dropout_rate, settings.drop_path_rate)
        if variant == self._variant:
            return
        if self._build_stage_network is None:
            raise ValueError("a stage with image_size, dropout_rate or drop_path_rate needs a training loop with build_stage_network")
        weights = {path: np.array(keras.ops.convert_to_numpy(variable)) for path, variable in collect_variables(self.network).items()}
        with use_dtype_policy(self._precision):
            self._use_network(self._build_stage_network(stage))
        for path, variable in collect_variables(self.network).items():
            if path in weights:  # dropout layers that the former network lacked bring seed generators of their own
                variable.assign(weights[path])
        self._variant, self._structure = variant, None

    def _compile(self, stage: StagePlan) -> None:
        settings = stage.settings
        with use_dtype_policy(self._precision):
            kind = find_model_class(settings)
            self._model = make_training_model(self.network, self.normalization, stage.operations, self._image_shape, kind)
        optimizer = make_optimizer(stage, self._model.trainable_variables, self._max_updates)
        self._tables, self._averages = optimizer.update_rules.tables, None
        if needs_custom_step(settings):
            self._averages = Averages(optimizer, find_averaged_variables(self.network), stage)
            self._model.averages = self._averages if self._averages else None
            self._model.radius = settings.sam.radius if settings.sam else None
        self._model.compile(
            optimizer=optimizer,
            loss=make_training_loss(stage),
            metrics=[
                keras.metrics.CategoricalCrossentropy(from_logits=True, name="cross_entropy"),
                keras.metrics.CategoricalAccuracy(name="accuracy"),
            ],
            jit_compile=_needs_xla(),
        )
        self._program = None  # it belongs to the former model
        self._model.optimizer.build(self._model.trainable_variables)  # Keras may have wrapped it to scale losses
        self._initial_state = {
            path: _compress(keras.ops.convert_to_numpy(variable)) for path, variable in self._collect_optimizer_variables().items()
        }

    def _pair_averages(self) -> list[tuple[Any, Any]]:
        return [] if self._averages is None else self._averages.pair_with_weights()

    def _copy_kept_state(self, stage: StagePlan) -> tuple[dict[str, np.ndarray | float], int]:
        """Return the optimizer's state and the updates that made it if the stage keeps it; nothing for the first stage.

        Gradients that the former stage accumulated for an update that it did not complete are left behind.
        """
        if stage.settings.optimizer_state == "reset" or not self._has_begun:
            return {}, 0
        kept = {path: variable for path, variable in self._collect_optimizer_variables().items() if not is_gradient_accumulator(variable)}
        # A copy: under torch the array would be a view that changes with the variable.
        return {path: np.array(keras.ops.convert_to_numpy(variable)) for path, variable in kept.items()}, self._tables.count_all_updates()

    def _collect_optimizer_variables(self) -> dict[str, Any]:
        return {variable.path: variable for variable in self._model.optimizer.variables}

    def _assign_optimizer_state(self, values: dict[str, np.ndarray | float]) -> None:
        variables = self._collect_optimizer_variables()
        for path, value in values.items():
            if path in variables:  # with other settings, an optimizer may have fewer slots than the one whose state it keeps
                variables[path].assign(np.broadcast_to(value, variables[path].shape))


def _needs_xla() -> bool:
    """Whether XLA compiles the step: always under JAX, on a GPU under TensorFlow; on processors it is six times slower there (measured)."""
    backend = keras.config.backend()
    return bool(backend == "jax" or (backend == "tensorflow" and has_gpu()))


# Settings that a stage may change without another compiled step: numbers, and settings that apply outside of the step.
_NUMBERS = {"name", "epochs", "learning_rate", "batch_size", "last_batch", "optimizer_state", "sampling", "early_stopping", "init_from", "views"}


def _describe_structure(stage: StagePlan) -> object:
    """Return everything that the compiled step depends on; stages with equal structure differ only in numbers."""
    settings = stage.settings.model_dump(exclude=_NUMBERS | {"class_weight"})
    for name in stage.schedules.keys() - {"learning_rate"}:  # values that are looked up in tables
        *outer, key = split_schedule_name(name)
        reduce(lambda inner, step: inner[step], outer, settings)[key] = None
    is_weighted = stage.settings.class_weight is not None
    return settings, list(stage.schedules), is_weighted, stage.optimizer.to_dict(), stage.loss.to_dict(), stage.operations


def _compress(value: np.ndarray) -> np.ndarray | float:
    """Return a single number for an array that repeats it: new slots are mostly zeros and would double the memory."""
    return value.flat[0] if value.size and (value == value.flat[0]).all() else value
