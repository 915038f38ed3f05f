"""What an experiment's artefacts are called: a readable name and a hash of all that went into them (P3)."""

import hashlib
import json
from pathlib import Path
from typing import Any

from backdoor_pipeline.errors import UserError
from backdoor_pipeline.experiment import Experiment, Training
from backdoor_pipeline.registry import NONE

# Raised by one whenever a stage's code makes something else of the same specification.
FORMATS = {"poison": 1, "train": 1, "defend": 1, "evaluate": 1, "analyze": 1}


def artifact_names(experiment: Experiment) -> dict[str, str]:
    """The folder of each stage's artefacts below its layer's, such as `digits/badnets-0.1-s0-3fa2c19b`.

    A stage's hash covers its specification, its format version and the hash of the stage before it.
    """
    poisoning, training, defending = experiment.poisoning, experiment.training, experiment.defending
    attack, defense = poisoning.attack, defending.defense
    poison = f"{attack.name}-{attack.poison_ratio:g}-s{attack.seed}" if attack else NONE
    train = f"{training.model}-{poison}" + ("" if attack else f"-s{training.seed}")
    defend = f"{defense.name if defense else NONE}-{train}"
    chain = [
        ("poison", poison, [experiment.dataset.model_dump(mode="json"), poisoning.model_dump(mode="json")]),
        ("train", train, [_by_content(training), experiment.engine.precision]),
        ("defend", defend, defending.model_dump(mode="json")),
        ("evaluate", defend, {}),
        ("analyze", defend, experiment.analyzing.model_dump(mode="json")),
    ]
    names, digest = {}, ""
    for stage, readable, spec in chain:
        digest = _digest(stage, spec, digest)
        names[stage] = f"{experiment.dataset.name}/{readable}-{digest[:8]}"
    return names


def _by_content(training: Training) -> dict[str, Any]:
    """The specification with pretrained weights named by what they are, not by where they lie.

    Raises:
        UserError: there is no such file.
    """
    spec = training.model_dump(mode="json")
    if file := training.options.get("pretrained"):
        if not Path(file).is_file():
            raise UserError(f"models.{training.model}.pretrained: there is no file {file}.")
        spec["options"]["pretrained"] = hashlib.sha256(Path(file).read_bytes()).hexdigest()
    return spec


def _digest(stage: str, spec: Any, upstream: str) -> str:
    content = json.dumps([stage, FORMATS[stage], spec, upstream], sort_keys=True)
    return hashlib.sha256(content.encode()).hexdigest()
