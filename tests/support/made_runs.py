"""Saved runs made in memory, for the tests of what compares them."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas

from kcifar.reporting.page.content import SectionContent
from kcifar.runs.load import LoadedRun
from kcifar.runs.schemas import DatasetFile, EnvironmentFile, MetricsFile, ModelFile, NamedPart, PlannedStage, RecipeFile, StatusFile

SETTINGS: dict[str, Any] = {"name": "lenet", "dataset": {"name": "d"}, "stages": [{"name": "learn", "learning_rate": {"value": 0.01}}]}


def made(
    name: str,
    right: int | None = 50,
    images: int = 100,
    *,
    seed: int = 0,
    resolved: Mapping[str, Any] | None = None,
    data: str = "d",
    content: str | None = "0123",
    state: Any = "finished",
    parameters: int | None = 1000,
    seconds: float = 60.0,
    seen: float = 5000.0,
    hardware: str | None = "a processor",
    val_accuracy: Sequence[float] = (0.3, 0.4),
    validation: int | None = None,
) -> LoadedRun:
    """A run without a folder: `right` of its test images right, None for no test result."""
    epochs = len(val_accuracy)
    history = pandas.DataFrame({"stage": "learn", "stage_index": 0, "epoch": range(1, epochs + 1), "val_accuracy": val_accuracy})
    history = history.assign(seconds=seconds / epochs, images_seen=seen, images_per_second=50.0, accuracy=0.5, loss=1.0, learning_rate=0.1)
    history["compilation_seconds"] = math.nan
    settings = {**(SETTINGS if resolved is None else resolved), "seed": seed}
    recipe = RecipeFile(
        name=settings["name"], seed=seed, dataset=NamedPart(name=data), model=NamedPart(name="m"), stages=[PlannedStage(name="learn", epochs=epochs)]
    )
    return LoadedRun(
        name,
        Path(name),
        recipe,
        history,
        StatusFile(state=state),
        None if parameters is None else ModelFile(parameters=parameters, bytes=4096),
        None if hardware is None else EnvironmentFile(backend="jax", precision="float32", processor=hardware, cores=2),
        None if right is None else MetricsFile(samples=images, accuracy=right / images, cross_entropy=1.0, classes=[]),
        None
        if content is None
        else DatasetFile(class_names=["a", "b"], content_sha256=content, counts={"validation": validation} if validation else {}),
        settings,
    )


def words(content: SectionContent) -> str:
    return "\n".join(content.paragraphs)


def rows_of(content: SectionContent) -> pandas.DataFrame:
    return content.tables[0].frame


def changed(**stage: Any) -> dict[str, Any]:
    return {**SETTINGS, "stages": [{**SETTINGS["stages"][0], **stage}]}
