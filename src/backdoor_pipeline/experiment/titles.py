"""What a run is called: what differs between runs first, because lists cut names off."""

from collections.abc import Mapping
from typing import Any

from backdoor_pipeline.attacks import ATTACKS
from backdoor_pipeline.base.nesting import flatten
from backdoor_pipeline.base.registry import IMPORTED, NONE
from backdoor_pipeline.defenses import DEFENSES
from backdoor_pipeline.experiment.specs import Choices

NAMED = {"dataset", "model", "attack", "defense", "poison_ratio", "seed"}  # in every name
BEFORE_MODEL = ("prepare", "poison")  # stages
BEFORE_DEFENSE = (*BEFORE_MODEL, "train", "train_control", "evaluate_control")
UNSAID = (
    "engine.",
    "watch.",
    "analysis.",
    "report.",
    "scan.",
    "control",
)  # how to run and what to show, no other experiment
LATER = {"defense": ("defenses.", "defending.", "clean_ratio"), "model": ("models.", "training.", "epochs")}


def run_title(choices: Choices, last: str, typed: Mapping[str, Any]) -> str:
    """The name of a run that ends with a stage.

    Args:
        choices: the experiment's.
        last: the stage.
        typed: the parameters given for this run, nested or dotted; those that no name has are added.

    Returns:
        `ssba 10% -> ft · epochs=5 · digits · resnet8 · s0`, or `train: ssba 10% · digits · resnet8 · s0`.
    """
    attack = (
        choices.attack
        if choices.attack in (NONE, IMPORTED)
        else f"{choices.attack} {100 * choices.poison_ratio:.4g}%"
    )
    subject = attack if last in BEFORE_DEFENSE else f"{attack} -> {choices.defense}"
    prefix = f"{last}: " if last in (*BEFORE_DEFENSE, "defend") else ""  # the run is no whole experiment
    victim = [] if last in BEFORE_MODEL else [choices.model]
    told = [subject, *_others(typed, last, choices), choices.dataset, *victim, f"s{choices.seed}"]
    return prefix + " · ".join(told)


def _others(typed: Mapping[str, Any], last: str, choices: Choices) -> list[str]:
    """The other parameters, as far as they matter to this experiment up to this stage."""
    unsaid: tuple[str, ...] = UNSAID
    unsaid += LATER["defense"] if last in BEFORE_DEFENSE else ()
    unsaid += LATER["model"] if last in BEFORE_MODEL else ()
    chosen = {"attacks": choices.attack, "defenses": choices.defense, "models": choices.model}
    chosen["datasets"] = choices.dataset
    methods = {choices.attack} if last in BEFORE_DEFENSE else {choices.attack, choices.defense}
    told = []
    for name, value in flatten(typed).items():
        table, _, below = name.partition(".")
        block, _, parameter = below.partition(".")
        label = _label(table, block, parameter) if table in chosen else name
        unneeded = name in NAMED or name.startswith(unsaid)
        if table == "datasets":
            unneeded |= label.startswith(unsaid) or _is_of_others(parameter, methods)
        if not unneeded and chosen.get(table, block) == block:
            told.append(f"{label}={value}")
    return told


def _label(table: str, block: str, parameter: str) -> str:
    if table == "datasets":
        return parameter.removeprefix("budget.")  # the data set is named
    return f"{block}.{parameter.rpartition('.')[2]}"


def _is_of_others(parameter: str, methods: set[str]) -> bool:
    """Whether a data set's parameter is part of its budget for another attack or defense than these."""
    table, _, below = parameter.partition(".")
    return table == "budget" and below.partition(".")[0] in {*ATTACKS.names(), *DEFENSES.names()} - methods
