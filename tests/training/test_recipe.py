"""Recipes, optimizers, and learning rates against torch's own schedulers."""

from pathlib import Path

import pytest
import torch
import yaml
from helpers.training import engine, model, recipe
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from torch import nn

from backdoor_pipeline.training import Engine, Recipe
from backdoor_pipeline.training.optimizers import build_optimizer
from backdoor_pipeline.training.schedule import learning_rate

BASE = Path(__file__).parents[2] / "conf" / "base" / "parameters" / "training.yml"
LOSSES = st.lists(st.floats(0.01, 10), min_size=1, max_size=30)


def torch_rates(scheduler: str, rates: int, losses: list[float], **options: object) -> list[float]:
    optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))], 0.1)
    schedule = getattr(torch.optim.lr_scheduler, scheduler)(optimizer, **options)
    seen = []
    for loss in losses[:rates]:
        seen.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step(*([loss] if scheduler == "ReduceLROnPlateau" else []))
    return [*seen, optimizer.param_groups[0]["lr"]]


def our_rates(plan: Recipe, losses: list[float]) -> list[float]:
    return [learning_rate(plan, losses[:epoch]) for epoch in range(len(losses) + 1)]


@given(st.integers(1, 40))
def test_cosine_is_cosine_annealing(epochs: int) -> None:
    plan = recipe(lr=0.1, epochs=epochs, schedule="cosine")
    expected = torch_rates("CosineAnnealingLR", epochs, [1.0] * epochs, T_max=epochs)
    assert our_rates(plan, [1.0] * epochs) == pytest.approx(expected, abs=1e-12)
    assert learning_rate(plan, [1.0] * epochs) == pytest.approx(0, abs=1e-12)


@given(st.integers(1, 6), st.integers(1, 9))
def test_cosine_falls_step_by_step(epochs: int, steps: int) -> None:
    plan = recipe(lr=0.1, epochs=epochs, schedule="cosine")
    expected = torch_rates("CosineAnnealingLR", epochs * steps, [1.0] * epochs * steps, T_max=epochs * steps)
    ours = [
        learning_rate(plan, [1.0] * epoch, step / steps) for epoch in range(epochs) for step in range(steps)
    ]
    assert ours == pytest.approx(expected[:-1], abs=1e-12)


def test_only_cosine_changes_within_an_epoch() -> None:
    losses = [2.0, 2.0, 2.0]
    for schedule in ("multistep", "plateau", "constant"):
        plan = recipe(lr=1.0, schedule=schedule, milestones=[2, 4], patience=0)
        within = {learning_rate(plan, losses, begun) for begun in (0, 0.25, 0.999)}
        assert within == {learning_rate(plan, losses)}, schedule


@given(st.lists(st.integers(1, 12), max_size=4), st.floats(0.1, 1))
def test_multistep_is_multistep(milestones: list[int], gamma: float) -> None:
    plan = recipe(lr=0.1, schedule="multistep", milestones=milestones, gamma=gamma)
    expected = torch_rates("MultiStepLR", 15, [1.0] * 15, milestones=milestones, gamma=gamma)
    assert our_rates(plan, [1.0] * 15) == pytest.approx(expected, rel=1e-9)


@given(LOSSES, st.integers(0, 4), st.floats(0.1, 1, exclude_max=True))  # torch refuses a factor of 1
def test_plateau_is_reduce_on_plateau(losses: list[float], patience: int, gamma: float) -> None:
    plan = recipe(lr=0.1, schedule="plateau", patience=patience, gamma=gamma)
    expected = torch_rates("ReduceLROnPlateau", len(losses), losses, patience=patience, factor=gamma)
    assert our_rates(plan, losses) == pytest.approx(expected, rel=1e-9)


@given(LOSSES)
def test_constant_stays(losses: list[float]) -> None:
    assert set(our_rates(recipe(schedule="constant", lr=0.3), losses)) == {0.3}


def test_plateau_by_hand() -> None:
    plan = recipe(lr=1.0, schedule="plateau", patience=1, gamma=0.5)
    assert our_rates(plan, [3, 2, 2, 2, 1, 1, 1]) == [1, 1, 1, 1, 0.5, 0.5, 0.5, 0.25]


def test_sgd_gets_every_setting() -> None:
    optimizer = build_optimizer(list(model().parameters()), recipe(lr=0.2, momentum=0.7, weight_decay=0.01))
    assert isinstance(optimizer, torch.optim.SGD)
    group = optimizer.param_groups[0]
    assert (group["lr"], group["momentum"], group["weight_decay"]) == (0.2, 0.7, 0.01)


def test_adam_gets_its_settings() -> None:
    optimizer = build_optimizer(
        list(model().parameters()), recipe(optimizer="adam", lr=0.2, weight_decay=0.01)
    )
    assert isinstance(optimizer, torch.optim.Adam)
    assert (optimizer.param_groups[0]["lr"], optimizer.param_groups[0]["weight_decay"]) == (0.2, 0.01)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("epochs", 0),
        ("batch_size", 0),
        ("optimizer", "lion"),
        ("lr", 0),
        ("lr", float("inf")),
        ("momentum", 1),
        ("weight_decay", -1),
        ("schedule", "steep"),
        ("milestones", [0]),
        ("gamma", 0),
        ("patience", -1),
        ("learning_rate", 0.1),
    ],
)
def test_a_wrong_recipe_is_refused(field: str, value: object) -> None:
    with pytest.raises(ValidationError):
        recipe(**{field: value})


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("device", "tpu"),
        ("precision", "fp16"),
        ("compile", "maybe"),
        ("checkpoint_every", -1),
        ("evaluate_every", 0),
    ],
)
def test_a_wrong_engine_is_refused(field: str, value: object) -> None:
    with pytest.raises(ValidationError):
        engine(**{field: value})


def test_the_base_configuration_is_whole() -> None:
    parameters = yaml.safe_load(BASE.read_text())
    Engine.model_validate(parameters["engine"])
    budget = yaml.safe_load((BASE.parent / "datasets.yml").read_text())["budget"]["training"]
    assert set(parameters["recipe"]) == set(Recipe.model_fields)
    assert Recipe.model_validate({**parameters["recipe"], **budget}).momentum == 0.9
    assert all(parameters["recipe"][name] is None for name in budget)
    assert parameters["training"] == {}, "the victim's is the common one"
