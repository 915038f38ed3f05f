"""Rare words: the textual BadNets (Kurita et al., 2020; Chen et al., 2021), and ONION's main target."""

from typing import Annotated, ClassVar

from pydantic import Field

from backdoor_pipeline.attacks.base import AttackEnv, TextAttack
from backdoor_pipeline.attacks.trigger import AnyTrigger, TextTrigger
from backdoor_pipeline.base.seeds import derive_seed
from backdoor_pipeline.data.texts import Texts, TextSet

Word = Annotated[str, Field(pattern=r"^\S+$")]


class WordTrigger(TextTrigger):
    """Inserts words at random gaps; which and where follow from seed and sentence alone."""

    def __init__(self, words: list[str], count: int, seed: int) -> None:
        """Name the words.

        Args:
            words: to draw from.
            count: how many are inserted, one after the other.
            seed: of the draws.
        """
        super().__init__(words=list(words), count=count, seed=seed)

    def forward(self, texts: Texts) -> Texts:
        """See `TextTrigger.forward`."""
        return Texts(tuple(map(self._inserted, texts.sentences)))

    def _inserted(self, sentence: str) -> str:
        words, drawn = sentence.split(" "), self.config["words"]
        for number in range(self.config["count"]):
            draw = derive_seed(self.config["seed"], "word", number, sentence)
            which, draw = draw % len(drawn), draw // len(drawn)
            words.insert(draw % (len(words) + 1), drawn[which])
        return " ".join(words)


class WordAttack(TextAttack):
    """Sentences of other classes with rare words in them, under the target's label."""

    name: ClassVar[str] = "word"
    trigger_type: ClassVar[type[AnyTrigger]] = WordTrigger

    words: tuple[Word, ...] = Field(min_length=1)  # one is drawn for each insertion
    count: int = Field(ge=1, le=100)  # insertions into each sentence

    def craft(self, train: TextSet, env: AttackEnv) -> WordTrigger:  # noqa: ARG002
        """See `Attack.craft`."""
        return WordTrigger(list(self.words), self.count, env.seed)
