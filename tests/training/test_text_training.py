"""Texts through the one engine: lengths, AdamW, warm-up, clipping, and resuming to the bit."""

from pathlib import Path

import pytest
import torch
from helpers.training import engine, recipe
from torch import nn

from backdoor_pipeline.data.sources.made_reviews import MadeReviews
from backdoor_pipeline.data.spec import TextSpec
from backdoor_pipeline.data.texts import Texts, TextSet
from backdoor_pipeline.models import TextClassifier, build_model, model_options
from backdoor_pipeline.training import Batch, Trainer
from backdoor_pipeline.training.batches import BatchSource, cut_to_longest
from backdoor_pipeline.training.optimizers import Optimizers, build_optimizer
from backdoor_pipeline.training.schedule import learning_rate

PLAN = {"epochs": 3, "batch_size": 16, "lr": 0.001, "optimizer": "adamw", "weight_decay": 0.01}
PLAN |= {"schedule": "linear", "warmup": 0.1, "clip_norm": 1.0}


def reviews(count: int = 96) -> TextSet:
    spec = TextSpec(kind="text", name="x", source="made_reviews", options={}, num_classes=2, length=16)
    return MadeReviews().read(spec, [], "train").subset(torch.arange(count))


def tiny() -> TextClassifier:
    options = model_options("tiny_bert", {"pretrained": None})
    model = build_model("tiny_bert", seed=0, options=options, num_classes=2, length=16)
    assert isinstance(model, TextClassifier)
    return model


def weights(model: nn.Module) -> torch.Tensor:
    return torch.cat([value.detach().flatten() for value in model.parameters()])


class KilledError(Exception):
    pass


def test_a_killed_text_training_resumes_to_the_bit(tmp_path: Path) -> None:
    plan, data = recipe(**PLAN), reviews()
    whole, killed, resumed = tiny(), tiny(), tiny()
    run = Trainer(engine(checkpoint_every=1), None)
    run.fit(whole, data, plan, seed=0, checkpoint=tmp_path / "whole")

    def kill(epoch: int, _: nn.Module) -> dict[str, float]:
        if epoch == 2:
            raise KilledError
        return {}

    with pytest.raises(KilledError):
        run.fit(killed, data, plan, seed=0, on_epoch=kill, checkpoint=tmp_path / "file")
    assert not torch.equal(weights(killed), weights(whole))
    history = run.fit(resumed, data, plan, seed=0, checkpoint=tmp_path / "file")
    assert [row["epoch"] for row in history] == [1, 2, 3]
    assert torch.equal(weights(resumed), weights(whole))


def test_batches_are_cut_to_their_longest_row() -> None:
    ids = torch.tensor([[1, 2, 0, 0], [1, 0, 0, 0], [1, 2, 3, 0]])
    assert cut_to_longest(ids[:2]).tolist() == [[1, 2], [1, 0]]
    source = BatchSource(ids, torch.tensor([0, 1, 0]), torch.device("cpu"))
    widths = [inputs.shape[1] for inputs, _, _ in source.batches([torch.tensor([1]), torch.tensor([0, 2])])]
    assert widths == [1, 3]


def test_an_objective_sees_ids_and_predictions_are_in_order() -> None:
    seen: list[Batch] = []

    def objective(model: nn.Module, batch: Batch) -> torch.Tensor:
        seen.append(batch)
        logits = model(batch.inputs)
        return nn.functional.cross_entropy(logits.float(), batch.labels)

    model, data, run = tiny(), reviews(20), Trainer(engine(), None)
    run.fit(model, data, recipe(**{**PLAN, "epochs": 1}), seed=0, objective=objective)
    assert all(batch.inputs.dtype == torch.int64 for batch in seen)
    logits = run.logits(model, data.texts)
    alone = torch.cat([run.logits(model, data.texts[row : row + 1]) for row in range(20)])
    assert torch.allclose(logits, alone, atol=1e-4)
    assert run.predict(model, Texts(())).shape == (0,)


def test_a_model_of_images_reads_no_texts() -> None:
    with pytest.raises(TypeError, match="reads no texts"):
        Trainer(engine(), None).predict(nn.Linear(2, 2), reviews(3).texts)


def test_the_rate_rises_and_then_falls_in_a_line() -> None:
    """Ten steps, the first two of them warm-up, at lr 1: the values of transformers' linear schedule."""
    plan = recipe(epochs=5, lr=1.0, schedule="linear", warmup=0.2)
    rates = [learning_rate(plan, [1.0] * (step // 2), step % 2 / 2) for step in range(10)]
    assert rates == pytest.approx([0, 0.5, 1, 7 / 8, 6 / 8, 5 / 8, 4 / 8, 3 / 8, 2 / 8, 1 / 8])
    assert learning_rate(recipe(epochs=4, lr=1.0, schedule="linear"), [1.0]) == 0.75
    assert learning_rate(recipe(epochs=4, lr=1.0, schedule="cosine", warmup=0.5), [1.0] * 3) == pytest.approx(
        0.5
    )


def test_long_gradients_are_shortened_before_the_step() -> None:
    layer = nn.Linear(2, 1, bias=False)
    nn.init.zeros_(layer.weight)
    plan = recipe(lr=1.0, momentum=0.0, weight_decay=0.0, clip_norm=0.5)
    Optimizers.of(layer, plan, {}).descend(layer(torch.tensor([[3.0, 4.0]])).sum())
    assert layer.weight.detach().flatten().tolist() == pytest.approx([-0.3, -0.4])


def test_adamw_shrinks_weights_apart_from_gradients() -> None:
    layer = nn.Linear(1, 1, bias=False)
    nn.init.ones_(layer.weight)
    optimizer = build_optimizer(list(layer.parameters()), recipe(optimizer="adamw", lr=0.1, weight_decay=0.5))
    layer.weight.grad = torch.zeros_like(layer.weight)
    optimizer.step()
    assert layer.weight.item() == pytest.approx(0.95)


def test_settings_that_change_nothing_name_nothing() -> None:
    assert not {"warmup", "clip_norm"} & set(recipe().model_dump())
    assert recipe(warmup=0.1).model_dump()["warmup"] == 0.1
