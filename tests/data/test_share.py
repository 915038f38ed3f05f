import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st

from backdoor_pipeline.base.errors import UserError
from backdoor_pipeline.data.share import proportional
from backdoor_pipeline.data.sources import load_split
from backdoor_pipeline.experiment.resolve import dataset_spec


@example(sizes=[1, 1, 1, 5], part=0.625, seed=0)
@given(
    sizes=st.lists(st.integers(1, 40), min_size=1, max_size=6), part=st.floats(0, 1), seed=st.integers(0, 9)
)
def test_every_class_keeps_its_share(sizes: list[int], part: float, seed: int) -> None:
    labels = torch.cat([torch.full((size,), k) for k, size in enumerate(sizes)])
    labels = labels[torch.randperm(len(labels), generator=torch.Generator().manual_seed(seed))]
    count = round(part * len(labels))
    rows = proportional(labels, count)
    assert len(rows) == len(rows.unique()) == count
    assert torch.equal(rows, rows.sort().values)
    expected = torch.tensor(sizes) * count / len(labels)
    assert ((labels[rows].bincount(minlength=len(sizes)) - expected).abs() < 1).all()


def test_a_smaller_share_is_part_of_a_larger_one() -> None:
    labels = torch.arange(100) % 7
    small, large = proportional(labels, 20).tolist(), proportional(labels, 60).tolist()
    assert set(small) <= set(large)


def test_rows_are_drawn_from_all_of_a_class() -> None:
    rows = proportional(torch.zeros(1000, dtype=torch.int64), 100)
    assert 400 < rows.double().mean() < 600
    assert torch.equal(rows, proportional(torch.zeros(1000, dtype=torch.int64), 100)), "always the same"


def test_only_the_training_set_is_cut(params, tmp_path) -> None:
    whole = dataset_spec("digits", params["datasets"]["digits"])
    spec = whole.model_copy(update={"train_images": 100})
    assert len(load_split(spec, tmp_path, "train")) == 100
    assert len(load_split(spec, tmp_path, "test")) == len(load_split(whole, tmp_path, "test"))
    with pytest.raises(UserError, match="train_images is 2,000, but digits has 1,347 training images"):
        load_split(whole.model_copy(update={"train_images": 2000}), tmp_path, "train")
