import pytest
import torch
from helpers.tiny_backdoor import classifier, color_images, color_network
from hypothesis import given
from hypothesis import strategies as st

from backdoor_pipeline.base.errors import UserError
from backdoor_pipeline.data.images import ImageSet
from backdoor_pipeline.defenses.parts.held_out import right_answers, split_clean, surely_tolerable, tolerable


def numbered(rows: int, classes: int = 4) -> ImageSet:
    """Images that say which row they are."""
    images = torch.arange(rows, dtype=torch.uint8).view(-1, 1, 1, 1).expand(-1, 1, 2, 2)
    return ImageSet(images, torch.arange(rows) % classes, tuple("abcd"))


@given(rows=st.integers(2, 80), share=st.floats(0.01, 0.99), seed=st.integers(0, 99))
def test_every_image_is_on_one_side_and_none_is_empty(rows: int, share: float, seed: int) -> None:
    tuning, held_out = split_clean(numbered(rows), share, seed, "a defense")
    both = torch.cat([tuning.images[:, 0, 0, 0], held_out.images[:, 0, 0, 0]])
    assert both.sort().values.tolist() == list(range(rows))
    assert len(tuning) >= 1
    assert len(held_out) == min(max(1, round(share * rows)), rows - 1)
    assert torch.equal(held_out.labels, held_out.images[:, 0, 0, 0].long() % 4)


def test_classes_are_held_out_alike() -> None:
    _, held_out = split_clean(numbered(80), 0.2, 3, "a defense")
    assert held_out.labels.bincount().tolist() == [4, 4, 4, 4]


def test_a_seed_and_a_purpose_draw_their_own() -> None:
    def drawn(seed: int, purpose: str) -> list[int]:
        return split_clean(numbered(80), 0.2, seed, purpose)[1].images[:, 0, 0, 0].tolist()

    assert drawn(1, "fp") == drawn(1, "fp")
    assert drawn(1, "fp") != drawn(2, "fp")
    assert drawn(1, "fp") != drawn(1, "anp")


def test_a_single_image_is_refused() -> None:
    with pytest.raises(UserError, match="raise clean_ratio"):
        split_clean(numbered(1), 0.5, 0, "a defense")


def test_right_answers_are_those_that_match_the_label(trainer) -> None:
    images = color_images(6)
    all_red = ImageSet(images.images, torch.zeros(6, dtype=torch.int64), images.classes)
    assert right_answers(trainer, classifier(color_network()), all_red).tolist() == [True, False] * 3


@pytest.mark.parametrize(
    ("accuracy", "before", "expected"),
    [(0.9, 1.0, True), (0.81, 0.9, True), (0.63, 0.7, True), (0.89, 1.0, False)],
)
def test_tolerance_is_relative_and_includes_its_bound(accuracy: float, before: float, expected: bool) -> None:
    assert tolerable(accuracy, before, 0.1) is expected


def answers(wrong: int, of: int) -> torch.Tensor:
    return torch.arange(of) >= wrong


@pytest.mark.parametrize(
    ("wrong", "of", "expected"),
    # by hand: a share p lost has the standard error sqrt(p (1 - p) / n)
    [
        (0, 13, True),  # 0
        (1, 13, False),  # 0.077 + 0.074
        (2, 36, True),  # 0.056 + 0.038
        (3, 36, False),  # 0.083 + 0.046
        (90, 1000, True),  # 0.09 + 0.00905
        (91, 1000, False),  # 0.091 + 0.0091
    ],
)
def test_a_sure_tolerance_leaves_a_standard_error(wrong: int, of: int, expected: bool) -> None:
    assert surely_tolerable(answers(wrong, of), answers(0, of), 0.1) is expected


def test_what_was_wrong_before_is_no_loss_and_no_error() -> None:
    assert surely_tolerable(answers(8, 20), answers(8, 20), 0.0)
    assert not surely_tolerable(answers(9, 20), answers(8, 20), 0.0)
