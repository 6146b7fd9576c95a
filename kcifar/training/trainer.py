"""Trains a run: every stage in order, a checkpoint after each epoch, the test split once at the end.

Everything that can be refused is refused before the run folder is created. Of the engine the loop knows only `TrainingLoop`.
"""

import contextlib
import time
from typing import Any

import numpy as np

from kcifar.core.errors import TrainingFailed, one_line
from kcifar.core.files import write_text
from kcifar.core.interruption import report_interruption
from kcifar.datasets.dataset import Dataset, Source
from kcifar.engine.assembly import build_training_loop, restart_training_loop
from kcifar.engine.backend import check_backend, load_backend, resolve_precision
from kcifar.engine.determinism import use_determinism
from kcifar.engine.epoch import EpochMetrics
from kcifar.engine.initialization import initialize_from_data, initialize_from_run
from kcifar.engine.training_loop import TrainingLoop
from kcifar.planning.batches import EpochBatches
from kcifar.planning.prepared_data import PreparedData, prepare_data
from kcifar.planning.stage_batches import make_stage_batches
from kcifar.planning.stage_plan import StagePlan
from kcifar.recipe.early_stopping import should_stop
from kcifar.recipe.write import format_yaml
from kcifar.runs.checkpoint import Position, load_checkpoint, restore_variables
from kcifar.runs.folder import BATCHES_FILE, BEST_MODEL_FILE, CHECKPOINT_FOLDER, MODEL_FILE, RECIPE_FILE
from kcifar.runs.records import BatchRecorder, begin_records, record_epoch, truncate_records
from kcifar.runs.resuming import describe_resuming
from kcifar.runs.run import Run
from kcifar.training import history
from kcifar.training.best_weights import StageBestWeights, save_best_model
from kcifar.training.checkpoint_writer import CheckpointWriter
from kcifar.training.epoch_lines import EpochHeading
from kcifar.training.progress import Progress
from kcifar.training.request import TrainingRequest, check_folder
from kcifar.training.results import load_weights, save_model, write_results
from kcifar.training.resume_checks import check_same_data, check_same_environment
from kcifar.training.run_description import write_description
from kcifar.training.run_messages import announce_run, describe_early_stop, describe_saved_epoch, report_non_finite, report_results


def train_run(request: TrainingRequest, progress: Progress, data: Dataset | None = None) -> Run:
    """Train what is requested and return the finished run.

    Args:
        request: What to train, and where.
        progress: Where to report to.
        data: The data set itself, instead of the request's files.
    Raises:
        UserError: The recipe, the data or the folder is refused, or another process is training in the folder.
        TrainingFailed: A loss that is not finite.
    """
    if not is_already_finished(request, progress):
        with report_interruption(lambda _cause: progress.say(describe_early_stop())):
            prepared = prepare_requested_data(request, progress, data)
            load_backend()
        with use_determinism(request.plan.recipe.document.deterministic):
            with report_interruption(lambda _cause: progress.say(describe_early_stop())):
                trainer = Trainer(request, prepared, progress)
            trainer.train_in_folder()
    return Run(request.folder.path)


def prepare_requested_data(request: TrainingRequest, progress: Progress, data: Dataset | None) -> PreparedData:
    """Load, split and describe the data of a run; arguments and errors as in `train_run`."""
    check_backend()
    check_same_environment(request, data)
    prepared = prepare_data(request.plan, Source(request.data, request.url, progress.say), data)
    check_same_data(request, prepared)
    return prepared


def is_already_finished(request: TrainingRequest, progress: Progress) -> bool:
    """Whether a run that is to be resumed has ended; it is said."""
    is_finished = request.resume and request.folder.is_finished()
    if is_finished:
        progress.say(f"{request.folder.path}: the run is finished; nothing to do")
    return is_finished


class Trainer:
    """A run in memory: the loop that trains it, its position, and what is kept of it.

    Args:
        request: What to train, and where.
        data: Its data.
        progress: Where to report to.
        loop: That of another seed of the recipe, whose run has ended: its compiled programs are used again. None to build one.
    """

    def __init__(self, request: TrainingRequest, data: PreparedData, progress: Progress, loop: TrainingLoop | None = None) -> None:
        self.request, self.plan, self.folder, self.data, self.progress = request, request.plan, request.folder, data, progress
        self._backend = load_backend()
        document = self.plan.recipe.document
        self.precision = resolve_precision(document.precision)
        self.loop = loop or build_training_loop(self.plan, data, self.precision)
        if loop:
            restart_training_loop(loop, self.plan, data, self.precision)
        self.position = Position()
        self._begun: int | None = None  # index of the stage that the loop is ready for
        self._best_weights = StageBestWeights()
        self._checkpoint_writer = CheckpointWriter(self.folder, document.checkpoint_every, len(self.plan.stages))
        self._time_estimate = history.TimeEstimate(self.plan.total_epochs)

    def train_in_folder(self) -> None:
        """Train in the run folder, unless another process is there, or has trained this run meanwhile.

        Raises:
            UserError: The folder is in use, or contains another run by now.
        """
        with self.folder.lock():
            check_folder(self.request)
            if not is_already_finished(self.request, self.progress):
                self.run()

    def run(self) -> None:
        """Train what is left and write the results; whatever ends the run early is written to `status.json`."""
        try:
            with report_interruption(self._report_interruption):
                self._resume() if self.request.resume else self._begin()
                if self.position.epoch == 0:  # a new run, or a resumed one without a checkpoint
                    initialize_from_data(self.plan, self.loop.network, self.loop.normalization, self.data)
                for stage in self.plan.stages[self.position.stage :]:
                    self._run_stage(stage)
                self._write_results()
        except Exception as error:
            self._report_failure(one_line(error) or type(error).__name__)
            raise
        finally:
            self.progress.close()

    def _begin(self) -> None:
        """Mark the folder as a run by its status and recipe, and remove an earlier run from it."""
        self.folder.write_status("running", 0)
        self.folder.clear()
        write_text(self.folder / RECIPE_FILE, format_yaml(self.plan.to_dict() | {"precision": self.precision}))
        write_description(self.request, self.data, self.loop, self._backend, self.precision)
        self._announce("training")

    def _resume(self) -> None:
        """Go back to the newest complete checkpoint, or to the start if there is none."""
        checkpoint = load_checkpoint(self.folder / CHECKPOINT_FOLDER, self.progress.say)
        if checkpoint is not None:
            self.position, arrays = checkpoint
            self._checkpoint_writer.saved_epoch = self.position.epoch
            self._begin_stage(self.plan.stages[self.position.history[-1]["stage_index"]])
            self._best_weights.from_checkpoint(arrays)
            restore_variables(self.loop.collect_state(), arrays, self.folder / CHECKPOINT_FOLDER)
        else:
            write_description(self.request, self.data, self.loop, self._backend, self.precision)
        truncate_records(self.folder, self.position.lengths)
        begin_records(self.folder)
        self.folder.write_history(self.position.history)
        self.folder.write_status("running", self.position.epoch)
        self._announce(f"resuming after epoch {self.position.epoch}:")

    def _run_stage(self, stage: StagePlan) -> None:
        if self._begun != stage.index:
            self._begin_stage(stage)
            if stage.settings.init_from is not None:
                rest = initialize_from_run(self.loop.network, stage.settings.init_from, self.plan.place(stage, "init_from"))
                if rest:
                    self.progress.say(rest)
                self.loop.restart_averages()
            self._best_weights.clear()
        while self.position.stage == stage.index:
            self._run_epoch(stage)

    def _begin_stage(self, stage: StagePlan) -> None:
        self.loop.begin_stage(stage)
        self._begun = stage.index

    def _run_epoch(self, stage: StagePlan) -> None:
        started, document = time.perf_counter(), self.plan.recipe.document
        rows = history.find_stage_rows(self.position, stage)
        values = stage.values(len(self.data.train_indices), rows)
        batches = make_stage_batches(self.plan, self.data, stage, self.position.stage_epoch, self.position.epoch)
        trained = self._train_epoch(stage, batches, values)
        history.count_epoch(self.position, batches)
        learning_rate = history.find_last_learning_rate(self.position, stage, values["learning_rate"], len(batches))
        with self.loop.use_averages():
            validation = history.compute_validation(self.loop, stage, self.data)
            row = history.make_row(self.position, stage, learning_rate, trained, validation, started)
            save_best_model(self.folder, document.monitor, self.position, row, self.loop)
            self._best_weights.update(stage, [*rows, row], self.loop.network)
        self.position.history.append(row)
        has_ended = self.position.stage_epoch == stage.epochs or should_stop([*rows, row], stage.settings.early_stopping)
        if has_ended:
            self._end_stage(stage)
        self._keep(row)
        report_non_finite(self.progress, row)
        if has_ended and row["stage_epoch"] < stage.epochs:
            self.progress.say(f"stage {stage.name} stopped early, after {row['stage_epoch']} of {stage.epochs} epochs")

    def _train_epoch(self, stage: StagePlan, batches: EpochBatches, values: dict[str, np.ndarray]) -> EpochMetrics:
        """Train on every batch once, with progress and batch rows; refuse weights that are not finite."""
        epoch, images = self.position.epoch + 1, len(batches.order)
        every = self.plan.recipe.document.log_every
        recorder = BatchRecorder(self.folder / BATCHES_FILE, stage.name, epoch, self.position.step, images, batches.batch_size, every)
        learning_rate = history.find_first_learning_rate(self.position, stage, values["learning_rate"], len(batches))
        compiles = not self.loop.is_compiled
        self.progress.begin_epoch(EpochHeading(stage.name, epoch, self.plan.total_epochs, len(batches), images, learning_rate, compiles))

        def on_batch(step: int, loss: float, accuracy: float) -> None:
            recorder.record(step, loss, accuracy)
            self.progress.update(step, loss, accuracy)

        place = f"stage {stage.name!r}, epoch {epoch}"
        try:
            trained = self.loop.run_epoch(batches, values, on_batch)
        except TrainingFailed as error:
            raise self._checkpoint_writer.make_failure(place, error) from None
        self._checkpoint_writer.check_finite(place, self.loop.collect_state())
        return trained

    def _end_stage(self, stage: StagePlan) -> None:
        """Leave the stage's weights and move on to the next one."""
        self.loop.end_stage()
        self._best_weights.restore(self.loop.collect_state())
        self.position.stage, self.position.stage_epoch = stage.index + 1, 0

    def _keep(self, row: dict[str, Any]) -> None:
        """Write everything that an epoch leaves; the checkpoint comes before what can be rebuilt from it."""
        record_epoch(self.folder, row)
        self._checkpoint_writer.save_if_due(self.position, self.loop, self._best_weights)
        self.folder.write_history(self.position.history)
        self.folder.write_status("running", self.position.epoch)
        self.progress.end_epoch(row, self._time_estimate.update(row))

    def _write_results(self) -> None:
        """Save the selected model, evaluate it once, and mark the run as finished."""
        document = self.plan.recipe.document
        if document.select == "best":
            if self.position.best is None:
                raise TrainingFailed(f"select: best: {document.monitor} was not finite in any epoch; the state after the last one is kept")
            load_weights(self.loop.build_inference_model(), self.folder / BEST_MODEL_FILE)
        save_model(self.loop.build_inference_model(), self.folder / MODEL_FILE)
        views = self.plan.stages[-1].settings.views
        results = write_results(self.folder, self.data, self.loop.compute_logits, document.select, document.test, views)
        self.folder.write_status("finished", self.position.epoch)
        report_results(self.progress, self.request, results)

    def _report_interruption(self, cause: str) -> None:
        """Say in `status.json` and to the user that the run was interrupted; the status first, as a closed pipe may hold up the words."""
        with contextlib.suppress(OSError):
            self.folder.write_interruption(self._checkpoint_writer.saved_epoch, f"stopped by {cause}")
        self._say_how_to_continue("interrupted")

    def _report_failure(self, reason: str) -> None:
        """Say in `status.json` and to the user why the run failed; a full disk or a closed pipe must not hide the first error."""
        with contextlib.suppress(OSError):
            self.folder.write_status("failed", self._checkpoint_writer.saved_epoch, reason)
        self._say_how_to_continue("failed")

    def _say_how_to_continue(self, state: str) -> None:
        self.progress.close()
        command = self.request.resuming or describe_resuming(self.folder.path, self.request.imports, self._backend)
        with contextlib.suppress(OSError):
            self.progress.say(f"{state} {describe_saved_epoch(self._checkpoint_writer.saved_epoch)}; continue with:\n  {command}")

    def _announce(self, activity: str) -> None:
        announce_run(self.progress, activity, self.request, self.data, self.loop.network, self._backend, self.precision)
