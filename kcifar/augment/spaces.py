"""How strong each elementary change is in each policy: torchvision's magnitudes, in its order, amounts as `changes.Space` means them.

Two are ours. `translate` is always a share of the image, which for 32 pixels is torchvision's in every policy; its
TrivialAugmentWide moves by up to 32 pixels whatever the size. The weakest `solarize` inverts nothing (level 256, as in the AutoAugment
paper); torchvision's level 255 turns white into black at strength 0.
"""

from kcifar.augment.changes import Space

_WHOLE = ("autocontrast", "equalize")


def rand_space() -> Space:
    """Return the fourteen changes of RandAugment, magnitudes 0 to 30."""
    amounts = _geometry(31, shear=0.3, translate=150 / 331, rotate=30) | _enhancements(31, 0.9)
    return Space(amounts | _levels(31, most_bits=8, fewest_bits=4))


def wide_space() -> Space:
    """Return the fourteen changes of TrivialAugment's wide space, magnitudes 0 to 30."""
    amounts = _geometry(31, shear=0.99, translate=1.0, rotate=135) | _enhancements(31, 0.99)
    return Space(amounts | _levels(31, most_bits=8, fewest_bits=2))


def auto_space() -> Space:
    """Return the changes of AutoAugment's policies, magnitudes 0 to 9."""
    amounts = _geometry(10, shear=0.3, translate=150 / 331, rotate=30) | _enhancements(10, 0.9)
    return Space(amounts | _levels(10, most_bits=8, fewest_bits=4) | {"invert": (0.0,) * 10})


def mix_space(all_changes: bool) -> Space:
    """Return the changes of AugMix, magnitudes 0 to 9; without `all_changes` none that the corruptions of CIFAR-10-C come near."""
    amounts = _geometry(10, shear=0.3, translate=1 / 3, rotate=30) | _levels(10, most_bits=4, fewest_bits=0)
    return Space(amounts | (_enhancements(10, 0.9) if all_changes else {}))


def _linear(first: float, last: float, bins: int) -> tuple[float, ...]:
    return tuple(first + (last - first) * place / (bins - 1) for place in range(bins))


def _geometry(bins: int, shear: float, translate: float, rotate: float) -> dict[str, tuple[float, ...]]:
    largest = {"identity": 0.0, "shear_x": shear, "shear_y": shear, "translate_x": translate, "translate_y": translate, "rotate": rotate}
    return {name: _linear(0, value, bins) for name, value in largest.items()}


def _enhancements(bins: int, largest: float) -> dict[str, tuple[float, ...]]:
    return {name: _linear(0, largest, bins) for name in ("brightness", "colour", "contrast", "sharpness")}


def _levels(bins: int, most_bits: int, fewest_bits: int) -> dict[str, tuple[float, ...]]:
    bits = tuple(float(most_bits - round(value)) for value in _linear(0, most_bits - fewest_bits, bins))
    solarize = (256.0, *_linear(255, 0, bins)[1:])
    return {"posterize": bits, "solarize": solarize} | dict.fromkeys(_WHOLE, (0.0,) * bins)
