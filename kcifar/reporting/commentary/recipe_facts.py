"""Facts about the training of a stage, from the resolved recipe; keys that are missing or have an unexpected form are ignored."""

from collections.abc import Iterator, Mapping
from typing import Any

from kcifar.core.errors import one_line

_MIXING = {"mixup", "cutmix"}


def read_stage_setting(settings: Mapping[str, Any], stage: int, key: str) -> Any:
    """Return a setting of a stage (counted from 0), or None."""
    stages = settings.get("stages")
    stage_settings = stages[stage] if isinstance(stages, list) and stage < len(stages) else None
    return stage_settings.get(key) if isinstance(stage_settings, Mapping) else None


def find_augmentation_names(settings: Mapping[str, Any], stage: int) -> list[str]:
    """Return the names of a stage's augmentations, in order, without repetition."""
    parts_or_none = read_stage_setting(settings, stage, "augmentation")
    parts = parts_or_none if isinstance(parts_or_none, list) else []
    return list(dict.fromkeys(one_line(part["name"], 40) for part in parts if isinstance(part, Mapping) and "name" in part))


def find_softening(settings: Mapping[str, Any], stage: int) -> list[str]:
    """Return what makes the targets of a stage less certain than its labels, in words: label smoothing, mixed images."""
    loss = read_stage_setting(settings, stage, "loss")
    smoothing = loss.get("label_smoothing") if isinstance(loss, Mapping) else None
    smoothed = [f"label smoothing of {smoothing:g}"] if isinstance(smoothing, int | float) and smoothing > 0 else []
    return smoothed + ["mixed images"] * mixes_images(settings, stage)


def mixes_images(settings: Mapping[str, Any], stage: int) -> bool:
    """Whether a stage mixes images and their targets."""
    return not _MIXING.isdisjoint(_find_all_names(read_stage_setting(settings, stage, "augmentation")))


def _find_all_names(parts: Any) -> Iterator[str]:
    """Yield the names of parts, and of the parts that they choose from."""
    for part in parts if isinstance(parts, list) else []:
        if isinstance(part, Mapping):
            yield str(part.get("name"))
            yield from _find_all_names(part.get("operations"))


def drops_units(settings: Mapping[str, Any], stage: int) -> bool:
    """Whether a stage has dropout of units or paths, by its rate or else that of the network."""
    model = settings.get("model")
    model_settings = model if isinstance(model, Mapping) else {}
    for key in ("dropout_rate", "drop_path_rate"):
        stage_rate = read_stage_setting(settings, stage, key)
        rate = model_settings.get(key) if stage_rate is None else stage_rate
        if isinstance(rate, int | float) and rate > 0:
            return True
    return False


def averages_weights(settings: Mapping[str, Any], stage: int) -> bool:
    """Whether validation is measured with averaged weights."""
    return any(read_stage_setting(settings, stage, key) is not None for key in ("ema", "lookahead"))
