"""The registry of augmentations: the entries of a stage's `augmentation:` list.

An augmentation is one registered frozen dataclass with the fields that the recipe may set and two methods: `draw`, which makes
all random choices on the host, and `apply`, pure `keras.ops` on the device (see `augment/operation.py`).
"""

from kcifar.core.registry import Registry

AUGMENTATIONS = Registry("augmentation", "kcifar.augment")
