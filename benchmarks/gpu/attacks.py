"""The piece `attacks`: a victim's model for each, at the paper's settings."""

from backdoor_pipeline.analysis.scoring import score
from backdoor_pipeline.base.timing import Stopwatch
from benchmarks.gpu.job import Job
from benchmarks.gpu.machine import peak_memory
from benchmarks.gpu.scene import Scene


def work(job: Job) -> None:
    """Prepare, poison, train and score; epochs join the record as they end."""
    scene = Scene.of(job, job.record.task)
    prepared = scene.prepared()
    with Stopwatch() as poisoning:
        made = scene.poisoned(prepared)
    job.tell(poison_seconds=poisoning.seconds)
    model = scene.trained(prepared, made)
    trainer = job.trainer(scene.experiment)
    scores = score(trainer, model, scene.clean.test, made.test).model_dump()
    how = {"device": str(trainer.device), "precision": trainer.precision}
    job.tell(**scores, **how, peak_gib=peak_memory())
