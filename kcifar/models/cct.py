"""Compact convolutional transformers: convolutions make the tokens, and no class token is needed.

Paper: Ali Hassani, Steven Walton, Nikhil Shah, Abulikemu Abuduweili, Jiachen Li and Humphrey Shi, "Escaping the Big Data Paradigm with
Compact Transformers", 2021 (https://arxiv.org/abs/2104.05704).
Reference code: https://github.com/SHI-Labs/Compact-Transformers.

CCT-7/3x1 consists of seven blocks on tokens from one 3x3 convolution. The tokenizer is a convolution without bias (He normal), ReLU and
3x3 max pooling of stride 2; learnable positions, the encoder of `transformer.py`, a last normalization, sequence pooling and a linear
layer follow. Dropout is 0; attention dropout and stochastic depth are 0.1.

What differs: images of more than 4,096 tokens are refused.
"""

from typing import Annotated, Any

from pydantic import Field

from kcifar.core.lazy import keras
from kcifar.models.arguments import Activation, Depth, Rate, Width, check_image_size
from kcifar.models.initializers import he_normal
from kcifar.models.transformer import Encoder, Heads, MlpRatio, check_sizes, check_tokens, classify_tokens, pool_tokens
from kcifar.models.variants import register_variant

KernelSize = Annotated[int, Field(gt=0, le=15)]
TokenizerConvolutions = Annotated[int, Field(gt=0, le=4)]

TOKENIZER_WIDTH = 64  # filters of every convolution except the last (reference code)


def cct(
    name: str,
    image_shape: tuple[int, int, int],
    num_classes: int,
    *,
    width: Width = 128,
    depth: Depth = 2,
    heads: Heads = 2,
    mlp_ratio: MlpRatio = 1.0,
    kernel_size: KernelSize = 3,
    convolutions: TokenizerConvolutions = 2,
    activation: Activation = "gelu",
    dropout_rate: Rate = 0.0,
    attention_dropout_rate: Rate = 0.1,
    drop_path_rate: Rate = 0.1,
) -> Any:
    """Build a compact convolutional transformer; see the top of the file. The defaults are the paper's CCT-2/3x2.

    Args:
        name: Name of the network.
        image_shape: Height, width, channels; each convolution of the tokenizer halves the image.
        num_classes: Number of logits.
        width: Numbers per token; a multiple of `heads`.
        depth: Number of blocks.
        heads: Number of attention heads.
        mlp_ratio: Hidden units of a block's dense layers, as a multiple of the width.
        kernel_size: Kernel size of the tokenizer's convolutions.
        convolutions: Number of convolutions in the tokenizer.
        activation: Between the dense layers of a block.
        dropout_rate: Fraction of numbers dropped after positions, attention and dense layers.
        attention_dropout_rate: Fraction of attention weights dropped.
        drop_path_rate: Fraction of images for which the last block's branches are skipped; it grows linearly from 0 in the first block.
    Returns:
        Functional model from normalized float32 images (batch, *image_shape) to float32 logits (batch, num_classes).
    Raises:
        UserError: `heads` does not divide `width`, or the image is too small or makes too many tokens.
    """
    check_sizes(name, width, heads, mlp_ratio)
    check_image_size(name, image_shape, at_least=2**convolutions, because=f"as {convolutions} poolings halve the image")
    check_tokens(name, image_shape, 2**convolutions)
    images = keras.Input(image_shape, name="images")
    features = images
    for number in range(1, convolutions + 1):
        filters = width if number == convolutions else TOKENIZER_WIDTH
        features = _tokenize(features, filters, kernel_size, number)
    tokens = keras.layers.Reshape((-1, width), name="stem_tokens")(features)
    encoder = Encoder(heads, mlp_ratio, activation, dropout_rate, attention_dropout_rate, drop_path_rate)
    pooled = pool_tokens(encoder.encode(tokens, depth))
    return keras.Model(images, classify_tokens(pooled, num_classes), name=name)


def _tokenize(features: Any, filters: int, kernel_size: int, number: int) -> Any:
    """Convolve, activate and halve; padding with zeros on all sides, as in PyTorch, is harmless because no activation is negative."""
    layers = keras.layers
    start = he_normal()
    features = layers.Conv2D(filters, kernel_size, padding="same", use_bias=False, kernel_initializer=start, name=f"stem_conv{number}")(features)
    features = layers.Activation("relu", name=f"stem_act{number}")(features)
    return layers.MaxPooling2D(3, 2, name=f"stem_pool{number}")(layers.ZeroPadding2D(1, name=f"stem_pool{number}_pad")(features))


register_variant("cct_7_3x1", cct, width=256, depth=7, heads=4, mlp_ratio=2.0, kernel_size=3, convolutions=1)
register_variant("cct", cct)
