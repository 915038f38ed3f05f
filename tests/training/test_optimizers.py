"""Parts with optimizers of their own, and an attacker's hand in the batches."""

from pathlib import Path

import pytest
import torch
from helpers.training import data, model, recipe, same, trainer
from torch import Tensor

from backdoor_pipeline.base.errors import UserError
from backdoor_pipeline.training import Tamper, Trainer
from backdoor_pipeline.training.optimizers import Optimizers

BODY, HEAD = (
    recipe(epochs=4),
    recipe(epochs=4, optimizer="adam", lr=0.01, betas=(0.5, 0.9), schedule="constant"),
)
PARTS = {"6": HEAD}  # the last linear layer


def test_every_weight_has_one_optimizer_with_its_own_settings() -> None:
    net = model()
    (sgd, _), (adam, _) = Optimizers.of(net, BODY, PARTS).each
    assert isinstance(sgd, torch.optim.SGD)
    assert isinstance(adam, torch.optim.Adam)
    assert adam.param_groups[0]["betas"] == (0.5, 0.9)
    theirs = [weight for one in (sgd, adam) for weight in one.param_groups[0]["params"]]
    assert {id(weight) for weight in adam.param_groups[0]["params"]} == {id(w) for w in net[6].parameters()}
    assert len(theirs) == len(list(net.parameters())) == len({id(weight) for weight in theirs})


def test_something_has_to_be_trained() -> None:
    net = model().requires_grad_(False)
    with pytest.raises(UserError, match="all weights of what is to be trained are frozen"):
        trainer().fit(net, data(), BODY, seed=0)


def test_rates_follow_each_recipe() -> None:
    optimizers = Optimizers.of(model(), BODY, PARTS)
    (sgd, _), (adam, _) = optimizers.each
    optimizers.set_learning_rates([1.0, 1.0])
    assert sgd.param_groups[0]["lr"] == pytest.approx(BODY.lr / 2)
    optimizers.set_learning_rates([1.0, 1.0], 2 / 3)  # two thirds of the cosine: cos 120 degrees
    assert sgd.param_groups[0]["lr"] == pytest.approx(BODY.lr / 4)
    assert adam.param_groups[0]["lr"] == HEAD.lr


def test_one_step_is_a_step_of_each() -> None:
    ours, theirs = model(), model()
    Optimizers.of(ours, BODY, PARTS).descend(ours(torch.ones(2, 3, 8, 8)).square().sum())
    sgd = torch.optim.SGD(
        [w for name, w in theirs.named_parameters() if name[0] != "6"],
        BODY.lr,
        BODY.momentum,
        weight_decay=5e-4,
    )
    adam = torch.optim.Adam(theirs[6].parameters(), HEAD.lr, (0.5, 0.9), weight_decay=5e-4)
    for mine, other in zip(ours.parameters(), theirs.parameters(), strict=True):
        other.grad = mine.grad.clone()
    sgd.step()
    adam.step()
    for mine, other in zip(ours.parameters(), theirs.parameters(), strict=True):
        assert torch.equal(mine, other)


class Swap:
    """Paints the images black and raises the labels of the odd rows, and keeps what it was given."""

    def __init__(self) -> None:
        self.seen: list[tuple[Tensor, Tensor, int, int]] = []

    def __repr__(self) -> str:
        return "Swap"

    def __call__(
        self, images: Tensor, labels: Tensor, rows: Tensor, epoch: int, draws: torch.Generator
    ) -> tuple[Tensor, Tensor]:
        noise = int(torch.randint(1000, (1,), generator=draws))
        self.seen.append((images.clone(), rows, epoch, noise))
        return torch.zeros_like(images), (labels + rows % 2) % 3


def test_a_tampered_batch_is_what_is_trained_on() -> None:
    given, hand, batches = data(), Swap(), []

    def objective(net, batch):
        batches.append(batch)
        return net(batch.inputs).square().mean()

    trainer().fit(model(), given, recipe(epochs=2), seed=0, tamper=hand, objective=objective)
    assert [batch.step for batch in batches] == list(range(2 * 6))
    for (images, rows, epoch, _), batch in zip(hand.seen, batches, strict=True):
        assert images.dtype == torch.uint8
        assert torch.equal(images, given.images[rows]), "as stored, before augmentation"
        assert epoch == batch.epoch
        assert torch.equal(rows, batch.index)
        assert not batch.inputs.any()
        assert torch.equal(batch.labels, (given.labels[rows] + rows % 2) % 3)
    assert len({noise for *_, noise in hand.seen}) == len(hand.seen), "one generator for a whole epoch"


def test_a_hand_that_draws_changes_no_crop() -> None:
    def leave(images: Tensor, labels: Tensor, *_: object) -> tuple[Tensor, Tensor]:
        torch.rand(5, generator=_[-1])  # type: ignore[arg-type]
        return images, labels

    def shown(tamper: Tamper | None) -> Tensor:
        seen: list[Tensor] = []

        def objective(net, batch):
            seen.append(batch.inputs)
            return net(batch.inputs).square().mean()

        trainer().fit(model(), data(), recipe(epochs=2), seed=0, tamper=tamper, objective=objective)
        return torch.cat(seen)

    assert torch.equal(shown(leave), shown(None))


class Killed(Exception):
    """Stands for the end of the process."""


def test_a_resumed_training_with_parts_and_a_tamper_ends_as_an_undisturbed_one(tmp_path: Path) -> None:
    def run(engine: Trainer, net, die_in: int, checkpoint: Path | None) -> None:
        def watch(epoch: int, _: object) -> dict[str, float]:
            if epoch == die_in:
                raise Killed
            return {}

        engine.fit(
            net, data(), BODY, seed=1, parts=PARTS, tamper=Swap(), on_epoch=watch, checkpoint=checkpoint
        )

    straight, killed, resumed = model(), model(), model()
    run(trainer(), straight, 0, None)
    path = tmp_path / "train.safetensors"
    with pytest.raises(Killed):
        run(trainer(), killed, 3, path)
    run(trainer(), resumed, 0, path)
    assert same(straight, resumed)
    assert not same(straight, killed)
