"""Custom Keras layers and initializers, serializable by name: after importing this package, Keras can load saved networks that contain them.

kcifar imports it with the first network that needs it, and before it reads a saved model; this imports the backend. In a program of your own
that otherwise uses only Keras: `import kcifar.layers`, then `keras.models.load_model("runs/…/model.keras")`.
"""

from kcifar.layers.bias import Bias
from kcifar.layers.channels import PadChannels
from kcifar.layers.class_token import ClassToken
from kcifar.layers.partial_identity import PartialIdentity
from kcifar.layers.position_embedding import PositionEmbedding
from kcifar.layers.resize import ResizeImages
from kcifar.layers.resize import resize as resize

__all__ = ["Bias", "ClassToken", "PadChannels", "PartialIdentity", "PositionEmbedding", "ResizeImages"]
