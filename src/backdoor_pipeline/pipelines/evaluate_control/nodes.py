"""The node that asks a clean model what the trigger does by itself."""

from typing import Any

from backdoor_pipeline.analysis.scoring import score
from backdoor_pipeline.attacks.poisoning import Poisoned
from backdoor_pipeline.base.timing import Stopwatch
from backdoor_pipeline.data.splits import Splits
from backdoor_pipeline.experiment.stages import ControlStage
from backdoor_pipeline.models.classifier import Classifier
from backdoor_pipeline.training import Trainer


def evaluate_control(
    clean: Splits, poison: Poisoned, control_model: Classifier | None, stage: ControlStage
) -> dict[str, Any]:
    """C-Acc, ASR and R-Acc of the clean model on the very test sets that the victim's is scored on.

    What it sends to the target was misread, not let in: a paraphrase may say something else.

    Returns:
        Metrics (fractions); nothing if no control is asked for.
    """
    if stage.control is None or control_model is None:
        return {}
    with Stopwatch() as clock:
        scores = score(Trainer(stage.engine, stage.dataset.varied_by), control_model, clean.test, poison.test)
    return {
        **{f"{name}_control": value for name, value in scores.model_dump().items()},
        "seconds": clock.seconds,
    }
