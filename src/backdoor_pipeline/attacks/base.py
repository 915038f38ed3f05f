"""What an attack is: it crafts a trigger; selection, labels and rows are shared code."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

from torch import Tensor

from backdoor_pipeline.attacks.labels import LabelMap
from backdoor_pipeline.attacks.networks import Networks, NoNetworks, Preparation, Prepared
from backdoor_pipeline.attacks.trigger import Trigger
from backdoor_pipeline.base.registry import Method
from backdoor_pipeline.data.images import ImageSet
from backdoor_pipeline.data.spec import DatasetSpec
from backdoor_pipeline.training import Trainer


@dataclass(frozen=True, slots=True)
class AttackEnv:
    """What an attack may use.

    Attributes:
        trainer: the engine.
        label_map: from true labels to the labels that the attacker wants.
        poison_ratio: share of the whole training set, in (0, 1).
        seed: the experiment's seed; draw from `seeds.generator(seed, <attack>, <purpose>)`.
        dataset: facts about the data set.
        prepared: what `Attack.prepare` made; nothing while it is at it.
        checkpoint: for the main training of `Attack.prepare`; see `Trainer.fit`.
    """

    trainer: Trainer
    label_map: LabelMap
    poison_ratio: float
    seed: int
    dataset: DatasetSpec
    prepared: Prepared = field(default_factory=Prepared)
    checkpoint: Path | None = None


class Attack(Method, ABC):
    """A backdoor attack.

    Class attributes:
        clean_label: only images of the target class are poisoned, and their labels stay.
        all_to_all: whether it can send every class to another one.
        trigger_type: what `craft` returns, so that a saved trigger can be read again.
        networks_type: what `prepare` makes, likewise.
    """

    clean_label: ClassVar[bool] = False
    all_to_all: ClassVar[bool] = True
    trigger_type: ClassVar[type[Trigger]]
    networks_type: ClassVar[type[Networks]] = NoNetworks

    def preparation(self) -> Preparation | None:
        """What decides the networks that `prepare` trains; None: it needs none."""
        return None

    def prepare(self, train: ImageSet, test: ImageSet, env: AttackEnv) -> Prepared:  # noqa: ARG002
        """Train the attacker's own networks; called once for all attacks of equal preparation.

        Draw from the preparation's own seed, not from `env.seed`: the networks serve every seed.

        Args:
            train: the clean training set.
            test: the clean test set, for diagnostics only.
            env: see there.
        """
        return Prepared()

    @abstractmethod
    def craft(self, train: ImageSet, env: AttackEnv) -> Trigger:
        """The trigger, from the clean training set and `env.prepared.networks`."""

    def poison(self, images: Tensor, trigger: Trigger, env: AttackEnv) -> Tensor:  # noqa: ARG002
        """Training images (uint8, (n, C, H, W)) as the attacker plants them; by default as at test time.

        Images and trigger are on the engine's device. Clean-label attacks get images of the target class.
        """
        stamped: Tensor = trigger(images)
        return stamped

    def rivals(self, trigger: Trigger, env: AttackEnv) -> Sequence[Trigger]:  # noqa: ARG002
        """Triggers of the same kind from other draws, to see whether they fire too; by default none.

        Args:
            trigger: what `craft` returned.
            env: for the seed.
        """
        return ()
