import torch

from backdoor_pipeline.defenses.parts.trigger_cost import Costs, CostSettings

SETTINGS = CostSettings(initial=0.1, up=2, down=4, patience=2)
CPU = torch.device("cpu")


def weights(*works: str) -> list[list[float]]:
    """The weights after every epoch; a string for each class: + where its trigger worked."""
    costs = Costs(SETTINGS, len(works), CPU)
    seen = []
    for epoch in zip(*works, strict=True):
        costs.update(torch.tensor([one == "+" for one in epoch]))
        seen.append([round(weight, 6) for weight in costs.weights.tolist()])
    return seen


def settled(works: str) -> bool:
    costs = Costs(SETTINGS, 1, CPU)
    for one in works:
        costs.update(torch.tensor([one == "+"]))
    return bool(costs.settled)


def test_the_cost_is_set_then_raised_after_every_two_successes_in_a_row() -> None:
    assert weights("++++++") == [[0], [0.1], [0.1], [0.2], [0.2], [0.4]]


def test_it_falls_after_two_failures_in_a_row_and_never_without_having_been_set() -> None:
    assert weights("----++----") == [[0], [0], [0], [0], [0], [0.1], [0.1], [0.025], [0.025], [0.00625]]


def test_a_change_of_fortune_starts_the_count_again() -> None:
    assert weights("++-+-+-+-") == [[0], *[[0.1]] * 8]
    assert weights("++-+-++") == [[0], *[[0.1]] * 5, [0.2]]


def test_every_class_has_its_own() -> None:
    both = weights("++++++--", "-+++--++")
    assert [row[0] for row in both] == [row[0] for row in weights("++++++--")]
    assert [row[1] for row in both] == [row[0] for row in weights("-+++--++")]


def test_settled_means_raised_and_lowered_since_it_was_set() -> None:
    assert not settled("++++")
    assert not settled("----++++")  # there was nothing to lower yet
    assert not settled("++--")
    assert settled("++++--")
    assert settled("++--++")
