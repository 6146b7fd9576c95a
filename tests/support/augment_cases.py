"""The settings for the tests of each registered augmentation: strong ones, which change images, and the weakest, of strength 0."""

from typing import Any, NamedTuple

import keras
import numpy as np

from kcifar.augment import AUGMENTATIONS
from kcifar.augment.crop import RandomCrop
from kcifar.augment.erasing import Cutout
from kcifar.augment.flips import HorizontalFlip, VerticalFlip
from kcifar.augment.geometry import RandomAffine
from kcifar.augment.mixing import CutMix, MixUp
from kcifar.augment.operation import Step, is_mixing


class Case(NamedTuple):
    """Arguments of one augmentation."""

    strong: dict[str, Any]  # changes images of noise, most of them
    weakest: dict[str, Any]  # the exact identity
    name: str | None = None  # of the augmentation, where it is not the key of the case


INNER = (RandomAffine(rotation=90.0), Cutout(8), RandomCrop(fill="reflect"))
GEOMETRY = {
    "random_affine": Case({"rotation": 180.0, "width_shift": 0.5, "height_shift": 0.5}, {}),
    "random_affine: zoom and shear": Case(
        {"rotation": 90.0, "width_shift": 0.2, "height_shift": 0.2, "zoom": 0.5, "shear": 40.0}, {"zoom": 0.5, "probability": 0.0}, "random_affine"
    ),
    "horizontal_flip": Case({}, {"probability": 0.0}),
    "vertical_flip": Case({}, {"probability": 0.0}),
    "alternating_flip": Case({}, {"probability": 0.0}),
    "random_crop": Case({"padding": 6}, {"padding": 0}),
    "random_perspective": Case({"distortion": 0.5}, {"distortion": 0.0}),
    "cutout": Case({"size": 9, "value": 77.0}, {"size": 0}),
    "random_erasing": Case({"value": 77.0}, {"min_area": 0.0, "max_area": 0.0}),
    "random_erasing: noise": Case({"value": "noise"}, {"value": "noise", "probability": 0.0}, "random_erasing"),
    "mixup": Case({}, {"probability": 0.0}),
    "cutmix": Case({}, {"probability": 0.0}),
    "one_of": Case(
        {"operations": INNER, "weights": [1.0, 2.0, 1.0]},
        {"operations": (RandomAffine(), HorizontalFlip(0.0), VerticalFlip(0.0)), "weights": [2.0, 1, 0]},
    ),
    "one_of: mixing": Case({"operations": (MixUp(), CutMix())}, {"operations": (MixUp(probability=0.0), CutMix(probability=0.0))}, "one_of"),
}
COLOUR = {
    "color_jitter": Case({"brightness": 0.8, "contrast": 0.8, "saturation": 0.8, "hue": 0.5}, {}),
    "grayscale": Case({"probability": 0.5}, {"probability": 0.0}),
    "gaussian_noise": Case({"deviation": 40.0}, {"deviation": 0.0}),
    "gaussian_blur": Case({"min_sigma": 0.5, "radius": 4}, {"min_sigma": 0.0, "max_sigma": 0.0}),
    "rand_augment": Case({"magnitude": 30}, {"probability": 0.0}),
    "rand_augment: bilinear": Case({"num_ops": 1, "interpolation": "bilinear"}, {"interpolation": "bilinear", "probability": 0.0}, "rand_augment"),
    "trivial_augment": Case({}, {"probability": 0.0}),
    "auto_augment": Case({}, {"probability": 0.0}),
    "aug_mix": Case({"severity": 10, "width": 2}, {"probability": 0.0}),
}


def augment_cases() -> dict[str, Case]:
    """Return every case of a registered augmentation, by its key, in their order."""
    return {key: case for key, case in sorted((GEOMETRY | COLOUR).items()) if augmentation_of(key, case) in AUGMENTATIONS.names()}


def augmentation_of(key: str, case: Case) -> str:
    """Return the registered name of a case's augmentation."""
    return case.name or key


def strong_step(key: str, **changes: Any) -> Step:
    """Return the augmentation of a case with its strong settings, some of them changed."""
    case = augment_cases()[key]
    return AUGMENTATIONS.get(augmentation_of(key, case))(**case.strong | changes)


def weakest_step(key: str) -> Step:
    """Return the augmentation of a case with its settings of strength 0."""
    case = augment_cases()[key]
    return AUGMENTATIONS.get(augmentation_of(key, case))(**case.weakest)


def noise(count: int, shape: tuple[int, int, int] = (32, 32, 3), seed: int = 0) -> np.ndarray:
    """White noise, uint8: the steepest images possible, in which an error of position shows most."""
    return np.random.default_rng(seed).integers(0, 256, (count, *shape), dtype=np.uint8)


def changed(step: Step, images: np.ndarray, draws: np.ndarray, partners: np.ndarray | None = None) -> np.ndarray:
    """Return the images after a step (and partners: 255 - images, unless given) with these draws; float32."""
    partners = 255.0 - images if partners is None else partners
    arrays = [images, partners, draws] if is_mixing(step) else [images, draws]
    tensors = [keras.ops.convert_to_tensor(array, "float32") for array in arrays]
    result: np.ndarray = keras.ops.convert_to_numpy(step.mix(*tensors) if is_mixing(step) else step.apply(*tensors))
    return result
