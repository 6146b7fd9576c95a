"""`kcifar.datasets preview`: images as a stage of a recipe shows them to the network, next to the originals.

Each version is that of a real epoch: draws, partner, order and resizing come from the functions that training calls, with the same
seed, stage and epoch.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from inspect import signature
from pathlib import Path

import numpy as np

from kcifar.augment.pipeline import compile_apply, find_mixing
from kcifar.core.errors import UserError, did_you_mean, one_line
from kcifar.core.lazy import keras
from kcifar.core.option_names import name_option
from kcifar.datasets.dataset import Source
from kcifar.engine.backend import load_backend
from kcifar.pictures.image_grid import Grid, GridCell, GridRow, save_grid
from kcifar.planning.batches import EpochBatches
from kcifar.planning.part_plan import PartPlan
from kcifar.planning.plan import Plan
from kcifar.planning.prepared_data import PreparedData, prepare_data
from kcifar.planning.stage_batches import make_stage_batches
from kcifar.planning.stage_plan import StagePlan


@dataclass(frozen=True)
class Versions:
    """The chosen images after augmentation, in some epochs; axes: chosen image, epoch.

    Attributes:
        images: uint8 (images, epochs, height, width, 3).
        shown: bool (images, epochs): whether the epoch shows the image at all; balanced sampling and a dropped last batch leave some out.
        partners: int64 (images, epochs), index of the image mixed in; the image's own index where nothing is mixed in.
        own_shares: float32 (images, epochs), the fraction of the target that is the image's own label.
    """

    images: np.ndarray
    shown: np.ndarray
    partners: np.ndarray
    own_shares: np.ndarray


def find_stage(plan: Plan, name_or_index: str | None) -> StagePlan:
    """Return the stage with a name, or with an index from 0; None is the first stage.

    Raises:
        UserError: There is no such stage.
    """
    names = [stage.name for stage in plan.stages]
    if name_or_index is None:
        return plan.stages[0]
    if name_or_index in names:
        return plan.stages[names.index(name_or_index)]
    if name_or_index.isdecimal() and int(name_or_index) < len(names):
        return plan.stages[int(name_or_index)]
    received = f"{one_line(name_or_index, 60)!r}{did_you_mean(name_or_index, names)}"
    raise UserError(f"{name_option('stage')}: expected 0 to {len(names) - 1} or one of {', '.join(names)}, got {received}")


def find_epochs(stage: StagePlan, first: int, count: int) -> range:
    """Return the epochs to show, counted from 0: `count` of them, or as many as the stage has.

    Args:
        stage: Which stage.
        first: Epoch of the stage, from 1.
        count: How many, at least 1.
    Raises:
        UserError: The stage has no such first epoch.
    """
    if first > stage.epochs:
        raise UserError(f"{name_option('epoch')}: expected 1 to {stage.epochs}, the epochs of stage {stage.name!r}, got {first}")
    return range(first - 1, min(first - 1 + count, stage.epochs))


def choose_images(labels: np.ndarray, indices: np.ndarray, count: int) -> np.ndarray:
    """Choose training images of as many classes as possible: the first of each class, then the second of each, and so on.

    Args:
        labels: int (all images,).
        indices: int, the training images.
        count: How many; all, if there are fewer.
    """
    classes = labels[indices]
    by_class = np.argsort(classes, kind="stable")
    sizes = np.bincount(classes)
    ranks = np.empty(len(classes), np.int64)
    ranks[by_class] = np.arange(len(classes)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    return indices[np.lexsort((classes, ranks))[:count]]


def make_versions(plan: Plan, data: PreparedData, stage: StagePlan, epochs: Sequence[int], chosen: np.ndarray) -> Versions:
    """Augment the chosen images as some epochs of a stage do; a backend must be loaded.

    Args:
        plan: What would run.
        data: Its data.
        stage: One of the plan's stages.
        epochs: Of the stage, from 0.
        chosen: int, indices into the training split.
    """
    batches = [make_epoch(plan, data, stage, epoch) for epoch in epochs]
    matches = [_find_places(epoch.order, chosen) for epoch in batches]
    rows = [_Rows.of(epoch, places) for epoch, (places, _) in zip(batches, matches, strict=True)]
    images = _augment(stage, data.dataset.train.images, rows)
    return Versions(
        images.reshape(len(batches), len(chosen), *images.shape[1:]).swapaxes(0, 1),
        np.stack([shown for _, shown in matches], axis=1),
        np.stack([row.partners for row in rows], axis=1),
        np.stack([row.own_shares for row in rows], axis=1),
    )


@dataclass(frozen=True)
class _Rows:
    """Some samples of one epoch: indices of images and partners (the image itself where nothing is mixed in), draws, and label fractions."""

    images: np.ndarray
    draws: np.ndarray
    partners: np.ndarray
    partner_draws: np.ndarray
    own_shares: np.ndarray

    @classmethod
    def of(cls, epoch: EpochBatches, places: np.ndarray) -> "_Rows":
        images, draws = epoch.order[places], epoch.draws[places]
        if epoch.partners is None or epoch.partner_draws is None or epoch.own_shares is None:
            return cls(images, draws, images, draws, np.ones(len(places), np.float32))
        return cls(images, draws, epoch.partners[places], epoch.partner_draws[places], epoch.own_shares[places])


def make_epoch(plan: Plan, data: PreparedData, stage: StagePlan, epoch: int) -> EpochBatches:
    """Return an epoch of a stage, counted from 0, as it is trained if no stage before it stops early."""
    return make_stage_batches(plan, data, stage, epoch, sum(earlier.epochs for earlier in plan.stages[: stage.index]) + epoch)


def _find_places(order: np.ndarray, chosen: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return each chosen image's first position in an epoch's order (0 where it has none), and whether it has one."""
    matches = order[None, :] == chosen[:, None]
    return matches.argmax(axis=1), matches.any(axis=1)


def _augment(stage: StagePlan, pixels: np.ndarray, rows: Sequence[_Rows]) -> np.ndarray:
    """Apply the augmentation to all samples in one call; return uint8 (epochs * images, height, width, 3)."""
    size = stage.settings.image_size
    apply = compile_apply(stage.operations, None if size is None or pixels.shape[1:3] == (size, size) else (size, size))
    samples = _Rows(*(np.concatenate([getattr(row, field.name) for row in rows]) for field in fields(_Rows)))
    inputs = [pixels[samples.images], samples.draws]
    if find_mixing(stage.operations):
        inputs += [pixels[samples.partners], samples.partner_draws]
    augmented = keras.ops.convert_to_numpy(apply(*map(keras.ops.convert_to_tensor, inputs)))
    return np.asarray(np.clip(np.rint(augmented), 0, 255), np.uint8)


def write_preview(plan: Plan, source: Source, stage: StagePlan, epochs: Sequence[int], count: int, out: Path) -> None:
    """Draw the first training images of each class next to their versions in some epochs.

    Args:
        plan: What would run.
        source: Where the data set comes from.
        stage: One of the plan's stages.
        epochs: Of the stage, from 0.
        count: How many images.
        out: PNG or SVG.
    """
    data = prepare_data(plan, source)
    load_backend()
    chosen = choose_images(data.dataset.train.labels, data.train_indices, count)
    save_grid(make_preview(plan, data, stage, epochs, chosen), out)


def make_preview(plan: Plan, data: PreparedData, stage: StagePlan, epochs: Sequence[int], chosen: np.ndarray) -> Grid:
    """Return a picture's content: one row per image, the original first, then its version in each epoch; a backend must be loaded.

    Args:
        plan, data, stage, epochs, chosen: As for `make_versions`.
    """
    versions = make_versions(plan, data, stage, epochs, chosen)
    title = f"{plan.recipe.name}, stage {stage.name}, seed {plan.recipe.document.seed}"
    columns = ("original", *(f"epoch {epoch + 1}" for epoch in epochs))
    mixes = find_mixing(stage.operations) is not None
    rows = tuple(_make_row(data, versions, row, index, mixes) for row, index in enumerate(chosen))
    return Grid(title, format_augmentation(stage.augmentation), rows, columns, first_apart=True)


def _make_row(data: PreparedData, versions: Versions, row: int, index: int, mixes: bool) -> GridRow:
    part, names = data.dataset.train, data.dataset.class_names
    label = names[part.labels[index]]
    cells = [GridCell(part.images[index])]
    for column in range(versions.images.shape[1]):
        partner_label = names[part.labels[versions.partners[row, column]]]
        caption = format_target(label, partner_label, float(versions.own_shares[row, column])) if mixes else ()
        shown = versions.shown[row, column]
        cells.append(GridCell(versions.images[row, column], caption) if shown else GridCell(None, ("not in this epoch",)))
    return GridRow((label, f"image {index:,}"), tuple(cells))


def format_target(label: str, partner_label: str, fraction: float) -> tuple[str, ...]:
    """Write a mixed target: ("cat 0.70", "+ dog 0.30"), or ("cat",) where nothing is mixed in."""
    return (label,) if fraction == 1 else (f"{label} {fraction:.2f}", f"+ {partner_label} {1 - fraction:.2f}")


def format_augmentation(steps: Sequence[PartPlan]) -> str:
    """Write an augmentation in one line, without defaults: "random_affine(rotation=15) → horizontal_flip"."""
    return " → ".join(map(_format_step, steps)) or "no augmentation"


def _format_step(step: PartPlan) -> str:
    defaults = {name: parameter.default for name, parameter in signature(step.factory).parameters.items()}
    arguments = [f"{name}={_format_value(value)}" for name, value in step.arguments.items() if value != defaults[name]]
    return f"{step.name}({', '.join(arguments)})" if arguments else step.name


def _format_value(value: object) -> str:
    if isinstance(value, PartPlan):
        return _format_step(value)
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_format_value, value))}]"
    return f"{value:g}" if isinstance(value, float) else str(value)
