"""Epochs are told as they end, those of a resumed training too; what is trained aside is not."""

from collections.abc import Iterator, Mapping

import pytest
from helpers.training import data, model, recipe, trainer
from torch import nn

from backdoor_pipeline.training.progress import aside, listen


@pytest.fixture
def heard() -> Iterator[list[Mapping[str, float]]]:
    """The rows that were told."""
    rows: list[Mapping[str, float]] = []
    listen(rows.append)
    yield rows
    listen(None)


def test_every_epoch_is_told_as_soon_as_it_has_ended(heard) -> None:
    counts = []

    def look(epoch: int, net: nn.Module) -> dict[str, float]:
        counts.append(len(heard))
        return {"asr": 0.5}

    history = trainer().fit(model(), data(), recipe(epochs=3), seed=1, on_epoch=look)
    assert counts == [0, 1, 2]
    assert heard == history


def test_what_was_done_before_a_kill_is_told_again(heard, tmp_path) -> None:
    path = tmp_path / "train.safetensors"
    first = trainer().fit(model(), data(), recipe(epochs=2), seed=1, checkpoint=path)
    assert trainer().fit(model(), data(), recipe(epochs=2), seed=1, checkpoint=path) == first
    assert heard == first + first


def test_a_training_aside_is_not_told(heard) -> None:
    with aside():
        trainer().fit(model(), data(), recipe(epochs=1), seed=1)
    assert heard == []
    trainer().fit(model(), data(), recipe(epochs=1), seed=1)
    assert len(heard) == 1
