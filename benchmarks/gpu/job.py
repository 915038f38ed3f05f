"""What a task has at hand: the data, the experiment's parts, and an engine that tells how far it is."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from backdoor_pipeline.data.images import ImageSet
from backdoor_pipeline.data.sources import load_split
from backdoor_pipeline.data.splits import Splits
from backdoor_pipeline.experiment.specs import Experiment
from backdoor_pipeline.training import History, OnEpoch, Recipe, Trainer
from benchmarks.gpu.machine import facts
from benchmarks.gpu.records import Phase, Record
from benchmarks.gpu.sizes import Size, size_of

WEIGHTS = "weights"  # folder of checkpoints, below that of the records


@dataclass(frozen=True, slots=True)
class Job:
    """A task at work.

    Attributes:
        record: of the task.
        out: folder of the records.
        data: folder of raw data: files, or the data set's folder with them in it.
        threads: of this process.
    """

    record: Record
    out: Path
    data: Path
    threads: int

    def begin(self) -> "Job":
        """Set this process up, and write down where it runs."""
        torch.set_num_threads(self.threads)
        self.record.machine = facts()
        self.record.save(self.out)
        return self

    @property
    def size(self) -> Size:
        """How much is measured."""
        return size_of(self.record.size, eager=self.record.eager)

    def tell(self, **found: Any) -> None:
        """Add numbers to the result, and save it."""
        self.record.result |= found
        self.record.save(self.out)

    def clean(self, experiment: Experiment) -> Splits:
        """Both splits of the clean data set."""
        spec, folder = experiment.dataset, self.data
        if not (folder / spec.name).is_dir():
            spec = spec.model_copy(update={"options": {**spec.options, "folder": "."}})
        return Splits(lambda split: load_split(spec, folder, split))

    def weights(self, attack: str) -> Path:
        """The folder of an attack's checkpoints."""
        return self.out / WEIGHTS / f"{self.record.size}-{attack}"

    def trainer(self, experiment: Experiment) -> Trainer:
        """The engine, every training of which joins the record."""
        return _Telling(experiment, self)


class _Telling(Trainer):
    """The engine, and how far its trainings are."""

    def __init__(self, experiment: Experiment, job: Job) -> None:
        super().__init__(experiment.engine, experiment.dataset.augmentation)
        self._job = job

    def fit(
        self,
        model: nn.Module,
        data: ImageSet,
        recipe: Recipe,
        *,
        purpose: str = "train",
        on_epoch: OnEpoch | None = None,
        **more: Any,
    ) -> History:
        """See `Trainer.fit`."""
        phases, start = self._job.record.phases, time.perf_counter()
        phase = phases.setdefault(purpose, Phase(recipe.epochs))

        def told(epoch: int, trained: nn.Module) -> Mapping[str, float]:
            nonlocal start
            found = on_epoch(epoch, trained) if on_epoch else {}
            now = time.perf_counter()
            phase.add(epoch, now - start, found)
            start = now
            self._job.tell()
            return found

        return super().fit(model, data, recipe, purpose=purpose, on_epoch=told, **more)
