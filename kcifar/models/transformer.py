"""Blocks of the vision transformers, as in the reference code of the compact transformers (see `cct.py`).

All layers work on tokens, (batch, tokens, width). Dense and attention kernels start normal with standard deviation 0.02, positions with
0.2, biases at zero; the reference truncates at 2, so many standard deviations away that it never happens. Layer normalization has
PyTorch's epsilon, 1e-5. Keras' attention layer is used without biases; a separate layer adds the bias of the output projection.
"""

from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
from pydantic import Field

from kcifar.core.errors import UserError
from kcifar.core.lazy import keras
from kcifar.models.style import drop_path, dropout

Heads = Annotated[int, Field(gt=0, le=64)]
MlpRatio = Annotated[float, Field(gt=0, le=8)]

NORM_EPSILON = 1e-5
KERNEL_STDDEV = 0.02
POSITION_STDDEV = 0.2  # reference code; ten times that of other vision transformers
# With this many tokens, the attention weights of one head for one image take 67 MB in float32.
MAX_TOKENS = 4096


@dataclass(frozen=True)
class Encoder:
    """The settings that all blocks of an encoder share.

    Attributes:
        heads: Number of attention heads; each works on width / heads numbers of a token.
        mlp_ratio: Hidden units of a block's two dense layers, as a multiple of the width; rounded down.
        activation: Between the two dense layers.
        dropout_rate: Fraction of numbers dropped after positions, attention and dense layers.
        attention_dropout_rate: Fraction of attention weights dropped.
        drop_path_rate: Fraction of images for which the last block's branches are skipped; it grows linearly from 0 in the first block.
    """

    heads: int
    mlp_ratio: float
    activation: str
    dropout_rate: float
    attention_dropout_rate: float
    drop_path_rate: float

    def encode(self, tokens: Any, depth: int) -> Any:
        """Add positions, apply `depth` blocks and normalize."""
        from kcifar.layers import PositionEmbedding

        tokens = PositionEmbedding(POSITION_STDDEV, name="stem_positions")(tokens)
        tokens = dropout(tokens, self.dropout_rate, "stem_dropout")
        for number, rate in enumerate(np.linspace(0, self.drop_path_rate, depth), start=1):
            tokens = self._add_block(tokens, float(rate), f"block{number}")
        return normalize(tokens, "head_norm")

    def _add_block(self, tokens: Any, drop_path_rate: float, name: str) -> Any:
        """Add attention; then normalize, and add the output of the dense layers to the normalized tokens, as the reference code does.

        The pre-norm blocks of other transformers add it to the tokens as they were before the second normalization.
        """
        attended = self._attend(normalize(tokens, f"{name}_norm1"), f"{name}_attention")
        attended = drop_path(attended, drop_path_rate, f"{name}_attention")
        tokens = keras.layers.Add(name=f"{name}_add1")([tokens, attended])
        tokens = normalize(tokens, f"{name}_norm2")
        branch = drop_path(self._apply_dense_layers(tokens, name), drop_path_rate, name)
        return keras.layers.Add(name=f"{name}_add2")([tokens, branch])

    def _attend(self, tokens: Any, name: str) -> Any:
        """Let each token attend to all; queries, keys and values have no bias, the output projection has one."""
        from kcifar.layers import Bias

        width = tokens.shape[-1]
        options = {"use_bias": False, "kernel_initializer": make_kernel_initializer()}
        layer = keras.layers.MultiHeadAttention(self.heads, width // self.heads, dropout=self.attention_dropout_rate, name=name, **options)
        return dropout(Bias(name=f"{name}_bias")(layer(tokens, tokens)), self.dropout_rate, f"{name}_dropout")

    def _apply_dense_layers(self, tokens: Any, name: str) -> Any:
        """Apply two dense layers to each token separately."""
        width = tokens.shape[-1]
        hidden = keras.layers.Dense(int(self.mlp_ratio * width), kernel_initializer=make_kernel_initializer(), name=f"{name}_dense1")(tokens)
        hidden = keras.layers.Activation(self.activation, name=f"{name}_act")(hidden)
        hidden = dropout(hidden, self.dropout_rate, f"{name}_dropout1")
        tokens = keras.layers.Dense(width, kernel_initializer=make_kernel_initializer(), name=f"{name}_dense2")(hidden)
        return dropout(tokens, self.dropout_rate, f"{name}_dropout2")


def check_sizes(name: str, width: int, heads: int, mlp_ratio: float) -> None:
    """Refuse arguments that do not fit together.

    Raises:
        UserError: The heads cannot divide the width evenly, or there is no hidden unit.
    """
    if width % heads:
        raise UserError(f"{name}: heads: expected a divisor of the width {width}, got {heads}")
    if mlp_ratio * width < 1:
        raise UserError(f"{name}: mlp_ratio: expected at least one hidden unit, 1 / {width} of the width, got {mlp_ratio:g}")


def check_tokens(name: str, image_shape: tuple[int, int, int], step: int) -> None:
    """Refuse images with more tokens than attention can handle.

    Args:
        name: Name of the network.
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


def classify_tokens(tokens: Any, num_classes: int) -> Any:
    """Return the float32 logits of one token per image, (batch, width)."""
    return keras.layers.Dense(num_classes, kernel_initializer=make_kernel_initializer(), dtype="float32", name="logits")(tokens)


def pool_tokens(tokens: Any) -> Any:
    """Average the tokens with weights from a dense layer (Hassani et al., 2021, section 3.2); returns (batch, width)."""
    scores = keras.layers.Dense(1, kernel_initializer=make_kernel_initializer(), name="head_pool_scores")(tokens)
    weights = keras.layers.Softmax(axis=1, name="head_pool_weights")(scores)
    pooled = keras.layers.Dot(axes=1, name="head_pool")([weights, tokens])
    return keras.layers.Flatten(name="head_pool_flat")(pooled)


def normalize(tokens: Any, name: str) -> Any:
    """Normalize each token separately."""
    return keras.layers.LayerNormalization(epsilon=NORM_EPSILON, name=name)(tokens)


def make_kernel_initializer() -> Any:
    """Return the initializer of one kernel."""
    return keras.initializers.RandomNormal(stddev=KERNEL_STDDEV)
