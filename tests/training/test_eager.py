"""What is marked as eager is never handed to the compiler, and learns as ever."""

import pytest
import torch
from helpers.training import data, model, recipe, same, trainer
from torch import nn

from backdoor_pipeline.training import Eager


def test_no_size_is_compiled(monkeypatch: pytest.MonkeyPatch) -> None:
    compiled = []

    def note(network: nn.Module) -> nn.Module:
        compiled.append(network)
        return network

    monkeypatch.setattr("backdoor_pipeline.training.trainer.compiled", note)
    monkeypatch.setattr("backdoor_pipeline.training.hardware._has_compiler", lambda: True)
    plain, marked = model(), model()
    trainer(compile=True).fit(Eager(marked), data(), recipe(epochs=1), seed=1)
    assert compiled == []
    trainer(compile=True).fit(plain, data(), recipe(epochs=1), seed=1)
    assert compiled == [plain]
    assert same(plain, marked)


def test_kinds_of_models_are_forgotten_when_they_are_trained(monkeypatch: pytest.MonkeyPatch) -> None:
    """PyTorch compiles no more than eight of one function in a process, and all classifiers share theirs."""
    told = []
    monkeypatch.setattr("backdoor_pipeline.training.trainer.compiled", lambda network: nn.Sequential(network))
    monkeypatch.setattr("backdoor_pipeline.training.hardware._has_compiler", lambda: True)
    monkeypatch.setattr(torch.compiler, "reset", lambda: told.append("reset"))
    trainer(compile=True).fit(Eager(model()), data(), recipe(epochs=1), seed=1)
    assert told == [], "what others have compiled stays"
    trainer(compile=True).fit(model(), data(), recipe(epochs=1), seed=1)
    assert told == ["reset"]
