"""The piece `profile`: where the time of a training step goes, through the engine, eager and compiled."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.autograd import DeviceType  # type: ignore[attr-defined]
from torch.profiler import ProfilerActivity, profile

from backdoor_pipeline.base.registry import NONE
from backdoor_pipeline.data.images import ImageSet
from backdoor_pipeline.experiment.specs import Experiment
from backdoor_pipeline.pipelines.shared.attacking import new_model
from backdoor_pipeline.training import Trainer
from benchmarks.gpu.job import Job
from benchmarks.gpu.scene import Scene
from benchmarks.gpu.step_parts import step_parts

TIMED, PROFILED = 3, 4  # epochs: those before warm up, or compile
LAUNCHES = ("cudaLaunchKernel", "cuLaunchKernel")  # what their names begin with
ANNOTATIONS = ("Optimizer.", "ProfilerStep")  # spans on the device's time line that are no work of their own


@dataclass(frozen=True, slots=True)
class Mode:
    """A way to run.

    Attributes:
        compiled: whether through torch.compile.
        tuned: whether cuDNN tries which of its kernels is fastest.
    """

    compiled: bool
    tuned: bool


MODES = {
    "eager": Mode(False, False),
    "eager, cudnn.benchmark": Mode(False, True),
    "compiled": Mode(True, False),
}


def work(job: Job) -> None:
    """Every mode's step as a whole, then the parts of an eager one."""
    scene = Scene.of(job, NONE)
    experiment, steps = scene.experiment, job.size.steps
    rows = torch.arange(steps * experiment.training.recipe.batch_size) % len(scene.clean.train)
    data = scene.clean.train.subset(rows)
    on_gpu = torch.cuda.is_available()
    job.tell(steps=steps, batch_size=experiment.training.recipe.batch_size)
    modes: dict[str, dict[str, float]] = {}
    for name, mode in MODES.items():
        if on_gpu or name == "eager":
            modes[name] = _steps(experiment, data, mode, steps)
            job.tell(modes=modes)
    job.tell(parts=step_parts(experiment, data))


def _steps(experiment: Experiment, data: ImageSet, mode: Mode, steps: int) -> dict[str, float]:
    """Of one step: milliseconds without the profiler, and what the profiler counts."""
    trainer = Trainer(
        experiment.engine.model_copy(update={"compile": mode.compiled}), experiment.dataset.augmentation
    )
    model = new_model(experiment.dataset, experiment.training)
    recipe = experiment.training.recipe.model_copy(update={"epochs": PROFILED})
    on_gpu = trainer.device.type == "cuda"
    seen = profile(activities=[ProfilerActivity.CPU, *([ProfilerActivity.CUDA] if on_gpu else [])])

    def switch(epoch: int, _: nn.Module) -> dict[str, float]:
        if epoch == TIMED:
            seen.start()
        if epoch == PROFILED:
            seen.stop()
        return {}

    torch.backends.cudnn.benchmark = mode.tuned
    try:
        history = trainer.fit(model, data, recipe, seed=0, on_epoch=switch)
    finally:
        torch.backends.cudnn.benchmark = False
    milliseconds = 1000 * history[TIMED - 1]["seconds"]
    found = {"milliseconds": milliseconds, **counted(seen.events() or ())}
    return {name: value / steps for name, value in found.items()}


def counted(events: Iterable[Any]) -> dict[str, float]:
    """What the profiler's events come to.

    Args:
        events: with `name`, `device_type` and `time_range`.

    Returns:
        Milliseconds in which the device worked; calls of the host that launch kernels, launch graphs, copy
        and wait for the device; milliseconds of waiting.
    """
    keys = ("device_milliseconds", "launches", "graph_launches", "copies", "waits", "waiting_milliseconds")
    found = dict.fromkeys(keys, 0.0)
    for event in events:
        name, milliseconds = event.name, event.time_range.elapsed_us() / 1000
        if event.device_type != DeviceType.CPU:
            found["device_milliseconds"] += 0 if name.startswith(ANNOTATIONS) else milliseconds
            continue
        found["launches"] += name.startswith(LAUNCHES)
        found["graph_launches"] += name.startswith("cudaGraphLaunch")
        found["copies"] += name.startswith("cudaMemcpy")
        if name.startswith("cuda") and name.endswith("Synchronize"):
            found["waits"] += 1
            found["waiting_milliseconds"] += milliseconds
    return found
