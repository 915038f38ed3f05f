"""ONION (Qi et al., EMNLP 2021): words that make a sentence odd are taken out before the model reads it."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, ClassVar, Literal, Self

import torch
from pydantic import Field, model_validator
from torch import Tensor

from backdoor_pipeline.base.errors import UserError
from backdoor_pipeline.base.seeds import generator
from backdoor_pipeline.data.spec import Kind
from backdoor_pipeline.data.texts import Texts
from backdoor_pipeline.defenses.base import Defended, DefenderView, Defense
from backdoor_pipeline.defenses.diagnostics import Curve, Diagnostics
from backdoor_pipeline.defenses.parts.held_out import ROUNDING
from backdoor_pipeline.models import arpa
from backdoor_pipeline.models.classifier import Classifier
from backdoor_pipeline.models.purifier import (
    ArpaSpec,
    Gpt2Spec,
    LanguageModel,
    NGramSpec,
    Purifier,
    content_of,
    scorer_of,
    without_suspicious,
)
from backdoor_pipeline.models.text_classifier import TextClassifier

# Of the clean set: the n-gram model must not have seen the sentences that its threshold is chosen on.
FOLDS = 5
CURVE = ("removed", "clean_accuracy")


class Onion(Defense):
    """The model stays as it is; what it reads is purified. The threshold is chosen on the clean set alone."""

    name: ClassVar[str] = "onion"
    kinds: ClassVar[frozenset[Kind]] = frozenset({"text"})

    language_model: Literal["ngram", "arpa", "gpt2"]
    folder: Path | None  # of gpt2
    file: Path | None  # of arpa: n-grams; null for the package's
    words: Path | None  # of ngram and arpa: a file of words and how often they are met
    difference: Literal["perplexity", "log"]
    cost: float = Field(ge=0, le=1)  # of clean accuracy, at most
    shares: tuple[Annotated[float, Field(ge=0, le=1)], ...] = Field(
        min_length=1
    )  # of all clean words, above whose thresholds words go

    @model_validator(mode="after")
    def _read_alone(self) -> Self:
        """Files that this language model does not read decide nothing, and need not be there."""
        unread = {"ngram": ("folder", "file"), "arpa": ("folder",), "gpt2": ("file", "words")}
        for field in unread[self.language_model]:
            object.__setattr__(self, field, None)
        return self

    def require(self, model: Classifier) -> None:  # noqa: ARG002
        """See `Defense.require`: a language model."""
        if self.language_model == "arpa":
            arpa.package()
        if self.language_model == "gpt2" and self.folder is None:
            raise UserError("defenses.onion.folder: give the folder of GPT-2, or use language_model ngram.")

    def defend(self, view: DefenderView) -> Defended:
        """See `Defense.defend`.

        Raises:
            UserError: the language model is not there.
        """
        assert isinstance(view.model, TextClassifier)
        self.require(view.model)
        texts = view.clean.inputs
        assert isinstance(texts, Texts)
        odd = self._suspicions(texts.sentences, view.seed)
        rows = self._tried(view, texts, odd)
        chosen = affordable(rows, self.cost)
        purifier = Purifier(
            threshold=chosen["threshold"],
            log=self.difference == "log",
            language_model=self._spec(texts.sentences),
        )
        curve = Curve("removed", {name: [row[name] for row in rows] for name in CURVE}, chosen["removed"])
        told = {"threshold": chosen["threshold"], "clean_words_removed": chosen["removed"]}
        told |= {"clean_accuracy_lost": chosen["loss"]}
        view.model.put_before(purifier)
        return Defended(view.model, told, diagnostics=Diagnostics(curve))

    def _spec(self, sentences: Sequence[str]) -> LanguageModel:
        if self.language_model == "gpt2":
            assert self.folder is not None
            gpt2 = Gpt2Spec(folder=self.folder)
            return gpt2.model_copy(update={"content": content_of(gpt2)})
        words = read_words(self.words) if self.words else {}
        if self.language_model == "arpa":
            published = ArpaSpec(file=self.file, sentences=tuple(sentences), words=words)
            return published.model_copy(update={"content": content_of(published)})
        return NGramSpec(sentences=tuple(sentences), words=words)

    def _suspicions(self, sentences: Sequence[str], seed: int) -> list[list[float]]:
        """Of every word of the clean sentences, by a language model not fitted on its sentence."""
        log = self.difference == "log"
        if self.language_model == "gpt2":
            scorer = scorer_of(self._spec(sentences))
            return [scorer.suspicions(one.split(), log=log) for one in sentences]
        fold = torch.randperm(len(sentences), generator=generator(seed, "onion", "folds")) % FOLDS
        fitted = [
            scorer_of(self._spec([one for one, own in zip(sentences, fold, strict=True) if own != left_out]))
            for left_out in range(FOLDS)
        ]
        return [
            fitted[int(own)].suspicions(one.split(), log=log)
            for one, own in zip(sentences, fold, strict=True)
        ]

    def _tried(self, view: DefenderView, texts: Texts, odd: list[list[float]]) -> list[dict[str, float]]:
        """What each threshold would cost on the clean set; the first removes nothing."""
        every = torch.tensor([value for values in odd for value in values], dtype=torch.float64)
        thresholds = [float(every.max())]
        thresholds += [float(every.quantile(1 - share)) for share in sorted(self.shares)]
        rows = []
        for threshold in thresholds:
            pairs = zip(texts.sentences, odd, strict=True)
            kept = Texts(tuple(without_suspicious(one.split(), values, threshold) for one, values in pairs))
            right = _right(view, kept)
            removed = float((every > threshold).double().mean())
            rows.append({"threshold": threshold, "removed": removed, "clean_accuracy": right})
        return [{**row, "loss": rows[0]["clean_accuracy"] - row["clean_accuracy"]} for row in rows]


def affordable(rows: Sequence[Mapping[str, float]], cost: float) -> Mapping[str, float]:
    """Of the thresholds that cost at most so much clean accuracy, the one that removes most words.

    Args:
        rows: of each threshold its `loss` of accuracy and the share of words `removed`; one loses nothing.
        cost: of clean accuracy, from 0 to 1.
    """
    return max((row for row in rows if row["loss"] <= cost + ROUNDING), key=lambda row: row["removed"])


def read_words(file: Path) -> dict[str, int]:
    """Words and how often they are met, one pair a line, parted by a blank.

    Raises:
        UserError: the file is not there, or holds something else.
    """
    try:
        pairs = [line.split() for line in file.read_text(encoding="utf-8-sig").splitlines() if line.strip()]
        return {word.lower(): int(count) for word, count in pairs}
    except (OSError, ValueError) as error:
        raise UserError(f"defenses.onion.words: {file} is no list of words and counts ({error}).") from error


def _right(view: DefenderView, texts: Texts) -> float:
    predicted: Tensor = view.trainer.predict(view.model, texts)
    return float((predicted == view.clean.labels).double().mean())
