"""Blocks of the vision transformers, as the compact transformers' reference code has them (see `cct.py`).

Everything works on tokens, (batch, tokens, width). Dense and attention kernels start normal with deviation 0.02, positions with 0.2,
biases at zero; the reference truncates at 2, so many deviations away that it never happens. Layer normalisation has torch's epsilon,
1e-5. Keras' attention layer has no bias at all, and a layer of its own adds that of the projection behind it.
"""

from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
from pydantic import Field

from kcifar.core.errors import UserError
from kcifar.core.lazy import keras
from kcifar.models.blocks import drop_path, dropout

Heads = Annotated[int, Field(gt=0, le=64)]
MlpRatio = Annotated[float, Field(gt=0, le=8)]

NORM_EPSILON = 1e-5
KERNEL_DEVIATION = 0.02
POSITION_DEVIATION = 0.2  # reference code; ten times that of other vision transformers
# One head's attention of one image to this many tokens is 67 MB in float32.
MAX_TOKENS = 4096


@dataclass(frozen=True)
class Encoder:
    """What every block of an encoder shares.

    Attributes:
        heads: Of attention; each sees width / heads numbers of a token.
        mlp_ratio: Hidden units of a block's two dense layers, as a multiple of the width; rounded down.
        activation: Between them.
        dropout_rate: Share of numbers dropped after positions, attention and dense layers.
        attention_dropout_rate: Share of attention weights dropped.
        drop_path_rate: Share of images for which the last block's branches are left out; growing linearly from 0 in the first.
    """

    heads: int
    mlp_ratio: float
    activation: str
    dropout_rate: float
    attention_dropout_rate: float
    drop_path_rate: float

    def blocks(self, tokens: Any, depth: int) -> Any:
        """Add positions, run `depth` blocks and normalise."""
        from kcifar.layers import PositionEmbedding

        tokens = PositionEmbedding(POSITION_DEVIATION, name="stem_positions")(tokens)
        tokens = dropout(tokens, self.dropout_rate, "stem_dropout")
        for number, rate in enumerate(np.linspace(0, self.drop_path_rate, depth), start=1):
            tokens = self._block(tokens, float(rate), f"block{number}")
        return normalize(tokens, "head_norm")

    def _block(self, tokens: Any, drop_path_rate: float, name: str) -> Any:
        """Add attention; then normalise, and add the dense layers' answer to the normalised tokens, as the reference code does.

        A pre-norm block of other transformers would add it to the tokens as they were before the second normalisation.
        """
        attended = self._attention(normalize(tokens, f"{name}_norm1"), f"{name}_attention")
        attended = drop_path(attended, drop_path_rate, f"{name}_attention")
        tokens = keras.layers.Add(name=f"{name}_add1")([tokens, attended])
        tokens = normalize(tokens, f"{name}_norm2")
        answer = drop_path(self._dense_layers(tokens, name), drop_path_rate, name)
        return keras.layers.Add(name=f"{name}_add2")([tokens, answer])

    def _attention(self, tokens: Any, name: str) -> Any:
        """Let each token look at all; queries, keys and values have no bias, the projection behind them has one."""
        from kcifar.layers import Bias

        width = tokens.shape[-1]
        options = {"use_bias": False, "kernel_initializer": kernel_start()}
        layer = keras.layers.MultiHeadAttention(self.heads, width // self.heads, dropout=self.attention_dropout_rate, name=name, **options)
        return dropout(Bias(name=f"{name}_bias")(layer(tokens, tokens)), self.dropout_rate, f"{name}_dropout")

    def _dense_layers(self, tokens: Any, name: str) -> Any:
        """Two dense layers on each token by itself."""
        width = tokens.shape[-1]
        hidden = keras.layers.Dense(int(self.mlp_ratio * width), kernel_initializer=kernel_start(), name=f"{name}_dense1")(tokens)
        hidden = keras.layers.Activation(self.activation, name=f"{name}_act")(hidden)
        hidden = dropout(hidden, self.dropout_rate, f"{name}_dropout1")
        hidden = keras.layers.Dense(width, kernel_initializer=kernel_start(), name=f"{name}_dense2")(hidden)
        return dropout(hidden, self.dropout_rate, f"{name}_dropout2")


def expect_sizes(name: str, width: int, heads: int, mlp_ratio: float) -> None:
    """Refuse arguments that do not fit together.

    Raises:
        UserError: Heads that do not share the width evenly, or no hidden unit.
    """
    if width % heads:
        raise UserError(f"{name}: heads: expected a divisor of the width {width}, got {heads}")
    if mlp_ratio * width < 1:
        raise UserError(f"{name}: mlp_ratio: expected at least one hidden unit, 1 / {width} of the width, got {mlp_ratio:g}")


def expect_tokens(name: str, image_shape: tuple[int, int, int], step: int) -> None:
    """Refuse images of more tokens than attention can hold.

    Args:
        name: Of the network.
        image_shape: Height, width, channels.
        step: Pixels from one token to the next.
    Raises:
        UserError: There would be more than `MAX_TOKENS`.
    """
    rows, columns = (-(-side // step) for side in image_shape[:2])
    if rows * columns > MAX_TOKENS:
        largest = f"such as images of {64 * step}x{64 * step}"
        raise UserError(
            f"{name}: expected at most {MAX_TOKENS:,} tokens, {largest}, got images of {image_shape[0]}x{image_shape[1]} ({rows}x{columns} tokens)"
        )


def head(vectors: Any, num_classes: int) -> Any:
    """Return the logits of (batch, width), float32."""
    return keras.layers.Dense(num_classes, kernel_initializer=kernel_start(), dtype="float32", name="logits")(vectors)


def sequence_pool(tokens: Any) -> Any:
    """Average the tokens by weights that a dense layer gives to each (Hassani et al., 2021, section 3.2); returns (batch, width)."""
    scores = keras.layers.Dense(1, kernel_initializer=kernel_start(), name="head_pool_scores")(tokens)
    weights = keras.layers.Softmax(axis=1, name="head_pool_weights")(scores)
    pooled = keras.layers.Dot(axes=1, name="head_pool")([weights, tokens])
    return keras.layers.Flatten(name="head_pool_flat")(pooled)


def normalize(tokens: Any, name: str) -> Any:
    """Normalise each token by itself."""
    return keras.layers.LayerNormalization(epsilon=NORM_EPSILON, name=name)(tokens)


def kernel_start() -> Any:
    """Return the initialiser of one kernel."""
    return keras.initializers.RandomNormal(stddev=KERNEL_DEVIATION)
