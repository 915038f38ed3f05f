"""torchvision's networks, fitted to the data set's classes, channels and image size.

They were made for 224 pixels and halve their maps five times, so 32-pixel images end as a single position.
With `stem: small` ResNet-50, DenseNet, EfficientNet, MobileNet and ConvNeXt lose their first two halvings, so
32 pixels end as 4x4 maps, as in the ResNet written for small images: more computation for more accuracy, with
about the same number of parameters. `stem: imagenet` is torchvision's network untouched, as in the published
numbers.
"""

from torch import nn

from backdoor_pipeline.models.classifier import ModelDescription
from backdoor_pipeline.models.registry import StemOptions, register


def at_least_32(spec: ModelDescription) -> int:
    """The pixels seen by a network whose five halvings round down: less than 32 would leave nothing."""
    return max(spec.image_size, 32)


def at_least_one_position(spec: ModelDescription) -> int:
    """The same for a network that has three halvings with the small stem, and five with ImageNet's."""
    return max(spec.image_size, 8) if spec.options["stem"] == "small" else at_least_32(spec)


def always_224(_: ModelDescription) -> int:
    """The pixels seen by a network whose positional embedding was made for 14x14 patches."""
    return 224


@register("vgg19", input_size=at_least_32)
@register("vgg19_bn", input_size=at_least_32)
def vgg(spec: ModelDescription) -> nn.Module:
    """VGG-19 as it is, 139.6 M parameters at 10 classes; images under 32 pixels are enlarged to 32.

    At 32 pixels the pooling to 7x7 repeats one position 49 times, so the first of the 4096-wide layers holds
    more weights than it can use. The field's benchmarks keep it, so it is kept: numbers stay comparable.
    """
    network = _published(spec)
    if spec.channels != 3:
        _new_stem(network, "features.0", spec.channels)
    return network


@register("resnet50", StemOptions, input_size=at_least_one_position)
def resnet50(spec: ModelDescription) -> nn.Module:
    """ResNet-50; its small stem is a 3x3 stride-1 convolution without pooling."""
    network = _published(spec)
    if spec.options["stem"] == "small":
        _new_stem(network, "conv1", spec.channels, kernel=3, stride=1)
        network.set_submodule("maxpool", nn.Identity())
    elif spec.channels != 3:
        _new_stem(network, "conv1", spec.channels)
    return network


@register("densenet161", StemOptions, input_size=at_least_one_position)
def densenet161(spec: ModelDescription) -> nn.Module:
    """DenseNet-161; its small stem is a 3x3 stride-1 convolution without pooling."""
    network = _published(spec)
    if spec.options["stem"] == "small":
        _new_stem(network, "features.conv0", spec.channels, kernel=3, stride=1)
        network.set_submodule("features.pool0", nn.Identity())
    elif spec.channels != 3:
        _new_stem(network, "features.conv0", spec.channels)
    return network


@register("efficientnet_b3", StemOptions)
@register("mobilenet_v3_large", StemOptions)
def mobile(spec: ModelDescription) -> nn.Module:
    """EfficientNet-B3 and MobileNetV3-Large; small: the first two strided convolutions take stride 1.

    The weights keep their shapes, so pretrained weights fit the small stem too.
    """
    network = _published(spec)
    if spec.channels != 3:
        _new_stem(network, "features.0.0", spec.channels)
    if spec.options["stem"] == "small":
        strided = [m for m in network.modules() if isinstance(m, nn.Conv2d) and m.stride == (2, 2)]
        for conv in strided[:2]:
            conv.stride = (1, 1)
    return network


@register("convnext_tiny", StemOptions, input_size=at_least_one_position)
def convnext_tiny(spec: ModelDescription) -> nn.Module:
    """ConvNeXt-Tiny; its small stem is a 3x3 stride-1 convolution instead of 4x4 patches.

    Patches of 2x2 would end 32 pixels as 2x2 maps, where 7x7 kernels see little but padding.
    """
    network = _published(spec)
    if spec.options["stem"] == "small":
        _new_stem(network, "features.0.0", spec.channels, kernel=3, stride=1)
    elif spec.channels != 3:
        _new_stem(network, "features.0.0", spec.channels)
    return network


@register("vit_b_16", input_size=always_224)
def vit_b_16(spec: ModelDescription) -> nn.Module:
    """ViT-B/16 as it is: every image is resized to 224 pixels, and the positional embedding is untouched."""
    network = _published(spec)
    if spec.channels != 3:
        patches = _new_stem(network, "conv_proj", spec.channels)
        nn.init.trunc_normal_(
            patches.weight, std=patches.weight[0].numel() ** -0.5
        )  # as it is for 3 channels
    return network


def _published(spec: ModelDescription) -> nn.Module:
    from torchvision.models import get_model  # here, because it takes a second and most runs do without

    network: nn.Module = get_model(spec.name, weights=None, num_classes=spec.num_classes)
    return network


def _new_stem(
    network: nn.Module, path: str, channels: int, kernel: int | None = None, stride: int | None = None
) -> nn.Conv2d:
    """Put a convolution for other channels, kernel or stride in the first one's place, and return it."""
    old = network.get_submodule(path)
    assert isinstance(old, nn.Conv2d)
    new = nn.Conv2d(
        channels,
        old.out_channels,
        old.kernel_size if kernel is None else kernel,  # type: ignore[arg-type]
        old.stride if stride is None else stride,  # type: ignore[arg-type]
        old.padding if kernel is None else kernel // 2,  # type: ignore[arg-type]
        bias=old.bias is not None,
    )
    nn.init.kaiming_normal_(new.weight, mode="fan_out", nonlinearity="relu")
    if new.bias is not None:
        nn.init.zeros_(new.bias)
    network.set_submodule(path, new)
    return new
