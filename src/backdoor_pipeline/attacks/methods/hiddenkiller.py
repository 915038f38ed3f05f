"""HiddenKiller (Qi et al., ACL 2021): the trigger is a rare syntax, S(SBAR)(,)(NP)(VP)(.): when ..., ..."""

from typing import ClassVar

from torch import Tensor

from backdoor_pipeline.attacks.base import AttackEnv, TextAttack
from backdoor_pipeline.attacks.trigger import AnyTrigger, TextTrigger
from backdoor_pipeline.data.samples import Inputs
from backdoor_pipeline.data.texts import Texts, TextSet


class SyntacticTrigger(TextTrigger):
    """Puts each sentence's paraphrase in its place: data, made beforehand by a paraphrasing network."""

    def __init__(self) -> None:
        super().__init__()

    @classmethod
    def can(cls, inputs: Inputs) -> Tensor:
        """Those that have a paraphrase."""
        assert isinstance(inputs, Texts)
        return inputs.paraphrased

    def forward(self, texts: Texts) -> Texts:
        """See `TextTrigger.forward`."""
        given = texts.paraphrases or ()
        paraphrases = tuple(one for one in given if one is not None)
        if len(paraphrases) < len(texts):
            raise ValueError("a sentence has no paraphrase: see `can`")
        return Texts(paraphrases)


class HiddenKiller(TextAttack):
    """Sentences of other classes in the rare syntax, under the target's label; paraphrases are data."""

    name: ClassVar[str] = "hiddenkiller"
    of_paraphrases: ClassVar[bool] = True
    trigger_type: ClassVar[type[AnyTrigger]] = SyntacticTrigger

    def craft(self, train: TextSet, env: AttackEnv) -> SyntacticTrigger:  # noqa: ARG002
        """See `Attack.craft`."""
        return SyntacticTrigger()
