"""What is marked as eager is never handed to the compiler, and learns as ever."""

import pytest
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
