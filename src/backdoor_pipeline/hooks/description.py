"""What MLflow is told of a run when it opens: name, tags, parameters, data."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from kedro.pipeline import Pipeline

from backdoor_pipeline.base.nesting import flatten
from backdoor_pipeline.base.registry import IMPORTED, NONE
from backdoor_pipeline.experiment.artifacts import artifact_names
from backdoor_pipeline.experiment.specs import Choices, Experiment
from backdoor_pipeline.experiment.titles import run_title
from backdoor_pipeline.experiment.typed import typed_parameters
from backdoor_pipeline.hooks.mlflow_run import Data, Model
from backdoor_pipeline.pipeline_registry import REPORT, STAGES

TAGS = ("dataset", "model", "attack", "defense", "label_map", "seed")
SCORED = ("evaluate", "watch", "analyze")  # the stages at whose end an experiment has its scores
DIGEST = 8  # characters of a hash that are shown


@dataclass(frozen=True, slots=True)
class Description:
    """What a run is.

    Attributes:
        name: what differs between runs first.
        tags: among them its kind: an experiment, only a stage of one, a sweep or a report.
        params: by the names that `--params` takes.
        data: what it works on.
        models: what it makes, or reuses, in this order.
    """

    name: str
    tags: dict[str, str]
    params: dict[str, Any]
    data: list[Data] = field(default_factory=list)
    models: list[Model] = field(default_factory=list)


def describe_experiment(
    parameters: Mapping[str, Any], typed: Mapping[str, Any], pipeline: Pipeline
) -> Description:
    """An experiment's run, or one that ends before it is scored.

    Args:
        parameters: the configuration's.
        typed: those that were given for this run.
        pipeline: what is run.
    """
    experiment = Experiment.model_validate(parameters["experiment"])
    names, last = artifact_names(experiment), _last_stage(pipeline)
    tags = {name: str(getattr(experiment.choices, name)) for name in TAGS} | _ratio(experiment.choices)
    tags |= {f"artifact.{stage}": name for stage, name in names.items()}
    tags["kind"] = "experiment" if last in SCORED else "stage"
    name = run_title(experiment.choices, last, typed)
    data, models = _data(experiment, names["poison"]), _models(experiment, names, pipeline)
    return Description(name, tags, typed_parameters(experiment), data, models)


def describe_report(parameters: Mapping[str, Any]) -> Description:
    """A report's run."""
    return Description(REPORT, {"kind": REPORT}, flatten({REPORT: parameters["report"]}))


def _ratio(choices: Choices) -> dict[str, str]:
    """The share that is poisoned: nothing without an attack, and of somebody else's nobody knows it."""
    if choices.attack == IMPORTED:
        return {}
    return {"poison_ratio": "0" if choices.attack == NONE else str(choices.poison_ratio)}


def _last_stage(pipeline: Pipeline) -> str:
    """The last stage of which anything is run."""
    tagged = {tag for node in pipeline.nodes for tag in node.tags}
    return [stage for stage in STAGES if stage in tagged][-1]


def _data(experiment: Experiment, poisoned: str) -> list[Data]:
    """The data set, if its files are known, and what was made of it."""
    choices, attack = experiment.choices, experiment.poisoning.attack
    clean = Data(choices.dataset, experiment.manifest[:DIGEST], "clean", choices.dataset)
    made = Data(poisoned.rpartition("-")[0], poisoned[-DIGEST:], "poisoned", poisoned)
    return [data for data, there in ((made, attack), (clean, experiment.manifest)) if there]


def _models(experiment: Experiment, names: Mapping[str, str], pipeline: Pipeline) -> list[Model]:
    """The victim's model and, if there is a defense, the defended one, as far as the run gets."""
    choices, there = experiment.choices, pipeline.all_outputs()
    victim = f"{choices.model}-{choices.attack}"
    made = [("backdoored_model", "train", victim)]
    if experiment.defending.defense:
        made.append(("defended_model", "defend", f"{choices.defense}-{victim}"))
    return [Model(name, names[stage]) for output, stage, name in made if output in there]
