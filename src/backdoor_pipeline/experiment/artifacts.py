"""What an experiment's artefacts are called: a readable name and a hash of all that went into them (P3)."""

import hashlib
import json
import os
from pathlib import Path
from typing import Any, get_args

from backdoor_pipeline.attacks import ATTACKS
from backdoor_pipeline.attacks.parts import wordnet
from backdoor_pipeline.base.digests import digest_of_file, digest_of_files
from backdoor_pipeline.base.errors import UserError
from backdoor_pipeline.base.memo import FileMemo
from backdoor_pipeline.base.registry import IMPORTED, NONE, Method
from backdoor_pipeline.data.manifest import OF_IMAGES
from backdoor_pipeline.defenses import DEFENSES
from backdoor_pipeline.experiment.specs import AttackSpec, Experiment, MethodSpec, Poisoning, Training

# Raised by one whenever a stage's code makes something else of the same specification; see `Method.revision`
FORMATS = {"prepare": 4, "poison": 2, "train": 3, "defend": 3, "evaluate": 1, "watch": 2, "analyze": 5}
FORMATS |= {"evaluate_control": 1}

PUBLISHED = (  # files of published models of texts
    "config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json", "vocab.txt", "vocab.json",
    "merges.txt",
)  # fmt: skip

IMPORTED_FILES = ("train.parquet", "test.parquet")
OF_FOLDERS = (*PUBLISHED, *wordnet.FILES, *IMPORTED_FILES)  # those of a folder that make it what it is

_DIGESTS = FileMemo()  # sweeps ask for the same ones thousands of times, notebooks after they have changed

AFTER = {
    "poison": "prepare",
    "train": "poison",
    "defend": "train",
    "evaluate": "defend",
    "watch": "train",
    "analyze": "evaluate",
}


def artifact_names(experiment: Experiment) -> dict[str, str]:
    """The folder of each stage's artefacts below its layer's, such as `digits/badnets-0.1-s0-3fa2c19b`.

    A stage's hash covers its specification, its format version and the hash of the stage before it; that of
    the first covers the data set, its files too, so that a change of either split changes all names. What is
    watched in a training decides nothing of the model, so only `watch` and the figures depend on it.

    Stages of a control are named if there is one: its model as that of an experiment without an attack.
    """
    readable, digests = _readable(experiment), _digests(experiment)
    names: dict[str, str] = {}
    for stage, digest in digests.items():
        above = names["evaluate"] if stage == "analyze" else experiment.dataset.name  # beside the scores
        names[stage] = f"{above}/{readable[stage]}-{digest[:8]}"
    return names | (_names_of_control(experiment, digests["poison"]) if experiment.control else {})


def _digests(experiment: Experiment) -> dict[str, str]:
    digests: dict[str, str] = {}
    for stage, spec in _specifications(experiment).items():
        digests[stage] = _digest(stage, spec, digests.get(AFTER.get(stage, ""), ""))
    return digests


def _names_of_control(experiment: Experiment, poison: str) -> dict[str, str]:
    clean, above = experiment.without_attack(), experiment.dataset.name
    trained = _digests(clean)["train"]
    scored = _digest("evaluate_control", trained, poison)
    return {
        "train_control": f"{above}/{_readable(clean)['train']}-{trained[:8]}",
        "evaluate_control": f"{above}/control-{_readable(experiment)['train']}-{scored[:8]}",
    }


def _readable(experiment: Experiment) -> dict[str, str]:
    training, attack = experiment.training, experiment.poisoning.attack
    defense = experiment.defending.defense
    prepare = experiment.preparing.name
    nobody = IMPORTED if experiment.poisoning.imported else NONE
    poison = f"{attack.name}-{attack.poison_ratio:g}-s{attack.seed}" if attack else nobody
    train = f"{training.model}-{poison}" + ("" if attack else f"-s{training.seed}")
    defend = f"{defense.name if defense else NONE}-{train}"
    if experiment.preparing.training:  # networks that are of one victim's model only
        prepare = f"{prepare}-{train}"
    return {
        "prepare": prepare,
        "poison": poison,
        "train": train,
        "defend": defend,
        "evaluate": defend,
        "watch": f"watch-{train}",
        "analyze": "figures",
    }


def _specifications(experiment: Experiment) -> dict[str, Any]:
    watching = experiment.watching.model_dump(mode="json")
    return {
        "prepare": [
            # the files' content counts, not where they lie or whether memory holds them
            experiment.dataset.model_dump(mode="json", exclude={"options": set(OF_IMAGES)}),
            experiment.manifest,
            _preparing(experiment),
        ],
        "poison": _poisoning(experiment.poisoning),
        "train": [_by_content(experiment.training), experiment.engine.precision],
        "defend": _defending(experiment),
        "evaluate": {},
        "watch": watching,
        # which figures are drawn, and in which formats, changes none of them
        "analyze": [experiment.analyzing.model_dump(mode="json", exclude={"figures", "formats"}), watching],
    }


def _preparing(experiment: Experiment) -> list[Any]:
    """What decides the attacker's networks; an empty list if there are none: all such attacks share that."""
    preparing, training = experiment.preparing, experiment.preparing.training
    if preparing.name == NONE:
        return []
    spec = preparing.model_dump(mode="json") | {"training": _by_content(training) if training else None}
    spec["attack"] = _attack_by_content(preparing.attack)
    return [spec, experiment.engine.precision]


def _by_content(training: Training) -> dict[str, Any]:
    """The specification with pretrained weights named by what they are, not by where they lie.

    Raises:
        UserError: there is no such file.
    """
    spec = training.model_dump(mode="json")
    if file := training.options.get("pretrained"):
        spec["options"]["pretrained"] = _content(file, f"models.{training.model}.pretrained")
    return spec


def _poisoning(poisoning: Poisoning) -> dict[str, Any]:
    spec = {**poisoning.model_dump(mode="json"), "attack": _attack_by_content(poisoning.attack)}
    if poisoning.imported and poisoning.imported.data:
        spec["imported"] = _content(
            poisoning.imported.data, "imported.data", "`kedro import poisoned` makes it"
        )
    return spec


def _attack_by_content(attack: AttackSpec | None) -> dict[str, Any] | None:
    """The specification with the attack's files, such as a key image, named by what they are."""
    if attack is None:
        return None
    spec = attack.model_dump(mode="json")
    spec["params"] |= _files_by_content(ATTACKS[attack.name], attack, "attacks")
    return spec | _revised(ATTACKS[attack.name])


def _defending(experiment: Experiment) -> dict[str, Any]:
    """The same of a defense: its files, such as a language model."""
    spec, defense = experiment.defending.model_dump(mode="json"), experiment.defending.defense
    if defense:
        spec["defense"]["params"] |= _files_by_content(DEFENSES[defense.name], defense, "defenses")
        spec["defense"] |= _revised(DEFENSES[defense.name])
        if experiment.training.options.get("pretrained"):  # once, they were random
            spec["new_models"] = "from the victim's first weights"
    return spec


def _revised(method: type[Method]) -> dict[str, int]:
    return {"revision": method.revision} if method.revision else {}  # names are older than revisions


def _files_by_content(method: type[Method], given: MethodSpec, table: str) -> dict[str, str]:
    """Those parameters of a method that are files or folders."""
    return {
        field: _content(given.params[field], f"{table}.{given.name}.{field}", info.description)
        for field, info in method.model_fields.items()
        if Path in (info.annotation, *get_args(info.annotation)) and given.params[field]
    }


def _content(file: str, parameter: str, advice: str | None = None) -> str:
    place = Path(file)
    if place.is_dir():  # a published model of texts, WordNet or an imported set
        there = set(os.listdir(place))
        files = [place / name for name in OF_FOLDERS if name in there and (place / name).is_file()]
        return _DIGESTS.of(place, files, lambda: digest_of_files(files))
    if not place.is_file():
        raise UserError(f"{parameter}: there is no file {file}{f': {advice}' if advice else ''}.")
    return _DIGESTS.of(place, [place], lambda: digest_of_file(place))


def _digest(stage: str, spec: Any, upstream: str) -> str:
    content = json.dumps([stage, FORMATS[stage], spec, upstream], sort_keys=True)
    return hashlib.sha256(content.encode()).hexdigest()
