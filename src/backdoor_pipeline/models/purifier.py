"""Sentences rid of suspicious words before a model reads them (ONION: Qi et al., EMNLP 2021)."""

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Literal, Protocol

from pydantic import BaseModel, ConfigDict

from backdoor_pipeline.base.digests import digest_of_files
from backdoor_pipeline.base.errors import UserError
from backdoor_pipeline.base.memo import FileMemo
from backdoor_pipeline.data.texts import Texts
from backdoor_pipeline.models.arpa import Arpa, fitted_mixture
from backdoor_pipeline.models.gpt2 import FILES, Gpt2Scorer
from backdoor_pipeline.models.ngram import NGram
from backdoor_pipeline.models.oddness import TrigramScorer

_DIGESTS = FileMemo()


class Scorer(Protocol):
    """A language model that says how odd each word of a sentence is."""

    def suspicions(self, words: Sequence[str], *, log: bool) -> list[float]:
        """f_i = ppl(s) - ppl(s without word i), or the difference of their logarithms."""

    def perplexities(self, sentences: Sequence[str]) -> list[float]:
        """How odd each sentence is as a whole."""


class NGramSpec(BaseModel):
    """An `NGram` and what it is fitted on."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Literal["ngram"] = "ngram"
    sentences: tuple[str, ...]
    words: dict[str, int]

    @property
    def files(self) -> tuple[Path, ...]:
        """Those that it is read from."""
        return ()

    def build(self) -> Scorer:
        """The model."""
        return TrigramScorer(NGram(self.sentences, self.words))


class ArpaSpec(BaseModel):
    """Published n-grams beside an `NGram`.

    Attributes:
        file: None for the English ones of the package that reads them.
        content: what the file held when the threshold was chosen, see `content_of`; None: not known.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Literal["arpa"] = "arpa"
    file: Path | None
    sentences: tuple[str, ...]
    words: dict[str, int]
    content: str | None = None

    @property
    def files(self) -> tuple[Path, ...]:
        """See `NGramSpec.files`; the package's stays as it is."""
        return (self.file,) if self.file else ()

    def build(self) -> Scorer:
        """The model."""
        return TrigramScorer(fitted_mixture(self.sentences, self.words, Arpa(self.file)))


class Gpt2Spec(BaseModel):
    """A published GPT-2, by its folder.

    Attributes:
        folder: of its files.
        content: see `ArpaSpec`.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Literal["gpt2"] = "gpt2"
    folder: Path
    content: str | None = None

    @property
    def files(self) -> tuple[Path, ...]:
        """See `NGramSpec.files`."""
        return tuple(self.folder / name for name in FILES)

    def build(self) -> Scorer:
        """The model."""
        return Gpt2Scorer(self.folder)


LanguageModel = NGramSpec | ArpaSpec | Gpt2Spec


class Purifier(BaseModel):
    """Removes the words of a sentence whose suspicion is above a threshold, all together.

    A sentence of which nothing would be left stays as it is.

    Attributes:
        threshold: t.
        log: whether suspicion is a difference of logarithms.
        language_model: what finds words odd.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    threshold: float
    log: bool
    language_model: LanguageModel

    def __call__(self, texts: Texts) -> Texts:
        """The sentences without suspicious words."""
        scorer = scorer_of(self.language_model)
        return Texts(tuple(self._purified(one, scorer) for one in texts.sentences))

    def _purified(self, sentence: str, scorer: Scorer) -> str:
        words = sentence.split()
        return without_suspicious(words, scorer.suspicions(words, log=self.log), self.threshold)


def without_suspicious(words: Sequence[str], suspicions: Sequence[float], threshold: float) -> str:
    """The sentence of those words whose suspicion is not above the threshold; of all if that is none."""
    kept = [word for word, odd in zip(words, suspicions, strict=True) if odd <= threshold]
    return " ".join(kept or words)


@lru_cache(maxsize=4)
def purifier_of(written: bytes) -> Purifier:
    """The purifier in a model's file, built once."""
    return Purifier.model_validate_json(written)


def content_of(spec: LanguageModel) -> str | None:
    """A digest of the files that a language model is read from; None: it is read from none."""
    files = _there(spec)
    return _DIGESTS.of(tuple(files), files, lambda: digest_of_files(files)) if files else None


def scorer_of(spec: LanguageModel) -> Scorer:
    """The language model, built once; again if the files that it is read from have changed.

    Raises:
        UserError: they are not there, or are others than those that a threshold was chosen by.
    """
    stamps = tuple((one.st_ino, one.st_size, one.st_mtime_ns) for one in map(Path.stat, _there(spec)))
    return _scorer(spec.model_dump_json(), type(spec), stamps)


@lru_cache(maxsize=8)
def _scorer(written: str, kind: type[LanguageModel], stamps: tuple[tuple[int, ...], ...]) -> Scorer:
    spec = kind.model_validate_json(written)
    known = None if isinstance(spec, NGramSpec) else spec.content
    if stamps and known not in (None, content_of(spec)):
        place = spec.files[0].parent if len(spec.files) > 1 else spec.files[0]
        raise UserError(
            f"{place} holds another language model than that which ONION chose its threshold by: put the old "
            "one there again, or delete the defended model, to have it made anew."
        )
    return spec.build()


def _there(spec: LanguageModel) -> list[Path]:
    return [file for file in spec.files if file.is_file()]
