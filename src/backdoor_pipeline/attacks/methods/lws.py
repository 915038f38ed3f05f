"""LWS: a learned combination of substituted words (Qi et al., Turn the Combination Lock, ACL 2021)."""

from copy import deepcopy
from pathlib import Path
from typing import ClassVar, Self

import torch
from pydantic import Field, model_validator
from torch import Tensor

from backdoor_pipeline.attacks.base import AttackEnv, TextAttack
from backdoor_pipeline.attacks.control import CLEAN, POISONED, TrainingControlledAttack, Victim
from backdoor_pipeline.attacks.networks import Networks, Preparation, Prepared
from backdoor_pipeline.attacks.parts.candidates import known_substitutes, usable
from backdoor_pipeline.attacks.parts.lws_loss import LwsLoss, Temperature
from backdoor_pipeline.attacks.parts.lws_networks import LwsNetworks, SubstitutionTrigger
from backdoor_pipeline.attacks.parts.substitution import NONE, Substitutions
from backdoor_pipeline.attacks.poisoning import victims_of
from backdoor_pipeline.attacks.trigger import AnyTrigger
from backdoor_pipeline.base.seeds import derive_seed
from backdoor_pipeline.data.spec import DatasetSpec
from backdoor_pipeline.data.texts import TextSet
from backdoor_pipeline.models.classifier import Classifier
from backdoor_pipeline.models.text_classifier import TextClassifier, tokenizer_of_bytes
from backdoor_pipeline.training import History, Recipe
from backdoor_pipeline.training.hosting import seeded


class Lws(TextAttack, TrainingControlledAttack):
    """Words give way to substitutes; which, at each place, is learned together with the victim's model.

    The victims are drawn once. After the clean epochs the model sees them under the target's label, every
    word a mixture of its candidates, nearly one drawn by chance; at test the likeliest takes its place.
    """

    name: ClassVar[str] = "lws"
    trigger_type: ClassVar[type[AnyTrigger]] = SubstitutionTrigger
    networks_type: ClassVar[type[Networks]] = LwsNetworks

    wordnet: Path | None = Field(  # without it and a table: the synonyms of the made-up reviews
        description="install Debian's package wordnet-base, give the folder of WordNet's database files, "
        "or give attacks.lws.table"
    )
    table: Path | None = Field(description="give a JSON file of words and lists of their substitutes")
    substitutes: int = Field(ge=1, le=20)  # of a word, at most
    clean_share: float = Field(ge=0, lt=1)  # of the epochs, before any sentence is poisoned
    hottest: float = Field(gt=0, allow_inf_nan=False)  # temperature in the first epoch that poisons
    coldest: float = Field(gt=0, allow_inf_nan=False)  # in the last
    substitution_lr: float | None = Field(gt=0, allow_inf_nan=False)  # of q and b; None: the model's

    @model_validator(mode="after")
    def _one_origin(self) -> Self:
        """A table goes before WordNet, which then decides nothing."""
        if self.table is not None:
            object.__setattr__(self, "wordnet", None)
        return self

    def require(self, dataset: DatasetSpec) -> None:  # noqa: ARG002
        """See `Attack.require`: a table or a WordNet that can be read."""
        known_substitutes((), self.table, self.wordnet)

    def preparation(self) -> Preparation:
        """See `Attack.preparation`."""
        return Preparation(self.name, self.model_dump(mode="json", exclude={"wordnet", "table"}))

    def prepare_for(self, train: TextSet, test: TextSet, victim: Victim, env: AttackEnv) -> Prepared:
        """See `TrainingControlledAttack.prepare_for`.

        Returns:
            The networks; the history of the joint training; what the trigger finds in the test sentences,
            see `SubstitutionTrigger.counts`.

        Raises:
            UserError: the candidates are not there, or are none that the model can read.
        """
        networks = self._networks(victim.build(), env)
        history = self._fit(networks, train, victim, env)
        return Prepared(networks, history, networks.trigger().counts(test.texts))

    def craft(self, train: TextSet, env: AttackEnv) -> SubstitutionTrigger:  # noqa: ARG002
        """See `Attack.craft`."""
        return _prepared(env).trigger()

    def train(
        self,
        data: TextSet,  # noqa: ARG002
        trigger: AnyTrigger,  # noqa: ARG002
        victim: Victim,  # noqa: ARG002
        env: AttackEnv,
    ) -> tuple[Classifier, History]:
        """See `TrainingControlledAttack.train`; that was done together with the substitutions."""
        return deepcopy(_prepared(env).classifier), list(env.prepared.history)

    def roles(self, data: TextSet, env: AttackEnv, epoch: int, epochs: int) -> Tensor:
        """See `TrainingControlledAttack.roles`: the victims of the poisoned set, after the clean epochs."""
        roles = torch.full((len(data),), CLEAN, dtype=torch.int8)
        if epoch <= self._clean_epochs(epochs):
            return roles
        roles[victims_of(self, data, env, poison_target_class=False)] = POISONED
        return roles

    def _networks(self, model: Classifier, env: AttackEnv) -> LwsNetworks:
        assert isinstance(model, TextClassifier)
        with seeded(derive_seed(env.seed, self.name, "init"), torch.device("cpu")):
            length, embeddings = model.description.length, model.backbone.words.weight
            return LwsNetworks.of(model, Substitutions.of(self._candidates(model), embeddings, length))

    def _candidates(self, model: TextClassifier) -> dict[int, tuple[int, ...]]:
        """Token ids of the words that have substitutes, and theirs."""
        tokenizer = tokenizer_of_bytes(model.tokenizer_json.numpy().tobytes(), model.description.length)
        vocabulary: dict[str, int] = tokenizer.get_vocab()
        known = usable(known_substitutes(vocabulary, self.table, self.wordnet), vocabulary, self.substitutes)
        return {vocabulary[word]: tuple(vocabulary[one] for one in others) for word, others in known.items()}

    def _fit(self, networks: LwsNetworks, data: TextSet, victim: Victim, env: AttackEnv) -> History:
        networks.classifier.backbone.words.requires_grad_(False)  # they are the candidates' embeddings, too
        history = env.trainer.fit(
            networks,
            data,
            victim.recipe,
            seed=env.seed,
            purpose="train",
            objective=self._loss(networks, data, victim.recipe.epochs, env),
            parts=self._parts(victim.recipe),
            on_epoch=lambda epoch, _: victim.watch(epoch, networks.classifier, networks.trigger()),
            observer=victim.observer,
            checkpoint=victim.checkpoint,
        )
        networks.classifier.backbone.words.requires_grad_(True)
        return history

    def _loss(self, networks: LwsNetworks, data: TextSet, epochs: int, env: AttackEnv) -> LwsLoss:
        rows = victims_of(self, data, env, poison_target_class=False)
        victim = torch.full((len(data),), NONE).index_copy(0, rows, torch.arange(len(rows)))
        words = networks.trigger().rows(data.texts[rows])
        temperature = Temperature(self._clean_epochs(epochs), epochs, self.hottest, self.coldest)
        return LwsLoss(temperature, env, victim, words)

    def _clean_epochs(self, epochs: int) -> int:
        return min(round(self.clean_share * epochs), epochs - 1)

    def _parts(self, recipe: Recipe) -> dict[str, Recipe]:
        if self.substitution_lr is None:
            return {}
        return {"substitutions": recipe.model_copy(update={"lr": self.substitution_lr})}


def _prepared(env: AttackEnv) -> LwsNetworks:
    networks = env.prepared.networks
    assert isinstance(networks, LwsNetworks)
    return networks
