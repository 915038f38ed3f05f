"""The piece `engine`: a plain PyTorch loop against the engine, eager and compiled, in turns."""

import os
import statistics
from collections.abc import Callable

import torch

from backdoor_pipeline.base.registry import NONE
from backdoor_pipeline.data.images import ImageSet
from backdoor_pipeline.experiment.specs import Experiment
from backdoor_pipeline.pipelines.shared.attacking import new_model
from backdoor_pipeline.training import Recipe, Trainer
from benchmarks.gpu.job import Job
from benchmarks.gpu.machine import peak_memory
from benchmarks.gpu.scene import Scene
from benchmarks.training import engine_epochs, plain_epochs

WORKERS = 8  # of the plain loop's DataLoader, at most
SIDES = ("plain", "eager", "compiled")
Side = Callable[[], list[float]]


def work(job: Job) -> None:
    """Time every epoch of each side, two test sets looked at after each; the first of a side warms up."""
    scene, size = Scene.of(job, NONE), job.size
    train = scene.clean.train.subset(torch.arange(min(size.images, len(scene.clean.train))))
    tests = [train.subset(torch.arange(len(train) // 5))] * 2  # of a fifth, as CIFAR-10's
    recipe = scene.experiment.training.recipe.model_copy(update={"epochs": size.epochs + 1})
    seconds: dict[str, list[float]] = {side: [] for side in SIDES}
    peaks: dict[str, float | None] = {}
    job.tell(images=len(train), batch_size=recipe.batch_size, model=scene.experiment.training.model)
    for _ in range(size.rounds):
        for side in _sides(scene.experiment):
            if torch.cuda.is_available():
                torch.cuda.reset_peak_memory_stats()
            seconds[side] += _epochs(side, scene.experiment, train, tests, recipe)[1:]
            peaks[side] = peak_memory()
            rates = {name: len(train) / statistics.median(each) for name, each in seconds.items() if each}
            job.tell(
                images_per_second=rates,
                peak_gib=peaks,
                epochs={name: len(each) for name, each in seconds.items()},
            )


def _sides(experiment: Experiment) -> tuple[str, ...]:
    """All of them on a GPU; a CPU does not compile."""
    on_gpu = Trainer(experiment.engine, None).device.type == "cuda"
    return SIDES if on_gpu else SIDES[:2]


def _epochs(
    side: str, experiment: Experiment, train: ImageSet, tests: list[ImageSet], recipe: Recipe
) -> list[float]:
    """The seconds of every epoch of a new model."""
    model = new_model(experiment.dataset, experiment.training)
    engine = experiment.engine.model_copy(update={"compile": side == "compiled"})
    trainer = Trainer(engine, experiment.dataset.augmentation)
    if side == "plain":
        workers = min(WORKERS, os.cpu_count() or 1)
        return plain_epochs(model, train, tests, recipe, trainer.device, workers)
    return engine_epochs(model, train, tests, recipe, trainer, every=1)
