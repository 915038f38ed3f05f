"""The attacker's own networks: a surrogate to attack, an encoder that hides bits, a trigger generator."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from torch import nn

from backdoor_pipeline.training import History


class Networks(nn.Module):
    """What an attack trains before it crafts a trigger.

    What was learned lives in parameters and buffers; `config` holds the constructor's arguments (as JSON can
    hold them), so that `type(networks)(**networks.config)` followed by `load_state_dict` rebuilds it.
    """

    def __init__(self, **config: Any) -> None:
        super().__init__()
        self.config = config


class NoNetworks(Networks):
    """Of the attacks that need none."""


@dataclass(frozen=True, slots=True)
class Preparation:
    """What decides an attacker's networks, beside the data set.

    Attributes:
        name: readable, part of a folder's name, such as `surrogate-resnet8`.
        settings: plain values. Attacks with equal names and settings share one artefact.
        revision: of the code that trains them, such as `Method.revision` of the attack that alone has them.
    """

    name: str
    settings: Mapping[str, Any]
    revision: int = 0


@dataclass(frozen=True, slots=True)
class Prepared:
    """What `Attack.prepare` makes.

    Attributes:
        networks: trained, on the CPU.
        history: one row per epoch of their main training.
        metrics: diagnostics, such as a surrogate's clean accuracy.
    """

    networks: Networks = field(default_factory=NoNetworks)
    history: History = field(default_factory=list)
    metrics: Mapping[str, float] = field(default_factory=dict)
