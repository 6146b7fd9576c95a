"""A small vision transformer for small images: ViT-Lite-7/4 from the paper on compact transformers.

Paper: Hassani et al., "Escaping the Big Data Paradigm with Compact Transformers", 2021 (https://arxiv.org/abs/2104.05704), after
Dosovitskiy et al., "An Image is Worth 16x16 Words", 2021 (https://arxiv.org/abs/2010.11929).
Reference code: https://github.com/SHI-Labs/Compact-Transformers.

A convolution with bias makes a token of each 4x4 patch; a class token is put in front, and the linear layer receives its state after the last
normalization. Encoder and rates are those of `cct.py`: seven blocks, 256 wide, 4 heads, hidden layers twice as wide.

The patch kernel starts He normal, its bias as in PyTorch, the class token at zero; positions and everything else as in `cct.py`.

What differs: images of more than 4,096 patches are refused.
"""

from typing import Any

from kcifar.core.lazy import keras
from kcifar.models.arguments import Activation, Depth, PatchSize, Rate, Width, check_image_size
from kcifar.models.initializers import he_normal
from kcifar.models.transformer import Encoder, Heads, MlpRatio, check_sizes, check_tokens, classify_tokens
from kcifar.models.variants import register_variant


def vit(
    name: str,
    image_shape: tuple[int, int, int],
    num_classes: int,
    *,
    patch_size: PatchSize = 4,
    width: Width = 256,
    depth: Depth = 7,
    heads: Heads = 4,
    mlp_ratio: MlpRatio = 2.0,
    activation: Activation = "gelu",
    dropout_rate: Rate = 0.0,
    attention_dropout_rate: Rate = 0.1,
    drop_path_rate: Rate = 0.1,
) -> Any:
    """Build a vision transformer; see the top of the file. The defaults are ViT-Lite-7/4.

    Args:
        name: Name of the network.
        image_shape: Height, width, channels; height and width are multiples of `patch_size`.
        num_classes: Number of logits.
        patch_size: Height and width of a patch, pixels.
        width: Numbers per token; a multiple of `heads`.
        depth: Number of blocks.
        heads: Number of attention heads.
        mlp_ratio: Hidden units of a block's dense layers, as a multiple of the width.
        activation: Between the dense layers of a block.
        dropout_rate: Fraction of numbers dropped after positions, attention and dense layers.
        attention_dropout_rate: Fraction of attention weights dropped.
        drop_path_rate: Fraction of images for which the last block's branches are skipped; it grows linearly from 0 in the first block.
    Returns:
        Functional model from normalized float32 images (batch, *image_shape) to float32 logits (batch, num_classes).
    Raises:
        UserError: `heads` does not divide `width`, or patches do not cover the image or are too many.
    """
    from kcifar.layers import ClassToken

    check_sizes(name, width, heads, mlp_ratio)
    because = f"as patches of {patch_size}x{patch_size} cover the image"
    check_image_size(name, image_shape, at_least=patch_size, multiple_of=patch_size, because=because)
    check_tokens(name, image_shape, patch_size)
    layers = keras.layers
    images = keras.Input(image_shape, name="images")
    limit = (patch_size**2 * image_shape[-1]) ** -0.5
    bias = keras.initializers.RandomUniform(-limit, limit)
    patches = layers.Conv2D(width, patch_size, patch_size, kernel_initializer=he_normal(), bias_initializer=bias, name="stem_conv")(images)
    tokens = layers.Reshape((-1, width), name="stem_tokens")(patches)
    tokens = ClassToken(name="stem_class_token")(tokens)
    encoder = Encoder(heads, mlp_ratio, activation, dropout_rate, attention_dropout_rate, drop_path_rate)
    states = encoder.encode(tokens, depth)
    # Only the first token; cropping needs the number of tokens after it.
    first = layers.Cropping1D((0, tokens.shape[1] - 1), name="head_pool")(states)
    return keras.Model(images, classify_tokens(layers.Flatten(name="head_pool_flat")(first), num_classes), name=name)


register_variant("vit", vit)
