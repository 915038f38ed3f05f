"""What each stage's node is told: one specification, of those parts of the experiment that it works by.

Its artefacts are named by the same parts: see `artifacts`.
"""

from collections.abc import Mapping

from backdoor_pipeline.data.spec import AnySpec
from backdoor_pipeline.experiment.specs import (
    Analyzing,
    Choices,
    Defending,
    Experiment,
    Poisoning,
    Spec,
    Training,
    Watching,
)
from backdoor_pipeline.training import Engine


class PoisonStage(Spec):
    """Of the stage `poison`."""

    dataset: AnySpec
    poisoning: Poisoning
    engine: Engine


class VictimStage(Spec):
    """Of `prepare`, `train` and `watch`: any of them may train the victim's model."""

    dataset: AnySpec
    poisoning: Poisoning
    training: Training
    watching: Watching
    engine: Engine


class DefendStage(Spec):
    """Of the stage `defend`."""

    dataset: AnySpec
    training: Training
    defending: Defending
    engine: Engine


class ControlStage(Spec):
    """Of `train_control` and `evaluate_control`."""

    dataset: AnySpec
    control: Training | None
    engine: Engine


class EvaluateStage(Spec):
    """Of the stage `evaluate`."""

    dataset: AnySpec
    engine: Engine


class AnalyzeStage(Spec):
    """Of the figures."""

    choices: Choices
    dataset: AnySpec
    analyzing: Analyzing
    engine: Engine


STAGES: Mapping[str, type[Spec]] = {
    "prepare": VictimStage,
    "poison": PoisonStage,
    "train": VictimStage,
    "defend": DefendStage,
    "train_control": ControlStage,
    "evaluate_control": ControlStage,
    "evaluate": EvaluateStage,
    "watch": VictimStage,
    "analyze": AnalyzeStage,
}


def stages(experiment: Experiment) -> dict[str, Spec]:
    """The specification of every stage of this experiment."""
    return {
        name: kind(**{part: getattr(experiment, part) for part in kind.model_fields})
        for name, kind in STAGES.items()
    }
