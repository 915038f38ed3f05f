"""How odd a word is, against perplexities worked out by hand."""

import math

import pytest

from backdoor_pipeline.models.ngram import NGram
from backdoor_pipeline.models.oddness import END, START, TrigramScorer


def test_suspicion_is_what_the_perplexity_loses_without_a_word() -> None:
    model = NGram(("a b", "a b", "c b"), {})
    scorer = TrigramScorer(model)

    def loss(*words: str) -> float:
        padded = [START, START, *words, END]
        grams = list(zip(padded, padded[1:], padded[2:], strict=False))
        return -sum(math.log(model.probability(gram)) for gram in grams) / len(grams)

    words = ["a", "cf", "b"]
    expected = [math.exp(loss(*words)) - math.exp(loss(*words[:i], *words[i + 1 :])) for i in range(3)]
    assert scorer.suspicions(words, log=False) == pytest.approx(expected)
    logs = [loss(*words) - loss(*words[:i], *words[i + 1 :]) for i in range(3)]
    assert scorer.suspicions(words, log=True) == pytest.approx(logs)
    assert max(range(3), key=lambda i: logs[i]) == 1
