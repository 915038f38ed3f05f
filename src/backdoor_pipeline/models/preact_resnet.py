"""PreAct-ResNet18 for small images (He et al., 2016, "Identity Mappings in Deep Residual Networks")."""

from torch import Tensor, nn
from torch.nn import functional as F

from backdoor_pipeline.models.classifier import ModelDescription
from backdoor_pipeline.models.pooling import global_average
from backdoor_pipeline.models.registry import register


class PreActBlock(nn.Module):
    """x + conv(relu(bn(conv(relu(bn(x)))))); where the shape changes, x is projected after its activation."""

    def __init__(self, width_in: int, width: int, stride: int) -> None:
        super().__init__()
        self.bn1 = nn.BatchNorm2d(width_in)
        self.relu = nn.ReLU()  # a part of its own: see `stages`
        self.conv1 = nn.Conv2d(width_in, width, 3, stride, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1, bias=False)
        changes = stride != 1 or width_in != width
        self.shortcut = nn.Conv2d(width_in, width, 1, stride, bias=False) if changes else None

    def forward(self, x: Tensor) -> Tensor:
        """(N, width_in, H, W) to (N, width, H / stride, W / stride)."""
        active = self.relu(self.bn1(x))
        skipped = x if self.shortcut is None else self.shortcut(active)
        residual: Tensor = self.conv2(F.relu(self.bn2(self.conv1(active))))
        return residual + skipped


class PreActResNet(nn.Module):
    """A 3x3 stride-1 stem, four stages that halve the map three times, and global average pooling.

    So 32-pixel images end as 4x4 maps and 64-pixel images as 8x8 maps.
    """

    def __init__(self, blocks: tuple[int, int, int, int], channels: int, num_classes: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, 64, 3, padding=1, bias=False)
        self.layer1 = _stage(blocks[0], 64, 64, stride=1)
        self.layer2 = _stage(blocks[1], 64, 128, stride=2)
        self.layer3 = _stage(blocks[2], 128, 256, stride=2)
        self.layer4 = _stage(blocks[3], 256, 512, stride=2)
        self.bn = nn.BatchNorm2d(512)  # the paper's, with its ReLU: after the last addition, before pooling
        self.relu = nn.ReLU()
        self.linear = nn.Linear(512, num_classes)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
        nn.init.zeros_(self.linear.bias)

    def forward(self, x: Tensor) -> Tensor:
        """Normalized images (N, C, H, W) to logits (N, K)."""
        x = self.layer4(self.layer3(self.layer2(self.layer1(self.conv1(x)))))
        logits: Tensor = self.linear(global_average(self.relu(self.bn(x))))
        return logits


def _stage(blocks: int, width_in: int, width: int, stride: int) -> nn.Sequential:
    first = PreActBlock(width_in, width, stride)
    return nn.Sequential(first, *(PreActBlock(width, width, stride=1) for _ in range(blocks - 1)))


@register("preactresnet18")
def preactresnet18(spec: ModelDescription) -> PreActResNet:
    """11.17 M parameters at 10 classes."""
    return PreActResNet((2, 2, 2, 2), spec.channels, spec.num_classes)
