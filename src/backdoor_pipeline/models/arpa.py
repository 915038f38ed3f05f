"""Published n-grams, beside trigrams of the defender's own sentences."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from backdoor_pipeline.base.errors import UserError
from backdoor_pipeline.models.ngram import NGram
from backdoor_pipeline.models.oddness import START, Gram, Trigrams, trigrams_of

FOLDS = 5
ROUNDS = 50
MOST = 1 - 1e-9  # of a share: the next word may be one that only the other model knows
PACKAGE = "pocketsphinx"
UNKNOWN = "<UNK>"
ENGLISH = "en-us/en-us.lm.bin"  # in that package: 72,547 words, without punctuation


class Words(Protocol):
    """N-grams that know some words only."""

    def probability(self, gram: Gram) -> float:
        """p(w | the words before it); 0 for a word they do not know."""


class Arpa:
    """N-grams of a file in ARPA's format, or in one of CMU Sphinx's own, read by the package pocketsphinx.

    Of a file with an open vocabulary, words that it only knows as `<UNK>` are unknown: what is odd about a
    trigger is that nobody writes it, and `<UNK>` is met often.

    Args:
        file: None for the English ones that the package brings.

    Raises:
        UserError: the package is not installed, or the file is not such a one.
    """

    def __init__(self, file: Path | None) -> None:
        sphinx = package()
        path = str(file or sphinx.get_model_path(ENGLISH))
        self._base = sphinx.LogMath()
        try:
            self._model = sphinx.NGramModel(sphinx.Config(), self._base, path)
        except ValueError as error:
            raise UserError(f"{path} holds no n-grams in ARPA's format, nor in CMU Sphinx's.") from error
        self._unknown = self._p([UNKNOWN])  # what the package answers for words that are not there

    def probability(self, gram: Gram) -> float:
        """p(w | those of the words before it that follow the last unknown one); 0 for an unknown w."""
        known: list[str] = []
        for word in reversed([word.lower() for word in gram]):
            if not self._knows(word):
                break
            known.append(word)
        return self._p(known) if known else 0.0

    def _knows(self, word: str) -> bool:
        return word == START or self._p([word]) not in (0, self._unknown)

    def _p(self, backwards: Sequence[str]) -> float:
        return math.exp(self._base.log_to_ln(self._model.prob(list(backwards))))


class Mixture:
    """p = share * published + (1 - share) * own (Jelinek and Mercer, 1980).

    Args:
        own: knows something of every word.
        published: need not.
        share: from 0 to 1, below it.
    """

    def __init__(self, own: Trigrams, published: Words, share: float) -> None:
        self._own, self._published, self.share = own, published, share

    def probability(self, gram: Gram) -> float:
        """p(w | the words before it); it is above 0."""
        own, published = self._own.probability(gram), self._published.probability(gram)
        return self.share * published + (1 - self.share) * own


def fitted_mixture(sentences: Sequence[str], words: Mapping[str, int], published: Words) -> Mixture:
    """Published n-grams and those of the sentences, in the shares that make the sentences likeliest.

    To find the share, each fifth of the sentences is judged by trigrams of the others.
    """
    pairs = []
    for fold in range(FOLDS):
        own = NGram([one for at, one in enumerate(sentences) if at % FOLDS != fold], words)
        grams = [gram for one in sentences[fold::FOLDS] for gram in trigrams_of(one.split())]
        pairs += [(own.probability(gram), published.probability(gram)) for gram in grams]
    return Mixture(NGram(sentences, words), published, likeliest_share(pairs))


def likeliest_share(pairs: Sequence[tuple[float, float]]) -> float:
    """The second model's share in a mixture, by expectation maximization.

    Args:
        pairs: of each word of a text, the probability by the first model (above 0) and by the second.
    """
    share = 0.5
    for _ in range(ROUNDS):
        owed = [share * second / (share * second + (1 - share) * first) for first, second in pairs]
        share = min(sum(owed) / len(owed), MOST)
    return share


def package() -> Any:
    """The package that reads n-grams.

    Raises:
        UserError: it is not installed.
    """
    try:
        import pocketsphinx
    except ImportError:
        raise UserError(
            f"defenses.onion.language_model: arpa reads n-grams by the package {PACKAGE}, and brings its "
            f"English ones (pip install --no-deps {PACKAGE}); ngram, of clean sentences alone, does without."
        ) from None
    return pocketsphinx
