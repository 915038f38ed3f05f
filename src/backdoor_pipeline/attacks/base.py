"""What an attack is: it crafts a trigger; selection, labels and rows are shared code."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from backdoor_pipeline.attacks.labels import LabelMap
from backdoor_pipeline.attacks.networks import Networks, NoNetworks, Preparation, Prepared
from backdoor_pipeline.attacks.trigger import AnyTrigger
from backdoor_pipeline.base.registry import Method
from backdoor_pipeline.data.spec import DatasetSpec, Kind
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
        poison_target_class: see `select_victims`.
        prepared: what `Attack.prepare` made; nothing while it is at it.
        checkpoint: for the main training of `Attack.prepare`; see `Trainer.fit`.
    """

    trainer: Trainer
    label_map: LabelMap
    poison_ratio: float
    seed: int
    dataset: DatasetSpec
    poison_target_class: bool = True
    prepared: Prepared = field(default_factory=Prepared)
    checkpoint: Path | None = None


class Attack(Method, ABC):
    """A backdoor attack on images or on texts.

    The sets that it is handed are `ImageSet`s or `TextSet`s, by its kind, and so are triggers and inputs.

    Class attributes:
        kind: what it poisons.
        other_classes_only: it never poisons samples that have the wanted label already, whatever
            `poison_target_class` says.
        clean_label: only images of the target class are poisoned, and their labels stay.
        of_paraphrases: only sentences that have a paraphrase are poisoned.
        all_to_all: whether it can send every class to another one.
        trigger_type: what `craft` returns, so that a saved trigger can be read again.
        networks_type: what `prepare` makes, likewise.
    """

    kind: ClassVar[Kind] = "image"
    other_classes_only: ClassVar[bool] = False
    clean_label: ClassVar[bool] = False
    of_paraphrases: ClassVar[bool] = False
    all_to_all: ClassVar[bool] = True
    trigger_type: ClassVar[type[AnyTrigger]]
    networks_type: ClassVar[type[Networks]] = NoNetworks

    def require(self, dataset: DatasetSpec) -> None:
        """See that this attack can be made on such data, and that its files can be read; by default it can.

        Args:
            dataset: facts about the data set.

        Raises:
            UserError: it cannot.
        """

    def preparation(self) -> Preparation | None:
        """What decides the networks that `prepare` trains; None: it needs none."""
        return None

    def prepare(self, train: Any, test: Any, env: AttackEnv) -> Prepared:  # noqa: ARG002
        """Train the attacker's own networks; called once for all attacks of equal preparation.

        Draw from the preparation's own seed, not from `env.seed`: the networks serve every seed.

        Args:
            train: the clean training set.
            test: the clean test set, for diagnostics only.
            env: see there.
        """
        return Prepared()

    @abstractmethod
    def craft(self, train: Any, env: AttackEnv) -> Any:
        """The trigger, from the clean training set and `env.prepared.networks`."""

    def poison(self, inputs: Any, trigger: Any, env: AttackEnv) -> Any:  # noqa: ARG002
        """Training inputs (uint8 images, or texts) as they are planted; by default as at test time.

        Images and trigger are on the engine's device. Clean-label attacks get images of the target class.
        """
        return trigger(inputs)

    def rivals(self, trigger: Any, env: AttackEnv) -> Sequence[Any]:  # noqa: ARG002
        """Triggers of the same kind from other draws, to see whether they fire too; by default none.

        Args:
            trigger: what `craft` returned.
            env: for the seed.
        """
        return ()


class TextAttack(Attack, ABC):
    """An attack on texts: sentences of other classes, triggered, get the wanted label."""

    kind: ClassVar[Kind] = "text"
    other_classes_only: ClassVar[bool] = True
