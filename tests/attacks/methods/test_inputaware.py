from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from helpers.parameters import image_sets
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from torch import Tensor, nn

from backdoor_pipeline.attacks import ATTACKS, AttackEnv
from backdoor_pipeline.attacks.control import CLEAN, CROSS, POISONED, Victim, draw_roles, spared
from backdoor_pipeline.attacks.methods import inputaware
from backdoor_pipeline.attacks.methods.inputaware import InputAware
from backdoor_pipeline.attacks.parts import inputaware_networks
from backdoor_pipeline.attacks.parts.inputaware_loss import JointLoss, MaskLoss
from backdoor_pipeline.attacks.parts.inputaware_networks import InputAwareNetworks, InputAwareTrigger
from backdoor_pipeline.attacks.trigger import Trigger
from backdoor_pipeline.data.images import ImageSet
from backdoor_pipeline.data.spec import Augmentation
from backdoor_pipeline.experiment.resolve import resolve
from backdoor_pipeline.models import build_model, model_options
from backdoor_pipeline.models.classifier import Classifier
from backdoor_pipeline.training import Batch, Engine, Recipe, Trainer

ADAM = {"lr": 0.01, "betas": [0.5, 0.9], "schedule": "cosine", "milestones": [10], "gamma": 0.1}
BLOCK = {
    "cross_ratio": 1,
    "training": {"schedule": "cosine", "milestones": [], "gamma": 0.1},
    "mask": ADAM,
    "generator": ADAM,
    "mask_epochs": 2,
    "mask_density": 0.1,
    "lambda_norm": 100,
    "lambda_div": 1,
    "width": 2,
    "depth": 2,
}
RECIPE = Recipe(
    epochs=2,
    batch_size=16,
    optimizer="sgd",
    lr=0.05,
    momentum=0.9,
    betas=(0.9, 0.999),
    weight_decay=5e-4,
    schedule="cosine",
    milestones=(),
    gamma=0.1,
    patience=10,
)


def attack(**changes: object) -> InputAware:
    return InputAware.model_validate({**BLOCK, **changes})


def model(channels: int = 3, size: int = 16) -> Classifier:
    return build_model(
        "resnet8",
        num_classes=4,
        channels=channels,
        image_size=size,
        mean=(0.5,) * channels,
        std=(0.25,) * channels,
        seed=0,
        options=model_options("resnet8", {"pretrained": None}),
    )


def victim(checkpoint: Path | None = None, **changes: object) -> Victim:
    recipe = Recipe.model_validate({**RECIPE.model_dump(), **changes})
    return Victim(model, recipe, lambda *_: {}, checkpoint)


def networks(channels: int = 3, size: int = 16, width: int = 2) -> InputAwareNetworks:
    torch.manual_seed(0)
    return InputAwareNetworks(model(channels, size).description.model_dump(mode="json"), width, 2)


def pattern_trigger(channels: int = 3, seed: int = 0) -> InputAwareTrigger:
    """Untrained, but with BatchNorm's statistics of real images, so that patterns and masks vary."""
    torch.manual_seed(seed)
    trigger = InputAwareTrigger(channels, 2, 2, [0.5] * channels, [0.25] * channels)
    for part in (trigger.generator, trigger.mask):
        for module in part.train().modules():
            if isinstance(module, nn.BatchNorm2d):
                module.momentum = 1
        part(torch.rand(8, channels, 16, 16))
        part.eval()
    return trigger


def noise(*shape: int, seed: int = 0) -> Tensor:
    return torch.randint(256, shape, dtype=torch.uint8, generator=torch.Generator().manual_seed(seed))


def weights(module: nn.Module) -> dict[str, Tensor]:
    return {name: tensor.clone() for name, tensor in module.state_dict().items()}


def same(one: Mapping[str, Tensor], other: Mapping[str, Tensor]) -> bool:
    return all(torch.equal(one[name], other[name]) for name in one)


class Fixed(nn.Module):
    """What the joint loss calls, with outputs that are known: patterns 1 - x and one mask for all."""

    def __init__(self, mask: Tensor) -> None:
        super().__init__()
        self.mask = lambda images: mask.expand(len(images), 1, *images.shape[2:])
        self.generator = lambda images: 1 - images
        self.seen = torch.empty(0)

    def forward(self, images: Tensor) -> Tensor:
        self.seen = images
        return torch.zeros(len(images), 4)


# the trigger


class Constant(nn.Module):
    """Gives every image the same value."""

    def __init__(self, value: float) -> None:
        super().__init__()
        self.value = value

    def forward(self, images: Tensor) -> Tensor:
        return torch.full_like(images, self.value)


def test_triggered_images_by_hand() -> None:
    trigger = pattern_trigger()
    trigger.generator, trigger.mask = Constant(200 / 255), Constant(0.25)  # type: ignore[assignment]
    images = torch.tensor([0, 10, 101, 255], dtype=torch.uint8).view(1, 1, 1, 4).expand(1, 3, 2, 4)
    # x + (200 - x) / 4: 50, 57.5, 125.75, 241.25; rounded, 57.5 to even
    assert trigger(images)[0, 0, 0].tolist() == [50, 58, 126, 241]


@pytest.mark.parametrize("size", [28, 32, 64])
@pytest.mark.parametrize("channels", [1, 3])
def test_images_of_any_size_get_triggers_and_stay_as_they_were(size: int, channels: int) -> None:
    images = noise(3, channels, size, size)
    before = images.clone()
    stamped = pattern_trigger(channels)(images)
    assert stamped.dtype == torch.uint8
    assert stamped.shape == images.shape
    assert torch.equal(images, before)
    assert not torch.equal(stamped, images)


def test_no_images_are_no_images() -> None:
    assert pattern_trigger()(noise(0, 3, 16, 16)).shape == (0, 3, 16, 16)


def test_an_images_trigger_does_not_depend_on_the_batch_the_mode_or_autocast(monkeypatch: Any) -> None:
    trigger, images = pattern_trigger(), noise(9, 3, 16, 16)
    whole = trigger(images).int()
    trigger.train()
    with torch.autocast("cpu", torch.bfloat16):
        monkeypatch.setattr(inputaware_networks, "BLOCK_VALUES", 2 * 3 * 16 * 16)
        assert torch.equal(trigger(images).int(), whole)
    for row in range(9):
        assert torch.equal(trigger(images[row : row + 1])[0].int(), whole[row])


def test_rebuilt_from_its_config_it_gives_the_same_pixels() -> None:
    trigger, images = pattern_trigger(), noise(4, 3, 16, 16)
    again = InputAwareTrigger(**trigger.config)
    assert not torch.equal(again(images), trigger(images))
    again.load_state_dict(trigger.state_dict())
    assert torch.equal(again(images), trigger(images))


def test_it_holds_copies_that_are_frozen() -> None:
    made = networks()
    trigger, images = made.trigger(), noise(4, 3, 16, 16)
    before = trigger(images)
    assert not any(weight.requires_grad for weight in trigger.parameters())
    with torch.no_grad():
        made.generator.middle[0].weight.zero_()  # type: ignore[union-attr, operator]
    assert torch.equal(trigger(images), before)
    assert not torch.equal(made.trigger()(images), before)


def test_networks_rebuilt_from_their_config_are_the_same() -> None:
    made, images = networks().eval(), torch.rand(2, 3, 16, 16)
    again = InputAwareNetworks(**made.config).eval()
    again.load_state_dict(made.state_dict())
    assert torch.equal(again(images), made(images))
    assert torch.equal(again.trigger()(noise(2, 3, 16, 16)), made.trigger()(noise(2, 3, 16, 16)))


# cross samples


class Copies(InputAwareTrigger):
    """Shows whose trigger an image got: the image's first column, the lender's rest."""

    def _stamped(self, images: Tensor, lenders: Tensor) -> Tensor:
        return torch.cat([images[..., :1], lenders[..., 1:]], dim=-1).float()


@given(st.integers(2, 40), st.integers(0, 9))
def test_every_image_gets_the_trigger_of_another_and_lends_its_own(count: int, seed: int) -> None:
    images = torch.arange(count, dtype=torch.uint8).view(-1, 1, 1, 1).expand(-1, 1, 2, 2).contiguous()
    draws = torch.Generator().manual_seed(seed)
    crossed = attack().cross(images, Copies(1, 2, 2, [0.5], [0.5]), draws)
    assert crossed[:, 0, 0, 0].tolist() == list(range(count))
    lenders = crossed[:, 0, 0, 1].tolist()
    assert sorted(lenders) == list(range(count))
    assert all(lender != row for row, lender in enumerate(lenders))


def test_cross_samples_carry_pattern_and_mask_of_the_lender() -> None:
    trigger, images = pattern_trigger(), noise(2, 3, 16, 16)
    crossed = attack().cross(images, trigger, torch.Generator().manual_seed(0))  # of two: each other's
    lender = images[1:].float() / 255
    p, m = trigger.generator(lender)[0], trigger.mask(lender)[0]
    x = images[0].float() / 255
    assert (crossed[0] - 255 * (x + (p - x) * m)).abs().max() <= 0.5 + 1e-3
    assert not torch.equal(crossed, trigger(images))


def test_cross_samples_follow_their_draws() -> None:
    trigger, images = pattern_trigger(), noise(12, 3, 16, 16)
    one, again, other = (
        attack().cross(images, trigger, torch.Generator().manual_seed(seed)) for seed in (0, 0, 1)
    )
    assert torch.equal(one, again)
    assert not torch.equal(one, other)


def test_a_lone_image_gets_a_trigger_that_is_not_its_own() -> None:
    trigger, images = pattern_trigger(), noise(1, 3, 16, 16)
    crossed = attack().cross(images, trigger, torch.Generator())
    assert crossed.shape == images.shape
    assert not torch.equal(crossed, trigger(images))


# the losses


class Masks(nn.Module):
    """Gives out these masks."""

    def __init__(self, masks: Tensor) -> None:
        super().__init__()
        self.masks = masks

    def forward(self, images: Tensor) -> Tensor:
        return self.masks


def batch_of(images: Tensor, labels: Tensor | None = None, epoch: int = 1) -> Batch:
    index = torch.arange(len(images))
    return Batch(images, index % 4 if labels is None else labels, index, epoch, 0)


def test_mask_loss_by_hand() -> None:
    images = torch.stack([torch.zeros(3, 2, 2), torch.ones(3, 2, 2)])
    masks = torch.zeros(2, 1, 2, 2)
    masks[0, 0, 0, 0] = 1  # a quarter of the image: 0.15 above the density; the other is below it
    loss = MaskLoss(density=0.1, lambda_norm=100, lambda_div=3)
    expected = 100 * (0.15 + 0) / 2 + 3 * (1 / 0.501)
    assert float(loss(Masks(masks), batch_of(images))) == pytest.approx(expected, rel=1e-5)


def test_masks_below_the_density_cost_nothing() -> None:
    masks = torch.rand(6, 1, 8, 8) * 0.15
    assert float(MaskLoss(0.1, 100, 0)(Masks(masks), batch_of(torch.rand(6, 3, 8, 8)))) < 0.5
    assert float(MaskLoss(0.15, 100, 0)(Masks(masks), batch_of(torch.rand(6, 3, 8, 8)))) == 0


def joint(env: AttackEnv, count: int, cross_ratio: float = 1, lambda_div: float = 1) -> JointLoss:
    return JointLoss(count, env, cross_ratio, lambda_div)


@pytest.mark.parametrize("kind", ["all_to_one", "all_to_all"])
def test_each_role_gets_its_image_and_label(kind: Any, make_env) -> None:
    env = make_env(kind, 2 if kind == "all_to_one" else None)
    images = noise(24, 3, 4, 4).float() / 255
    fixed, batch = Fixed(torch.tensor(0.25)), batch_of(images, torch.arange(24) % 3)
    loss = joint(env, 24, lambda_div=0)(fixed, batch)
    roles = draw_roles(24, env, 1, epoch=1)
    assert {CLEAN, POISONED, CROSS} == set(roles.tolist())
    for row, role in enumerate(roles.tolist()):
        x, lender = images[row], images[row - 1]
        own = {CLEAN: x, POISONED: x + (1 - 2 * x) / 4, CROSS: x + (1 - lender - x) / 4}[role]
        assert torch.allclose(fixed.seen[row], own, atol=0.5 / 255 + 1e-6), role
    assert torch.allclose(fixed.seen * 255, (fixed.seen * 255).round(), atol=1e-4), "not as uint8 stores them"
    assert float(loss) == pytest.approx(torch.tensor(4.0).log().item())  # four equal logits
    wanted = env.label_map(batch.labels)
    truth = torch.where(roles == POISONED, wanted, batch.labels)
    assert float(batch.correct) == pytest.approx(int((truth == 0).sum()))  # equal logits say class 0


def test_only_the_poisoned_are_taught_the_wanted_label(make_env) -> None:
    """A classifier that knows the labels by heart has no loss."""
    env, images = make_env(target=2), noise(24, 3, 4, 4).float() / 255
    labels = torch.zeros(24, dtype=torch.int64)
    roles = draw_roles(24, env, 1, epoch=1)
    expected = torch.where(roles == POISONED, 2, 0)
    fixed = Fixed(torch.tensor(0.5))
    fixed.forward = lambda images: 100 * nn.functional.one_hot(expected, 4).float()  # type: ignore[method-assign]
    assert float(joint(env, 24, lambda_div=0)(fixed, batch_of(images, labels))) == pytest.approx(0, abs=1e-6)


def test_roles_are_those_of_the_epoch_and_of_the_rows(make_env) -> None:
    env, images = make_env(), noise(40, 3, 4, 4).float() / 255
    loss, fixed = joint(env, 40), Fixed(torch.tensor(0.5))
    for epoch in (1, 2, 1):
        index = torch.randperm(40)
        loss(fixed, Batch(images[index], index % 4, index, epoch, 0))
        changed = (fixed.seen != images[index]).flatten(1).any(1)
        assert torch.equal(changed, (draw_roles(40, env, 1, epoch) != CLEAN)[index])


def test_the_target_class_is_spared_where_it_is_asked_for(make_env) -> None:
    """A classifier that says class 1 of all: 24 rows of classes 0, 1 and 2, target 0."""
    env, labels = replace(make_env(), poison_target_class=False), torch.arange(24) % 3
    batch = batch_of(noise(24, 3, 4, 4).float() / 255, labels)
    never, fixed = spared(labels, env), Fixed(torch.tensor(0.5))
    loss = JointLoss(24, env, 1, 0, never)
    loss(fixed, batch)
    roles = draw_roles(24, env, 1, 1, never)
    assert int((roles == POISONED).sum()) == 6
    assert not (labels[roles == POISONED] == 0).any()
    changed = (fixed.seen != batch.inputs).flatten(1).any(1)
    assert torch.equal(changed, roles != CLEAN)


def test_the_joint_loss_adds_the_diversity_of_patterns(make_env) -> None:
    images = noise(24, 3, 4, 4).float() / 255
    without, with_it = (
        float(joint(make_env(), 24, lambda_div=weight)(Fixed(torch.tensor(0.5)), batch_of(images)))
        for weight in (0, 3)
    )
    assert with_it - without == pytest.approx(3, rel=5e-3)  # patterns 1 - x differ as much as the images


@pytest.mark.parametrize(("ratio", "cross_ratio"), [(0.02, 1), (0.02, 0), (0.03, 1), (0.9, 3), (0.5, 0)])
def test_batches_with_few_or_no_roles(ratio: float, cross_ratio: float, make_env) -> None:
    made, env = networks(), make_env(ratio=ratio)
    images = noise(40, 3, 16, 16).float() / 255
    loss = joint(env, 40, cross_ratio)
    for rows in torch.arange(40).split(3):
        value = loss(made, Batch(images[rows], rows % 4, rows, 1, 0))
        value.backward()
        assert value.isfinite()
    assert all(weight.grad is not None for weight in made.generator.parameters())


def test_patterns_learn_to_differ_even_where_nothing_is_poisoned(make_env) -> None:
    env, seen = make_env(ratio=0.01), []
    fixed = Fixed(torch.tensor(0.5))
    fixed.generator = lambda images: seen.append(len(images)) or 1 - images  # type: ignore[func-returns-value]
    joint(env, 40)(fixed, batch_of(noise(40, 3, 4, 4).float() / 255))
    assert seen == [16]


def test_gradients_reach_the_generator_through_the_classifier(make_env) -> None:
    made, env = networks(), make_env()
    joint(env, 24, lambda_div=0)(made, batch_of(noise(24, 3, 16, 16).float() / 255)).backward()
    last = next(reversed([w for w in made.generator.parameters() if w.ndim == 4]))
    assert last.grad is not None
    assert float(last.grad.abs().max()) > 0


# the training


@pytest.fixture(scope="module")
def trainer_and_data() -> tuple[Trainer, ImageSet]:
    engine = Engine(device="cpu", precision="fp32", compile=False, checkpoint_every=1, evaluate_every=1)
    labels = torch.arange(64) % 4
    images = (noise(64, 3, 16, 16) // 4 + 48 * labels.view(-1, 1, 1, 1)).to(torch.uint8)
    trainer = Trainer(engine, Augmentation(crop_padding=2, horizontal_flip=True))
    return trainer, ImageSet(images, labels, ("a", "b", "c", "d"))


@pytest.fixture
def setting(make_env, trainer_and_data) -> tuple[AttackEnv, ImageSet]:
    trainer, data = trainer_and_data
    return replace(make_env(), trainer=trainer), data


def test_both_phases_and_what_they_leave(setting) -> None:
    env, data = setting
    watched: list[tuple[int, nn.Module, Trigger]] = []

    def watch(epoch: int, model: nn.Module, trigger: Trigger) -> dict[str, float]:
        watched.append((epoch, model, trigger))
        return {"asr": epoch / 10}

    made = attack().prepare_for(data, data, replace(victim(), watch=watch), env)
    assert isinstance(made.networks, InputAwareNetworks)
    assert [row["epoch"] for row in made.history] == [1, 2], "the joint phase has all the victim's epochs"
    assert [row["asr"] for row in made.history] == [0.1, 0.2]
    assert {"loss", "accuracy", "lr"} <= made.history[0].keys()
    assert made.metrics.keys() == {"mask_density", "mask_loss", "mask_seconds"}
    assert made.metrics["mask_density"] == pytest.approx(
        float(env.trainer.logits(made.networks.mask, data.images).mean())
    )
    assert [epoch for epoch, _, _ in watched] == [1, 2]
    assert all(model is made.networks.classifier for _, model, _ in watched)
    assert not same(weights(watched[0][2].generator), weights(watched[1][2].generator))  # type: ignore[arg-type]
    assert same(weights(watched[0][2].mask), weights(watched[1][2].mask))  # type: ignore[arg-type]
    assert same(weights(watched[1][2].generator), weights(made.networks.generator))  # type: ignore[arg-type]

    prepared = replace(env, prepared=made)
    trigger = attack().craft(data, prepared)
    assert torch.equal(trigger(data.images), watched[1][2](data.images))
    backdoored, history = attack().train(data, trigger, victim(), prepared)
    assert history == made.history
    assert same(weights(backdoored), weights(made.networks.classifier))
    assert backdoored is not made.networks.classifier


def test_the_joint_phase_trains_generator_and_classifier_only(setting) -> None:
    env, data = setting
    two = attack()
    made = two._networks(model(), env)
    assert same(weights(made.classifier), weights(model())), "the victim's initial weights"
    initial = weights(made)
    two._train_mask(made, data, victim(), env)
    masked = weights(made)
    two._train_jointly(made, data, victim(), env)
    after = weights(made)

    def changed(part: str, before: Mapping[str, Tensor], then: Mapping[str, Tensor]) -> bool:
        names = [name for name in before if name.startswith(f"{part}.")]
        return not same({name: before[name] for name in names}, then)

    assert [changed(part, initial, masked) for part in ("mask", "generator", "classifier")] == [
        True,
        False,
        False,
    ]
    assert [changed(part, masked, after) for part in ("mask", "generator", "classifier")] == [
        False,
        True,
        True,
    ]


def test_frozen_masks_stay_in_evaluation_mode() -> None:
    made = networks()
    assert made.train().mask.training
    made.mask.requires_grad_(False)
    made.train()
    assert made.generator.training
    assert made.classifier.training
    assert not any(module.training for module in made.mask.modules())


def test_masks_come_down_to_the_density_and_differ(setting) -> None:
    env, data = setting
    one = attack(mask_epochs=30, mask_density=0.1, width=4)
    made = one._networks(model(), env)
    one._train_mask(made, data, victim(), env)
    masks = env.trainer.logits(made.mask, data.images)
    assert 0.03 < float(masks.mean()) < 0.2
    assert float(masks.std(0).mean()) > 0.03  # 0 if all were alike


def test_the_optimizers_are_those_of_the_paper(setting, monkeypatch: pytest.MonkeyPatch) -> None:
    env, data = setting
    fits: list[dict[str, Any]] = []
    fit = env.trainer.fit

    def spy(model: nn.Module, data: ImageSet, recipe: Recipe, **options: Any) -> Any:
        fits.append({"recipe": recipe, **options})
        return fit(model, data, recipe, **options)

    monkeypatch.setattr(env.trainer, "fit", spy)
    own = {**ADAM, "lr": 0.02, "schedule": "multistep", "milestones": [20]}
    attack(mask_epochs=3, generator=own).prepare_for(data, data, victim(), env)
    mask, both = fits
    for adam, epochs, lr in ((mask["recipe"], 3, 0.01), (both["parts"]["generator"], 2, 0.02)):
        assert (adam.optimizer, adam.lr, adam.betas, adam.weight_decay) == ("adam", lr, (0.5, 0.9), 0)
        assert (adam.epochs, adam.batch_size) == (epochs, RECIPE.batch_size)
    assert (mask["recipe"].schedule, mask["recipe"].milestones) == ("cosine", (10,))
    generator = both["parts"]["generator"]
    assert (generator.schedule, generator.milestones) == ("multistep", (20,))
    assert both["recipe"] == RECIPE
    assert list(both["parts"]) == ["generator"]


def test_the_same_seed_gives_the_same_bytes_and_another_others(setting) -> None:
    env, data = setting

    def trained(seed: int) -> dict[str, Tensor]:
        torch.rand(seed + 3)  # whatever ran before
        return weights(attack().prepare_for(data, data, victim(), replace(env, seed=seed)).networks)

    one, again, other = trained(0), trained(0), trained(1)
    assert same(one, again)
    assert not same(one, other)


def test_its_training_spares_the_target_class_if_asked_to(setting, monkeypatch) -> None:
    env, data = setting
    told: list[Any] = []
    monkeypatch.setattr(inputaware, "JointLoss", lambda *given: told.append(given) or JointLoss(*given))
    for flag in (True, False):
        attack().prepare_for(data, data, victim(), replace(env, poison_target_class=flag))
    assert told[0][4] is None
    assert torch.equal(told[1][4], env.label_map(data.labels) == data.labels)


def test_a_killed_training_goes_on_to_the_same_weights(setting, tmp_path: Path) -> None:
    env, data = setting
    whole = attack().prepare_for(data, data, victim(), env).networks
    calls = 0

    def dies(*_: object) -> dict[str, float]:
        nonlocal calls
        calls += 1
        if calls == 2:
            raise KeyboardInterrupt
        return {}

    interrupted = replace(victim(tmp_path / "train.safetensors"), watch=dies)
    with pytest.raises(KeyboardInterrupt):
        attack().prepare_for(data, data, interrupted, env)
    assert {file.name for file in tmp_path.iterdir()} == {"train.safetensors", "mask.safetensors"}
    resumed = attack().prepare_for(data, data, replace(interrupted, watch=lambda *_: {"ran": 1}), env)
    assert ["ran" in row for row in resumed.history] == [False, True], "it began anew"
    assert same(weights(resumed.networks), weights(whole))


# the settings


def test_the_registry_finds_it_and_the_settings_are_the_papers(params) -> None:
    assert ATTACKS["inputaware"] is InputAware
    spec = resolve({**params, "attack": "inputaware", "dataset": "cifar10"}).poisoning.attack
    assert spec is not None
    paper = InputAware.model_validate(spec.params)
    assert (paper.mask_epochs, paper.mask_density, paper.cross_ratio) == (25, 0.032, 1)
    assert (paper.lambda_norm, paper.lambda_div) == (100, 1)
    assert (paper.width, paper.depth) == (32, 3)
    assert paper.training.milestones == (100, 200, 300, 400)
    assert paper.generator.milestones == (200, 300, 400, 500)
    assert paper.mask.milestones == (10, 20)
    for part in (paper.training, paper.generator, paper.mask):
        assert (part.schedule, part.gamma) == ("multistep", 0.1)
    for adam in (paper.generator, paper.mask):
        assert (adam.lr, adam.betas) == (0.01, (0.5, 0.9))


def test_every_data_set_has_a_budget(params) -> None:
    for name in image_sets(params):
        assert resolve({**params, "attack": "inputaware", "dataset": name}).preparing.name == "inputaware"


def test_every_setting_decides_the_preparation() -> None:
    for name, value in {"mask_density": 0.2, "width": 3, "lambda_div": 0.5, "mask_epochs": 9}.items():
        assert attack(**{name: value}).preparation() != attack().preparation()
    assert attack().preparation() == attack().preparation()


@pytest.mark.parametrize(
    "change", [{"mask_density": 0}, {"mask_density": 1}, {"mask_epochs": 0}, {"width": 0}]
)
def test_settings_out_of_range_are_refused(change: dict[str, object]) -> None:
    with pytest.raises(ValidationError, match=next(iter(change))):
        attack(**change)
