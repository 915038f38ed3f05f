"""A trigram model of words with interpolated Kneser-Ney smoothing (Chen and Goodman, 1999, section 2.7)."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import lru_cache

DISCOUNT = 0.75
Gram = tuple[str, ...]

START, END = "<s>", "</s>"
UNKNOWN_MASS, UNKNOWN_WORDS = 0.1, 100_000  # below all orders: what no list knows, spread over so many words


class NGram:
    """Fitted on sentences whose words are parted by blanks; below the unigrams lies a list of word counts.

    Args:
        sentences: to fit on.
        words: how often words are met in the language, lower case; may be empty.
    """

    def __init__(self, sentences: Sequence[str], words: Mapping[str, int]) -> None:
        trigrams: Counter[Gram] = Counter()
        for sentence in sentences:
            padded = _padded(sentence.split())
            trigrams.update(zip(padded, padded[1:], padded[2:], strict=False))
        bigrams = Counter(gram[1:] for gram in trigrams)  # in how many contexts: their continuation counts
        self._counts = (Counter(gram[1:] for gram in bigrams), bigrams, trigrams)
        self._totals = [Counter[Gram]() for _ in self._counts]
        self._kinds = [Counter[Gram]() for _ in self._counts]
        for order, counts in enumerate(self._counts):
            for gram, count in counts.items():
                self._totals[order][gram[:-1]] += count
                self._kinds[order][gram[:-1]] += 1
        self._words, self._met = words, sum(words.values())

    def suspicions(self, words: Sequence[str], *, log: bool) -> list[float]:
        """By how much a sentence's perplexity falls, or its logarithm does, without each of its words.

        Args:
            words: of the sentence.
            log: of the logarithm.
        """
        whole = _mean(self._surprise(words))
        without = [_mean(self._surprise([*words[:i], *words[i + 1 :]])) for i in range(len(words))]
        if log:
            return [whole - one for one in without]
        return [math.exp(whole) - math.exp(one) for one in without]

    def perplexities(self, sentences: Sequence[str]) -> list[float]:
        """Of each sentence, its end included."""
        return [math.exp(_mean(self._surprise(sentence.split()))) for sentence in sentences]

    def _surprise(self, words: Sequence[str]) -> list[float]:
        """-log p of each word in its place, and of the end."""
        padded = _padded(words)
        grams = zip(padded, padded[1:], padded[2:], strict=False)
        return [-math.log(self._cached(gram)) for gram in grams]

    @lru_cache(maxsize=1_000_000)  # noqa: B019 (there are few such models, and they live as long as the cache)
    def _cached(self, gram: Gram) -> float:
        return self.probability(gram)

    def probability(self, gram: Gram) -> float:
        """p(w | the words before it), for a gram of one, two or three words; it is above 0."""
        if not gram:
            return 1.0
        order, context = len(gram) - 1, gram[:-1]
        lower = self.probability(gram[1:]) if order else self._below(gram[0])
        total = self._totals[order][context]
        if not total:
            return lower
        own = max(self._counts[order][gram] - DISCOUNT, 0)
        return (own + DISCOUNT * self._kinds[order][context] * lower) / total

    def _below(self, word: str) -> float:
        known = self._words.get(word.lower(), 0) / self._met if self._met else 0.0
        share = UNKNOWN_MASS if self._met else 1.0
        return (1 - share) * known + share / UNKNOWN_WORDS


def _padded(words: Sequence[str]) -> list[str]:
    return [START, START, *words, END]


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
