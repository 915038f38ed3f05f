from unittest import mock

import pytest
import torch
from captum.attr import LayerGradCam
from helpers.made_models import classifier, fixed
from helpers.models import build
from torch import nn
from torch.nn import functional as F

from backdoor_pipeline.analysis.grad_cam import grad_cam


def test_by_hand() -> None:
    # the maps are x and 2 x; class 1 weighs their means by 3 and -1: the map of class 1 is (3 - 2) x / 4,
    # that of class 0, which weighs them by -3 and 1, has no positive part
    conv = fixed(nn.Conv2d(1, 2, 1), torch.tensor([1.0, 2.0]))
    head = fixed(nn.Linear(2, 2), torch.tensor([[-3.0, 1.0], [3.0, -1.0]]))
    model = classifier(conv, nn.AdaptiveAvgPool2d(1), nn.Flatten(), head)
    image = torch.tensor([[[[0.0, 0.4], [0.8, 1.0]]]])
    maps = grad_cam(model, image.expand(2, -1, -1, -1), torch.tensor([1, 0]))
    assert torch.allclose(maps[0], image[0, 0] / 4)
    assert torch.equal(maps[1], torch.zeros(2, 2))


@pytest.mark.parametrize(
    ("name", "layer", "channels", "size"),
    [("resnet8", "layer3", 1, 28), ("preactresnet18", "relu", 3, 32)],
)
def test_it_is_captums_of_the_last_stage(name, layer, channels, size) -> None:
    model = build(name, channels=channels, size=size).requires_grad_(False)
    images, classes = torch.rand(3, channels, size, size), torch.tensor([0, 4, 2])
    reference = LayerGradCam(model, model.backbone.get_submodule(layer)).attribute(
        images.requires_grad_(), target=classes, relu_attributions=True
    )
    assert reference.max() > 0
    assert torch.allclose(grad_cam(model, images, classes), reference[:, 0], atol=1e-7)


@pytest.mark.parametrize(
    ("name", "pool"), [("preactresnet18", "avg_pool2d"), ("densenet161", "adaptive_avg_pool2d")]
)
def test_before_average_pooling_the_weights_are_the_heads_own(name, pool) -> None:
    model, image, label = build(name), torch.rand(1, 3, 32, 32), 4
    pooled = []
    with (
        torch.no_grad(),
        mock.patch.object(F, pool, lambda x, _: pooled.append(x.clone()) or x.mean((2, 3))),
    ):
        model(image)
    (seen,) = pooled
    expected = (model.head.weight[label].view(-1, 1, 1) * seen[0] / 16).sum(0).relu()
    assert torch.allclose(grad_cam(model, image, torch.tensor([label]))[0], expected, atol=1e-7)


def test_the_map_of_a_transformer_is_over_its_tokens() -> None:
    model = build("vit_b_16", size=16)
    model.backbone.encoder.layers = model.backbone.encoder.layers[:2]
    nn.init.normal_(model.head.weight)  # torchvision starts from zeros
    tokens = []

    def keep(_, __, output):
        output.retain_grad()
        tokens.append(output)

    images = torch.rand(1, 3, 16, 16)
    with model.backbone.encoder.layers[-1].ln_1.register_forward_hook(keep):
        model(images)[0, 3].backward()
    values, gradients = tokens[0].detach()[0, 1:], tokens[0].grad[0, 1:]  # without the class token
    expected = (values * gradients.mean(0)).sum(1).relu().view(14, 14)
    assert expected.max() > 0
    assert torch.allclose(grad_cam(model, images, torch.tensor([3]))[0], expected, rtol=1e-3, atol=1e-8)
