from copy import deepcopy
from typing import Any

import pytest
import torch
from helpers.trigger_search import CLASSES, SIZE, TARGET, search, stripes, trained
from torch import Tensor, nn
from torch.nn import functional as F

from backdoor_pipeline.defenses.parts import trigger_search
from backdoor_pipeline.defenses.parts.triggers import Triggers, each_stamped
from backdoor_pipeline.models import Classifier

CLEAN = stripes(60, seed=1)
CLASS_IN_A_STEP = 12 * SIZE * SIZE  # pixels


@pytest.fixture
def planted() -> Classifier:
    return trained(backdoored=True)


def together(monkeypatch: pytest.MonkeyPatch, classes: int) -> None:
    """Let so many classes be searched as one batch."""
    monkeypatch.setitem(trigger_search.PIXELS_AT_ONCE, "cpu", classes * CLASS_IN_A_STEP)


def close(ours: Triggers, theirs: Triggers) -> None:
    for part in ("masks", "patterns", "success"):
        torch.testing.assert_close(getattr(ours, part), getattr(theirs, part), atol=2e-3, rtol=0)


def test_the_backdoor_has_the_smallest_trigger_and_it_lies_in_the_corner(trainer, planted) -> None:
    found = search().run(trainer, planted, CLEAN, seed=0)
    assert found.norms.argmin() == TARGET
    assert found.norms[TARGET] < 0.5 * found.norms.median()
    assert found.masks[TARGET, 0, -3:, -3:].sum() > 0.8 * found.norms[TARGET]
    assert (found.success >= 0.98).all()
    assert ((found.masks >= 0) & (found.masks <= 1) & (found.patterns >= 0) & (found.patterns <= 1)).all()


def test_its_success_is_that_of_the_trigger_itself(trainer, planted) -> None:
    found = search(epochs=25).run(trainer, planted, CLEAN, seed=0)
    assert (found.success >= 0.98).all()
    for k, stamped in enumerate(each_stamped(planted, found)):
        share = (trainer.predict(stamped, CLEAN.images) == k).float().mean()
        torch.testing.assert_close(share, found.success[k])


@pytest.mark.parametrize("classes", [1, 4])
def test_a_trigger_does_not_depend_on_the_classes_searched_with_it(
    trainer, planted, monkeypatch, classes
) -> None:
    settings = search(epochs=8)
    together(monkeypatch, CLASSES)
    whole = settings.run(trainer, planted, CLEAN, seed=0)
    together(monkeypatch, classes)
    close(settings.run(trainer, planted, CLEAN, seed=0), whole)


def sizes(model: Classifier, run: Any) -> list[int]:
    """The images in every step of the search; measuring what it found is none."""
    seen: list[int] = []

    def watch(_: nn.Module, inputs: tuple[Tensor]) -> None:
        if torch.is_grad_enabled():
            seen.append(len(inputs[0]))

    hook = model.register_forward_pre_hook(watch)
    run()
    hook.remove()
    return seen


def test_classes_that_are_done_leave_the_batch_and_keep_their_trigger(trainer, planted, monkeypatch) -> None:
    together(monkeypatch, CLASSES)
    eager = {"early_stop_patience": 1, "early_stop_ratio": 0.5, "epochs": 40}
    found: list[Triggers] = []
    calls = sizes(planted, lambda: found.append(search(**eager).run(trainer, planted, CLEAN, seed=0)))
    working = [size // 12 for size in calls]  # 5 steps an epoch
    assert working[0] == CLASSES
    assert working == sorted(working, reverse=True)
    left = next(step for step, number in enumerate(working) if number < CLASSES) // 5  # after this epoch
    shorter = search(**{**eager, "epochs": left}).run(trainer, planted, CLEAN, seed=0)
    kept = [torch.equal(a, b) for a, b in zip(found[0].masks, shorter.masks, strict=True)]
    assert sum(kept) >= CLASSES - working[5 * left]
    assert not all(kept)  # the others went on


def test_an_epoch_sees_every_image_once_or_so_many_as_asked_for(trainer, planted) -> None:
    for asked, expected in ((None, [12] * 5), (20, [12, 8])):
        settings = search(epochs=1, images_per_epoch=asked)
        calls = sizes(planted, lambda settings=settings: settings.run(trainer, planted, CLEAN, seed=0))
        assert calls == [CLASSES * size for size in expected]


def test_the_model_is_left_as_it_was(trainer, planted) -> None:
    model = deepcopy(planted).train()
    model.head.bias.requires_grad_(False)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    search(epochs=2).run(trainer, model, CLEAN, seed=0)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert model.training
    assert [name for name, weight in model.named_parameters() if not weight.requires_grad] == ["head.bias"]
    assert all(weight.grad is None for weight in model.parameters())


class Idle:
    """An optimizer that leaves weights and gradients as they are."""

    def zero_grad(self) -> None: ...

    def step(self) -> None: ...


def test_what_a_step_descends_is_cross_entropy_plus_each_masks_norm_at_its_own_cost(trainer, planted) -> None:
    group = trigger_search._Group(search(), trainer, planted.eval(), CLEAN, torch.arange(CLASSES), 0)
    group._costs.weights = torch.linspace(0.1, 0.4, CLASSES)
    group._adam = Idle()  # type: ignore[assignment]
    working, rows = torch.tensor([3, 1]), torch.arange(12)
    hits = group._descend([rows], working)
    images, total = CLEAN.images[rows].float() / 255, torch.zeros(())
    for k in working.tolist():
        mask, pattern = ((weight[k].tanh() + 1) / 2 for weight in group._weights)
        logits = planted(images * (1 - mask) + pattern * mask)
        total = total + F.cross_entropy(logits, torch.full((12,), k)) + group._costs.weights[k] * mask.sum()
        assert hits[k].item() == pytest.approx((logits.argmax(1) == k).float().mean().item())
    for weight, expected in zip(group._weights, torch.autograd.grad(total, group._weights), strict=True):
        assert weight.grad is not None
        torch.testing.assert_close(weight.grad, expected)
        assert not weight.grad[[0, 2]].any(), "those that are done rest"


def test_the_optimizer_is_the_one_asked_for_and_every_epoch_has_an_order_of_its_own(trainer, planted) -> None:
    asked = search(lr=0.07, betas=(0.3, 0.8))
    group = trigger_search._Group(asked, trainer, planted, CLEAN, torch.arange(CLASSES), 0)
    (settings,) = group._adam.param_groups
    assert (settings["lr"], settings["betas"], settings["weight_decay"]) == (0.07, (0.3, 0.8), 0)
    assert not torch.equal(torch.cat(group._plan(1)), torch.cat(group._plan(2)))


def test_a_seed_draws_its_own_start_for_every_class(trainer, planted) -> None:
    def start(seed: int) -> Tensor:
        return search(epochs=1).run(trainer, planted, CLEAN, seed).patterns

    assert torch.equal(start(3), start(3))
    assert not torch.allclose(start(3), start(4), atol=0.2)
    assert not torch.allclose(start(3)[0], start(3)[1], atol=0.2)


def test_a_trigger_that_never_works_says_so(trainer, planted) -> None:
    found = search(epochs=1, lr=1e-6).run(trainer, planted, CLEAN, seed=0)  # as it was drawn
    assert (found.success < 0.98).any()
    assert found.norms.mean().item() == pytest.approx(SIZE * SIZE / 2, rel=0.1)
