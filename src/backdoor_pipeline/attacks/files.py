"""A trigger in one safetensors file, rebuilt by its attack's `trigger_type`."""

from pathlib import Path
from typing import Any

from backdoor_pipeline.attacks import ATTACKS
from backdoor_pipeline.attacks.trigger import AnyTrigger, NoTrigger
from backdoor_pipeline.base.registry import IMPORTED, NONE
from backdoor_pipeline.base.seals import ANYONES, Seal
from backdoor_pipeline.base.tensorfile import load_tensors, save_tensors


def save_trigger(path: Path, trigger: AnyTrigger, attack: str, seal: Seal = ANYONES) -> None:
    """Write a trigger.

    Args:
        path: the file, whole or absent.
        trigger: what `craft` returned.
        attack: the attack's name, "none" or "imported".
        seal: what the file is to bear.
    """
    meta: dict[str, Any] = {"attack": attack, "config": trigger.config}
    save_tensors(path, trigger.state_dict(), meta, seal)


def load_trigger(path: Path, seal: Seal = ANYONES) -> AnyTrigger:
    """Read and rebuild a trigger.

    Raises:
        FileNotFoundError: there is no such file.
        CorruptFileError: it is truncated, changed, or no trigger.
        UserError: its attack is not known here, or the file cannot be read.
    """
    tensors, meta = load_tensors(path, seal)
    kind = NoTrigger if meta["attack"] in (NONE, IMPORTED) else ATTACKS[meta["attack"]].trigger_type
    trigger: AnyTrigger = kind(**meta["config"])
    trigger.load_state_dict(tensors)
    return trigger
