"""The registry of networks: a recipe's `model: {name: …}`.

A network is one registered function: `def name(image_shape, num_classes, *, …its own arguments) -> keras.Model`. The model maps
normalized float32 images (batch, height, width, channels) to float32 logits (batch, num_classes). Builders are pure: they name
every layer, add no regularizer and look at no data. Initialization that needs data is a second function, registered under the same
name in `DATA_INITIALIZERS`: it is called once, before the first stage, as `initialize(network, images)`.

A family whose variants differ only in numbers is one builder with a leading `name`; `variants.register_variant` registers each variant.
"""

from kcifar.core.registry import Registry

MODELS = Registry("model", "kcifar.models", "python -m kcifar.models", supplied=["image_shape", "num_classes"])
DATA_INITIALIZERS = Registry("initialization from data", "kcifar.models")
