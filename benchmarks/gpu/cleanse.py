"""The piece `nc`: Neural Cleanse's search with classes batched, against one after the other."""

from backdoor_pipeline.data.images import ImageSet
from backdoor_pipeline.defenses.clean_subset import draw_clean
from backdoor_pipeline.defenses.parts import trigger_search
from backdoor_pipeline.defenses.parts.trigger_search import TriggerSearch
from backdoor_pipeline.models.classifier import Classifier
from backdoor_pipeline.training import Trainer
from benchmarks.gpu.defenses import VICTIM
from benchmarks.gpu.job import Job
from benchmarks.gpu.machine import peak_memory
from benchmarks.gpu.scene import Scene
from benchmarks.neural_cleanse import flagged, timed


def work(job: Job) -> None:
    """The search as the defense `nc` is set, batched first; a search of one epoch warms up."""
    scene = Scene.of(job, VICTIM, "nc")
    (model, epochs), defending = scene.saved(), scene.experiment.defending
    assert defending.defense is not None
    search = TriggerSearch.model_validate(defending.defense.params["search"])
    clean = draw_clean(scene.clean.train, defending.clean_ratio, defending.seed)
    trainer = job.trainer(scene.experiment)
    usual = trigger_search.PIXELS_AT_ONCE[trainer.device.type]
    timed(search.model_copy(update={"epochs": 1}), trainer, model, clean, usual)
    job.tell(victim_epochs=epochs, images=len(clean), epochs=search.epochs, pixels_at_once=usual)
    for side, pixels in {"batched": usual, "one_by_one": 1}.items():
        job.tell(**{side: _side(search, trainer, model, clean, pixels)})
    job.tell(peak_gib=peak_memory())


def _side(
    search: TriggerSearch, trainer: Trainer, model: Classifier, clean: ImageSet, pixels: int
) -> dict[str, object]:
    """Seconds, flagged classes and mask norms with so many pixels going through the model together."""
    seconds, found = timed(search, trainer, model, clean, pixels)
    norms = [round(norm, 1) for norm in found.norms.tolist()]
    return {"seconds": seconds, "flagged": flagged(found), "norms": norms}
