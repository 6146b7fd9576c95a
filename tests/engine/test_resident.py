"""Batches made on the device equal those of the host; the number of updates per call; the timing of an epoch's calls."""

from typing import Any

import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kcifar.datasets.dataset import Split
from kcifar.engine.epoch import ProgramCall, compute_compilation_seconds, compute_images_per_second
from kcifar.engine.program import make_training_data
from kcifar.engine.resident import choose_chunk_lengths, fits_device, make_batch, put_epoch_on_device, put_on_device, select_rows
from kcifar.planning.batches import EpochKey
from kcifar.planning.epoch_batches import make_epoch_batches
from kcifar.planning.plan import make_plan
from kcifar.recipe.load import load_recipe

FLIP, MIXUP, CUTMIX = {"name": "horizontal_flip"}, {"name": "mixup"}, {"name": "cutmix"}
WEIGHTS = np.array([0.3, 1.0, 2.7], np.float32)


def make_part() -> Split:
    random = np.random.default_rng(0)
    return Split(random.integers(0, 256, (30, 6, 5, 3), dtype=np.uint8), random.integers(0, 3, 30))


@pytest.mark.parametrize("sampling", ["all", "balanced"])
@pytest.mark.parametrize("weights", [None, WEIGHTS], ids=["unweighted", "weighted"])
@pytest.mark.parametrize("augmentation", [[], [FLIP], [FLIP, MIXUP], [CUTMIX]], ids=["none", "flip", "mixup", "cutmix"])
def test_batches_made_on_the_device_equal_those_of_the_host(augmentation: list[dict[str, Any]], weights: np.ndarray | None, sampling: str) -> None:
    stages = [{"name": "only", "epochs": 1, "learning_rate": 0.1, "augmentation": augmentation}]
    stage = make_plan(load_recipe({"name": "tiny", "dataset": {"name": "digits"}, "model": {"name": "lenet"}, "stages": stages})).stages[0]
    choices: dict[str, Any] = {"class_weights": weights, "sampling": sampling}
    batches = make_epoch_batches(make_part(), np.arange(3, 30), EpochKey(0, 0, 0), stage.operations, 3, 8, "keep", **choices)
    resident, arrays = put_on_device(batches.part), put_epoch_on_device(batches)
    for index in range(len(batches)):  # the last of 3 images
        expected = make_training_data(batches[index])
        batch = make_batch(resident.images, resident.labels, select_rows(arrays, index * 8, len(expected[1])), 3)
        assert len(batch) == len(expected) == (2 if weights is None else 3)
        assert batch[0].keys() == expected[0].keys()
        for name, value in expected[0].items():
            tensor = keras.ops.convert_to_numpy(batch[0][name])
            assert tensor.dtype == value.dtype
            assert np.array_equal(tensor, value), name
        for tensor, value in zip(batch[1:], expected[1:], strict=True):
            assert keras.backend.standardize_dtype(tensor.dtype) == "float32"
            # One rounding of each product and of the sum.
            np.testing.assert_allclose(keras.ops.convert_to_numpy(tensor), value, rtol=3e-7, atol=1e-7 if len(augmentation) else 0)


@given(st.integers(0, 5000))
def test_chunks_are_complete_short_and_of_at_most_two_lengths(updates: int) -> None:
    lengths = choose_chunk_lengths(updates)
    assert sum(lengths) == updates
    assert all(0 < length <= 256 for length in lengths)
    assert not lengths or max(lengths) - min(lengths) <= 1


# CIFAR-10's 50,000 images in batches of 64, 128, 256 and 1024, then primes and a few.
@pytest.mark.parametrize(
    ("updates", "lengths"),
    [(781, [71] * 11), (390, [195] * 2), (195, [65] * 3), (48, [24] * 2), (97, [97]), (257, [129, 128]), (5, [5]), (0, [])],
)
def test_chunks_are_of_one_length_where_possible(updates: int, lengths: list[int]) -> None:
    assert choose_chunk_lengths(updates) == lengths


@pytest.mark.parametrize(("find_device_bytes", "limit"), [(400, 100), (None, 2**30)])
def test_images_may_take_less_than_a_quarter_of_the_device(find_device_bytes: int | None, limit: int) -> None:
    for size, fits in ((limit - 1, True), (limit, False)):
        images = np.broadcast_to(np.uint8(0), (size, 1, 1, 1))
        assert fits_device(Split(images, np.zeros(1, np.int64)), find_device_bytes) == fits


def make_calls(*described: tuple[int, float, bool]) -> list[ProgramCall]:
    return [ProgramCall(np.zeros((updates, 3), np.float32), 10 * updates, seconds, compiled) for updates, seconds, compiled in described]


def test_compilation_is_the_time_beyond_that_of_usual_updates() -> None:
    """A usual update takes 0.5 s, the median of 0.5, 0.4 and 2: so 7 s less 2 updates, and 1.5 s less 1."""
    mixed = make_calls((2, 7.0, True), (2, 1.0, False), (1, 1.5, True), (5, 2.0, False), (1, 2.0, False))
    assert compute_compilation_seconds(mixed) == pytest.approx(6.0 + 1.0)
    assert compute_images_per_second(mixed) == pytest.approx(80 / 5.0)


def test_all_calls_count_if_none_or_each_of_them_compiles() -> None:
    plain, first = make_calls((2, 1.0, False), (2, 3.0, False)), make_calls((2, 4.0, True))
    assert (compute_compilation_seconds(plain), compute_images_per_second(plain)) == (0.0, 10.0)
    assert (compute_compilation_seconds(first), compute_images_per_second(first)) == (4.0, 5.0)


def test_the_time_of_a_fast_compiling_call_is_never_negative() -> None:
    assert compute_compilation_seconds(make_calls((1, 0.1, True), (1, 1.0, False))) == 0.0
