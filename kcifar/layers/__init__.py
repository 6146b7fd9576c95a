"""Own Keras layers and initialisers, serialisable by name: importing this package lets Keras load a saved network that holds them.

Loaded with the first network that needs one, and before a saved model is read; it imports the backend. In a program of your own that
knows Keras alone: `import kcifar.layers`, then `keras.models.load_model("runs/…/model.keras")`.
"""

from kcifar.layers.bias import Bias
from kcifar.layers.channels import PadChannels
from kcifar.layers.class_token import ClassToken
from kcifar.layers.partial_identity import PartialIdentity
from kcifar.layers.position_embedding import PositionEmbedding
from kcifar.layers.resize import ResizeImages
from kcifar.layers.resize import resize as resize

__all__ = ["Bias", "ClassToken", "PadChannels", "PartialIdentity", "PositionEmbedding", "ResizeImages"]
