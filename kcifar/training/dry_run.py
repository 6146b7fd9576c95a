"""`--dry-run`: what a recipe would do, without training; a data set that is not available is downloaded."""

from pathlib import Path

from rich.console import Console
from rich.table import Table

from kcifar.datasets.dataset import Source
from kcifar.engine.backend import check_backend, load_backend, resolve_precision, warn_about_precision
from kcifar.engine.network import build_network
from kcifar.engine.stage_checks import check_stages
from kcifar.models.summary import summarize_model
from kcifar.planning.plan import Plan
from kcifar.planning.prepared_data import prepare_data
from kcifar.planning.update_counts import check_updates
from kcifar.recipe.write import format_yaml


def print_plan(plan: Plan, data: Path | None, url: str | None) -> None:
    """Print the resolved recipe, the data, the network's size, and each stage's steps and learning rates.

    Args:
        plan: What would run.
        data: The `--data` path, or None.
        url: The `--url` mirror, or None.
    Raises:
        UserError: Everything that training refuses before its first update.
    """
    console = Console(highlight=False, soft_wrap=True)
    check_backend()
    prepared = prepare_data(plan, Source(data, url, console.print))
    check_updates(plan, len(prepared.train_indices))
    backend = load_backend()
    precision = resolve_precision(plan.recipe.document.precision)
    network = build_network(plan, prepared.dataset.image_shape, prepared.num_classes)
    check_stages(network, plan, prepared.dataset.image_shape, prepared.num_classes)
    size = summarize_model(network)
    counts = ", ".join(f"{count:,} {title}" for title, count in prepared.description["counts"].items())
    facts = {
        "data set": f"{prepared.dataset.name}: {counts}",
        "network": f"{network.name}: {size['parameters']:,} parameters, {size['trainable_parameters']:,} trainable, {size['bytes'] / 1e6:.1f} MB",
        "backend": f"{backend}, {precision}",
    }
    console.print(format_yaml(plan.to_dict() | {"precision": precision}), markup=False)
    for title, text in facts.items():
        console.print(f"{title:10} {text}", markup=False)
    console.print(_make_stage_table(plan, len(prepared.train_indices)))
    if warning := warn_about_precision(precision):
        console.print(warning, markup=False)
    console.print("Nothing was trained.")


def _make_stage_table(plan: Plan, num_images: int) -> Table:
    """Return one row per stage: epochs, steps, and the learning rate of its first and last step."""
    table = Table("stage", "epochs", "steps per epoch", "steps", "first learning rate", "last learning rate", box=None)
    for stage in plan.stages:
        learning_rates, steps = stage.values(num_images)["learning_rate"], stage.batches_per_epoch(num_images)
        first, last = f"{learning_rates[0]:.6g}", f"{learning_rates[-1]:.6g}"
        table.add_row(stage.name, str(stage.epochs), f"{steps:,}", f"{len(learning_rates):,}", first, last)
    return table
