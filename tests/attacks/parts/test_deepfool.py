import torch

from backdoor_pipeline.attacks.parts.deepfool import logit_gap, targeted_deepfool

W = torch.tensor([[1.0, 0.0], [0.0, 2.0], [-1.0, -1.0]])
B = torch.tensor([0.0, 0.5, 0.0])


def affine(rows: torch.Tensor, points: torch.Tensor) -> torch.Tensor:
    return points @ W.T + B


def test_the_gap_is_to_the_strongest_rival() -> None:
    logits = torch.tensor([[1.0, 3.0, 2.0], [4.0, 0.0, 5.0], [5.0, 7.0, 7.0]])
    assert logit_gap(logits, 0).tolist() == [2, 1, 2]
    assert logit_gap(logits, 1).tolist() == [-1, 5, 0]


def test_an_affine_classifier_takes_one_step_of_the_closed_form() -> None:
    # logits (3, 2.5, -4): to class 1, gap 0.5, w = (1, -2), so -0.5 w / 5 = (-0.1, 0.2)
    # logits (-2, -3.5, 4): gap 7.5, rival 2, w = (-1, -3), so (0.75, 2.25)
    # logits (0, 6.5, -3): there already
    start = torch.tensor([[3.0, 1.0], [-2.0, -2.0], [0.0, 3.0]])
    change, reached = targeted_deepfool(affine, start, 1, overshoot=0.02, max_steps=1)
    torch.testing.assert_close(change, 1.02 * torch.tensor([[-0.1, 0.2], [0.75, 2.25], [0.0, 0.0]]))
    assert reached.all()
    assert affine(None, start + change).argmax(1).tolist() == [1, 1, 1]


def test_a_second_rival_takes_a_second_step() -> None:
    # from (-3, -0.2) to class 0 the strongest rival is 2; beyond that boundary class 1 is stronger
    start = torch.tensor([[-3.0, -0.2]])
    _, reached = targeted_deepfool(affine, start, 0, overshoot=0.02, max_steps=1)
    assert not reached.any()
    change, reached = targeted_deepfool(affine, start, 0, overshoot=0.02, max_steps=50)
    assert reached.all()
    assert affine(None, start + change).argmax(1).tolist() == [0]


def test_a_tie_is_broken() -> None:
    start = torch.tensor([[2.0, 0.75]])  # logits (2, 2, -2.75)
    change, reached = targeted_deepfool(affine, start, 1, overshoot=0.02, max_steps=20)
    assert reached.all()
    assert 0 < change.norm() < 1e-3


def test_what_cannot_be_reached_is_said() -> None:
    def stubborn(rows: torch.Tensor, points: torch.Tensor) -> torch.Tensor:
        # row 1 sees a classifier that always prefers class 0
        logits = torch.stack([torch.where(rows == 1, 9.0, 0.0), points[:, 0]], dim=1)
        return logits.clamp(max=5)

    start = torch.tensor([[-1.0], [-1.0]])
    change, reached = targeted_deepfool(stubborn, start, 1, overshoot=0.1, max_steps=30)
    assert reached.tolist() == [True, False]
    torch.testing.assert_close(change[0], torch.tensor([1.1]))
    assert change.isfinite().all()


def test_a_change_beyond_all_numbers_reaches_nothing() -> None:
    def breaking(rows: torch.Tensor, points: torch.Tensor) -> torch.Tensor:
        # so gentle a slope that the first step goes to 100, where this classifier has no answer
        wanted = torch.where(points[:, 0] > 10, torch.nan, 0.01 * points[:, 0])
        return torch.stack([torch.ones(len(points)), wanted], dim=1)

    _, reached = targeted_deepfool(breaking, torch.zeros(1, 1), 1, overshoot=0.1, max_steps=30)
    assert reached.tolist() == [False]
