"""A plan's data: the split depends on split_seed alone."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from archives import encoded, private_caches, write_folder
from tiny_recipe import tiny_recipe

from kcifar.datasets.dataset import Source
from kcifar.datasets.reading import Reading, recall_reading
from kcifar.planning.plan import make_plan
from kcifar.planning.prepared_data import PreparedData, prepare_data
from kcifar.planning.stage_batches import make_stage_batches
from kcifar.recipe.load import load_recipe


def prepare(**changes: Any) -> PreparedData:
    return prepare_data(make_plan(load_recipe(tiny_recipe(**changes))), Source())


def test_the_split_depends_on_its_own_seed_and_not_on_that_of_the_run() -> None:
    first, other_run, other_split = prepare(seed=0, split_seed=5), prepare(seed=1, split_seed=5), prepare(seed=0, split_seed=6)
    assert np.array_equal(first.validation_indices, other_run.validation_indices)
    assert not np.array_equal(first.validation_indices, other_split.validation_indices)
    assert first.description["split_sha256"] == other_run.description["split_sha256"] != other_split.description["split_sha256"]
    together = np.concatenate([first.train_indices, first.validation_indices])
    assert np.array_equal(np.sort(together), np.arange(len(first.dataset.train)))


def test_the_augmentation_sees_the_image_size_of_its_stage() -> None:
    stage = {"name": "only", "epochs": 1, "learning_rate": 0.1, "augmentation": [{"name": "cutout", "size": 2}]}
    plain, enlarged = (make_plan(load_recipe(tiny_recipe(stages=[stage | size], defaults={}))) for size in ({}, {"image_size": 64}))
    data = prepare_data(plain, Source())
    height = data.dataset.image_shape[0]
    assert make_stage_batches(plain, data, plain.stages[0], 0, 0).draws.max() <= height < 48
    assert 48 < make_stage_batches(enlarged, data, enlarged.stages[0], 0, 0).draws.max() <= 64


def test_how_picture_files_are_read_is_stored_with_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An exported model reads files by this; a data set without files has the settings that `folder` has by default."""
    private_caches(tmp_path, monkeypatch)
    files = {f"train/{name}/{number}.png": encoded(np.full((9, 9, 3), 100 + number, np.uint8)) for name in ("cat", "dog") for number in range(4)}
    settings = {"name": "folder", "image_size": 8, "resize": "pad", "bits": 12, "validation": 0.5}
    plan = make_plan(load_recipe(tiny_recipe(dataset=settings)))
    of_files = prepare_data(plan, Source(write_folder(tmp_path / "f", files))).description
    rule = {"orientation": "exif", "filter": "bilinear, antialiased", "transparency": "dropped"}
    assert of_files["reading"] == {"height": 8, "width": 8, "resize": "pad", "bits": 12} | rule
    assert recall_reading(of_files, {}) == Reading(8, 8, "pad", 12)
    of_arrays = prepare().description
    assert of_arrays["reading"] == {"height": 32, "width": 32, "resize": "crop", "bits": 16} | rule


def test_a_run_of_an_older_version_is_read_as_its_recipe_says() -> None:
    stored = {"image_shape": [8, 6, 3]}
    assert recall_reading(stored, {"dataset": {"name": "folder", "image_size": 8, "resize": "pad"}}) == Reading(8, 6, "pad")
    assert recall_reading(stored, {"dataset": {"name": "cifar10"}}) == Reading(8, 6, "crop")
