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

from kcifar.core.errors import Terminated, TrainingFailed, UserError, one_line
from kcifar.core.files import write_json, write_text
from kcifar.core.lazy import keras
from kcifar.datasets.dataset import Dataset, Source
from kcifar.engine.assembly import assemble_driver
from kcifar.engine.backend import automatic_precision, backend_name, check_backend, device_names, enable_determinism, load_backend
from kcifar.engine.driver import EpochMetrics
from kcifar.engine.initialization import initialize_from_data, initialize_from_run
from kcifar.engine.loss import mean_loss
from kcifar.engine.network import network_variables
from kcifar.models.summary import model_summary
from kcifar.planning.batches import EpochBatches
from kcifar.planning.plan import StagePlan
from kcifar.planning.prepared_data import PreparedData, prepare_data
from kcifar.planning.stage_batches import stage_batches
from kcifar.recipe.early_stopping import epochs_since_best, is_better, should_stop
from kcifar.recipe.write import yaml_text
from kcifar.runs.checkpoint import Position, load_checkpoint, restore_variables, save_checkpoint
from kcifar.runs.folder import BATCHES, BEST_FILE, CHECKPOINTS, DATASET, ENVIRONMENT, MODEL, MODEL_FILE, RECIPE, read_json
from kcifar.runs.records import BatchRecorder, begin_records, cut_back, flushed_lengths, record_epoch
from kcifar.runs.run import Run
from kcifar.training.environment import describe_environment
from kcifar.training.metrics import accuracy, cross_entropy
from kcifar.training.progress import EpochHeading, Progress
from kcifar.training.request import Job, check_folder
from kcifar.training.results import load_weights, save_model, write_results

# Arrays of a checkpoint under this name are the best weights of a stage that will go back to them.
BEST_WEIGHTS = "best weights of the stage/"


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
        self.driver = assemble_driver(self.plan, data, self.precision)
        self.position = Position()
        self._begun: int | None = None  # index of the stage that the driver is ready for
        self._best_weights: dict[str, np.ndarray] = {}  # of a stage whose early stopping restores them
        self._saved_epoch = 0  # what a resumed run would go on after
        self._durations: list[float] = []

    def run(self) -> None:
        """Train all that is left and write the results; whatever ends it early is written to `status.json`."""
        try:
            self._resume() if self._job.resume else self._begin()
            if self.position.epoch == 0:  # a new run, or one that no checkpoint was restored of
                initialize_from_data(self.plan, self.driver.network, self.driver.normalization, self.data)
            for stage in self.plan.stages[self.position.stage :]:
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
            self.position, arrays = found
            self._saved_epoch = self.position.epoch
            self._begin_stage(self.plan.stages[self.position.history[-1]["stage_index"]])
            self._best_weights = {path.removeprefix(BEST_WEIGHTS): arrays.pop(path) for path in list(arrays) if path.startswith(BEST_WEIGHTS)}
            restore_variables(self.driver.variables(), arrays, self.folder / CHECKPOINTS)
        else:
            self._describe()
        cut_back(self.folder, self.position.lengths)
        begin_records(self.folder)
        self.folder.write_history(self.position.history)
        self.folder.write_status("running", self.position.epoch)
        self._announce(f"going on after epoch {self.position.epoch},")

    def _run_stage(self, stage: StagePlan) -> None:
        if self._begun != stage.index:
            self._begin_stage(stage)
            if stage.settings.init_from is not None:
                initialize_from_run(self.driver.network, stage.settings.init_from, self.plan.place(stage, "init_from"))
                self.driver.restart_averages()
            self._best_weights = {}
        while self.position.stage == stage.index:
            self._run_epoch(stage)

    def _begin_stage(self, stage: StagePlan) -> None:
        self.driver.begin_stage(stage)
        self._begun = stage.index

    def _run_epoch(self, stage: StagePlan) -> None:
        started = time.perf_counter()
        rows = self._stage_rows(stage)
        values = stage.values(len(self.data.train_indices), rows)
        batches = stage_batches(self.plan, self.data, stage, self.position.stage_epoch, self.position.epoch)
        trained = self._train_epoch(stage, batches, values)
        self._refuse_values_that_are_not_finite(stage)
        self.position.epoch += 1
        self.position.stage_epoch += 1
        self.position.step += len(batches)
        self.position.images_seen += len(batches.order)
        with self.driver.averaged():
            row: dict[str, Any] = {
                "stage": stage.name,
                "stage_index": stage.index,
                "epoch": self.position.epoch,
                "stage_epoch": self.position.stage_epoch,
                "learning_rate": self._last_rate(stage, values["learning_rate"], len(batches)),
                "loss": trained.loss,
                "cross_entropy": trained.cross_entropy,
                "accuracy": trained.accuracy,
                **self._validate(stage),
                "images_seen": self.position.images_seen,
                "seconds": time.perf_counter() - started,
                "images_per_second": trained.images_per_second,
                "compilation_seconds": trained.compilation_seconds,
            }
            self._keep_best(row)
            self._remember_best_weights(stage, [*rows, row])
        self.position.history.append(row)
        ended = self.position.stage_epoch == stage.epochs or should_stop([*rows, row], stage.settings.early_stopping)
        if ended:
            self._end_stage(stage)
        self._keep(row)
        if ended and row["stage_epoch"] < stage.epochs:
            self.progress.say(f"stage {stage.name} stopped early, after {row['stage_epoch']} of {stage.epochs} epochs")

    def _end_stage(self, stage: StagePlan) -> None:
        """Leave the stage's weights and move on to the next one."""
        self.driver.end_stage()
        variables = self.driver.variables()
        for path, value in self._best_weights.items():
            variables[path].assign(value)
        self._best_weights = {}
        self.position.stage, self.position.stage_epoch = stage.index + 1, 0

    def _remember_best_weights(self, stage: StagePlan, rows: list[dict[str, Any]]) -> None:
        """Keep the weights of the stage's best epoch in memory, and in its checkpoints, where the stage will go back to them."""
        rule = stage.settings.early_stopping
        if rule is not None and rule.restore_best and epochs_since_best(rows, rule) == 0:
            self._best_weights = {path: np.array(keras.ops.convert_to_numpy(v)) for path, v in network_variables(self.driver.network).items()}

    def _stage_rows(self, stage: StagePlan) -> list[dict[str, Any]]:
        """Return the history of a stage's completed epochs."""
        return [row for row in self.position.history if row["stage_index"] == stage.index]

    def _train_epoch(self, stage: StagePlan, batches: EpochBatches, values: dict[str, np.ndarray]) -> EpochMetrics:
        epoch, images = self.position.epoch + 1, len(batches.order)
        every = self.plan.recipe.document.log_every
        recorder = BatchRecorder(self.folder / BATCHES, stage.name, epoch, self.position.step, images, batches.batch_size, every)
        rates = values["learning_rate"]
        rate = float(rates[min(self.position.stage_epoch * len(batches) // stage.settings.accumulate, len(rates) - 1)])
        self.progress.begin_epoch(EpochHeading(stage.name, epoch, self.plan.total_epochs, len(batches), images, rate))

        def on_batch(step: int, loss: float, accuracy: float) -> None:
            recorder.record(step, loss, accuracy)
            self.progress.update(step, loss, accuracy)

        try:
            return self.driver.run_epoch(batches, values, on_batch)
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
        loss = mean_loss(stage, logits, labels) + self.driver.penalty()
        return {"val_loss": loss, "val_cross_entropy": cross_entropy(logits, labels), "val_accuracy": accuracy(logits, labels)}

    def _keep(self, row: dict[str, Any]) -> None:
        """Write everything that an epoch leaves; the checkpoint comes before what can be made again from it."""
        record_epoch(self.folder, row)
        last = self.position.stage == len(self.plan.stages)
        if last or self.position.epoch % self.plan.recipe.document.checkpoint_every == 0:
            self.position.lengths = flushed_lengths(self.folder)
            arrays = {path: keras.ops.convert_to_numpy(variable) for path, variable in self.driver.variables().items()}
            arrays |= {f"{BEST_WEIGHTS}{path}": value for path, value in self._best_weights.items()}
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
        if is_better(monitor, row[monitor], self.position.best and self.position.best[1]):
            save_model(self.driver.inference_model(), self.folder / BEST_FILE)
            self.position.best = (self.position.epoch, row[monitor])

    def _finish(self) -> None:
        document = self.plan.recipe.document
        if document.select == "best":
            load_weights(self.driver.inference_model(), self.folder / BEST_FILE)
        save_model(self.driver.inference_model(), self.folder / MODEL_FILE)
        views = self.plan.stages[-1].settings.views
        results = write_results(self.folder, self.data, self.driver.logits, document.select, document.test, views)
        self.folder.write_status("finished", self.position.epoch)
        if results is not None:
            score = f"test accuracy {results['accuracy']:.2%}, cross-entropy {results['cross_entropy']:.4f} ({results['samples']:,} images)"
            if views > 1:
                score += f"; over {views} views: {results['views']['accuracy']:.2%}"
            self.progress.say(score)
        self.progress.say(f"saved in {self.folder.path}; tables and figures: python -m kcifar.report {self.folder.path}")

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

    def _last_rate(self, stage: StagePlan, rates: np.ndarray, batches: int) -> float:
        """Return the learning rate of the last update of the epoch that was counted last."""
        updates = self.position.stage_epoch * batches // stage.settings.accumulate
        return float(rates[min(max(updates, 1), len(rates)) - 1])

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
