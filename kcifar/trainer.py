"""Runs a job: every stage in order, a checkpoint after each epoch, the test part once at the end.

Everything that can be refused is refused before the run folder is made. Stages, history and checkpoints know one thing of the
engine: `run_epoch`.
"""

import contextlib
import math
import shlex
import statistics
import time
from typing import Any

import numpy as np

from kcifar.checkpoint import Position, load_checkpoint, restore_variables, save_checkpoint
from kcifar.datasets.dataset import Dataset, Source
from kcifar.engine.backend import automatic_precision, backend_name, check_backend, device_names, dtype_policy, enable_determinism, load_backend
from kcifar.engine.driver import EpochDriver, EpochMetrics
from kcifar.engine.initialization import initialize_from_data
from kcifar.engine.network import build_network, check_penalties, inference_model, normalization_layer
from kcifar.environment import describe_environment
from kcifar.errors import Terminated, TrainingFailed, UserError, one_line
from kcifar.evaluation import accuracy, cross_entropy
from kcifar.files import write_json, write_text
from kcifar.finish import load_weights, save_model, write_results
from kcifar.job import Job, check_folder
from kcifar.lazy import keras
from kcifar.models.summary import model_summary
from kcifar.pipeline import EpochBatches, EpochKey, epoch_batches
from kcifar.plan import StagePlan
from kcifar.preparation import PreparedData, prepare_data
from kcifar.progress import EpochHeading, Progress
from kcifar.recipe import yaml_text
from kcifar.records import BatchRecorder, begin_records, cut_back, flushed_lengths, record_epoch
from kcifar.runs import BATCHES, BEST_FILE, CHECKPOINTS, DATASET, ENVIRONMENT, MODEL, MODEL_FILE, RECIPE, Run, read_json

# A monitored value is better when it is higher (accuracy) or lower (losses).
_HIGHER_IS_BETTER = {"val_accuracy": True, "val_loss": False, "val_cross_entropy": False}


def train_job(job: Job, progress: Progress, data: Dataset | None = None) -> Run:
    """Train what a job asks for and return the finished run.

    Args:
        job: What to do.
        progress: Where to report to.
        data: The data set itself, instead of the job's files.
    Raises:
        UserError: A mistake in the recipe or the data, or another process at work in the folder.
        TrainingFailed: A loss that is not finite.
    """
    if not _already_finished(job, progress):
        check_backend()
        _refuse_other_environment(job, data)
        prepared = prepare_data(job.plan, data or Source(job.data, job.url, progress.say))
        _refuse_other_data(job, prepared)
        trainer = Trainer(job, prepared, progress)
        with job.folder.locked():
            check_folder(job)
            if not _already_finished(job, progress):
                trainer.run()
    return Run(job.folder.path)


def _already_finished(job: Job, progress: Progress) -> bool:
    finished = job.resume and job.folder.is_finished()
    if finished:
        progress.say(f"{job.folder.path}: the run is finished; nothing to do")
    return finished


class Trainer:
    """A run in progress: the engine, the folder, and the position in the recipe.

    Args:
        job: What to do.
        data: The prepared parts.
        progress: Where to report to.
    """

    def __init__(self, job: Job, data: PreparedData, progress: Progress) -> None:
        self.plan, self.folder, self.data, self.progress = job.plan, job.folder, data, progress
        self._job = job
        self._backend = load_backend()
        document = self.plan.recipe.document
        if document.deterministic:
            enable_determinism()
        self.precision = automatic_precision() if document.precision == "auto" else document.precision
        self.driver = self._new_driver()
        self.position = Position()
        self._begun: int | None = None  # index of the stage that the driver is ready for
        self._saved_epoch = 0  # what a resumed run would go on after
        self._durations: list[float] = []

    def run(self) -> None:
        """Train all that is left and write the results; whatever ends it early is written to `status.json`."""
        try:
            self._resume() if self._job.resume else self._begin()
            if self.position.epoch == 0:  # a new run, or one that no checkpoint was restored of
                initialize_from_data(self.plan, self.driver.network, self.driver.normalization, self.data)
            for stage in self.plan.stages:
                self._run_stage(stage)
            self._finish()
        except (KeyboardInterrupt, Terminated):
            self._stopped("interrupted", "stopped by a signal")
            raise
        except Exception as error:
            self._stopped("failed", one_line(error) or type(error).__name__)
            raise
        finally:
            self.progress.close()

    def _new_driver(self) -> EpochDriver:
        from kcifar.engine.fit import FitDriver  # imports the backend, which `load_backend` has checked and quietened

        document, description = self.plan.recipe.document, self.data.description
        with dtype_policy(self.precision):
            network = build_network(self.plan, self.data.dataset.image_shape, self.data.num_classes)
            check_penalties(network, self.plan)
            normalization = normalization_layer(document.input.normalization, description["channel_mean"], description["channel_deviation"])
            longest = max(len(stage.learning_rates(len(self.data.train_indices))) for stage in self.plan.stages)
            return FitDriver(network, normalization, longest, self.precision)

    def _begin(self) -> None:
        """Mark the folder as a run by its status and recipe, and empty it of an earlier one."""
        self.folder.write_status("running", 0)
        self.folder.clear()
        write_text(self.folder / RECIPE, yaml_text(self.plan.to_dict() | {"precision": self.precision}))
        self._describe()
        self._announce("training")

    def _describe(self) -> None:
        """Write what is known before the first epoch."""
        write_json(self.folder / DATASET, self.data.description | {"source": self._source()})
        write_json(self.folder / MODEL, model_summary(self.driver.network))
        write_json(self.folder / ENVIRONMENT, describe_environment(self._backend, device_names(), self.precision, self._job.command))
        begin_records(self.folder)

    def _resume(self) -> None:
        """Go back to the newest whole checkpoint, or to the start if there is none."""
        found = load_checkpoint(self.folder / CHECKPOINTS)
        if found is not None:
            self.position, variables = found
            self._saved_epoch = self.position.epoch
            stage = self._stage_of(self.position.epoch)
            self._begin_stage(stage)
            restore_variables(self.driver.variables(), variables, self.folder / CHECKPOINTS)
        else:
            self._describe()
        cut_back(self.folder, self.position.lengths)
        begin_records(self.folder)
        self.folder.write_history(self.position.history)
        self.folder.write_status("running", self.position.epoch)
        self._announce(f"going on after epoch {self.position.epoch},")

    def _run_stage(self, stage: StagePlan) -> None:
        first = self._first_epoch(stage)
        if self.position.epoch >= first + stage.epochs:
            return
        if self._begun != stage.index:
            self._begin_stage(stage)
        for stage_epoch in range(self.position.epoch - first, stage.epochs):
            self._run_epoch(stage, stage_epoch)

    def _begin_stage(self, stage: StagePlan) -> None:
        rates = stage.learning_rates(len(self.data.train_indices))
        self.driver.begin_stage(stage, rates, self.plan.place(stage, "l2", "layers"))
        self._begun = stage.index

    def _run_epoch(self, stage: StagePlan, stage_epoch: int) -> None:
        started = time.perf_counter()
        batches = self._epoch_batches(stage, stage_epoch)
        trained = self._train_epoch(stage, batches)
        validation = self._validate(stage)
        self._refuse_values_that_are_not_finite(stage)
        self.position.epoch += 1
        self.position.step += len(batches)
        self.position.images_seen += len(batches.order)
        row = {
            "stage": stage.name,
            "stage_index": stage.index,
            "epoch": self.position.epoch,
            "stage_epoch": stage_epoch + 1,
            "learning_rate": self._learning_rate(stage, (stage_epoch + 1) * len(batches) - 1),
            "loss": trained.loss,
            "cross_entropy": trained.cross_entropy,
            "accuracy": trained.accuracy,
            **validation,
            "images_seen": self.position.images_seen,
            "seconds": time.perf_counter() - started,
            "images_per_second": trained.images_per_second,
        }
        self._keep(row)

    def _epoch_batches(self, stage: StagePlan, stage_epoch: int) -> EpochBatches:
        key = EpochKey(self.plan.recipe.document.seed, stage.index, stage_epoch)
        data, settings = self.data, stage.settings
        return epoch_batches(
            data.dataset.train, data.train_indices, key, stage.operations, data.num_classes, settings.batch_size, settings.last_batch
        )

    def _train_epoch(self, stage: StagePlan, batches: EpochBatches) -> EpochMetrics:
        epoch, images = self.position.epoch + 1, len(batches.order)
        every = self.plan.recipe.document.log_every
        recorder = BatchRecorder(self.folder / BATCHES, stage.name, epoch, self.position.step, images, batches.batch_size, every)
        rate = self._learning_rate(stage, (epoch - 1 - self._first_epoch(stage)) * len(batches))
        self.progress.begin_epoch(EpochHeading(stage.name, epoch, self.plan.total_epochs, len(batches), images, rate))

        def on_batch(step: int, loss: float, accuracy: float) -> None:
            recorder.record(step, loss, accuracy)
            self.progress.update(step, loss, accuracy)

        try:
            return self.driver.run_epoch(batches, on_batch)
        except TrainingFailed as error:
            raise TrainingFailed(f"stage {stage.name!r}, epoch {epoch}, {error}; the state after epoch {self._saved_epoch} is kept") from None

    def _refuse_values_that_are_not_finite(self, stage: StagePlan) -> None:
        """Keep what the epoch's last update spoiled out of history and checkpoints; the losses before it were finite."""
        for path, variable in self.driver.variables().items():
            if not np.isfinite(keras.ops.convert_to_numpy(variable)).all():
                place = f"stage {stage.name!r}, epoch {self.position.epoch + 1}, last step"
                raise TrainingFailed(f"{place}: {path} is not finite; the state after epoch {self._saved_epoch} is kept")

    def _validate(self, stage: StagePlan) -> dict[str, float]:
        """Return the validation columns of an epoch, from the un-augmented network; none without a validation part."""
        if self.data.validation is None:
            return {}
        labels = self.data.validation.labels[self.data.validation_indices]
        logits = self.driver.logits(self.data.validation.images, self.data.validation_indices)
        loss = cross_entropy(logits, labels, stage.loss.label_smoothing) + self.driver.penalty()
        return {"val_loss": loss, "val_cross_entropy": cross_entropy(logits, labels), "val_accuracy": accuracy(logits, labels)}

    def _keep(self, row: dict[str, Any]) -> None:
        """Write everything that an epoch leaves; the checkpoint comes before what can be made again from it."""
        self._keep_best(row)
        record_epoch(self.folder, row)
        self.position.history.append(row)
        last = self.position.epoch == self.plan.total_epochs
        if last or self.position.epoch % self.plan.recipe.document.checkpoint_every == 0:
            self.position.lengths = flushed_lengths(self.folder)
            arrays = {path: keras.ops.convert_to_numpy(variable) for path, variable in self.driver.variables().items()}
            save_checkpoint(self.folder / CHECKPOINTS, self.position, arrays)
            self._saved_epoch = self.position.epoch
        self.folder.write_history(self.position.history)
        self.folder.write_status("running", self.position.epoch)
        self._durations.append(row["seconds"])
        left = (self.plan.total_epochs - self.position.epoch) * statistics.median(self._durations)
        self.progress.end_epoch(row, left)

    def _keep_best(self, row: dict[str, Any]) -> None:
        """Save `best.keras` if the monitored value is the best so far.

        The checkpoint that remembers it comes later: an epoch that is replayed saves the same again.
        """
        monitor = self.plan.recipe.document.monitor
        if monitor not in row or not math.isfinite(row[monitor]):
            return
        sign = 1 if _HIGHER_IS_BETTER[monitor] else -1
        if self.position.best is None or sign * row[monitor] > sign * self.position.best[1]:
            save_model(self._inference_model(), self.folder / BEST_FILE)
            self.position.best = (self.position.epoch, row[monitor])

    def _finish(self) -> None:
        document = self.plan.recipe.document
        if document.select == "best":
            load_weights(self._inference_model(), self.folder / BEST_FILE)
        save_model(self._inference_model(), self.folder / MODEL_FILE)
        results = write_results(self.folder, self.data, self.driver.logits, document.select, document.test)
        self.folder.write_status("finished", self.position.epoch)
        if results is not None:
            score = f"test accuracy {results['accuracy']:.2%}, cross-entropy {results['cross_entropy']:.4f} ({results['samples']:,} images)"
            self.progress.say(score)
        self.progress.say(f"saved in {self.folder.path}; tables and figures: python -m kcifar.report {self.folder.path}")

    def _inference_model(self) -> Any:
        return inference_model(self.driver.network, self.driver.normalization)

    def _stopped(self, state: str, reason: str) -> None:
        """Say in `status.json` and to the user how the run ended; a full disk or a closed pipe must not hide the first error."""
        self.progress.close()
        backend = "" if self._backend == "tensorflow" else f"KERAS_BACKEND={self._backend} "
        imports = "".join(f"--import {shlex.quote(str(path))} " for path in self._job.imports)
        command = f"{backend}python -m kcifar.train {imports}--resume --run {shlex.quote(str(self.folder.path))}"
        with contextlib.suppress(OSError):
            self.folder.write_status(state, self._saved_epoch, reason)
        with contextlib.suppress(OSError):
            self.progress.say(f"{state} after epoch {self._saved_epoch}; go on with: {command}")

    def _announce(self, doing: str) -> None:
        counts = ", ".join(f"{count:,} {title}" for title, count in self.data.description["counts"].items())
        network = self.driver.network
        self.progress.say(f"{doing} {network.name} ({network.count_params():,} parameters) on {self.data.dataset.name} ({counts})")
        self.progress.say(f"{self._backend}, {self.precision}, {', '.join(device_names())}; run folder {self.folder.path}")

    def _learning_rate(self, stage: StagePlan, step: int) -> float:
        """Return the learning rate of an update of the stage, from 0."""
        return float(stage.learning_rates(len(self.data.train_indices))[step])

    def _first_epoch(self, stage: StagePlan) -> int:
        """Return how many epochs come before a stage."""
        return sum(earlier.epochs for earlier in self.plan.stages[: stage.index])

    def _stage_of(self, epoch: int) -> StagePlan:
        """Return the stage that the `epoch`-th epoch (from 1) belongs to."""
        return next(stage for stage in self.plan.stages if epoch <= self._first_epoch(stage) + stage.epochs)

    def _source(self) -> dict[str, str | None]:
        return {"data": str(self._job.data.absolute()) if self._job.data else None, "url": self._job.url}


def _refuse_other_environment(job: Job, data: Dataset | None) -> None:
    """Refuse to go on under another backend, whose numbers differ, or with files where the run began with arrays."""
    if not job.resume:
        return
    began = (read_json(job.folder / ENVIRONMENT) or {}).get("backend", backend_name())
    if began != backend_name():
        raise UserError(f"KERAS_BACKEND: {job.folder.path} began with {began}, which it must go on with; got {backend_name()}")
    name = (read_json(job.folder / DATASET) or {}).get("name", job.plan.dataset.name)
    if data is None and name != job.plan.dataset.name:
        raise UserError(
            f"{job.folder.path}: the run was given its data from Python (data set {name!r}); go on with kcifar.train(run=…, data=…, resume=True)"
        )


def _refuse_other_data(job: Job, data: PreparedData) -> None:
    """Refuse to go on with other images, or another split, than the run began with."""
    saved = read_json(job.folder / DATASET) if job.resume else None
    for key in ("content_sha256", "split_sha256"):
        if saved and saved.get(key) != data.description[key]:
            what = "images and labels" if key == "content_sha256" else "split"
            raise UserError(f"{job.data or job.plan.dataset.name}: expected the {what} that {job.folder.path} began with, got others ({key} differs)")
