"""Random numbers as a pure function of names and numbers.

The randomness of a sample depends on (seed, stage, epoch, sample index, position of the operation) and on nothing else: not on its
batch, on what ran before, or on how often a run was interrupted. Each generator below is NumPy's counter-based Philox (Salmon et al.,
Parallel Random Numbers: As Easy as 1, 2, 3, 2011), keyed by those numbers through `SeedSequence`.
"""

import random
from collections.abc import Iterator
from contextlib import contextmanager
from enum import IntEnum

import numpy as np


class Purpose(IntEnum):
    """The purpose of a generator: the first number of its key, so that no two purposes share a stream."""

    SPLIT = 1
    ORDER = 2
    AUGMENTATION = 3
    WEIGHTS = 4
    BACKEND = 5
    RECURRENCE = 6
    LASTING = 7
    PARTNER = 8
    SAMPLING = 9
    IMBALANCE = 10


def generator(purpose: Purpose, *numbers: int) -> np.random.Generator:
    """Return the generator for a purpose and the numbers that identify its use, each >= 0."""
    return np.random.Generator(np.random.Philox(np.random.SeedSequence([int(purpose), *numbers])))


@contextmanager
def seed_weights(seed: int) -> Iterator[None]:
    """Derive the initial weights and dropout seeds of layers built in the block from `seed`.

    For an initializer or dropout layer without a seed, Keras draws one from Python's `random`
    (`keras.src.random.seed_generator.make_default_seed`); the state of `random` is restored afterwards.
    """
    state = random.getstate()
    random.seed(int(generator(Purpose.WEIGHTS, seed).integers(2**63)))
    try:
        yield
    finally:
        random.setstate(state)
