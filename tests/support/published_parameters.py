"""The sizes of all variants for 32x32x3 images and 10 classes, each with the source of the number.

"Counted" is the sum over the tensors of the named code; "by hand" is worked out from the paper's tables, and agrees with the rounded size that
the paper gives. Where batch normalization is said to weigh w channels, it has 2w parameters.
"""

from typing import NamedTuple


class Published(NamedTuple):
    """A number of parameters, its source, and the key of `summarize_model` that counts in the same way as the source."""

    count: int
    source: str
    key: str = "trainable_parameters"


# Builders whose defaults are kcifar's own choice; the variants below are settings of them.
GENERAL = (
    "airbench",
    "cct",
    "cifar_resnet",
    "convmixer",
    "densenet",
    "preact_resnet",
    "resnext",
    "vgg",
    "wide_resnet",
    "wide_stem_resnet",
)

PARAMETERS = {
    "airbench94": Published(1_971_352, "by hand: 24 + 9(24*64 + 64*64 + 64*256 + 3*256*256) + 2*64 + 4*256 + 2,560; 1.97M in the paper"),
    "airbench95": Published(4_604_440, "by hand: 24 + 9(24*128 + 128*128 + 128*384 + 3*384*384) + 2*128 + 4*384 + 3,840; 4.6M in the reference"),
    "airbench96": Published(9_915_416, "by hand: three convolutions a group, 128, 384 and 512 wide; 9.9M in the reference"),
    "cct_7_3x1": Published(3_760_139, "by hand in test_models_transformers.py; 3.76M in the paper"),
    "convmixer_256_8": Published(706_570, "by hand: 1,024 + 512 + 8(20,992 + 65,792 + 2*512) + 2,570; 0.7M in the paper"),
    "densenet121": Published(6_956_298, "counted: shambhurajmane/Deep-Learning-CIFAR10-pytorch"),
    "densenet_bc_100_12": Published(769_162, "counted: the reference code; 0.8M in the paper"),
    "lenet": Published(62_006, "counted: 0xMartin/UTB-FAI-programs"),
    "lenet_bn": Published(62_050, "counted: the same with its two batch normalizations, 6 and 16 channels"),
    "preact_resnet18": Published(11_172_170, "`resnet18` less its shortcuts' batch normalizations, of 128 + 256 + 512 channels"),
    "preact_resnet34": Published(21_280_330, "`resnet34` less the same"),
    "preact_resnet50": Published(23_513_162, "`resnet50` less its shortcuts' batch normalizations, of 256 + 512 + 1,024 + 2,048 channels"),
    "preact_resnet110": Published(1_727_962, "the layers of `resnet110` in another order; 1.7M in the paper"),
    "preact_resnet164": Published(1_703_258, "by hand: 1,676,464 of convolutions, 24,224 of batch normalization, 2,570; 1.7M in the paper"),
    "quizdnn": Published(299_018, "stated by sairamsubramaniam/tsai_projects; 1,792 + 8*36,928 + 9*128 + 650"),
    "residual_cnn": Published(17_001_930, "printed by the notebook of the2roock/Cifar10-Classification", "parameters"),
    "resnet18": Published(11_173_962, "counted: kuangliu/pytorch-cifar, shambhurajmane/Deep-Learning-CIFAR10-pytorch"),
    "resnet34": Published(21_282_122, "counted: kuangliu/pytorch-cifar"),
    "resnet50": Published(23_520_842, "counted: kuangliu/pytorch-cifar"),
    "resnet20": Published(269_722, "counted: akamaster/pytorch_resnet_cifar10; 0.27M in the paper"),
    "resnet32": Published(464_154, "counted: the same; 0.46M in the paper"),
    "resnet44": Published(658_586, "counted: the same; 0.66M in the paper"),
    "resnet56": Published(853_018, "counted: the same; 0.85M in the paper"),
    "resnet110": Published(1_727_962, "counted: the same; 1.7M in the paper"),
    "resnext29_32x4d": Published(4_774_218, "counted: shambhurajmane/Deep-Learning-CIFAR10-pytorch"),
    "resnext29_8x64d": Published(34_426_698, "by hand: 1,856 + 1,597,440 + 6,569,984 + 26,247,168 of the groups + 10,250; 34.4M in the paper"),
    "vgg11_plain": Published(9_225_610, "counted: the convolutions of torchvision, 9,220,480, and 5,130"),
    "vgg13_plain": Published(9_410_122, "likewise 9,404,992 and 5,130"),
    "vgg16_plain": Published(14_719_818, "likewise 14,714,688 (also Keras' VGG16 without its top) and 5,130"),
    "vgg19_plain": Published(20_029_514, "likewise 20,024,384 (also Keras' VGG19 without its top) and 5,130"),
    "vgg13": Published(8_920_650, "counted: nguyen-nhat-mai/CIFAR-10-image_classification"),
    "vgg16": Published(33_646_666, "counted: nguyen-nhat-mai/CIFAR-10-image_classification"),
    "vit": Published(3_716_874, "by hand in test_models_transformers.py; 3.72M in the paper (ViT-Lite-7/4)"),
    "wrn_16_4": Published(2_748_890, "counted: the reference code; 2.7M in the paper"),
    "wrn_16_8": Published(10_961_370, "counted: the reference code; 11.0M in the paper"),
    "wrn_28_10": Published(36_479_194, "counted: the reference code; 36.5M in the paper"),
}
