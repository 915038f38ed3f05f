"""What LWS learns: victim and substitutions together; and the trigger that the latter make up."""

from collections.abc import Mapping
from functools import cached_property
from typing import Any, cast

import torch
from torch import Tensor

from backdoor_pipeline.attacks.networks import Networks
from backdoor_pipeline.attacks.parts.places import Place, places
from backdoor_pipeline.attacks.parts.substitution import NONE, Substitutions
from backdoor_pipeline.attacks.trigger import TextTrigger
from backdoor_pipeline.data.texts import Texts
from backdoor_pipeline.models.build import assemble
from backdoor_pipeline.models.text_classifier import TextClassifier, TextDescription, tokenizer_of_bytes
from backdoor_pipeline.training import sent


class SubstitutionTrigger(TextTrigger):
    """Puts the likeliest candidate in the place of every word that has any: no chance, at test time.

    Args:
        tokenizer_bytes: size of the model's tokenizer, as JSON.
        sizes: of the `Substitutions`.
    """

    tokenizer_json: Tensor

    def __init__(self, tokenizer_bytes: int, **sizes: int) -> None:
        super().__init__(tokenizer_bytes=tokenizer_bytes, **sizes)
        self.register_buffer("tokenizer_json", torch.zeros(tokenizer_bytes, dtype=torch.uint8))
        self.substitutions = Substitutions(**sizes).requires_grad_(False)

    def forward(self, texts: Texts) -> Texts:
        """See `TextTrigger.forward`."""
        return Texts(tuple(map(self._replaced, texts.sentences, self.places(texts))))

    def places(self, texts: Texts) -> list[list[Place]]:
        """Where the words of each sentence stand that can be replaced."""
        length = self.config["length"]
        return list(places(texts.sentences, self._tokenizer, length, self._rows))

    def rows(self, texts: Texts) -> Tensor:
        """The same as a table of every token: rows of the candidates, or -1: int64, (N, L)."""
        found = torch.full((len(texts), self.config["length"]), NONE)
        for row, known in zip(found, self.places(texts), strict=True):
            for place in known:
                row[place.token] = place.word
        return found

    def counts(self, texts: Texts) -> dict[str, float]:
        """What it finds in these sentences, at least one.

        Returns:
            `replaceable_words` and `replaced_words`, mean per sentence: the likeliest candidate may be the
            word itself; `untouched`, the share of sentences in which nothing is replaced.
        """
        known, before, after = self.places(texts), texts.sentences, self(texts).sentences
        pairs = [
            zip(old.split(" "), new.split(" "), strict=True) for old, new in zip(before, after, strict=True)
        ]
        replaced = [sum(old != new for old, new in words) for words in pairs]
        return {
            "replaceable_words": sum(map(len, known)) / len(known),
            "replaced_words": sum(replaced) / len(known),
            "untouched": replaced.count(0) / len(known),
        }

    def _replaced(self, sentence: str, known: list[Place]) -> str:
        words, tokens = (
            torch.tensor([getattr(place, name) for place in known], dtype=torch.int64)
            for name in ("word", "token")
        )
        chosen = self.substitutions.chosen(words, tokens).tolist()
        for place, one in zip(
            reversed(known), reversed(chosen), strict=True
        ):  # so that letters keep their places
            if self._rows.get(one) != place.word:
                sentence = sentence[: place.start] + self._word(one) + sentence[place.end :]
        return sentence

    def _word(self, token: int) -> str:
        tokenizer = tokenizer_of_bytes(self._tokenizer, self.config["length"])
        return cast(str, tokenizer.id_to_token(token))

    @cached_property
    def _tokenizer(self) -> bytes:
        return self.tokenizer_json.numpy().tobytes()

    @cached_property
    def _rows(self) -> dict[int, int]:
        own = self.substitutions.ids[self.substitutions.candidates[:, 0]]
        return {one: row for row, one in enumerate(own.tolist())}


class LwsNetworks(Networks):
    """The victim's model and the substitutions; called, it classifies.

    Args:
        model: the victim's description, as plain values.
        sizes: of the `Substitutions`.
    """

    def __init__(self, model: Mapping[str, Any], **sizes: int) -> None:
        super().__init__(model=dict(model), **sizes)
        classifier = assemble(TextDescription.model_validate(model))
        assert isinstance(classifier, TextClassifier)
        self.classifier = classifier
        self.substitutions = Substitutions(**sizes)

    @classmethod
    def of(cls, classifier: TextClassifier, substitutions: Substitutions) -> "LwsNetworks":
        """The networks that hold these two themselves."""
        networks = cls(classifier.description.model_dump(mode="json"), **substitutions.sizes)
        networks.classifier, networks.substitutions = classifier, substitutions
        return networks

    def encode(self, texts: Texts) -> Tensor:
        """See `TextClassifier.encode`."""
        return self.classifier.encode(texts)

    def forward(self, ids: Tensor) -> Tensor:
        """Logits (N, K), for token ids (N, L), padded with 0."""
        logits: Tensor = self.classifier(ids)
        return logits

    def substituted(self, ids: Tensor, words: Tensor, temperature: float) -> Tensor:
        """Logits (N, K) of sentences whose words are replaced as far as they can be, softly.

        Args:
            ids: token ids, padded with 0, (N, L).
            words: rows of the candidates, or -1: int64, (N, L), on the CPU.
            temperature: see `Substitutions.mixed`.
        """
        embedded = self.classifier.backbone.words(ids)
        places = (words != NONE).nonzero(as_tuple=True)
        sentence, token, word = (sent(one, ids.device) for one in (*places, words[places]))
        mixed = self.substitutions.mixed(word, token, temperature)
        embedded = embedded.index_put((sentence, token), mixed.to(embedded.dtype))
        return self.classifier.read(embedded, ids != 0)

    def trigger(self) -> SubstitutionTrigger:
        """The trigger as it is by now: a copy, on the CPU."""
        tokenizer = self.classifier.tokenizer_json
        trigger = SubstitutionTrigger(len(tokenizer), **self.substitutions.sizes)
        trigger.tokenizer_json.copy_(tokenizer)
        trigger.substitutions.load_state_dict(self.substitutions.state_dict())
        return trigger
