import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from helpers.parameters import image_sets
from pydantic import ValidationError
from torch import Tensor, nn

from backdoor_pipeline.attacks import ATTACKS, AttackEnv
from backdoor_pipeline.attacks.control import CLEAN, CROSS, POISONED, Victim, draw_roles, spared
from backdoor_pipeline.attacks.methods.wanet import WaNet, WarpBatches
from backdoor_pipeline.attacks.parts import warp as warping
from backdoor_pipeline.attacks.parts.warp import WarpTrigger
from backdoor_pipeline.data.spec import Augmentation
from backdoor_pipeline.experiment.resolve import resolve
from backdoor_pipeline.metrics.accuracy import attack_success_rate
from backdoor_pipeline.models import build_model, model_options
from backdoor_pipeline.training import Engine, Recipe, Trainer

BLOCK = {
    "cross_ratio": 2,
    "training": {"schedule": "multistep", "milestones": [100, 200, 300, 400], "gamma": 0.1},
    "grid_size": 4,
    "strength": 0.5,
    "grid_rescale": 1,
    "augmentation": {"crop": 0, "crop_share": 0.8, "rotation": 0, "rotation_share": 0.5},  # idle
}
AUTHORS = {"crop": 5, "crop_share": 0.8, "rotation": 10, "rotation_share": 0.5}


ENGINE = {"device": "cpu", "precision": "fp32", "compile": False, "checkpoint_every": 0, "evaluate_every": 1}


def attack(**changes: object) -> WaNet:
    return WaNet.model_validate({**BLOCK, **changes})


def crafted(seed: int = 0, **changes: object) -> WarpTrigger:
    """The trigger that the attack draws from this seed, which needs no data."""
    return attack(**changes).craft(None, AttackEnv(None, None, 0.1, seed, None))  # type: ignore[arg-type]


def warp(control: Tensor, strength: float = 1, grid_rescale: float = 1) -> WarpTrigger:
    """The trigger of this control grid, (2, k, k)."""
    trigger = WarpTrigger(control.shape[1], strength, grid_rescale)
    trigger.load_state_dict({"control": control})
    return trigger


def shift(columns: float, rows: float, height: int, width: int) -> WarpTrigger:
    """Reads every pixel from this many pixels to the right and below."""
    x, y = 2 * columns * width / (width - 1), 2 * rows * height / (height - 1)
    return warp(torch.tensor([x, y]).view(2, 1, 1).expand(2, 3, 3).clone())


def noise(*shape: int, seed: int = 0) -> Tensor:
    return torch.randint(256, shape, dtype=torch.uint8, generator=torch.Generator().manual_seed(seed))


def draws(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


# the trigger


def test_a_constant_shift_moves_by_whole_pixels_and_repeats_the_border() -> None:
    images = noise(2, 3, 6, 9)
    right, below = shift(2, 0, 6, 9)(images), shift(0, 1, 6, 9)(images)
    assert torch.equal(right[..., :-2], images[..., 2:])
    assert (right[..., -2:] == images[..., -1:]).all()
    assert torch.equal(below[..., :-1, :], images[..., 1:, :])
    assert torch.equal(below[..., -1, :], images[..., -1, :])


def test_between_pixels_it_reads_the_rounded_weighted_mean() -> None:
    image = torch.tensor([[0, 1, 101, 255]] * 2, dtype=torch.uint8)[None, None]
    # 0.75 * 1; 1 + 0.75 * 100; 101 + 0.75 * 154 = 216.5, which rounds to even; the border
    assert shift(0.75, 0, 2, 4)(image)[0, 0].tolist() == [[1, 76, 216, 255]] * 2


def test_every_pixel_against_bilinear_interpolation_by_hand() -> None:
    images, trigger = noise(2, 3, 5, 7), crafted(4, strength=3)
    grid, warped = trigger.grid(images).numpy().astype(np.float64), trigger(images).numpy()
    source = np.pad(images.numpy().astype(np.float64), ((0, 0), (0, 0), (0, 1), (0, 1)))
    for row, column in np.ndindex(5, 7):
        x, y = (grid[row, column] + 1) / 2 * (6, 4)
        left, top = int(x), int(y)
        right, below = x - left, y - top
        upper = (1 - right) * source[..., top, left] + right * source[..., top, left + 1]
        lower = (1 - right) * source[..., top + 1, left] + right * source[..., top + 1, left + 1]
        expected = (1 - below) * upper + below * lower
        assert np.abs(warped[..., row, column] - expected).max() < 0.501


def test_the_flow_is_bicubic_and_goes_through_the_control_points() -> None:
    control = torch.rand(2, 4, 4, generator=draws()) - 0.5
    flow = (warp(control).grid(noise(1, 1, 10, 10)) - warp(0 * control).grid(noise(1, 1, 10, 10))) * 10
    # each third of the 10 pixels is a control point; those at the border may have been clipped
    torch.testing.assert_close(flow[3:7:3, 3:7:3], control[:, 1:3, 1:3].permute(1, 2, 0))
    along_x = control[:, :1].expand(2, 4, 4).contiguous()
    middle = (warp(along_x).grid(noise(1, 1, 7, 7))[3, 3]) * 7
    # half-way between four points, cubic convolution with a = -0.75 weighs them by -3, 19, 19, -3 (of 32)
    torch.testing.assert_close(middle, along_x[:, 0] @ torch.tensor([-3.0, 19, 19, -3]) / 32)


def test_shifts_in_pixels_do_not_depend_on_the_image_size() -> None:
    control = torch.zeros(2, 3, 3)
    control[0, 1, 1], control[1, 1, 1] = 1, -1
    for height, width in ((33, 33), (65, 33), (129, 257)):
        center = warp(control, strength=0.5).grid(noise(1, 1, height, width))[height // 2, width // 2]
        pixels = center * torch.tensor([width - 1, height - 1]) / 2
        torch.testing.assert_close(pixels, torch.tensor([0.25, -0.25]), rtol=0.05, atol=0)


@pytest.mark.parametrize("shape", [(1, 28, 28), (3, 32, 32), (3, 64, 48)])
def test_no_strength_is_no_warp_and_some_is_one(shape: tuple[int, int, int]) -> None:
    images = noise(5, *shape)
    before = images.clone()
    assert torch.equal(crafted(0, strength=1e-9)(images), images)
    warped = crafted()(images)
    assert warped.shape == images.shape
    assert warped.dtype == torch.uint8
    assert (warped != images).float().mean() > 0.8
    assert torch.equal(images, before), "the clean images must stay as they are"


def test_the_grid_stays_inside_the_image_and_shrinks_by_rescaling() -> None:
    images = noise(1, 1, 32, 32)
    grid = crafted(0, strength=60).grid(images)
    assert grid.shape == (32, 32, 2)
    assert grid.min() == -1
    assert grid.max() == 1
    shrunk = crafted(0, strength=1e-9, grid_rescale=0.5).grid(images)
    torch.testing.assert_close(shrunk[0, 0], torch.tensor([-0.5, -0.5]))
    torch.testing.assert_close(shrunk[5, 31], torch.tensor([0.5, 0.5 * (2 * 5 / 31 - 1)]))


def test_an_image_is_warped_alike_alone_and_among_thousands(monkeypatch: pytest.MonkeyPatch) -> None:
    images, trigger = noise(11, 3, 32, 32), crafted()
    whole = trigger(images)
    assert torch.equal(whole[4:5], trigger(images[4:5]))
    monkeypatch.setattr(warping, "CHUNK_PIXELS", 3 * 32 * 32)
    assert torch.equal(whole, trigger(images))


def test_craft_draws_from_the_seed_and_normalizes(make_set, make_env) -> None:
    first, again = (attack().craft(make_set(), make_env(seed=3)) for _ in range(2))
    assert torch.equal(first.control, again.control)
    assert first.control.shape == (2, 4, 4)
    assert first.control.abs().mean().item() == pytest.approx(1)
    assert first.control.min() < 0 < first.control.max()
    assert not torch.equal(first.control, attack().craft(make_set(), make_env(seed=4)).control)


def test_a_saved_trigger_is_rebuilt(make_set) -> None:
    trigger, images = crafted(0, grid_rescale=0.98), noise(4, 3, 32, 32)
    rebuilt = WaNet.trigger_type(**json.loads(json.dumps(trigger.config)))
    rebuilt.load_state_dict(trigger.state_dict())
    assert torch.equal(rebuilt(images), trigger(images))


# cross samples


def test_cross_samples_differ_from_each_other_and_from_draw_to_draw() -> None:
    trigger, images = crafted(), noise(1, 3, 32, 32).expand(4, 3, 32, 32)
    crossed = attack().cross(images, trigger, draws(1))
    assert torch.equal(crossed, attack().cross(images, trigger, draws(1)))
    assert not torch.equal(crossed, attack().cross(images, trigger, draws(2)))
    assert len({bytes(one.numpy().tobytes()) for one in [*crossed, trigger(images)[0], images[0]]}) == 6


def test_cross_noise_is_uniform_up_to_half_a_pixel_around_the_trigger() -> None:
    ramp = (8 * torch.arange(32, dtype=torch.uint8)).expand(50, 1, 32, 32)
    moved = shift(2, 0, 32, 32)
    change = (attack().cross(ramp, moved, draws()).float() - moved(ramp).float())[..., 1:29]
    # 8 levels per pixel: uniform in +-4 (times 31 / 32), rounded
    assert change.abs().max() == 4
    assert change.mean().abs() < 0.1
    assert change.std().item() == pytest.approx(8 / 12**0.5, rel=0.05)


def test_rivals_are_other_warps_of_the_same_strength_and_the_same_ones_for_a_seed() -> None:
    env = AttackEnv(None, None, 0.1, 0, None)  # type: ignore[arg-type]
    own, rivals = crafted(), attack().rivals(crafted(), env)
    controls = [own.control, *(rival.control for rival in rivals)]
    for i, control in enumerate(controls):
        assert control.abs().mean() == pytest.approx(1)
        assert not any(torch.allclose(control, other) for other in controls[:i])
    assert {rival.strength for rival in rivals} == {own.strength}
    again = attack().rivals(crafted(), env)
    assert all(torch.equal(a.control, b.control) for a, b in zip(rivals, again, strict=True))


def test_cross_is_the_same_for_chunks_and_takes_no_images(monkeypatch: pytest.MonkeyPatch) -> None:
    trigger, images = crafted(), noise(7, 1, 28, 28)
    whole = attack().cross(images, trigger, draws())
    monkeypatch.setattr(warping, "CHUNK_PIXELS", 1)
    assert (attack().cross(images, trigger, draws()) == whole).float().mean() > 0.999
    assert attack().cross(images[:0], trigger, draws()).shape == (0, 1, 28, 28)
    assert trigger(images[:0]).shape == (0, 1, 28, 28)


# the training


@pytest.mark.parametrize(("kind", "target"), [("all_to_one", 2), ("all_to_all", None)])
def test_each_epoch_poisons_exactly_the_rows_it_drew(kind, target, make_set, make_env) -> None:
    data, env = make_set(rows=40, size=16), make_env(kind, target, ratio=0.2, seed=5)
    trigger = attack().craft(data, env)
    batches = WarpBatches(attack(), trigger, env, len(data))
    drawn = []
    for epoch in (1, 2):
        roles = draw_roles(40, env, 2, epoch)
        drawn.append(roles)
        order = torch.randperm(40, generator=draws(epoch))
        for rows in order.split(13):  # the last: one row
            before = data.images[rows], data.labels[rows]
            images, labels = batches(before[0].clone(), before[1].clone(), rows, epoch, draws())
            poisoned, clean, crossed = (roles[rows] == role for role in (POISONED, CLEAN, CROSS))
            assert torch.equal(images[clean], before[0][clean])
            assert torch.equal(images[poisoned], trigger(before[0][poisoned]))
            assert torch.equal(labels[poisoned], env.label_map(before[1][poisoned]))
            assert torch.equal(labels[~poisoned], before[1][~poisoned])
            assert torch.equal(images[crossed], attack().cross(before[0][crossed], trigger, draws()))
    assert not torch.equal(*drawn)


def test_the_target_class_is_spared_where_it_is_asked_for(make_set, make_env) -> None:
    data, env = make_set(rows=40, size=16), replace(make_env(ratio=0.2), poison_target_class=False)
    batches = WarpBatches(attack(), attack().craft(data, env), env, 40, spared(data.labels, env))
    _, labels = batches(data.images.clone(), data.labels.clone(), torch.arange(40), 1, draws())
    assert int((labels != data.labels).sum()) == 8, "every poisoned label changes"


def test_batches_leave_what_they_are_given(make_set, make_env) -> None:
    data, rows = make_set(rows=40, size=16), torch.arange(40)
    images, labels = data.images.clone(), data.labels.clone()
    trigger = attack().craft(data, make_env())
    WarpBatches(attack(), trigger, make_env(), 40)(images, labels, rows, 1, draws())
    assert torch.equal(images, data.images)
    assert torch.equal(labels, data.labels)


def test_the_repr_tells_all_that_decides_the_training(make_set, make_env) -> None:
    def shown(env, **changes: object) -> str:
        one = attack(**changes)
        return repr(WarpBatches(one, one.craft(make_set(), env), env, 40))

    plain = shown(make_env())
    assert plain == shown(make_env())
    assert " at 0x" not in plain
    others = [shown(make_env(seed=1)), shown(make_env(ratio=0.1)), shown(make_env(target=1))]
    others += [shown(make_env(), strength=0.6), shown(make_env(), cross_ratio=1)]
    others.append(repr(WarpBatches(attack(), crafted(9), make_env(), 40)))
    others += [shown(make_env(), augmentation=AUTHORS), shown(mirroring(make_env()))]
    assert len({plain, *others}) == 9


def mirroring(env: AttackEnv) -> AttackEnv:
    """On a data set whose images are cropped by one pixel and mirrored."""
    return replace(env, trainer=Trainer(Engine(**ENGINE), Augmentation(crop_padding=1, horizontal_flip=True)))


def test_all_images_are_varied_after_warping_as_the_authors_do(make_set, make_env) -> None:
    data, env = make_set(rows=40, size=16), make_env(ratio=0.2)
    trigger, rows = attack().craft(data, env), torch.arange(40)
    idle, varied = (
        WarpBatches(attack(**changes), trigger, env, 40)(data.images, data.labels, rows, 1, draws())
        for changes in ({}, {"augmentation": AUTHORS})
    )
    assert torch.equal(idle[1], varied[1])
    roles = draw_roles(40, env, 2, 1)
    changed = (idle[0] != varied[0]).flatten(1).any(1)
    for role in (CLEAN, POISONED, CROSS):
        assert changed[roles == role].float().mean() > 0.6
    # the same draws: first those of the cross samples' noise, then the augmentation's
    after = draws()
    crossed = attack().cross(data.images[roles == CROSS], trigger, after)
    assert torch.equal(crossed, idle[0][roles == CROSS])
    expected = attack(augmentation=AUTHORS).augmentation(idle[0], False, after)
    assert torch.equal(varied[0], expected)


@pytest.mark.parametrize("changes", [{}, {"augmentation": AUTHORS}])
def test_the_attackers_augmentation_takes_the_place_of_the_data_sets(changes, make_set, make_env) -> None:
    seen, env = {}, mirroring(make_env())

    class Recorder(Trainer):
        def fit(self, *args: Any, **options: Any) -> Any:
            seen.update(options)
            return []

    env = replace(env, trainer=Recorder(Engine(**ENGINE), env.trainer.augmentation))
    data, one = make_set(), attack(**changes)
    one.train(data, one.craft(data, env), Victim(small_model, recipe(), lambda *_: {}), env)
    assert seen["augment"] is (not changes)
    images = torch.arange(32, dtype=torch.uint8).expand(64, 1, 32, 32)  # ramps that a mirror turns around
    out, _ = seen["tamper"](images, torch.zeros(64, dtype=torch.int64), torch.zeros(64).long(), 1, draws())
    falling = (out[:, 0, 16, 8] > out[:, 0, 16, 24]).float().mean().item()
    assert (falling > 0.2) is bool(changes), "mirrored where the data set's images are"


def test_its_training_spares_the_target_class_if_asked_to(make_set, make_env) -> None:
    seen: list[Any] = []

    class Recorder(Trainer):
        def fit(self, *args: Any, **options: Any) -> Any:
            seen.append(options["tamper"])
            return []

    data, one = make_set(rows=40, size=16), attack()
    for flag in (True, False):
        env = replace(make_env(ratio=0.5), poison_target_class=flag, trainer=Recorder(Engine(**ENGINE), None))
        one.train(data, one.craft(data, env), Victim(small_model, recipe(), lambda *_: {}), env)
    changed = [
        int((tamper(data.images, data.labels, torch.arange(40), 1, draws())[1] != data.labels).sum())
        for tamper in seen
    ]
    assert changed[0] < changed[1] == 20, "every poisoned label changes"


class Killed(Exception):
    """Stands for the end of the process."""


def recipe(**changes: object) -> Recipe:
    plain = {
        "epochs": 4,
        "batch_size": 16,
        "optimizer": "sgd",
        "lr": 0.05,
        "momentum": 0.9,
        "betas": (0.9, 0.999),
        "weight_decay": 5e-4,
        "schedule": "cosine",
        "milestones": (),
        "gamma": 0.1,
        "patience": 1,
    }
    return Recipe.model_validate({**plain, **changes})


def small_model() -> Any:
    return build_model(
        "resnet8",
        num_classes=4,
        channels=1,
        image_size=8,
        mean=(0.5,),
        std=(0.3,),
        seed=0,
        options=model_options("resnet8", {"pretrained": None}),
    )


def test_a_resumed_training_ends_as_an_undisturbed_one(tmp_path: Path, make_set, make_env) -> None:
    data, plain = make_set(rows=48, channels=1, size=8), make_env(seed=1)
    one = attack(augmentation=AUTHORS)
    engine = Engine(**{**ENGINE, "checkpoint_every": 1})
    env = replace(plain, trainer=Trainer(engine, None))
    trigger, path, epochs = one.craft(data, env), tmp_path / "train.safetensors", []

    def watch(epoch: int, model: nn.Module, seen: Any) -> Mapping[str, float]:
        assert seen is trigger
        epochs.append(epoch)
        return {"sum": sum(weight.sum().item() for weight in model.parameters())}

    def dying(epoch: int, model: nn.Module, seen: Any) -> Mapping[str, float]:
        if epoch == 3:
            raise Killed
        return watch(epoch, model, seen)

    straight, expected = one.train(data, trigger, Victim(small_model, recipe(), watch), env)
    with pytest.raises(Killed):
        one.train(data, trigger, Victim(small_model, recipe(), dying, path), env)
    torch.rand(3)
    resumed, history = one.train(data, trigger, Victim(small_model, recipe(), watch, path), env)
    assert epochs == [1, 2, 3, 4, 1, 2, 3, 4]
    for row, other in zip(history, expected, strict=True):
        assert row | {"seconds": 0} == other | {"seconds": 0}
    ours, theirs = resumed.state_dict(), straight.state_dict()
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)


def test_the_backdoor_gets_in(make_set, make_env) -> None:
    data, env = make_set(rows=256, channels=1, size=8), make_env(ratio=0.3)
    strong = attack(strength=2, cross_ratio=0)
    trigger = strong.craft(data, env)
    victim = Victim(small_model, recipe(epochs=6), lambda *_: {})
    model, history = strong.train(data, trigger, victim, env)
    fresh = noise(200, 1, 8, 8, seed=8)
    targets, true = torch.zeros(200, dtype=torch.int64), torch.ones(200, dtype=torch.int64)
    asr = attack_success_rate(env.trainer.predict(model, trigger(fresh)), targets, true)
    unstamped = attack_success_rate(env.trainer.predict(model, fresh), targets, true)
    assert asr is not None
    assert unstamped is not None
    assert asr > 0.9 > 0.5 > unstamped
    assert len(history) == 6


# the settings


def test_the_papers_sets_have_every_field_at_the_papers_value(params) -> None:
    assert ATTACKS["wanet"] is WaNet
    block = params["attacks"]["wanet"]
    left = [block["training"]["schedule"], block["strength"], block["augmentation"]["crop"]]
    assert left == [None, None, None], "the data set's budget decides"
    for name in ("cifar10", "cifar100", "gtsrb", "tiny_imagenet"):
        spec = resolve({**params, "dataset": name, "attack": "wanet"}).poisoning.attack
        assert WaNet.model_validate(spec.params) == attack(augmentation=AUTHORS), name


def test_other_sets_differ_where_so_short_a_training_or_so_coarse_an_image_asks_for_it(params) -> None:
    for name in image_sets(params):
        experiment = resolve({**params, "dataset": name, "attack": "wanet"})
        chosen = experiment.poisoning.attack.params
        few = resolve({**params, "dataset": name}).training.recipe.epochs < 50
        schedule = "cosine" if few or name == "imagenet" else "multistep"
        assert experiment.training.recipe.schedule == schedule, name
        embedded = name in ("digits", "fashion_small")
        assert chosen["augmentation"] == {**AUTHORS, **({"crop": 0} if embedded else {})}, name
        assert chosen["strength"] == (2 if name == "digits" else 0.5), name


@pytest.mark.parametrize(
    "change", [{"grid_size": 1}, {"strength": 0}, {"strength": float("inf")}, {"grid_rescale": 1.1}]
)
def test_settings_out_of_range_are_refused(change: dict[str, object]) -> None:
    with pytest.raises(ValidationError, match=next(iter(change))):
        attack(**change)
