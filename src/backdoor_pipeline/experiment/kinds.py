"""Attacks, defenses and models are made for images, or for texts."""

from collections.abc import Sequence
from typing import Any

from backdoor_pipeline.attacks import ATTACKS
from backdoor_pipeline.base.errors import UserError
from backdoor_pipeline.base.registry import NONE, Registry
from backdoor_pipeline.data.spec import Kind
from backdoor_pipeline.defenses import DEFENSES
from backdoor_pipeline.models import model_names

MadeFor = dict[str, tuple[list[str], list[str]]]


def made_for(kind: Kind) -> MadeFor:
    """The attacks, defenses and models there are, and of each those that are made for such samples."""
    attacks, defenses = methods(ATTACKS), methods(DEFENSES)
    return {
        "attack": (attacks, [one for one in attacks if ATTACKS[one].kind == kind]),
        "defense": (defenses, [one for one in defenses if kind in DEFENSES[one].kinds]),
        "model": (model_names(), model_names(kind)),
    }


def misfit(asked: str, name: str, kind: Kind, fitting: Sequence[str], holder: str = "") -> UserError:
    """An error for what is not made for such samples; its sentence names what is.

    Args:
        asked: "attack", "defense" or "model".
        name: of that which is not.
        kind: of the samples.
        fitting: the names of those that are.
        holder: what has the samples, if it has a name.
    """
    known = asked == "defense" and name in DEFENSES.names()
    why = DEFENSES[name].why_images if known else ""
    return UserError(
        f"{asked} '{name}' is not made for {kind}s{f', which {holder} holds' if holder else ''}"
        f"{f' ({why})' if why else ''}: choose one of {', '.join(fitting)}."
    )


def methods(registry: Registry[Any]) -> list[str]:
    """The names of all attacks, or of all defenses, without that of none."""
    return [name for name in registry.names() if name != NONE]
