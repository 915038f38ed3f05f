"""The parts of an eager training step, each by itself and waited for."""

import statistics
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

from backdoor_pipeline.data.images import ImageSet
from backdoor_pipeline.experiment.specs import Experiment
from backdoor_pipeline.pipelines.shared.attacking import new_model
from backdoor_pipeline.training import Trainer
from backdoor_pipeline.training.augment import augment
from backdoor_pipeline.training.batches import BatchSource
from backdoor_pipeline.training.hosting import hosted
from backdoor_pipeline.training.optimizers import build_optimizer
from benchmarks.training import timed

REPEATS = 20


def step_parts(experiment: Experiment, data: ImageSet) -> dict[str, float]:
    """Median milliseconds of each part; together more than a step, whose parts need not wait for one another.

    Args:
        experiment: whose model, recipe and augmentation are taken.
        data: at least one batch.
    """
    trainer = Trainer(experiment.engine, experiment.dataset.augmentation)
    model, recipe = new_model(experiment.dataset, experiment.training), experiment.training.recipe
    source, rows = (
        BatchSource(data.images, data.labels, trainer.device),
        torch.arange(min(recipe.batch_size, len(data))),
    )
    draws = torch.Generator(trainer.device).manual_seed(0)
    layout = torch.channels_last if trainer.device.type == "cuda" else torch.preserve_format
    with hosted(model, trainer.device, training=True, memory_format=layout):
        optimizer = build_optimizer(list(model.parameters()), recipe)
        images, labels, _ = next(iter(source.batches([rows])))
        floats = trainer.as_float(images)

        def loss() -> Tensor:
            with trainer.autocast():
                return F.cross_entropy(model(floats).float(), labels)

        def learn() -> None:
            optimizer.zero_grad()
            loss().backward()

        parts: dict[str, Callable[[], object]] = {
            "fetching a batch": lambda: next(iter(source.batches([rows]))),
            "augmentation": lambda: augment(images, experiment.dataset.augmentation, draws),
            "pixels to floats": lambda: trainer.as_float(images),
            "forward": loss,
            "forward and backward": learn,
            "update": optimizer.step,
        }
        for part in parts.values():
            timed(part, trainer.device)
        return {name: 1000 * _median(part, trainer.device) for name, part in parts.items()}


def _median(part: Callable[[], object], device: torch.device) -> float:
    return statistics.median(timed(part, device) for _ in range(REPEATS))
