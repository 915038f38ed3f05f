import copy
import logging
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

import backdoor_pipeline.attacks.methods.ssba as module
from backdoor_pipeline.attacks import AttackEnv
from backdoor_pipeline.attacks.methods.ssba import SSBA, SSBATrigger, hide
from backdoor_pipeline.attacks.networks import Prepared
from backdoor_pipeline.attacks.parts.steganography import Steganography
from backdoor_pipeline.attacks.parts.steganography_loss import SteganographyLoss
from backdoor_pipeline.data.images import ImageSet
from backdoor_pipeline.data.spec import Augmentation
from backdoor_pipeline.experiment.resolve import resolve
from backdoor_pipeline.training import Batch, Engine, Trainer

SMALL: dict[str, Any] = {
    "bits": 4,
    "noise": 0.05,
    "image_weight": 5,
    "perceptual_weight": 1,
    "likeness_weight": 0.3,
    "ramp": 0.5,
    "width": 6,
    "steps": 240,
    "batch_size": 16,
    "lr": 0.003,
    "seed": 0,
}


def blotches(rows: int, seed: int) -> ImageSet:
    """Smooth images, as photographs are rather than noise."""
    coarse = torch.rand(rows, 3, 4, 4, generator=torch.Generator().manual_seed(seed))
    smooth = F.interpolate(coarse, (16, 16), mode="bicubic").clamp(0, 1)
    return ImageSet((smooth * 255).to(torch.uint8), torch.arange(rows) % 4, ("a", "b", "c", "d"))


@pytest.fixture(scope="module")
def trained() -> Prepared:
    """A small encoder and decoder, trained once for all tests."""
    engine = Engine(device="cpu", precision="fp32", compile=False, checkpoint_every=0, evaluate_every=1)
    env = AttackEnv(Trainer(engine, None), None, 0.1, 0, None)  # type: ignore[arg-type]
    return SSBA(**SMALL).prepare(blotches(128, 1), blotches(64, 2), env)


@pytest.fixture
def trigger(trained: Prepared, make_env) -> SSBATrigger:
    return SSBA(**SMALL).craft(blotches(8, 1), replace(make_env(), prepared=trained))


def test_bits_survive_in_images_never_seen_and_hardly_show(trained: Prepared) -> None:
    assert trained.metrics["bit_accuracy"] > 0.97
    assert trained.metrics["psnr"] > 28
    assert trained.metrics["ssim"] > 0.95
    assert trained.history[-1]["accuracy"] > trained.history[0]["accuracy"] + 0.2


def test_the_decoder_reads_the_secret_from_triggered_images(trained, trigger, trainer) -> None:
    assert isinstance(trained.networks, Steganography)
    stamped = trigger(blotches(64, 3).images)
    read = trainer.logits(trained.networks.decoder, stamped) > 0
    assert (read == trigger.secret.bool()).float().mean() > 0.95


def test_rivals_hide_other_secrets_by_the_same_encoder(trained: Prepared, trigger, make_env) -> None:
    rivals = SSBA(**SMALL).rivals(trigger, make_env())
    secrets = {tuple(one.secret.tolist()) for one in (trigger, *rivals)}
    assert len(secrets) == 1 + 5, "all differ, from the trigger's own too"
    for rival in rivals:
        assert rival.encoder is not trigger.encoder
        for own, lent in zip(trigger.encoder.parameters(), rival.encoder.parameters(), strict=True):
            assert torch.equal(own, lent)


@pytest.mark.parametrize(("bits", "count"), [(1, 1), (2, 3), (3, 5)])
@pytest.mark.parametrize("seed", range(4))
def test_there_are_as_many_rivals_as_other_secrets(bits: int, count: int, seed: int, make_env) -> None:
    own = SSBATrigger(channels=3, bits=bits, width=1)
    rivals = SSBA(**{**SMALL, "bits": bits}).rivals(own, make_env(seed=seed))
    assert (
        len({(0.0,) * bits, *(tuple(one.secret.tolist()) for one in rivals)}) == 1 + count == 1 + len(rivals)
    )


def test_a_killed_training_goes_on_to_the_same_weights(monkeypatch, tmp_path: Path) -> None:
    engine = Engine(device="cpu", precision="fp32", compile=False, checkpoint_every=1, evaluate_every=1)
    epochs: list[int] = []
    loss = SteganographyLoss.__call__

    def dies(self: SteganographyLoss, model: nn.Module, batch: Batch) -> Tensor:
        epochs.append(batch.epoch)
        if epochs == [1, 2, 3]:
            raise KeyboardInterrupt
        return loss(self, model, batch)

    def prepared(checkpoint: Path | None) -> Prepared:
        env = AttackEnv(Trainer(engine, None), None, 0.1, 0, None, checkpoint=checkpoint)  # type: ignore[arg-type]
        return SSBA(**{**SMALL, "steps": 4}).prepare(blotches(32, 1), blotches(8, 2), env)

    whole = prepared(None)
    monkeypatch.setattr(SteganographyLoss, "__call__", dies)
    with pytest.raises(KeyboardInterrupt):
        prepared(tmp_path / "checkpoint.safetensors")
    resumed = prepared(tmp_path / "checkpoint.safetensors")
    assert epochs == [1, 2, 3, 3, 4], "it began anew"
    theirs = resumed.networks.state_dict()
    assert all(torch.equal(one, theirs[name]) for name, one in whole.networks.state_dict().items())


def test_each_image_gets_a_residual_of_its_own(trigger: SSBATrigger) -> None:
    images = blotches(64, 3).images
    residuals = (trigger(images).float() - images.float()).flatten(1)
    correlations = torch.corrcoef(residuals)[~torch.eye(64, dtype=torch.bool)]
    assert correlations.mean() < 0.6
    assert (residuals.abs().amax(1) > 0).all()


def test_stamping_is_pure_deterministic_and_in_chunks(trigger: SSBATrigger, monkeypatch) -> None:
    images = blotches(20, 3).images
    before = images.clone()
    stamped = trigger(images)
    assert stamped.dtype == torch.uint8
    assert not stamped.requires_grad
    assert torch.equal(images, before)
    assert torch.equal(stamped, trigger.train()(images))
    monkeypatch.setattr(module, "PIXELS_AT_ONCE", 3 * 16 * 16)
    in_chunks = trigger(images)
    assert (in_chunks.int() - stamped.int()).abs().max() <= 1, "convolutions may round by batch size"
    assert trigger(images[:0]).shape == (0, 3, 16, 16)


def test_what_is_hidden_is_rounded_and_cut_off() -> None:
    images = torch.tensor([10, 10, 1, 254], dtype=torch.uint8).view(1, 1, 1, 4)
    residual = torch.tensor([0.6, 0.4, -1.7, 2.0]).view(1, 1, 1, 4) / 255
    stamped = hide(lambda clean, bits: residual, images, torch.zeros(1, 4))  # type: ignore[arg-type]
    assert stamped.flatten().tolist() == [11, 10, 0, 255]


def test_a_trigger_is_rebuilt_from_its_config_and_tensors(trigger: SSBATrigger) -> None:
    again = SSBATrigger(**trigger.config)
    again.load_state_dict(trigger.state_dict())
    images = blotches(8, 3).images
    assert torch.equal(again(images), trigger(images))


def test_networks_are_rebuilt_from_their_config_and_tensors(trained: Prepared) -> None:
    again = Steganography(**trained.networks.config)
    again.load_state_dict(trained.networks.state_dict())
    images, bits, noise = torch.rand(2, 3, 16, 16), torch.ones(2, 4), torch.zeros(2, 3, 16, 16)
    assert torch.equal(again(images, bits, noise)[1], trained.networks(images, bits, noise)[1])


def test_the_secret_is_the_experiments_and_the_networks_are_not(trained, make_env) -> None:
    networks = Prepared(Steganography(3, 64, 2))
    attack = SSBA(**{**SMALL, "bits": 64, "width": 2})

    def secret(seed: int) -> Tensor:
        return attack.craft(blotches(8, 1), replace(make_env(seed=seed), prepared=networks)).secret

    assert torch.equal(secret(0), secret(0))
    assert not torch.equal(secret(0), secret(1))
    assert 16 < secret(0).sum() < 48
    assert set(secret(0).unique().tolist()) == {0, 1}


def test_crafting_leaves_the_prepared_networks_alone(trained, make_env) -> None:
    before = copy.deepcopy(trained.networks.state_dict())
    trigger = SSBA(**SMALL).craft(blotches(8, 1), replace(make_env(), prepared=trained))
    trigger.encoder.gains.weight.zero_()
    after = trained.networks.state_dict()
    assert all(torch.equal(after[name], tensor) for name, tensor in before.items())


def test_preparing_draws_on_its_own_seed_alone(make_env) -> None:
    def weights(seed: int, own: int) -> Tensor:
        torch.manual_seed(own + 10 * seed)  # whatever ran before
        attack = SSBA(**{**SMALL, "steps": 2, "seed": own})
        prepared = attack.prepare(blotches(40, 1), blotches(8, 2), make_env(seed=seed))
        return torch.cat([tensor.flatten() for tensor in prepared.networks.state_dict().values()])

    assert torch.equal(weights(0, 0), weights(1, 0))
    assert not torch.equal(weights(0, 0), weights(0, 1))


@pytest.mark.parametrize(
    ("steps", "rows", "rounds", "seen"),
    [
        (40, 128, 20, 640),  # five passes over all images, two of their eight batches in a round
        (50, 128, 17, 816),  # rounded up to 51 steps, of three in a round
        (240, 128, 30, 3840),  # a round is a pass at most
        (20, 1000, 20, 320),  # less than a pass: no image twice
        (1, 1000, 1, 16),
        (10, 5, 10, 50),  # fewer images than a batch
    ],
)
def test_as_many_steps_as_asked_over_all_images(
    monkeypatch, make_env, steps: int, rows: int, rounds: int, seen: int
) -> None:
    batches: list[Batch] = []

    def loss(_: SteganographyLoss, model: nn.Module, batch: Batch) -> Tensor:
        batches.append(batch)
        return sum(weight.sum() for weight in model.parameters())

    monkeypatch.setattr(SteganographyLoss, "__call__", loss)
    attack = SSBA(**{**SMALL, "steps": steps, "lr": 1e-6})
    history = attack.prepare(blotches(rows, 1), blotches(8, 2), make_env()).history
    assert len(history) == rounds
    assert steps <= len(batches) < steps + rounds
    shown = torch.cat([batch.index for batch in batches])
    assert len(shown) == seen
    assert len(shown.unique()) == min(seen, rows)


def test_the_loss_has_the_settings_and_ramps_over_their_share_of_the_steps() -> None:
    assert SSBA(**SMALL)._loss() == SteganographyLoss(
        bits=4, noise=0.05, image_weight=5, perceptual_weight=1, likeness_weight=0.3, ramp=120
    )


def test_the_networks_see_images_as_they_are(monkeypatch, make_env) -> None:
    engine = Engine(device="cpu", precision="fp32", compile=False, checkpoint_every=0, evaluate_every=1)
    trainer, data = Trainer(engine, Augmentation(crop_padding=2, horizontal_flip=True)), blotches(40, 1)
    steps: list[int] = []

    def loss(_: SteganographyLoss, model: nn.Module, batch: Batch) -> Tensor:
        assert torch.equal(batch.inputs, data.images[batch.index].float() / 255)
        steps.append(batch.step)
        return sum(weight.sum() for weight in model.parameters())

    monkeypatch.setattr(SteganographyLoss, "__call__", loss)
    SSBA(**{**SMALL, "steps": 2}).prepare(data, blotches(8, 2), replace(make_env(), trainer=trainer))
    assert steps == [0, 1]


def test_a_training_that_failed_is_said(make_env, caplog) -> None:
    with caplog.at_level(logging.WARNING):
        SSBA(**{**SMALL, "steps": 1}).prepare(blotches(32, 1), blotches(32, 2), make_env())
    assert "raise attacks.ssba.steps" in caplog.text


def test_gray_images_of_28_pixels(make_set, make_env) -> None:
    attack, data = SSBA(**{**SMALL, "steps": 2}), make_set(rows=20, channels=1, size=28)
    prepared = attack.prepare(data, data, make_env())
    trigger = attack.craft(data, replace(make_env(), prepared=prepared))
    assert trigger(data.images).shape == (20, 1, 28, 28)


def test_settings_name_the_preparation() -> None:
    attack = SSBA(**SMALL)
    assert attack.preparation().settings == SMALL
    assert attack.preparation() != SSBA(**{**SMALL, "noise": 0.2}).preparation()


@pytest.mark.parametrize("name", ["digits", "mnist", "fashion_mnist", "cifar10", "gtsrb", "tiny_imagenet"])
def test_each_data_set_has_a_budget(name: str, params) -> None:
    attack = resolve({**params, "dataset": name, "attack": "ssba"}).poisoning.attack
    assert attack is not None
    small = name in ("digits", "mnist", "fashion_mnist")
    assert (attack.params["steps"] < 140_000) == small
