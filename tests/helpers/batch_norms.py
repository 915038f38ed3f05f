"""A network with BatchNorms, and what it computes with other ones."""

import torch
from torch import nn
from torch.nn import functional as F

from backdoor_pipeline.defenses.parts.neuron_masks import affine_norms


def bn_network() -> nn.Sequential:
    """Two BatchNorms with weights and biases that are not 1 and 0."""
    torch.manual_seed(0)
    network = nn.Sequential(
        nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Conv2d(4, 5, 1), nn.BatchNorm2d(5), nn.ReLU(),
        nn.Dropout(0.5), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(5, 3),
    )  # fmt: skip
    for norm in affine_norms(network).values():
        nn.init.uniform_(norm.weight, 0.5, 1.5)
        nn.init.normal_(norm.bias)
        norm.running_mean.normal_()
    return network


def by_hand(network: nn.Sequential, images, weights, biases):
    """The network in training mode without dropout, its BatchNorms with other weights and biases."""
    for i, (weight, bias) in zip((0, 3), zip(weights, biases, strict=True), strict=True):
        images = F.relu(F.batch_norm(network[i](images), None, None, weight, bias, training=True))
    return network[-1](images.mean((2, 3)))
