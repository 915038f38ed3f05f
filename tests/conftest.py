"""What all tests share."""

import os

# two test processes on a small machine: threads of one would only push out those of the other
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from hypothesis import settings

from backdoor_pipeline.attacks import AttackEnv
from backdoor_pipeline.attacks.labels import LabelMap
from backdoor_pipeline.data.images import ImageSet
from backdoor_pipeline.data.spec import Augmentation, ImageSpec
from backdoor_pipeline.models import factories, registry
from backdoor_pipeline.training import Engine, Trainer

# a busy machine is not an error
settings.register_profile("no deadline", deadline=None)
settings.load_profile("no deadline")

PROJECT = Path(__file__).parents[1]


@pytest.fixture(autouse=True)
def _models_as_before(monkeypatch: pytest.MonkeyPatch) -> None:
    """Models that a test makes known are not known to the next one, in whatever order they run."""
    monkeypatch.setattr(registry, "_ARCHITECTURES", dict(registry._ARCHITECTURES))
    monkeypatch.setattr(factories, "_ADMITTED", dict(factories._ADMITTED))


@pytest.fixture
def params() -> dict[str, Any]:
    """The parameters of `conf/base`, freshly read."""
    merged: dict[str, Any] = {}
    for file in sorted((PROJECT / "conf/base/parameters").glob("*.yml")):
        merged |= yaml.safe_load(file.read_text(encoding="utf-8"))
    return merged


@pytest.fixture
def trainer() -> Trainer:
    """An engine that writes no checkpoints."""
    engine = Engine(device="cpu", precision="fp32", compile=False, checkpoint_every=0, evaluate_every=1)
    return Trainer(engine, None)


@pytest.fixture
def make_set() -> Callable[..., ImageSet]:
    """Makes data sets of noise with balanced labels."""

    def make(rows: int = 40, classes: int = 4, channels: int = 3, size: int = 32) -> ImageSet:
        draws = torch.Generator().manual_seed(7)
        images = torch.randint(0, 256, (rows, channels, size, size), dtype=torch.uint8, generator=draws)
        return ImageSet(images, torch.arange(rows) % classes, tuple(f"class {k}" for k in range(classes)))

    return make


def facts(classes: int = 4, channels: int = 3, size: int = 32) -> ImageSpec:
    """About the sets that `make_set` makes."""
    return ImageSpec(
        name="noise",
        source="digits",
        options={},
        num_classes=classes,
        image_size=size,
        channels=channels,  # type: ignore[arg-type]
        mean=(0.5,) * channels,
        std=(0.5,) * channels,
        augmentation=Augmentation(crop_padding=0, horizontal_flip=False),
    )


@pytest.fixture
def make_env(trainer: Trainer) -> Callable[..., AttackEnv]:
    """Makes what an attack is given."""

    def make(
        kind: str = "all_to_one",
        target: int | None = 0,
        classes: int = 4,
        seed: int = 0,
        ratio: float = 0.25,
    ) -> AttackEnv:
        return AttackEnv(trainer, LabelMap(kind, target, classes), ratio, seed, facts(classes))  # type: ignore[arg-type]

    return make
