"""The transformation spaces of the policies: torchvision's magnitudes, in its order; amounts as in `TransformationSpace`.

Two differ from torchvision. `translate` is always a fraction of the image, which for 32 pixels is torchvision's in every policy; its
TrivialAugmentWide moves by up to 32 pixels for every size. The weakest `solarize` inverts nothing (level 256, as in the AutoAugment
paper); torchvision's level 255 turns white into black at strength 0.
"""

from kcifar.augment.transformation_space import TransformationSpace

_WITHOUT_STRENGTH = ("autocontrast", "equalize")


def make_rand_augment_space() -> TransformationSpace:
    """Return the fourteen transformations of RandAugment, magnitudes 0 to 30."""
    amounts = _make_geometry(31, shear=0.3, translate=150 / 331, rotate=30) | _make_enhancements(31, 0.9)
    return TransformationSpace(amounts | _make_levels(31, most_bits=8, fewest_bits=4))


def make_trivial_augment_space() -> TransformationSpace:
    """Return the fourteen transformations of TrivialAugment's wide space, magnitudes 0 to 30."""
    amounts = _make_geometry(31, shear=0.99, translate=1.0, rotate=135) | _make_enhancements(31, 0.99)
    return TransformationSpace(amounts | _make_levels(31, most_bits=8, fewest_bits=2))


def make_auto_augment_space() -> TransformationSpace:
    """Return the transformations of AutoAugment's policies, magnitudes 0 to 9."""
    amounts = _make_geometry(10, shear=0.3, translate=150 / 331, rotate=30) | _make_enhancements(10, 0.9)
    return TransformationSpace(amounts | _make_levels(10, most_bits=8, fewest_bits=4) | {"invert": (0.0,) * 10})


def make_aug_mix_space(all_changes: bool) -> TransformationSpace:
    """Return the transformations of AugMix, magnitudes 0 to 9; without `all_changes`, none that resembles the corruptions of CIFAR-10-C."""
    amounts = _make_geometry(10, shear=0.3, translate=1 / 3, rotate=30) | _make_levels(10, most_bits=4, fewest_bits=0)
    return TransformationSpace(amounts | (_make_enhancements(10, 0.9) if all_changes else {}))


def _interpolate(first: float, last: float, bins: int) -> tuple[float, ...]:
    return tuple(first + (last - first) * position / (bins - 1) for position in range(bins))


def _make_geometry(bins: int, shear: float, translate: float, rotate: float) -> dict[str, tuple[float, ...]]:
    largest = {"identity": 0.0, "shear_x": shear, "shear_y": shear, "translate_x": translate, "translate_y": translate, "rotate": rotate}
    return {name: _interpolate(0, value, bins) for name, value in largest.items()}


def _make_enhancements(bins: int, largest: float) -> dict[str, tuple[float, ...]]:
    return {name: _interpolate(0, largest, bins) for name in ("brightness", "color", "contrast", "sharpness")}


def _make_levels(bins: int, most_bits: int, fewest_bits: int) -> dict[str, tuple[float, ...]]:
    bits = tuple(float(most_bits - round(value)) for value in _interpolate(0, most_bits - fewest_bits, bins))
    solarize = (256.0, *_interpolate(255, 0, bins)[1:])
    return {"posterize": bits, "solarize": solarize} | dict.fromkeys(_WITHOUT_STRENGTH, (0.0,) * bins)
