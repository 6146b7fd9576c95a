"""What the residual networks share: the positions of their blocks, their shortcuts, and the depths and image sizes that are possible."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import Field

from kcifar.core.errors import UserError
from kcifar.core.lazy import keras
from kcifar.models.arguments import check_group_count
from kcifar.models.attention import attend
from kcifar.models.style import Style, drop_path

# Blocks per group. The longest group in the papers has 111, in the 1001-layer network; a sixth group has 32 times the channels of the first.
Blocks = Annotated[Sequence[Annotated[int, Field(gt=0, le=111)]], Field(min_length=1, max_length=6)]
BlockKind = Literal["basic", "bottleneck"]
Shortcut = Literal["pad", "projection"]
# Keras walks back through a network by recursion, two calls per block (see `add_branch`); Python stops it at 1000.
MAX_BLOCKS = 360


@dataclass(frozen=True)
class BlockPosition:
    """The position of a residual block in its network.

    Attributes:
        group: Number of the group, from 1; all blocks of a group work on feature maps of one size.
        block: Number of the block in its group, from 1.
        drop_path_rate: Fraction of the images for which the block's branch is skipped.
    """

    group: int
    block: int
    drop_path_rate: float

    @property
    def name(self) -> str:
        """The prefix of its layers' names."""
        return f"group{self.group}_block{self.block}"

    @property
    def opens_group(self) -> bool:
        """Whether it is the first block of its group."""
        return self.block == 1

    @property
    def strides(self) -> int:
        """The factor by which it divides height and width."""
        return 2 if self.opens_group and self.group > 1 else 1

    def width(self, first: int) -> int:
        """Return the channels of this group if the first group has `first`: they double wherever the image is halved."""
        return first << (self.group - 1)


Projection = Callable[[Style, Any, int, BlockPosition], Any]


def list_positions(blocks: Sequence[int], drop_path_rate: float) -> list[BlockPosition]:
    """Return the positions of all blocks in order.

    Args:
        blocks: Number of blocks in each group.
        drop_path_rate: Rate of the last block L; block l has l / L of it (Huang et al., 2016, equation 4: the linear decay rule).
    """
    positions = [(group, block) for group, count in enumerate(blocks, start=1) for block in range(1, count + 1)]
    return [BlockPosition(*position, drop_path_rate * number / len(positions)) for number, position in enumerate(positions, start=1)]


def count_blocks(name: str, depth: int, layers_per_n: int, other_layers: int) -> int:
    """Return the blocks in each of the three groups of a network that is named after its number of layers.

    Args:
        name: Name of the network, for the message.
        depth: Layers with kernels, as the paper counts them.
        layers_per_n: Layers that one more block in each group adds: the 6 of 6n+2.
        other_layers: Layers that belong to no block.
    Raises:
        UserError: No number of blocks makes that depth.
    """
    blocks, rest = divmod(depth - other_layers, layers_per_n)
    if blocks < 1 or rest:
        examples = ", ".join(str(layers_per_n * number + other_layers) for number in (1, 2, 3))
        raise UserError(f"{name}: depth: expected {layers_per_n}n+{other_layers} ({examples}, …), got {depth}")
    return blocks


def check_residual_groups(name: str, image_shape: tuple[int, int, int], blocks: Sequence[int]) -> None:
    """Refuse more residual blocks than Keras can handle, and images too small to be halved between their groups.

    Raises:
        UserError: One line that says what is possible.
    """
    if sum(blocks) > MAX_BLOCKS:
        raise UserError(f"{name}: blocks: expected at most {MAX_BLOCKS} in all groups, got {sum(blocks)}")
    check_group_count(name, image_shape, len(blocks))


def add_branch(style: Style, features: Any, branch: Any, position: BlockPosition, shortcut: str, project: Projection) -> Any:
    """Add a residual branch, after attention and drop path, to the block's input.

    Args:
        style: Style of the network.
        features: Input of the block; where the block changes the shape, it is brought to the branch's shape first.
        branch: Output of the branch.
        position: Position of the block.
        shortcut: "pad": every second row and column, and channels of zeros (He et al., 2015, option A); "projection": `project`.
        project: Returns the features with the given number of channels, strided as the block is.
    """
    channels = branch.shape[-1]
    if (position.strides, channels) != (1, features.shape[-1]):
        features = _pad(features, channels, position) if shortcut == "pad" else project(style, features, channels, position)
    branch = drop_path(attend(branch, style.attention, position.name), position.drop_path_rate, position.name)
    # The shortcut comes first: Keras then walks back along the shortcuts, and deep networks stay within Python's recursion limit.
    return keras.layers.Add(name=f"{position.name}_add")([features, branch])


def project(style: Style, features: Any, channels: int, position: BlockPosition) -> Any:
    """Return the 1x1 convolution of a shortcut (He et al., 2015, option B)."""
    return style.conv(features, channels, 1, f"{position.name}_projection", strides=position.strides)


def _pad(features: Any, channels: int, position: BlockPosition) -> Any:
    """Take every second row and column and append channels of zeros; this adds no parameters."""
    from kcifar.layers import PadChannels

    if position.strides > 1:
        features = keras.layers.AveragePooling2D(1, position.strides, name=f"{position.name}_shortcut_pool")(features)
    return PadChannels(channels, name=f"{position.name}_shortcut_pad")(features)
