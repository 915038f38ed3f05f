"""A trigram model of words with interpolated Kneser-Ney smoothing (Chen and Goodman, 1999, section 2.7)."""

from collections import Counter
from collections.abc import Mapping, Sequence

from backdoor_pipeline.models.oddness import Gram, trigrams_of

DISCOUNT = 0.75
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
            trigrams.update(trigrams_of(sentence.split()))
        bigrams = Counter(gram[1:] for gram in trigrams)  # in how many contexts: their continuation counts
        self._counts = (Counter(gram[1:] for gram in bigrams), bigrams, trigrams)
        self._totals = [Counter[Gram]() for _ in self._counts]
        self._kinds = [Counter[Gram]() for _ in self._counts]
        for order, counts in enumerate(self._counts):
            for gram, count in counts.items():
                self._totals[order][gram[:-1]] += count
                self._kinds[order][gram[:-1]] += 1
        self._words, self._met = words, sum(words.values())

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
