"""Defenses that train in several phases: a recipe for each, and one history of all."""

from typing import Literal

from backdoor_pipeline.training import History, Recipe


def sgd(
    epochs: int,
    batch_size: int,
    lr: float,
    *,
    momentum: float,
    weight_decay: float,
    schedule: Literal["cosine", "constant"],
) -> Recipe:
    """A phase that SGD trains."""
    return _recipe(
        epochs=epochs,
        batch_size=batch_size,
        optimizer="sgd",
        lr=lr,
        momentum=momentum,
        weight_decay=weight_decay,
        schedule=schedule,
    )


def adamw(
    epochs: int,
    batch_size: int,
    lr: float,
    *,
    weight_decay: float,
    clip_norm: float | None,
    schedule: Literal["cosine", "constant"],
) -> Recipe:
    """A phase that AdamW trains with its usual betas, as models of texts are trained."""
    return _recipe(
        epochs=epochs,
        batch_size=batch_size,
        optimizer="adamw",
        lr=lr,
        momentum=0,
        weight_decay=weight_decay,
        clip_norm=clip_norm,
        schedule=schedule,
    )


def adam(epochs: int, batch_size: int, lr: float, schedule: Literal["cosine", "constant"]) -> Recipe:
    """A phase that Adam trains with its usual betas, without weight decay."""
    return _recipe(
        epochs=epochs,
        batch_size=batch_size,
        optimizer="adam",
        lr=lr,
        momentum=0,
        weight_decay=0,
        schedule=schedule,
    )


def joined(*phases: History) -> History:
    """The rows of all phases: epochs are counted on from phase to phase, and `phase` counts from 1."""
    rows = [(number, row) for number, phase in enumerate(phases, start=1) for row in phase]
    return [{**row, "phase": number, "epoch": epoch} for epoch, (number, row) in enumerate(rows, start=1)]


def _recipe(**settings: object) -> Recipe:
    unused = {"betas": (0.9, 0.999), "milestones": (), "gamma": 1, "patience": 0}
    return Recipe.model_validate({**unused, **settings})
