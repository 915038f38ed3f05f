"""The blocks of both ResNets, by hand: convolutions that see one pixel, and few channels."""

import torch
from torch import Tensor, nn

from backdoor_pipeline.models.cifar_resnet import BasicBlock
from backdoor_pipeline.models.preact_resnet import PreActBlock

SEEN = torch.tensor([[1.0, -2.0], [-3.0, 4.0]])  # what stride 2 leaves of:
IMAGE = torch.tensor(
    [[1.0, 9.0, -2.0, 9.0], [9.0, 9.0, 9.0, 9.0], [-3.0, 9.0, 4.0, 9.0], [9.0, 9.0, 9.0, 9.0]]
).view(1, 1, 4, 4)


def mixes(convolution: nn.Module, weights: list[list[float]]) -> None:
    """Each output channel is a sum of the input's, weighted so, at the same pixel."""
    kernel = torch.zeros_like(convolution.weight)
    middle = kernel.shape[-1] // 2
    kernel[:, :, middle, middle] = torch.tensor(weights)
    convolution.weight.data.copy_(kernel)


def answer(block: nn.Module, maps: Tensor) -> Tensor:
    with torch.no_grad():
        return block.eval()(maps)


def test_a_basic_block_adds_its_subsampled_input_below_zero_channels() -> None:
    block = BasicBlock(1, 2, stride=2)
    mixes(block.conv1, [[1], [-1]])
    block.bn1.weight.data.fill_(2)  # 2 relu(x) and 2 relu(-x)
    mixes(block.conv2, [[1, -1], [1, 1]])
    block.bn2.running_mean.copy_(torch.tensor([0.0, 1.0]))  # 2 x and 2 |x| - 1
    (found,) = answer(block, IMAGE)
    torch.testing.assert_close(found[0], torch.tensor([[3.0, 0.0], [0.0, 12.0]]), rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(found[1], torch.tensor([[1.0, 3.0], [5.0, 7.0]]), rtol=1e-4, atol=1e-4)


def test_a_pre_activation_block_projects_its_input_after_activation() -> None:
    block = PreActBlock(1, 2, stride=2)
    mixes(block.shortcut, [[1], [10]])
    mixes(block.conv1, [[1], [-1]])
    block.bn2.bias.data.copy_(torch.tensor([0.0, 1.0]))  # of a = relu(x): a and 1 - a, rectified
    mixes(block.conv2, [[1, 0], [0, -3]])
    (found,) = answer(block, IMAGE)
    torch.testing.assert_close(found[0], torch.tensor([[2.0, 0.0], [0.0, 8.0]]), rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(found[1], torch.tensor([[10.0, -3.0], [-3.0, 40.0]]), rtol=1e-4, atol=1e-4)


def test_a_pre_activation_block_of_the_same_shape_adds_its_input_as_it_is() -> None:
    block = PreActBlock(1, 1, stride=1)
    mixes(block.conv2, [[0]])
    assert block.shortcut is None
    assert torch.equal(answer(block, IMAGE), IMAGE)
