import pytest
import torch
from helpers.made_models import classifier, fixed
from torch import Tensor, nn
from torchvision.ops import Permute

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
    assert saliency[0].tolist() == pytest.approx([1, 1, 0.875, 0.625, 0.375, 0.125, 0, 0]), "bilinear"
    assert torch.allclose(saliency, saliency[0] * saliency[0][:, None])
    assert saliency.shape == (8, 8)


TO_LAST, TO_FRONT = (0, 2, 3, 1), (0, 3, 1, 2)


def per_place(*layers: nn.Module) -> nn.Module:
    """Of images of 8 x 8, two channels at each place behind these layers; class 1 is channel 0 at (2, 5)."""
    weight = torch.zeros(2, 8, 8)
    weight[0, 2, 5] = 1
    head = fixed(nn.Linear(128, 2), torch.stack([torch.zeros(128), weight.flatten()]))
    return classifier(*layers, nn.Flatten(), head)


def lifted() -> nn.Module:
    """What is given and a half in the first channel, nothing in the second."""
    return fixed(nn.Linear(1, 2), torch.tensor([1.0, 0.0]), torch.tensor([0.5, 0.0]))


def test_linear_layers_that_have_their_channels_at_the_end_keep_their_places() -> None:
    model = per_place(Permute(TO_LAST), lifted(), Permute(TO_FRONT))
    images, classes = torch.rand(2, 1, 8, 8) + 0.1, torch.tensor([1, 0])
    _, (of_places, _) = full_gradients(model, images, classes)
    assert of_places.shape == (2, 2, 8, 8)
    assert of_places[0, 0, 2, 5] == 0.5
    assert of_places.abs().sum() == 0.5
    maps = full_grad(model, images, classes)
    expected = torch.zeros(2, 8, 8)
    expected[0, 2, 5] = 2  # of the pixels 1, of the biases 1
    assert torch.equal(maps, expected)


class Shifted(nn.Module):
    """Adds what a linear layer makes of a table that is no image, as Swin's relative positions are."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("table", torch.ones(1, 3, 3, 1))
        self.of_table = lifted()

    def forward(self, maps: Tensor) -> Tensor:
        return maps + self.of_table(self.table).mean()


class InWindows(nn.Module):
    """A linear layer on the 16 windows of 2 x 2 pixels, as MaxViT's: (N, 16, 4, C)."""

    def __init__(self) -> None:
        super().__init__()
        self.inside = lifted()

    def forward(self, images: Tensor) -> Tensor:
        windows = nn.functional.unfold(images, 2, stride=2).transpose(1, 2).unsqueeze(3)
        channels = self.inside(windows).permute(0, 3, 2, 1).flatten(0, 1)
        return nn.functional.fold(channels, 8, 2, stride=2).unflatten(0, (-1, 2)).squeeze(2)


@pytest.mark.parametrize(
    "layers",
    [(Permute(TO_LAST), lifted(), Permute(TO_FRONT), Shifted()), (InWindows(), nn.Identity())],
    ids=["a table", "windows"],
)
def test_what_has_no_place_in_the_image_is_not_laid_over_it(layers) -> None:
    maps = full_grad(per_place(*layers), torch.rand(2, 1, 8, 8) + 0.1, torch.tensor([1, 1]))
    expected = torch.zeros(8, 8)
    expected[2, 5] = 1 if isinstance(layers[0], InWindows) else 2
    assert torch.equal(maps, expected.expand(2, 8, 8))


class Tokens(nn.Module):
    """A linear layer on the 64 pixels as tokens, without a class token: (N, 64, C)."""

    def __init__(self) -> None:
        super().__init__()
        self.inside = lifted()

    def forward(self, images: Tensor) -> Tensor:
        return self.inside(images.flatten(2).transpose(1, 2)).transpose(1, 2).unflatten(2, (8, 8))


def test_tokens_that_are_no_square_behind_a_class_token_are_left_out() -> None:
    maps = full_grad(per_place(Tokens()), torch.rand(1, 1, 8, 8) + 0.1, torch.tensor([1]))
    assert maps[0, 2, 5] == 1
    assert maps.sum() == 1
