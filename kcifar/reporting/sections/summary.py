"""What a run was, on what, how far it came and what it reached: one row, upright."""

from typing import Any

from kcifar.reporting.page.columns import COUNT, DECIMAL, LOSS, SHARE, TEXT, frame
from kcifar.reporting.page.content import Content, Table
from kcifar.reporting.stats.intervals import interval_of_share, mean_rate
from kcifar.runs.load import SavedRun
from kcifar.runs.measures import minutes_of
from kcifar.runs.schemas import TestResult

ORDER = 100
TITLE = "Summary"
PRINTED = True
ESSENTIAL = True
NOTE = (
    "Test low and high: the ends of the 95% Wilson interval of the test accuracy, each image seen once as it is (single view). "
    "MiB: the size of the weights. Minutes: of all completed epochs."
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
    "final_val_accuracy": SHARE,
    "best_val_accuracy": SHARE,
    "best_epoch": COUNT,
    "weights": TEXT,
    "test_accuracy": SHARE,
    "test_low": SHARE,
    "test_high": SHARE,
    "test_cross_entropy": LOSS,
    "views": COUNT,
    "test_accuracy_over_views": SHARE,
    "minutes": DECIMAL,
    "images_per_second": DECIMAL,
    "precision": TEXT,
    "backend": TEXT,
    "hardware": TEXT,
    "versions": TEXT,
    "git_commit": TEXT,
}


def of_run(run: SavedRun) -> Content:
    """Return the one row of the run."""
    row = _identity(run) | _sizes(run) | _progress(run) | (_test(run.test) if run.test else {}) | _hardware(run)
    return Content(tables=[Table("summary", "Summary", COLUMNS, frame([row], COLUMNS, ("recipe",)), NOTE)])


def _identity(run: SavedRun) -> dict[str, Any]:
    recipe = run.recipe
    seeds = {"seed": recipe.seed, "split_seed": recipe.split_seed}
    return {"recipe": recipe.name, "state": run.status.state, "dataset": recipe.dataset.name, "model": recipe.model.name} | seeds


def _sizes(run: SavedRun) -> dict[str, Any]:
    counts = run.dataset.counts if run.dataset else {}
    row: dict[str, Any] = {f"{part}_images": counts.get(part) for part in ("train", "validation", "test")}
    if run.model:
        row |= {name: getattr(run.model, name) for name in ("parameters", "trainable_parameters", "multiply_accumulates")}
        row["MiB"] = run.model.bytes / 2**20
    return row


def _progress(run: SavedRun) -> dict[str, Any]:
    best, epoch = run.best_validation or (None, None)
    return {
        "epochs": len(run.history),
        "planned_epochs": run.planned_epochs,
        "final_val_accuracy": run.history["val_accuracy"].iloc[-1],
        "best_val_accuracy": best,
        "best_epoch": epoch,
        "minutes": minutes_of(run),
        "images_per_second": mean_rate(run.history["images_per_second"]),
    }


def _test(test: TestResult) -> dict[str, Any]:
    low, high = interval_of_share(test.accuracy, test.samples)
    row: dict[str, Any] = {
        "weights": test.weights,
        "test_accuracy": test.accuracy,
        "test_low": low,
        "test_high": high,
        "test_cross_entropy": test.cross_entropy,
    }
    return row | ({"views": test.views.count, "test_accuracy_over_views": test.views.accuracy} if test.views else {})


def _hardware(run: SavedRun) -> dict[str, Any]:
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
