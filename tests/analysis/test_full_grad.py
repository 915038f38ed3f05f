import pytest
import torch
from helpers.made_models import classifier, fixed
from torch import nn

from backdoor_pipeline.analysis.full_grad import effective_bias, full_grad, full_gradients
from backdoor_pipeline.models import ModelOptions, build_model


def unsettled(model: nn.Module) -> nn.Module:
    """In double precision, with random BatchNorm statistics and biases, as after training."""
    draws = torch.Generator().manual_seed(1)
    for layer in model.modules():
        if isinstance(layer, nn.BatchNorm2d):
            layer.running_mean.normal_(generator=draws)
            layer.running_var.uniform_(0.5, 2, generator=draws)
        if getattr(layer, "bias", None) is not None:
            nn.init.normal_(layer.bias, generator=draws)
    return model.double().eval()


def in_place() -> nn.Module:
    layers = [nn.Conv2d(3, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(inplace=True), nn.MaxPool2d(2)]
    layers += [nn.Conv2d(4, 6, 3, stride=2), nn.ReLU(inplace=True), nn.AdaptiveAvgPool2d(1), nn.Flatten()]
    return classifier(*layers, nn.Linear(6, 8), nn.ReLU(inplace=True), nn.Linear(8, 5), channels=3, classes=5)


def ours(name: str) -> nn.Module:
    return build_model(
        name, num_classes=5, channels=3, image_size=16, mean=(0.5, 0.4, 0.3), std=(0.2, 0.3, 0.4), seed=0,
        options=ModelOptions(pretrained=None),
    )  # fmt: skip


@pytest.mark.parametrize("make", [in_place, lambda: ours("resnet8"), lambda: ours("preactresnet18")])
def test_the_terms_sum_to_the_logit(make) -> None:
    model = unsettled(make())
    images, classes = torch.rand(4, 3, 16, 16, dtype=torch.float64), torch.tensor([0, 2, 4, 2])
    pixels, biases = full_gradients(model, images, classes)
    total = pixels.flatten(1).sum(1) + sum(term.flatten(1).sum(1) for term in biases)
    logits = model(images)[range(4), classes]
    assert torch.allclose(total, logits, rtol=1e-9)
    assert not torch.allclose(pixels.flatten(1).sum(1), logits, rtol=0.1), "the biases have a part in it"


def test_by_hand() -> None:
    # y = 2 x + 1, rectified, summed: where 2 x + 1 > 0 the gradient is 2 with respect to x, 1 to the bias
    conv = fixed(nn.Conv2d(1, 1, 1), torch.tensor([2.0]), torch.tensor([1.0]))
    head = fixed(nn.Linear(4, 2), torch.tensor([[0.0] * 4, [1.0] * 4]), torch.tensor([0.0, 5.0]))
    model = classifier(conv, nn.ReLU(), nn.Flatten(), head, mean=0.75)
    pixels, (of_conv, of_head) = full_gradients(
        model, torch.tensor([[[[0.0, 0.75], [1.0, 0.5]]]]), torch.tensor([1])
    )
    normalized = torch.tensor([[-0.75, 0.0], [0.25, -0.25]])
    alive = torch.tensor([[0.0, 1.0], [1.0, 1.0]])
    assert torch.allclose(pixels[0, 0], 2 * normalized * alive)
    assert torch.allclose(of_conv[0, 0], alive)
    assert torch.allclose(of_head, torch.tensor([[0.0, 5.0]]))


def test_what_a_layer_adds_is_what_it_makes_of_nothing() -> None:
    for layer in (unsettled(nn.BatchNorm2d(6)), unsettled(nn.Conv2d(6, 4, 3, padding=1))):
        with torch.no_grad():
            answer = layer(torch.zeros(1, 6, 3, 3, dtype=torch.float64))[0, :, 1, 1]
            assert torch.allclose(effective_bias(layer), answer)
    assert effective_bias(nn.Conv2d(1, 1, 1, bias=False)) is None
    assert effective_bias(nn.ReLU()) is None


def test_the_map_is_hot_where_the_class_is_decided() -> None:
    weight = torch.zeros(1, 8, 8)
    weight[0, 2, 5] = 1
    conv = fixed(nn.Conv2d(1, 1, 1), torch.tensor([1.0]), torch.tensor([0.5]))
    head = fixed(nn.Linear(64, 2), torch.stack([torch.zeros(64), weight.flatten()]))
    model = classifier(conv, nn.ReLU(), nn.Flatten(), head)
    maps = full_grad(model, torch.rand(2, 1, 8, 8) + 0.1, torch.tensor([1, 0]))
    assert maps.shape == (2, 8, 8)
    assert maps[0, 2, 5] == 2, "of the pixels 1, of the biases 1"
    assert maps[0].sum() == 2
    assert torch.equal(maps[1], torch.zeros(8, 8)), "class 0 is decided by nothing"


def test_a_smaller_layer_is_laid_over_the_image() -> None:
    pooled = classifier(
        nn.MaxPool2d(4), fixed(nn.Conv2d(1, 1, 1), torch.tensor([1.0]), torch.tensor([9.0])), nn.Flatten(),
        fixed(nn.Linear(4, 2), torch.tensor([[0.0] * 4, [1.0, 0, 0, 0]])),
    )  # fmt: skip
    saliency = full_grad(pooled, torch.zeros(1, 1, 8, 8), torch.tensor([1]))[0]
    assert saliency[0, 0] == 1
    assert saliency[4:, 4:].max() < 0.5
    assert saliency.shape == (8, 8)
