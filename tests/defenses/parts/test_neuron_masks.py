import torch
from helpers.batch_norms import bn_network, by_hand
from helpers.tiny_backdoor import classifier
from torch import nn
from torch.nn import functional as F

from backdoor_pipeline.defenses.parts.neuron_masks import NeuronMasks, Noise, affine_norms


def test_masks_scale_weights_and_noise_scales_both() -> None:
    network = bn_network()
    masked = NeuronMasks(classifier(network, size=8, classes=3)).train()
    images, (first, second) = torch.rand(6, 3, 8, 8), affine_norms(network).values()
    with torch.no_grad():
        masked.mask.copy_(torch.linspace(0, 1, 9))
    m, noise = masked.mask.detach(), Noise(torch.rand(9) - 0.5, torch.rand(9) - 0.5)
    network[-1] = masked.get_submodule("_model").head

    plain = by_hand(network, images, (m[:4] * first.weight, m[4:] * second.weight), (first.bias, second.bias))
    assert torch.allclose(masked(images), plain, atol=1e-6)
    factor, shift = m + noise.weight, 1 + noise.bias
    noisy = by_hand(
        network, images, (factor[:4] * first.weight, factor[4:] * second.weight),
        (shift[:4] * first.bias, shift[4:] * second.bias),
    )  # fmt: skip
    assert torch.allclose(masked(images, noise), noisy, atol=1e-6)


def test_the_suspect_model_is_left_alone_and_only_masks_learn() -> None:
    model = classifier(bn_network(), size=8, classes=3)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    masked = NeuronMasks(model).train()
    masked(torch.rand(6, 3, 8, 8)).sum().backward()
    assert [name for name, weight in masked.named_parameters() if weight.requires_grad] == ["mask"]
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())
    assert all(weight.requires_grad for weight in model.parameters())


def test_while_masks_learn_nothing_is_dropped() -> None:
    network = nn.Sequential(nn.Flatten(), nn.BatchNorm1d(48), nn.Dropout(0.5), nn.Linear(48, 3))
    masked, images = NeuronMasks(classifier(network, classes=3)).train(), torch.rand(5, 3, 4, 4)
    assert torch.equal(masked(images), masked(images))
    statistics = F.batch_norm(images.flatten(1), None, None, training=True)
    head = masked.get_submodule("_model").head
    assert torch.allclose(masked(images), head(statistics), atol=1e-5), "normalized by the batch"


def test_clipping_puts_masks_into_the_unit_interval() -> None:
    masked = NeuronMasks(classifier(bn_network(), size=8, classes=3))
    with torch.no_grad():
        masked.mask.copy_(torch.linspace(-1, 2, 9))
    masked.clip()
    assert torch.equal(masked.mask, torch.linspace(-1, 2, 9).clamp(0, 1))


def test_layer_norms_are_masked_too() -> None:
    network = nn.Sequential(nn.Flatten(), nn.LayerNorm(48), nn.Linear(48, 3))
    masked = NeuronMasks(classifier(network, classes=3)).train()
    images = torch.rand(5, 3, 4, 4)
    assert masked.mask.shape == (48,)
    with torch.no_grad():
        masked.mask[7] = 0
    features = F.layer_norm(images.flatten(1), (48,))
    features[:, 7] = 0
    assert torch.allclose(masked(images), masked.get_submodule("_model").head(features), atol=1e-6)
