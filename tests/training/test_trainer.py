"""The loop against one written by hand, and everything that it promises its callers."""

import math
from itertools import pairwise

import pytest
import torch
from helpers.training import CROP_AND_FLIP, Stream, data, model, recipe, same, trainer, weights
from torch import Tensor, nn
from torch.nn import functional as F

from backdoor_pipeline.base.errors import UserError
from backdoor_pipeline.base.seeds import derive_seed, generator
from backdoor_pipeline.data.images import ImageSet
from backdoor_pipeline.training import Batch, Recipe, cross_entropy
from backdoor_pipeline.training.augment import augment


def by_hand(net: nn.Module, images: ImageSet, plan: Recipe, seed: int) -> list[tuple[float, float]]:
    """A plain loop with the same random numbers: loss and accuracy of every epoch."""
    optimizer = torch.optim.SGD(
        net.parameters(), plan.lr, momentum=plan.momentum, weight_decay=plan.weight_decay
    )
    numbers = []
    for epoch in range(1, plan.epochs + 1):
        order = torch.randperm(len(images), generator=generator(seed, "train", "order", epoch))
        draws = generator(seed, "train", "augment", epoch)
        torch.manual_seed(derive_seed(seed, "train", "dropout", epoch))
        loss_sum, correct = 0.0, 0
        batches = order.split(plan.batch_size)
        for number, rows in enumerate(batches):
            done = (epoch - 1 + number / len(batches)) / plan.epochs
            optimizer.param_groups[0]["lr"] = plan.lr * (1 + math.cos(math.pi * done)) / 2
            batch = augment(images.images[rows], CROP_AND_FLIP, draws).float() / 255
            logits = net(batch)
            loss = F.cross_entropy(logits, images.labels[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            loss_sum += loss.item() * len(rows)
            correct += (logits.argmax(1) == images.labels[rows]).sum().item()
        numbers.append((loss_sum / len(images), correct / len(images)))
    return numbers


def test_training_is_bit_equal_to_a_plain_loop() -> None:
    ours, theirs = model(), model()
    history = trainer().fit(ours, data(), recipe(), seed=3)
    with torch.random.fork_rng():
        numbers = by_hand(theirs, data(), recipe(), seed=3)
    assert same(ours, theirs)
    assert [row["loss"] for row in history] == pytest.approx([loss for loss, _ in numbers], rel=1e-5)
    assert [row["accuracy"] for row in history] == pytest.approx(
        [accuracy for _, accuracy in numbers], rel=1e-5
    )
    assert [row["epoch"] for row in history] == [1, 2, 3, 4]
    assert history[0]["lr"] == 0.05
    assert history[2]["lr"] == pytest.approx(0.025)
    assert all(row["seconds"] > 0 for row in history)


class Slide(nn.Module):
    """One weight, which is the loss: every step of plain SGD lowers it by the learning rate."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros((), dtype=torch.float64))

    def forward(self, images: Tensor) -> Tensor:
        return self.weight


def rates_of_steps(images: int = 12, **changes: object) -> list[float]:
    """The learning rates of all steps in batches of 4, from what they did."""
    path: list[float] = []

    def follow(net: nn.Module, batch: Batch) -> Tensor:
        path.append(net.weight.item())
        return net(batch.inputs)

    net = Slide()
    plan = recipe(batch_size=4, lr=1.0, momentum=0, weight_decay=0, **changes)
    trainer().fit(net, data(images), plan, seed=0, objective=follow)
    path.append(net.weight.item())
    return [before - after for before, after in pairwise(path)]


def test_rates_fall_with_every_step_by_hand() -> None:
    # six steps: (1 + cos) / 2 of 0, 30, 60, 90, 120 and 150 degrees
    half = 3**0.5 / 4
    assert rates_of_steps(epochs=2) == pytest.approx([1, 0.5 + half, 0.75, 0.5, 0.25, 0.5 - half])
    by_epoch = {"schedule": "multistep", "milestones": [1, 3], "gamma": 0.5}
    assert rates_of_steps(epochs=4, **by_epoch) == pytest.approx([1] * 3 + [0.5] * 6 + [0.25] * 3)
    assert rates_of_steps(epochs=2, schedule="constant") == pytest.approx([1] * 6)


def test_even_four_epochs_end_below_a_hundredth_of_the_first_rate() -> None:
    rates = rates_of_steps(images=24, epochs=4)
    assert len(rates) == 24
    assert rates[-1] == pytest.approx((1 + math.cos(math.pi * 23 / 24)) / 2)
    assert rates[-1] < 0.01 * rates[0]


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_it_learns(precision: str) -> None:
    net, images = model(), data(90)
    trainer(precision=precision).fit(net, images, recipe(epochs=12), seed=0)
    assert (trainer(precision=precision).predict(net, images.images) == images.labels).float().mean() > 0.9


def test_what_ran_before_does_not_matter_and_nothing_outside_is_disturbed() -> None:
    first, second = model(), model()
    torch.manual_seed(0)
    state = torch.get_rng_state()
    trainer().fit(first, data(), recipe(), seed=1)
    assert torch.equal(torch.get_rng_state(), state)
    torch.rand(1000)
    trainer().fit(model(), data(), recipe(), seed=9)
    trainer().fit(second, data(), recipe(), seed=1)
    assert same(first, second)


@pytest.mark.parametrize("other", [{"seed": 2}, {"purpose": "surrogate"}, {"augment": False}])
def test_seed_purpose_and_augmentation_matter(other: dict[str, object]) -> None:
    first, second = model(), model()
    trainer().fit(first, data(), recipe(), seed=1)
    trainer().fit(second, data(), recipe(), **{"seed": 1, **other})  # type: ignore[arg-type]
    assert not same(first, second)


def test_streamed_training_is_resident_training() -> None:
    images = data()
    assert isinstance(images.images, Tensor)
    stream = Stream(images.images)
    first, second = model(), model()
    trainer().fit(first, images, recipe(), seed=1)
    trainer().fit(second, ImageSet(stream, images.labels, images.classes), recipe(), seed=1)  # type: ignore[arg-type]
    assert same(first, second)
    assert stream.reads == 4 * 6  # epochs times batches of 8 out of 45
    assert torch.equal(trainer().logits(first, images.images), trainer().logits(second, stream))  # type: ignore[arg-type]


def test_an_objective_sees_the_batches_and_decides_what_is_learned() -> None:
    images, seen = data(), []

    def to_the_first_class(net: nn.Module, batch: Batch) -> Tensor:
        seen.append((batch.index, batch.labels, batch.inputs, batch.epoch))
        return F.cross_entropy(net(batch.inputs), torch.zeros_like(batch.labels))

    net = model()
    history = trainer().fit(
        net, images, recipe(epochs=6), seed=1, objective=to_the_first_class, augment=False
    )
    assert (trainer().predict(net, images.images) == 0).all()
    assert "accuracy" not in history[0]
    for index, labels, batch, _ in seen:
        assert torch.equal(labels, images.labels[index])
        assert torch.equal(batch, images.images[index].float() / 255)
    assert [epoch for *_, epoch in seen] == [epoch for epoch in range(1, 7) for _ in range(6)]
    for epoch in range(1, 7):
        rows = torch.cat([index for index, *_, now in seen if now == epoch])
        assert torch.equal(rows.sort().values, torch.arange(45))


def test_an_epoch_of_as_many_steps_as_a_pass_has_is_a_pass() -> None:
    plain, counted = model(), model()
    history = trainer().fit(plain, data(), recipe(), seed=1)
    again = trainer().fit(counted, data(), recipe(), seed=1, steps=6)  # 45 images in batches of 8
    assert same(plain, counted)
    assert [row["loss"] for row in again] == [row["loss"] for row in history]


@pytest.mark.parametrize("steps", [2, 13])
def test_an_epoch_has_the_steps_asked_for_and_its_loss_is_their_mean(steps: int) -> None:
    seen: list[list[Tensor]] = [[], []]

    def constant(net: nn.Module, batch: Batch) -> Tensor:
        seen[batch.epoch - 1].append(batch.index)
        assert batch.step == (batch.epoch - 1) * steps + len(seen[batch.epoch - 1]) - 1
        return 0 * net(batch.inputs).sum() + 2.5

    history = trainer().fit(model(), data(), recipe(epochs=2), seed=1, steps=steps, objective=constant)
    assert [len(batches) for batches in seen] == [steps, steps]
    assert [row["loss"] for row in history] == [2.5, 2.5]


def test_losses_per_sample_can_be_weighed() -> None:
    """Gradient ascent, as unlearning needs it, undoes what was learned."""

    def ascent(net: nn.Module, batch: Batch) -> Tensor:
        return -F.cross_entropy(net(batch.inputs), batch.labels, reduction="none").mean()

    net, images = nn.Sequential(nn.Flatten(), nn.Linear(192, 3)), data()
    trainer(None).fit(net, images, recipe(epochs=10), seed=1)
    before = F.cross_entropy(trainer().logits(net, images.images), images.labels)
    plan = recipe(epochs=6, lr=0.01, batch_size=45)  # whole-set steps, so that every one must raise the loss
    history = trainer(None).fit(net, images, plan, seed=1, purpose="unlearn", objective=ascent)
    losses = [row["loss"] for row in history]
    assert losses == sorted(losses, reverse=True)
    assert F.cross_entropy(trainer().logits(net, images.images), images.labels) > before


def test_accuracy_is_of_the_batches_that_hold_an_answer() -> None:
    def first_alone(net: nn.Module, batch: Batch) -> Tensor:
        rows = batch.index == 0  # as a trusted image that few batches hold
        batch.report(torch.eye(3)[batch.labels[rows]], batch.labels[rows])
        return cross_entropy_alone(net, batch)

    def none_at_all(net: nn.Module, batch: Batch) -> Tensor:
        batch.report(torch.empty(0, 3), batch.labels[:0])
        return cross_entropy_alone(net, batch)

    plan = recipe(epochs=1, batch_size=2)
    assert trainer().fit(model(), data(), plan, seed=0, objective=first_alone)[0]["accuracy"] == 1
    assert "accuracy" not in trainer().fit(model(), data(), plan, seed=0, objective=none_at_all)[0]


def cross_entropy_alone(net: nn.Module, batch: Batch) -> Tensor:
    """Reports nothing."""
    return F.cross_entropy(net(batch.inputs).float(), batch.labels)


def test_an_objective_may_report_other_labels() -> None:
    def relabeled(net: nn.Module, batch: Batch) -> Tensor:
        logits = net(batch.inputs)
        batch.report(torch.eye(3)[batch.labels], (batch.labels + 1) % 3)
        return F.cross_entropy(logits, batch.labels)

    def twice(net: nn.Module, batch: Batch) -> Tensor:
        batch.report(torch.eye(3)[batch.labels].repeat(2, 1), batch.labels.repeat(2))
        return (
            cross_entropy(net, batch) if batch.epoch < 0 else F.cross_entropy(net(batch.inputs), batch.labels)
        )

    for objective, accuracy in ((relabeled, 0.0), (twice, 1.0)):
        history = trainer().fit(model(), data(), recipe(epochs=1), seed=1, objective=objective)
        assert history[0]["accuracy"] == accuracy


def test_frozen_weights_modes_and_format_are_as_before() -> None:
    net = model()
    net.eval()
    net[5].train()
    net[0].weight.requires_grad = False
    before = weights(net)
    trainer(precision="bf16").fit(net, data(), recipe(), seed=1)
    assert torch.equal(net[0].weight, before["0.weight"])
    assert not torch.equal(net[6].weight, before["6.weight"])
    assert [module.training for module in net] == [False] * 5 + [True] + [False]
    assert net[0].weight.is_contiguous()
    assert [weight.requires_grad for weight in net.parameters()] == [False] + [True] * 4


def test_a_failure_gives_the_model_back_too() -> None:
    net = model().eval()
    with pytest.raises(ZeroDivisionError):
        trainer().fit(net, data(), recipe(), seed=1, on_epoch=lambda *_: {"ratio": 1 / 0})
    assert not net.training


def test_on_epoch_joins_the_history() -> None:
    def watch(epoch: int, net: nn.Module) -> dict[str, float]:
        assert net.training
        return {"test": trainer().predict(net, data(seed=5).images).float().mean()} if epoch % 2 else {}  # type: ignore[dict-item]

    history = trainer().fit(model(), data(), recipe(), seed=1, on_epoch=watch)
    assert ["test" in row for row in history] == [True, False, True, False]
    assert type(history[0]["test"]) is float


def test_watching_does_not_change_the_training() -> None:
    first, second = model(), model()
    trainer().fit(first, data(), recipe(), seed=1)
    trainer().fit(
        second,
        data(),
        recipe(),
        seed=1,
        on_epoch=lambda _, net: {"x": trainer().logits(net, data().images).sum()},
    )
    assert same(first, second)


def test_a_single_left_over_image_does_not_break_batch_norm() -> None:
    images = data(17)
    net = nn.Sequential(nn.Flatten(), nn.Linear(192, 4), nn.BatchNorm1d(4), nn.Linear(4, 3))
    history = trainer().fit(net, images, recipe(epochs=1), seed=1)  # 17 = 8 + 9
    assert math.isfinite(history[0]["loss"])


def test_a_diverging_training_is_stopped_with_a_sentence() -> None:
    with pytest.raises(
        UserError, match=r"^victim: the loss became (nan|inf) in epoch 1 at lr 1e\+30: lower lr\.$"
    ):
        trainer().fit(model(), data(), recipe(lr=1e30), seed=1, purpose="victim")


def test_logits_by_hand() -> None:
    net, images = model(), data()
    trainer().fit(net, images, recipe(epochs=1), seed=1)
    modes = [module.training for module in net.modules()]
    logits = trainer().logits(net, images.images, batch_size=10)
    assert [module.training for module in net.modules()] == modes
    net.eval()
    with torch.no_grad():
        expected = net(images.images[:].float() / 255)
    assert logits.dtype == torch.float32
    assert torch.allclose(logits, expected, atol=1e-6)
    assert torch.equal(trainer().predict(net, images.images), expected.argmax(1))


def test_precision_is_what_the_model_computes_in() -> None:
    seen: list[torch.dtype] = []

    def record(net: nn.Module, batch: Batch) -> Tensor:
        logits = net(batch.inputs)
        seen.append(logits.dtype)
        return F.cross_entropy(logits.float(), batch.labels)

    for precision, dtype in (("fp32", torch.float32), ("bf16", torch.bfloat16)):
        used = trainer(precision=precision)
        assert used.precision == precision
        assert used.device == torch.device("cpu")
        used.fit(model(), data(), recipe(epochs=1), seed=1, objective=record)
        assert set(seen) == {dtype}
        seen.clear()
        assert used.logits(model(), data().images).dtype == torch.float32


def test_progress_is_shown_to_people_only(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    trainer().fit(model(), data(), recipe(epochs=1), seed=1, purpose="victim")
    assert capsys.readouterr().err == ""
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    trainer().fit(model(), data(), recipe(epochs=2), seed=1, purpose="victim")
    assert "victim" in capsys.readouterr().err


@pytest.mark.slow
def test_a_compiled_training_learns_the_same() -> None:
    plain, fast = model(), model()
    del plain[5], fast[5]  # dropout: compiled code draws other random numbers
    trainer().fit(plain, data(), recipe(), seed=1)
    trainer(compile=True).fit(fast, data(), recipe(), seed=1)
    for name, tensor in plain.state_dict().items():
        assert torch.allclose(tensor, fast.state_dict()[name], atol=1e-3), name
