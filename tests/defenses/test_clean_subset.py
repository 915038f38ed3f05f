import pytest
import torch

from backdoor_pipeline.base.errors import UserError
from backdoor_pipeline.defenses.clean_subset import draw_clean


def test_the_share_is_exact_and_the_rows_belong_together(make_set) -> None:
    whole = make_set(rows=40)
    part = draw_clean(whole, 0.2, seed=0)
    assert len(part) == 8
    for image, label in zip(part.images, part.labels, strict=True):
        row = next(i for i in range(40) if torch.equal(whole.images[i], image))
        assert whole.labels[row] == label


def test_a_seed_draws_its_own(make_set) -> None:
    whole = make_set(rows=40)
    assert torch.equal(draw_clean(whole, 0.2, 1).images, draw_clean(whole, 0.2, 1).images)
    assert not torch.equal(draw_clean(whole, 0.2, 1).images, draw_clean(whole, 0.2, 2).images)


def test_no_image_at_all_is_refused(make_set) -> None:
    with pytest.raises(UserError, match=r"use 0\.025 or more"):
        draw_clean(make_set(rows=40), 0.01, 0)
