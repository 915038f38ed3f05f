"""Whoever looks on changes nothing, sees everything, and misses nothing when a training is resumed."""

import pytest
import torch
from helpers.training import Stream, data, model, recipe, same, trainer
from torch import Tensor, nn
from torch.nn import functional as F

from backdoor_pipeline.data.images import ImageSet
from backdoor_pipeline.training import Batch, Observer


class Counter(Observer):
    """Counts how often each row was seen, and how often it was answered right."""

    def __init__(self, rows: int, name: str = "") -> None:
        super().__init__()
        self.name = name
        self.batches: list[tuple[Tensor, Tensor]] = []
        self.register_buffer("seen", torch.zeros(rows, dtype=torch.int64))
        self.register_buffer("right", torch.zeros(rows, dtype=torch.int64))

    def extra_repr(self) -> str:
        return self.name

    def see(self, batch: Batch) -> None:
        assert batch.reported is not None
        logits, labels = batch.reported
        assert not logits.requires_grad
        assert torch.equal(labels, batch.labels)
        self.seen[batch.index] += 1
        self.right[batch.index] += logits.argmax(1) == labels
        self.batches.append((batch.index, logits))


def test_the_observed_training_is_the_same_to_the_bit() -> None:
    images, alone, observed = data(), model(), model()
    counter = Counter(len(images))
    one = trainer().fit(alone, images, recipe(), seed=1)
    other = trainer().fit(observed, images, recipe(), seed=1, observer=counter)
    assert same(alone, observed)
    assert [row["loss"] for row in one] == [row["loss"] for row in other]
    assert (counter.seen == 4).all()
    right = sum(row["accuracy"] for row in other) * len(images)
    assert counter.right.sum().item() == pytest.approx(right)


def test_it_sees_streamed_batches_too() -> None:
    images = data()
    stream = ImageSet(Stream(images.images), images.labels, images.classes)
    counters = [Counter(len(images)), Counter(len(images))]
    for one, counter in zip((images, stream), counters, strict=True):
        trainer().fit(model(), one, recipe(), seed=1, observer=counter)
    assert torch.equal(counters[0].right, counters[1].right)


def test_the_logits_seen_are_those_of_the_loss() -> None:
    images, counter = data(8), Counter(8)
    (row,) = trainer().fit(model(), images, recipe(epochs=1), seed=1, observer=counter)
    ((index, logits),) = counter.batches
    assert F.cross_entropy(logits, images.labels[index]).item() == pytest.approx(row["loss"], rel=1e-6)


def stop_after(epochs: int):
    def stop(epoch: int, _: nn.Module) -> dict[str, float]:
        if epoch > epochs:
            raise KeyboardInterrupt
        return {}

    return stop


def test_a_resumed_training_was_observed_without_a_gap(tmp_path) -> None:
    images, whole, part = data(), Counter(45), Counter(45)
    trainer().fit(model(), images, recipe(), seed=1, observer=whole)
    file = tmp_path / "train.safetensors"
    with pytest.raises(KeyboardInterrupt):
        trainer().fit(
            model(), images, recipe(), seed=1, observer=part, on_epoch=stop_after(2), checkpoint=file
        )
    resumed = Counter(45)
    trainer().fit(model(), images, recipe(), seed=1, observer=resumed, checkpoint=file)
    assert len(resumed.batches) == len(whole.batches) // 2
    assert torch.equal(resumed.seen, whole.seen)
    assert torch.equal(resumed.right, whole.right)


@pytest.mark.parametrize("observer", [None, Counter(45, "otherwise")])
def test_what_was_not_observed_in_this_way_is_not_resumed(tmp_path, caplog, observer) -> None:
    images, file = data(), tmp_path / "train.safetensors"
    with pytest.raises(KeyboardInterrupt):
        trainer().fit(
            model(), images, recipe(), seed=1, observer=observer, on_epoch=stop_after(2), checkpoint=file
        )
    counter = Counter(45)
    trainer().fit(model(), images, recipe(), seed=1, observer=counter, checkpoint=file)
    assert (counter.seen == 4).all()
    assert "set aside" in caplog.text
