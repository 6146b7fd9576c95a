"""`--dry-run`: what a recipe would do, without training, without a download, and without the backend that trains."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from kcifar.datasets.class_checks import describe_missing_classes
from kcifar.datasets.dataset import Dataset, DownloadNeeded, Source
from kcifar.engine.backend import check_backend, choose_processor_precision, get_backend_name, warn_about_processor_precision
from kcifar.engine.network import build_network, sketch_network
from kcifar.engine.sketching import load_sketch_backend
from kcifar.engine.stage_checks import check_stages
from kcifar.models.summary import summarize_model
from kcifar.planning.plan import Plan
from kcifar.planning.prepared_data import collect_labels, load_planned_dataset, split_dataset
from kcifar.planning.stage_plan import StagePlan
from kcifar.planning.update_counts import check_updates
from kcifar.recipe.write import format_yaml
from kcifar.training.cost_estimate import Estimate, estimate_bytes, estimate_seconds
from kcifar.training.epoch_lines import format_duration

# Numbers that an optimizer keeps for each weight; those of a user's own are not known.
_SLOTS = {"adam": 2, "adamw": 2, "sgd": 1, "lion": 1, "muon": 1}
# Where Linux lists graphics cards of NVIDIA; on one, precision and speed are known only to the backend.
_GPU = Path("/dev/nvidia0")


def print_recipe(plan: Plan) -> None:
    """Print the resolved recipe: every default written out, as a run saves it, but for a precision that is chosen when training begins."""
    print(format_yaml(plan.to_dict()))


def print_plan(plan: Plan, data: Path | None, url: str | None, runs: Path, *, has_user_parts: bool) -> None:
    """Print each stage's steps and learning rates, the data, the network's size, and estimates of time and memory.

    Args:
        plan: What would run.
        data: The `--data` path, or None.
        url: The `--url` mirror, or None.
        runs: The folder of earlier runs, from which the time is estimated.
        has_user_parts: Whether files of the user's register parts, which may need the backend that trains.
    Raises:
        UserError: Everything that training refuses before its first update, but for files that are not here.
    """
    check_backend()
    backend = get_backend_name()
    dataset, notes = _load_without_download(plan, Source(data, url, print, may_download=False))
    parts = split_dataset(plan, dataset)
    train = parts[0]
    check_updates(plan, len(train))
    load_sketch_backend(has_user_parts)
    size = summarize_model(_check_network(plan, dataset))
    print("\n".join(_make_stage_table(plan, len(train))) + "\n")
    labels = collect_labels(dataset, *parts)
    counts = ", ".join(f"{len(part):,} {title}" for title, part in labels.items())
    _print_fact("data set", f"{dataset.name}: {counts}", *notes, *describe_missing_classes(dataset.class_names, labels))
    weights = f"{size['parameters']:,} parameters, {size['trainable_parameters']:,} trainable"
    _print_fact(
        "network", f"{size['name']}: {weights}", f"{size['bytes'] / 1e6:.1f} MB, {size['multiply_accumulates'] / 1e6:,.1f} M multiply-accumulates"
    )
    precision = _print_backend(plan, backend)
    if precision is not None:
        images = sum(len(train) * stage.epochs for stage in plan.stages)
        _print_time(estimate_seconds(size, images, backend, precision, runs))
        _print_fact("memory", f"about {_estimate_memory(plan, size, dataset, precision) / 1e9:.1f} GB, by a rule of thumb")
    print("\nNothing was trained; --full prints the resolved recipe.")


def _load_without_download(plan: Plan, source: Source) -> tuple[Dataset, list[str]]:
    """Return the data set and, if it is not here, the lines that say so."""
    try:
        return load_planned_dataset(plan, source), []
    except DownloadNeeded as needed:
        reason = f"not on this machine; training downloads {needed.size / 1e6:.0f} MB:"
        return needed.stand_in, [reason, needed.url, "these counts are the official ones; no file could be checked"]


def _check_network(plan: Plan, dataset: Dataset) -> Any:
    """Return a sketch of the network, checked against every stage; only weights from another run need values."""
    shape, classes = dataset.image_shape, len(dataset.class_names)
    needs_values = any(stage.settings.init_from is not None for stage in plan.stages)
    build: Callable[..., Any] = build_network if needs_values else sketch_network
    network = build(plan, shape, classes)
    check_stages(network, plan, shape, classes, build)
    return network


def _make_stage_table(plan: Plan, num_images: int) -> list[str]:
    """Return one row per stage: epochs, batch size, updates, and the learning rate of its first and last update."""
    rows = [("stage", "epochs", "batch", "updates", "learning rate"), *(_make_row(stage, num_images) for stage in plan.stages)]
    width = min(30, max(len(row[0]) for row in rows))
    return [f"{name[:width]:{width}}{epochs:>8}{batch:>8}{updates:>12}  {rate}" for name, epochs, batch, updates, rate in rows]


def _make_row(stage: StagePlan, num_images: int) -> tuple[str, str, str, str, str]:
    rates = stage.values(num_images)["learning_rate"]
    first, last = f"{rates[0]:.4g}", f"{rates[-1]:.4g}"
    return stage.name, str(stage.epochs), str(stage.settings.batch_size), f"{len(rates):,}", first if first == last else f"{first} to {last}"


def _print_fact(title: str, *lines: str) -> None:
    print("\n".join(f"{title if position == 0 else '':10}{line}" for position, line in enumerate(lines)))


def _print_backend(plan: Plan, backend: str) -> str | None:
    """Print backend and precision; return the precision if it is known without the backend."""
    precision = plan.recipe.document.precision
    if precision == "auto" and _GPU.exists():
        _print_fact("backend", f"{backend}; the precision is chosen on the GPU when training begins")
        return None
    chosen = choose_processor_precision(backend) if precision == "auto" else precision
    _print_fact("backend", f"{backend}, {chosen}" + (" (auto, on this processor)" if precision == "auto" else ""))
    if _GPU.exists():
        return None
    if warning := warn_about_processor_precision(backend, chosen):
        _print_fact("", warning)
    return chosen


def _print_time(estimate: Estimate) -> None:
    low, high = format_duration(estimate.lowest), format_duration(estimate.highest)
    _print_fact("time", f"about {low}" if low == high else f"{low} to {high}", f"by {estimate.basis}")


def _estimate_memory(plan: Plan, size: dict[str, Any], dataset: Dataset, precision: str) -> float:
    parts = [part for part in (dataset.train, dataset.validation, dataset.test) if part is not None]
    data_bytes = sum(part.images.size for part in parts)
    return max(estimate_bytes(size, stage.settings.batch_size, _count_slots(stage), data_bytes, precision) for stage in plan.stages)


def _count_slots(stage: StagePlan) -> int:
    settings = stage.settings
    averages = (settings.ema is not None) + (settings.lookahead is not None)
    return _SLOTS.get(stage.optimizer.name, 1) + averages + (settings.accumulate > 1)
