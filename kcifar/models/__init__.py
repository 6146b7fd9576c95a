"""The registry of networks: a recipe's `model: {name: …}`.

A network is one registered function: `def name(image_shape, num_classes, *, …its own arguments) -> keras.Model`, which maps
float32 images (batch, height, width, 3), already normalised, to float32 logits (batch, num_classes). Builders are pure: they name
every layer, add no regulariser and look at no data.
"""

from kcifar.registry import Registry

MODELS = Registry("model", "kcifar.models")
