"""The CIFAR ResNets of depth 6n + 2 (He et al., 2016, "Deep Residual Learning", section 4.2)."""

from torch import Tensor, nn
from torch.nn import functional as F

from backdoor_pipeline.models.classifier import ModelDescription
from backdoor_pipeline.models.pooling import global_average
from backdoor_pipeline.models.registry import register


class BasicBlock(nn.Module):
    """relu(x + bn(conv(relu(bn(conv(x)))))), with option A shortcuts as in the paper: no parameters.

    Where the shape changes, x is subsampled and padded with zero channels.
    """

    def __init__(self, width_in: int, width: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(width_in, width, 3, stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.stride = stride
        self.new_channels = width - width_in

    def forward(self, x: Tensor) -> Tensor:
        """(N, width_in, H, W) to (N, width, H / stride, W / stride)."""
        residual = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        if self.new_channels:
            # subsamples; unlike a slice's, a pool's gradient stays channels-last (ResNet-8: about 1.2 x)
            x = F.pad(F.avg_pool2d(x, 1, self.stride), (0, 0, 0, 0, 0, self.new_channels))
        return F.relu(residual + x)


class CifarResNet(nn.Module):
    """A 3x3 stem, three stages of n blocks with 16, 32 and 64 channels, and global average pooling."""

    def __init__(self, n: int, channels: int, num_classes: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, 16, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(16)
        self.layer1 = _stage(n, 16, 16, stride=1)
        self.layer2 = _stage(n, 16, 32, stride=2)
        self.layer3 = _stage(n, 32, 64, stride=2)
        self.linear = nn.Linear(64, num_classes)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
        nn.init.zeros_(self.linear.bias)

    def forward(self, x: Tensor) -> Tensor:
        """Normalized images (N, C, H, W) to logits (N, K)."""
        x = self.layer3(self.layer2(self.layer1(F.relu(self.bn1(self.conv1(x))))))
        logits: Tensor = self.linear(global_average(x))
        return logits


def _stage(blocks: int, width_in: int, width: int, stride: int) -> nn.Sequential:
    first = BasicBlock(width_in, width, stride)
    return nn.Sequential(first, *(BasicBlock(width, width, stride=1) for _ in range(blocks - 1)))


@register("resnet8")
def resnet8(spec: ModelDescription) -> CifarResNet:
    """Three stages of 1 block: 0.08 M parameters at 10 classes."""
    return CifarResNet(1, spec.channels, spec.num_classes)


@register("resnet20")
def resnet20(spec: ModelDescription) -> CifarResNet:
    """Three stages of 3 blocks: 0.27 M parameters at 10 classes."""
    return CifarResNet(3, spec.channels, spec.num_classes)


@register("resnet32")
def resnet32(spec: ModelDescription) -> CifarResNet:
    """Three stages of 5 blocks: 0.46 M parameters at 10 classes."""
    return CifarResNet(5, spec.channels, spec.num_classes)
