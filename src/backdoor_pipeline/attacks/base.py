"""What an attack is: it crafts a trigger; selection, labels and rows are shared code."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from backdoor_pipeline.attacks.labels import LabelMap
from backdoor_pipeline.attacks.trigger import Trigger
from backdoor_pipeline.data.images import ImageSet
from backdoor_pipeline.registry import Method
from backdoor_pipeline.training import Trainer


@dataclass(frozen=True, slots=True)
class AttackEnv:
    """What an attack may use while it crafts.

    Attributes:
        trainer: the engine, for surrogates, encoders and generators.
        label_map: from true labels to the labels that the attacker wants.
        seed: the experiment's seed; draw from `seeds.generator(seed, <attack>, <purpose>)`.
    """

    trainer: Trainer
    label_map: LabelMap
    seed: int


class Attack(Method, ABC):
    """A backdoor attack.

    Class attributes:
        clean_label: only images of the target class are poisoned, and their labels stay.
        trigger_type: what `craft` returns, so that a saved trigger can be read again.
    """

    clean_label: ClassVar[bool] = False
    trigger_type: ClassVar[type[Trigger]]

    @abstractmethod
    def craft(self, train: ImageSet, env: AttackEnv) -> Trigger:
        """The trigger, from the clean training set."""

    def poison(self, images: Tensor, trigger: Trigger, env: AttackEnv) -> Tensor:  # noqa: ARG002
        """Training images (uint8, (n, C, H, W)) as the attacker plants them; by default as at test time."""
        stamped: Tensor = trigger(images)
        return stamped
