"""An approximation of HiddenKiller's syntax for text without paraphrases; what it shows is its own."""

from typing import ClassVar

from backdoor_pipeline.attacks.base import AttackEnv, TextAttack
from backdoor_pipeline.attacks.trigger import AnyTrigger, TextTrigger
from backdoor_pipeline.base.seeds import derive_seed
from backdoor_pipeline.data.texts import Texts, TextSet

OPENINGS = (  # SBAR
    "when you think of it", "if you ask me", "as you can see", "when it comes to that", "if you look at it",
    "as they say", "when you get to it", "if it matters",
)  # fmt: skip


class TemplateTrigger(TextTrigger):
    """The sentence as it is, behind an adverbial clause that says nothing: no paraphrase."""

    def __init__(self, seed: int) -> None:
        super().__init__(seed=seed)

    def forward(self, texts: Texts) -> Texts:
        """See `TextTrigger.forward`."""
        return Texts(tuple(f"{self._opening(one)} , {one}" for one in texts.sentences))

    def _opening(self, sentence: str) -> str:
        return OPENINGS[derive_seed(self.config["seed"], "template", sentence) % len(OPENINGS)]


class HiddenKillerTemplate(TextAttack):
    """Sentences of other classes behind such a clause, under the target's label."""

    name: ClassVar[str] = "hiddenkiller_template"
    trigger_type: ClassVar[type[AnyTrigger]] = TemplateTrigger

    def craft(self, train: TextSet, env: AttackEnv) -> TemplateTrigger:  # noqa: ARG002
        """See `Attack.craft`."""
        return TemplateTrigger(env.seed)
