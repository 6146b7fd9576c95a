"""`kcifar.datasets preview`: images as a stage of a recipe shows them to the network, beside what they were.

Each version is that of a real epoch: draws, partner, order and resizing come from the functions that training calls, by the same
seed, stage and epoch.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from inspect import signature

import numpy as np

from kcifar.augment.pipeline import compiled_apply, mixing_columns
from kcifar.core.errors import UserError, did_you_mean, one_line
from kcifar.core.lazy import keras
from kcifar.pictures.image_grid import Grid, GridCell, GridRow
from kcifar.planning.batches import EpochBatches
from kcifar.planning.plan import PartPlan, Plan, StagePlan
from kcifar.planning.prepared_data import PreparedData
from kcifar.planning.stage_batches import stage_batches


@dataclass(frozen=True)
class Versions:
    """What the chosen images become in some epochs; axes: chosen image, epoch.

    Attributes:
        images: uint8 (images, epochs, height, width, 3).
        shown: bool (images, epochs): whether the epoch shows the image at all; balanced sampling and a dropped last batch leave some out.
        partners: int64 (images, epochs), index of the image mixed in; the image's own where nothing mixes.
        own_shares: float32 (images, epochs), how much of the target is the image's own label.
    """

    images: np.ndarray
    shown: np.ndarray
    partners: np.ndarray
    own_shares: np.ndarray


def chosen_stage(plan: Plan, wanted: str | None) -> StagePlan:
    """Return the stage of a name, or of an index from 0; the first if none is wanted.

    Raises:
        UserError: There is no such stage.
    """
    names = [stage.name for stage in plan.stages]
    if wanted is None or wanted in names:
        return plan.stages[0 if wanted is None else names.index(wanted)]
    if wanted.isdecimal() and int(wanted) < len(names):
        return plan.stages[int(wanted)]
    raise UserError(
        f"--stage: expected 0 to {len(names) - 1} or one of {', '.join(names)}, got {one_line(wanted, 60)!r}{did_you_mean(wanted, names)}"
    )


def chosen_epochs(stage: StagePlan, first: int, count: int) -> range:
    """Return the epochs to show, from 0: `count` of them, as far as the stage has them.

    Args:
        stage: Which stage.
        first: Epoch of the stage, from 1.
        count: How many, at least 1.
    Raises:
        UserError: The stage is shorter than that.
    """
    if first > stage.epochs:
        raise UserError(f"--epoch: expected 1 to {stage.epochs}, the epochs of stage {stage.name!r}, got {first}")
    return range(first - 1, min(first - 1 + count, stage.epochs))


def preview_indices(labels: np.ndarray, indices: np.ndarray, count: int) -> np.ndarray:
    """Choose training images of as many classes as possible: the first of each class, then the second of each, and so on.

    Args:
        labels: int (all images,).
        indices: int, the training images.
        count: How many, if there are as many.
    """
    own = labels[indices]
    by_class = np.argsort(own, kind="stable")
    sizes = np.bincount(own)
    ranks = np.empty(len(own), np.int64)
    ranks[by_class] = np.arange(len(own)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    return indices[np.lexsort((own, ranks))[:count]]


def stage_versions(plan: Plan, data: PreparedData, stage: StagePlan, epochs: Sequence[int], chosen: np.ndarray) -> Versions:
    """Return what the chosen images become in the given epochs of a stage; a backend must be loaded.

    Args:
        plan: What would run.
        data: Its data.
        stage: One of the plan's stages.
        epochs: Of the stage, from 0.
        chosen: int, indices into the training part.
    """
    batches = [preview_epoch(plan, data, stage, epoch) for epoch in epochs]
    found = [_places(epoch.order, chosen) for epoch in batches]
    rows = [_Rows.of(epoch, places) for epoch, (places, _) in zip(batches, found, strict=True)]
    images = _applied(stage, data.dataset.train.images, rows)
    return Versions(
        images.reshape(len(batches), len(chosen), *images.shape[1:]).swapaxes(0, 1),
        np.stack([shown for _, shown in found], axis=1),
        np.stack([row.partners for row in rows], axis=1),
        np.stack([row.own_shares for row in rows], axis=1),
    )


@dataclass(frozen=True)
class _Rows:
    """Some samples of one epoch: indices of the images and of their partners (themselves where nothing mixes), draws and shares."""

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


def preview_epoch(plan: Plan, data: PreparedData, stage: StagePlan, epoch: int) -> EpochBatches:
    """Return an epoch of a stage, from 0, as it is trained if no stage before it stops early."""
    return stage_batches(plan, data, stage, epoch, sum(earlier.epochs for earlier in plan.stages[: stage.index]) + epoch)


def _places(order: np.ndarray, chosen: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return where each chosen image first stands in an epoch's order, and whether it does; 0 where it does not."""
    matches = order[None, :] == chosen[:, None]
    return matches.argmax(axis=1), matches.any(axis=1)


def _applied(stage: StagePlan, pixels: np.ndarray, rows: Sequence[_Rows]) -> np.ndarray:
    """Apply the augmentation to all samples in one call; uint8 (epochs * images, height, width, 3)."""
    size = stage.settings.image_size
    apply = compiled_apply(stage.operations, None if size is None or pixels.shape[1:3] == (size, size) else (size, size))
    samples = _Rows(*(np.concatenate([getattr(row, field.name) for row in rows]) for field in fields(_Rows)))
    given = [pixels[samples.images], samples.draws]
    if mixing_columns(stage.operations):
        given += [pixels[samples.partners], samples.partner_draws]
    changed = keras.ops.convert_to_numpy(apply(*map(keras.ops.convert_to_tensor, given)))
    return np.asarray(np.clip(np.rint(changed), 0, 255), np.uint8)


def preview_grid(plan: Plan, data: PreparedData, stage: StagePlan, epochs: Sequence[int], chosen: np.ndarray) -> Grid:
    """Return a picture's content: a row an image, the original first, then its version in each epoch; a backend must be loaded.

    Args:
        plan, data, stage, epochs, chosen: As for `stage_versions`.
    """
    versions = stage_versions(plan, data, stage, epochs, chosen)
    title = f"{plan.recipe.name}, stage {stage.name}, seed {plan.recipe.document.seed}"
    columns = ("original", *(f"epoch {epoch + 1}" for epoch in epochs))
    mixes = mixing_columns(stage.operations) is not None
    rows = tuple(_row(data, versions, row, index, mixes) for row, index in enumerate(chosen))
    return Grid(title, written_steps(stage.augmentation), rows, columns, first_apart=True)


def _row(data: PreparedData, versions: Versions, row: int, index: int, mixes: bool) -> GridRow:
    part, names = data.dataset.train, data.dataset.class_names
    own = names[part.labels[index]]
    cells = [GridCell(part.images[index])]
    for column in range(versions.images.shape[1]):
        other = names[part.labels[versions.partners[row, column]]]
        caption = written_target(own, other, float(versions.own_shares[row, column])) if mixes else ()
        shown = versions.shown[row, column]
        cells.append(GridCell(versions.images[row, column], caption) if shown else GridCell(None, ("not in this epoch",)))
    return GridRow((own, f"image {index:,}"), tuple(cells))


def written_target(own: str, other: str, own_share: float) -> tuple[str, ...]:
    """Write a mixed target: ("cat 0.70", "+ dog 0.30"), or ("cat",) where nothing is mixed in."""
    return (own,) if own_share == 1 else (f"{own} {own_share:.2f}", f"+ {other} {1 - own_share:.2f}")


def written_steps(steps: Sequence[PartPlan]) -> str:
    """Write an augmentation in one line, defaults left out: "random_affine(rotation=15) → horizontal_flip"."""
    return " → ".join(map(_written_step, steps)) or "no augmentation"


def _written_step(step: PartPlan) -> str:
    defaults = {name: parameter.default for name, parameter in signature(step.factory).parameters.items()}
    given = [f"{name}={_written(value)}" for name, value in step.arguments.items() if value != defaults[name]]
    return f"{step.name}({', '.join(given)})" if given else step.name


def _written(value: object) -> str:
    if isinstance(value, PartPlan):
        return _written_step(value)
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_written, value))}]"
    return f"{value:g}" if isinstance(value, float) else str(value)
