"""Summary of a run: recipe, data, progress, results and environment, as a single upright row."""

from typing import Any

from kcifar.reporting.page.columns import COUNT, DECIMAL, LOSS, MINUTES, PERCENT, TEXT, make_frame
from kcifar.reporting.page.content import SectionContent, Table
from kcifar.reporting.stats.intervals import compute_fraction_interval, harmonic_mean_rate
from kcifar.runs.load import LoadedRun
from kcifar.runs.schemas import MetricsFile

ORDER = 290
TITLE = "Summary"
PRINTED = True
ESSENTIAL = True
NOTE = (
    "Test low and high: the bounds of the 95% Wilson interval of the test accuracy, with each image seen once, unmodified (single view). "
    "MiB: size of the weights. Minutes: time of all completed epochs."
)
COLUMNS = {
    "recipe": TEXT,
    "state": TEXT,
    "dataset": TEXT,
    "train_images": COUNT,
    "validation_images": COUNT,
    "test_images": COUNT,
    "model": TEXT,
    "parameters": COUNT,
    "trainable_parameters": COUNT,
    "MiB": DECIMAL,
    "multiply_accumulates": COUNT,
    "seed": COUNT,
    "split_seed": COUNT,
    "epochs": COUNT,
    "planned_epochs": COUNT,
    "final_val_accuracy": PERCENT,
    "best_val_accuracy": PERCENT,
    "best_epoch": COUNT,
    "weights": TEXT,
    "test_accuracy": PERCENT,
    "test_low": PERCENT,
    "test_high": PERCENT,
    "test_cross_entropy": LOSS,
    "views": COUNT,
    "test_accuracy_over_views": PERCENT,
    "minutes": MINUTES,
    "images_per_second": DECIMAL,
    "precision": TEXT,
    "backend": TEXT,
    "hardware": TEXT,
    "versions": TEXT,
    "git_commit": TEXT,
}


def of_run(run: LoadedRun) -> SectionContent:
    """Return the single row of the run."""
    row = _list_identity(run) | _list_sizes(run) | _list_progress(run) | (_list_test(run.test) if run.test else {}) | _list_environment(run)
    return SectionContent(tables=[Table("summary", "Summary", COLUMNS, make_frame([row], COLUMNS, ("recipe",)), NOTE)])


def _list_identity(run: LoadedRun) -> dict[str, Any]:
    recipe = run.recipe
    seeds = {"seed": recipe.seed, "split_seed": recipe.split_seed}
    return {"recipe": recipe.name, "state": run.status.state, "dataset": run.dataset_name, "model": recipe.model.name} | seeds


def _list_sizes(run: LoadedRun) -> dict[str, Any]:
    counts = run.dataset.counts if run.dataset else {}
    row: dict[str, Any] = {f"{split}_images": counts.get(split) for split in ("train", "validation", "test")}
    if run.model:
        row |= {name: getattr(run.model, name) for name in ("parameters", "trainable_parameters", "multiply_accumulates")}
        row["MiB"] = run.model.bytes / 2**20
    return row


def _list_progress(run: LoadedRun) -> dict[str, Any]:
    best, epoch = run.best_validation or (None, None)
    return {
        "epochs": len(run.history),
        "planned_epochs": run.planned_epochs,
        "final_val_accuracy": run.history["val_accuracy"].iloc[-1],
        "best_val_accuracy": best,
        "best_epoch": epoch,
        "minutes": run.minutes,
        "images_per_second": harmonic_mean_rate(run.history["images_per_second"]),
    }


def _list_test(test: MetricsFile) -> dict[str, Any]:
    low, high = compute_fraction_interval(test.accuracy, test.samples)
    row: dict[str, Any] = {
        "weights": test.weights,
        "test_accuracy": test.accuracy,
        "test_low": low,
        "test_high": high,
        "test_cross_entropy": test.cross_entropy,
    }
    return row | ({"views": test.views.count, "test_accuracy_over_views": test.views.accuracy} if test.views else {})


def _list_environment(run: LoadedRun) -> dict[str, Any]:
    environment = run.environment
    if environment is None:
        return {"precision": run.recipe.precision}
    return {
        "precision": environment.precision,
        "backend": environment.backend,
        "hardware": environment.hardware or None,
        "versions": environment.versions or None,
        "git_commit": environment.git_commit[:12] if environment.git_commit else None,
    }
