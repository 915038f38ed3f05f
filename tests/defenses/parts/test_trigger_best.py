import torch

from backdoor_pipeline.defenses.parts.trigger_best import Best
from backdoor_pipeline.defenses.parts.triggers import Triggers

NEVER, ALWAYS = torch.tensor([False]), torch.tensor([True])


def triggers(*levels: float) -> Triggers:
    """Masks of 2 x 2 pixels: of norm 4 times the level."""
    masks = torch.tensor(levels).view(-1, 1, 1, 1).expand(-1, 1, 2, 2).clone()
    return Triggers(masks, 1 - masks, torch.tensor(levels))


def test_the_smallest_that_works_is_kept() -> None:
    best = Best.of(triggers(0.5, 0.5))
    best.update(triggers(0.4, 0.4), torch.tensor([True, False]))
    best.update(triggers(0.6, 0.3), torch.tensor([True, False]))
    assert (
        best.triggers.masks[:, 0, 0, 0].tolist() == torch.tensor([0.4, 0.3]).tolist()
    )  # none works: the last
    best.update(triggers(0.2, 0.9), torch.tensor([False, True]))
    assert best.triggers.masks[:, 0, 0, 0].tolist() == torch.tensor([0.4, 0.9]).tolist()
    torch.testing.assert_close(best.norms, torch.tensor([1.6, 3.6]))
    torch.testing.assert_close(best.triggers.patterns, 1 - best.triggers.masks.expand(2, 1, 2, 2))
    torch.testing.assert_close(best.triggers.success, torch.tensor([0.4, 0.9]))


def epochs_until_done(levels: list[float], settled: torch.Tensor = ALWAYS) -> int | None:
    best = Best.of(triggers(1.0))
    for epoch, level in enumerate(levels, start=1):
        best.update(triggers(level), ALWAYS)
        best.stop(settled, ratio=0.9, patience=3)
        if best.done:
            return epoch
    return None


def test_a_class_is_done_after_three_epochs_without_progress_once_its_cost_has_settled() -> None:
    assert epochs_until_done([0.8, 0.8, 0.8, 0.8, 0.8]) == 4
    assert epochs_until_done([0.8, 0.79, 0.78, 0.77, 0.5]) == 4  # too little to be progress
    assert epochs_until_done([0.8, 0.8, 0.8, 0.5, 0.5, 0.5]) is None
    assert epochs_until_done([0.8] * 9, settled=NEVER) is None


def test_slow_progress_adds_up() -> None:
    assert epochs_until_done([0.8, 0.76, 0.71, 0.68, 0.64, 0.61, 0.57]) is None


def test_without_any_working_trigger_it_goes_on() -> None:
    best = Best.of(triggers(1.0))
    for _ in range(9):
        best.update(triggers(0.5), NEVER)
        best.stop(ALWAYS, ratio=0.9, patience=3)
    assert not best.done


def test_what_is_done_stays() -> None:
    best = Best.of(triggers(1.0, 1.0))
    both = torch.tensor([True, True])
    best.update(triggers(0.5, 0.5), both)
    best.done[0] = True
    best.update(triggers(0.1, 0.1), both)
    assert best.triggers.masks[:, 0, 0, 0].tolist() == torch.tensor([0.5, 0.1]).tolist()
    best.stop(torch.tensor([False, False]), ratio=0.9, patience=3)
    assert best.done.tolist() == [True, False]
