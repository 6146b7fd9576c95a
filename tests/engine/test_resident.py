"""Batches made on the device are those of the host; how many updates a call runs; how an epoch's calls are timed."""

from typing import Any

import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kcifar.datasets.dataset import Part
from kcifar.engine.epoch import Call, compilation_seconds, images_per_second
from kcifar.engine.program import training_data
from kcifar.engine.resident import chunk_lengths, fits_device, make_batch, put_on_device, put_tables_on_device, rows_of
from kcifar.planning.batches import EpochKey, epoch_batches
from kcifar.planning.plan import make_plan
from kcifar.recipe.load import load_recipe

FLIP, MIXUP, CUTMIX = {"name": "horizontal_flip"}, {"name": "mixup"}, {"name": "cutmix"}
WEIGHTS = np.array([0.3, 1.0, 2.7], np.float32)


def part() -> Part:
    random = np.random.default_rng(0)
    return Part(random.integers(0, 256, (30, 6, 5, 3), dtype=np.uint8), random.integers(0, 3, 30))


@pytest.mark.parametrize("weights", [None, WEIGHTS], ids=["unweighted", "weighted"])
@pytest.mark.parametrize("augmentation", [[], [FLIP], [FLIP, MIXUP], [CUTMIX]], ids=["none", "flip", "mixup", "cutmix"])
def test_batches_made_on_the_device_are_the_hosts(augmentation: list[dict[str, Any]], weights: np.ndarray | None) -> None:
    stages = [{"name": "only", "epochs": 1, "learning_rate": 0.1, "augmentation": augmentation}]
    stage = make_plan(load_recipe({"name": "tiny", "dataset": {"name": "digits"}, "model": {"name": "lenet"}, "stages": stages})).stages[0]
    batches = epoch_batches(part(), np.arange(3, 30), EpochKey(0, 0, 0), stage.operations, 3, 8, "keep", class_weights=weights)
    resident, tables = put_on_device(batches.part), put_tables_on_device(batches)
    for index in range(len(batches)):  # the last of 3 images
        expected = training_data(batches[index])
        found = make_batch(resident.images, resident.labels, rows_of(tables, index * 8, len(expected[1])), 3)
        assert len(found) == len(expected) == (2 if weights is None else 3)
        assert found[0].keys() == expected[0].keys()
        for name, value in expected[0].items():
            tensor = keras.ops.convert_to_numpy(found[0][name])
            assert tensor.dtype == value.dtype
            assert np.array_equal(tensor, value), name
        for tensor, value in zip(found[1:], expected[1:], strict=True):
            assert keras.backend.standardize_dtype(tensor.dtype) == "float32"
            # One rounding of each product and of the sum.
            np.testing.assert_allclose(keras.ops.convert_to_numpy(tensor), value, rtol=3e-7, atol=1e-7 if len(augmentation) else 0)


@given(st.integers(0, 5000))
def test_chunks_are_whole_short_and_of_two_lengths_at_most(updates: int) -> None:
    lengths = chunk_lengths(updates)
    assert sum(lengths) == updates
    assert all(0 < length <= 256 for length in lengths)
    assert not lengths or max(lengths) - min(lengths) <= 1


# CIFAR-10's 50,000 images in batches of 64, 128, 256 and 1024, then primes and a few.
@pytest.mark.parametrize(
    ("updates", "lengths"),
    [(781, [71] * 11), (390, [195] * 2), (195, [65] * 3), (48, [24] * 2), (97, [97]), (257, [129, 128]), (5, [5]), (0, [])],
)
def test_chunks_are_of_one_length_where_that_can_be(updates: int, lengths: list[int]) -> None:
    assert chunk_lengths(updates) == lengths


@pytest.mark.parametrize(("device_bytes", "most"), [(400, 100), (None, 2**30)])
def test_images_may_take_less_than_a_quarter_of_the_device(device_bytes: int | None, most: int) -> None:
    for size, fits in ((most - 1, True), (most, False)):
        images = np.broadcast_to(np.uint8(0), (size, 1, 1, 1))
        assert fits_device(Part(images, np.zeros(1, np.int64)), device_bytes) == fits


def calls(*described: tuple[int, float, bool]) -> list[Call]:
    return [Call(np.zeros((updates, 3), np.float32), 10 * updates, seconds, compiled) for updates, seconds, compiled in described]


def test_compilation_is_what_a_call_takes_longer_than_usual_updates() -> None:
    """Usual are 0.5 s an update, the median of 0.5, 0.4 and 2: so 7 s less 2 updates, and 1.5 s less 1."""
    mixed = calls((2, 7.0, True), (2, 1.0, False), (1, 1.5, True), (5, 2.0, False), (1, 2.0, False))
    assert compilation_seconds(mixed) == pytest.approx(6.0 + 1.0)
    assert images_per_second(mixed) == pytest.approx(80 / 5.0)


def test_an_epoch_without_compilation_counts_whole_and_one_of_it_alone_too() -> None:
    plain, first = calls((2, 1.0, False), (2, 3.0, False)), calls((2, 4.0, True))
    assert (compilation_seconds(plain), images_per_second(plain)) == (0.0, 10.0)
    assert (compilation_seconds(first), images_per_second(first)) == (4.0, 5.0)


def test_a_compiling_call_that_is_quick_never_counts_below_nothing() -> None:
    assert compilation_seconds(calls((1, 0.1, True), (1, 1.0, False))) == 0.0
