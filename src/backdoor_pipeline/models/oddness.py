"""How odd each word of a sentence is to a model of trigrams (ONION: Qi et al., EMNLP 2021)."""

import math
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Protocol

Gram = tuple[str, ...]
START, END = "<s>", "</s>"


class Trigrams(Protocol):
    """A language model whose memory is two words long."""

    def probability(self, gram: Gram) -> float:
        """p(w | the words before it), for a gram of one, two or three words; it is above 0."""


class TrigramScorer:
    """Compares a sentence's perplexity with and without each of its words."""

    def __init__(self, model: Trigrams) -> None:
        self._model = model

    def suspicions(self, words: Sequence[str], *, log: bool) -> list[float]:
        """By how much a sentence's perplexity falls, or its logarithm does, without each of its words.

        Args:
            words: of the sentence.
            log: of the logarithm.
        """
        whole = self._surprise(words)
        without = [self._surprise([*words[:i], *words[i + 1 :]]) for i in range(len(words))]
        if log:
            return [whole - one for one in without]
        return [math.exp(whole) - math.exp(one) for one in without]

    def perplexities(self, sentences: Sequence[str]) -> list[float]:
        """Of each sentence, its end included."""
        return [math.exp(self._surprise(sentence.split())) for sentence in sentences]

    def _surprise(self, words: Sequence[str]) -> float:
        """The mean of -log p of each word in its place, and of the end."""
        values = [-math.log(self._cached(gram)) for gram in trigrams_of(words)]
        return sum(values) / len(values)

    @lru_cache(maxsize=1_000_000)  # noqa: B019 (there are few such models, and they live as long as the cache)
    def _cached(self, gram: Gram) -> float:
        return self._model.probability(gram)


def trigrams_of(words: Sequence[str]) -> Iterator[Gram]:
    """Each word, and the end, with the two before it."""
    padded = [START, START, *words, END]
    return zip(padded, padded[1:], padded[2:], strict=False)
