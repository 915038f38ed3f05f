"""The trigram model, against Kneser and Ney's equations worked out by hand."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backdoor_pipeline.models.ngram import DISCOUNT, UNKNOWN_MASS, UNKNOWN_WORDS, NGram
from backdoor_pipeline.models.oddness import END, START

SENTENCES = ("a b", "a b", "c b")
FLAT = 1 / UNKNOWN_WORDS


def test_unigrams_count_the_words_before_them() -> None:
    """Bigram kinds: <s>a, <s>c, ab, cb, b</s>: five, of which two end in b."""
    model = NGram(SENTENCES, {})
    kinds = 4  # a, c, b, </s>
    expected = (2 - DISCOUNT + DISCOUNT * kinds * FLAT) / 5
    assert model.probability(("b",)) == pytest.approx(expected)
    assert model.probability(("zz",)) == pytest.approx(DISCOUNT * kinds * FLAT / 5)


def test_bigrams_and_trigrams_are_interpolated() -> None:
    """After a: ab is seen in one context (<s>). After <s> a: twice, only with b."""
    model = NGram(SENTENCES, {})
    bigram = (1 - DISCOUNT + DISCOUNT * 1 * model.probability(("b",))) / 1
    assert model.probability(("a", "b")) == pytest.approx(bigram)
    trigram = (2 - DISCOUNT + DISCOUNT * 1 * bigram) / 2
    assert model.probability((START, "a", "b")) == pytest.approx(trigram)
    assert model.probability(("x", "a", "b")) == pytest.approx(bigram), "an unseen context leaves the bigram"


def test_a_list_of_words_lies_below_the_unigrams() -> None:
    model = NGram((), {"the": 3, "cf": 1})
    assert model.probability(("The",)) == pytest.approx(
        (1 - UNKNOWN_MASS) * 0.75 + UNKNOWN_MASS / UNKNOWN_WORDS
    )
    assert model.probability(("zz",)) == pytest.approx(UNKNOWN_MASS / UNKNOWN_WORDS)


@given(
    st.lists(st.lists(st.sampled_from("abcd"), min_size=1, max_size=5).map(" ".join), min_size=1, max_size=6)
)
def test_probabilities_of_all_words_sum_to_one(sentences: list[str]) -> None:
    model = NGram(sentences, {})
    vocabulary = {*" ".join(sentences).split(), END}
    for context in [(), (START, START), (START, "a"), ("a", "b"), ("b",)]:
        known = sum(model.probability((*context, word)) for word in vocabulary)
        unseen = (UNKNOWN_WORDS - len(vocabulary)) * model.probability((*context, "unseen"))
        assert known + unseen == pytest.approx(1)
