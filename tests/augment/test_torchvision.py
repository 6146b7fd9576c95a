"""The policies' tables, and every transformation in them, are torchvision's own."""

import sys
from types import ModuleType
from typing import Any

import keras
import numpy as np
import pytest
from augment_cases import noise
from PIL import Image

from kcifar.augment.auto_augment import CIFAR10_POLICY
from kcifar.augment.integer_affine import Resampling
from kcifar.augment.policy_spaces import make_aug_mix_space, make_auto_augment_space, make_rand_augment_space, make_trivial_augment_space
from kcifar.augment.transformation_space import SIGNED, TransformationSpace
from kcifar.augment.transformations import apply_transformations

# Compiled operators register themselves on import, which fails next to a CPU build of torch; transforms are plain Python and need none.
sys.modules["torchvision._meta_registrations"] = ModuleType("torchvision._meta_registrations")
autoaugment = pytest.importorskip("torchvision.transforms.autoaugment")

THEIR_NAMES = {"color": "Color", "autocontrast": "AutoContrast"}
SIZE = (32, 32)
SPACES: dict[str, tuple[TransformationSpace, Any]] = {
    "rand": (make_rand_augment_space(), autoaugment.RandAugment()._augmentation_space(31, SIZE)),
    "wide": (make_trivial_augment_space(), autoaugment.TrivialAugmentWide()._augmentation_space(31)),
    "auto": (make_auto_augment_space(), autoaugment.AutoAugment(autoaugment.AutoAugmentPolicy.CIFAR10)._augmentation_space(10, SIZE)),
    "mix": (make_aug_mix_space(True), autoaugment.AugMix()._augmentation_space(10, SIZE)),
    "mix, paper": (make_aug_mix_space(False), autoaugment.AugMix(all_ops=False)._augmentation_space(10, SIZE)),
}


def their_name(change: str) -> str:
    """Return "ShearX" for "shear_x"."""
    return THEIR_NAMES.get(change) or change.title().replace("_", "")


def test_the_policy_is_theirs() -> None:
    theirs = autoaugment.AutoAugment(autoaugment.AutoAugmentPolicy.CIFAR10).policies
    ours = [tuple((their_name(change), chance, magnitude) for change, chance, magnitude in pair) for pair in CIFAR10_POLICY]
    assert ours == [tuple((change, chance, magnitude or 0) for change, chance, magnitude in pair) for pair in theirs]


@pytest.mark.parametrize("name", SPACES)
def test_the_transformations_are_theirs_in_their_order(name: str) -> None:
    space, theirs = SPACES[name]
    ours = [their_name(change) for change in space.amounts]
    assert [change for change in ours if change != "Identity"] == [change for change in theirs if change != "Identity"]
    assert {their_name(change) for change in SIGNED & set(space.amounts)} == {change for change, (_, signed) in theirs.items() if signed}


@pytest.mark.parametrize("name", SPACES)
def test_every_transformation_is_theirs_within_a_level(name: str) -> None:
    space, theirs = SPACES[name]
    image = noise(1)[0]
    image[image == 255] = 254  # which their weakest solarize turns into black
    cases = [(change, place, negative) for change in space.amounts for place in range(space.bins) for negative in (False, True)]
    # Their float32 gives 15.99 pixels for 32 x 15 / 30, and Pillow knows no image of 0 bits.
    cases = [
        case
        for case in cases
        if their_name(case[0]) in theirs and (name, *case[:2]) not in {("wide", "translate_x", 15), ("wide", "translate_y", 15)}
    ]
    cases = [case for case in cases if not (case[0] == "posterize" and space.amounts["posterize"][case[1]] == 0)]
    numbers = np.array([[space.encode(*case)] for case in cases], np.float32)
    images = np.repeat(image[None], len(cases), axis=0).astype(np.float32)
    result = keras.ops.convert_to_numpy(
        apply_transformations(keras.ops.convert_to_tensor(images), keras.ops.convert_to_tensor(numbers), space, Resampling("nearest", 0.0))
    )
    for (change, place, negative), ours in zip(cases, result, strict=True):
        amounts, signed = theirs[their_name(change)]
        amount = float(amounts[place]) if amounts.ndim else 0.0
        sign = -1 if negative and signed else 1
        expected = autoaugment._apply_op(Image.fromarray(image), their_name(change), sign * amount, autoaugment.InterpolationMode.NEAREST, None)
        np.testing.assert_allclose(ours, np.asarray(expected), atol=1, err_msg=f"{change} {place} {negative}")
