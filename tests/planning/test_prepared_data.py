"""A plan's data: the split depends on split_seed alone."""

from typing import Any

import numpy as np
from tiny_recipe import tiny_recipe

from kcifar.datasets.dataset import Source
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
