"""The piece `defenses`: each on the BadNets victim that the piece `attacks` has left."""

from backdoor_pipeline.analysis.scoring import score
from backdoor_pipeline.attacks.networks import Prepared
from backdoor_pipeline.base.timing import Stopwatch
from backdoor_pipeline.data.poisoned import overlay
from backdoor_pipeline.defenses import DEFENSES, DefenderView
from backdoor_pipeline.defenses.clean_subset import draw_clean
from benchmarks.gpu.job import Job
from benchmarks.gpu.machine import peak_memory
from benchmarks.gpu.scene import Scene

VICTIM = "badnets"


def work(job: Job) -> None:
    """Defend; the scores are those of the `evaluate` stage, before and after."""
    scene = Scene.of(job, VICTIM, job.record.task)
    model, epochs = scene.saved()
    made, trainer, defending = (
        scene.poisoned(Prepared()),
        job.trainer(scene.experiment),
        scene.experiment.defending,
    )
    tests = scene.clean.test, made.test
    job.tell(victim_epochs=epochs, before=score(trainer, model, *tests).model_dump())
    assert defending.defense is not None
    defense = DEFENSES[defending.defense.name](**defending.defense.params)
    view = DefenderView(
        model=model,
        train=overlay(scene.clean.train, made.train),
        clean=draw_clean(scene.clean.train, defending.clean_ratio, defending.seed),
        trainer=trainer,
        seed=defending.seed,
    )
    with Stopwatch() as clock:
        defended = defense.defend(view)
    after = score(trainer, defended.model, *tests).model_dump()
    job.tell(**after, defend_seconds=clock.seconds, peak_gib=peak_memory())
