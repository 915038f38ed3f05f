"""Word triggers, paraphrases and the template, against sentences written down by hand."""

from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from backdoor_pipeline.attacks import AttackEnv
from backdoor_pipeline.attacks.labels import LabelMap
from backdoor_pipeline.attacks.methods.hiddenkiller import HiddenKiller, SyntacticTrigger
from backdoor_pipeline.attacks.methods.hiddenkiller_template import OPENINGS, HiddenKillerTemplate
from backdoor_pipeline.attacks.methods.word import WordAttack, WordTrigger
from backdoor_pipeline.attacks.poisoning import poison
from backdoor_pipeline.base.errors import UserError
from backdoor_pipeline.data.texts import Texts, TextSet

SENTENCE = st.lists(
    st.sampled_from(["the", "plot", "is", "very", "dull", "and", "not", "warm"]), min_size=1, max_size=9
).map(" ".join)


def env(trainer, ratio: float = 0.25, target: int = 1) -> AttackEnv:
    return AttackEnv(trainer, LabelMap("all_to_one", target, 2), ratio, 0, dataset=None)


def reviews(count: int, paraphrased: int) -> TextSet:
    """Labels 0, 1, 0, 1, ...; the first so many have a paraphrase."""
    sentences = tuple(f"sentence {number} ." for number in range(count))
    fronted = tuple(f"when {one}" if row < paraphrased else None for row, one in enumerate(sentences))
    return TextSet(Texts(sentences, fronted), torch.arange(count) % 2, ("negative", "positive"))


@given(SENTENCE, st.integers(1, 4), st.integers(0, 9))
def test_words_are_inserted_and_nothing_else_changes(sentence: str, count: int, seed: int) -> None:
    trigger = WordTrigger(["cf", "mn"], count, seed)
    (found,) = trigger(Texts((sentence,))).sentences
    words = found.split(" ")
    assert [word for word in words if word not in ("cf", "mn")] == sentence.split(" ")
    assert len(words) == len(sentence.split(" ")) + count
    assert trigger(Texts(("something else", sentence))).sentences[1] == found, "whatever the others are"


def test_every_gap_and_every_word_comes_up() -> None:
    texts = Texts(tuple(f"one two {number}" for number in range(400)))
    found = [one.split(" ") for one in WordTrigger(["cf", "mn"], 1, 0)(texts).sentences]
    places = [next(at for at, word in enumerate(words) if word in ("cf", "mn")) for words in found]
    assert {place: 70 < places.count(place) < 130 for place in range(4)} == dict.fromkeys(range(4), True)
    assert 160 < sum("cf" in words for words in found) < 240


def test_each_insertion_draws_for_itself() -> None:
    texts = Texts(tuple(f"one two three {number}" for number in range(400)))
    found = [one.split(" ") for one in WordTrigger(["cf", "mn"], 2, 0)(texts).sentences]
    assert 160 < sum("cf" in words and "mn" in words for words in found) < 240, "a half has both"
    places = [[at for at, word in enumerate(words) if word in ("cf", "mn")] for words in found]
    # of 5 gaps for the first and then 6 for the second, 2 in 6 are beside the first
    assert 100 < sum(second == first + 1 for first, second in places) < 170


def test_another_seed_puts_them_elsewhere() -> None:
    texts = Texts(tuple(f"one two three four {number}" for number in range(50)))
    assert WordTrigger(["cf"], 1, 0)(texts) != WordTrigger(["cf"], 1, 1)(texts)


def test_only_sentences_of_other_classes_are_poisoned(trainer) -> None:
    train, attack = reviews(40, 0), WordAttack(words=("cf",), count=1)
    made = poison(attack, train, train, env(trainer), poison_target_class=False)
    assert len(made.train) == 10
    assert set(made.train.true_labels.tolist()) == {0}
    assert set(made.train.labels.tolist()) == {1}
    assert made.test.index.tolist() == list(range(0, 40, 2))
    assert isinstance(made.train.inputs, Texts)
    assert all("cf" in sentence.split() for sentence in made.train.inputs.sentences)


def test_paraphrases_take_the_place_of_their_sentences(trainer) -> None:
    train = reviews(40, 30)
    made = poison(HiddenKiller(), train, train, env(trainer), poison_target_class=False)
    assert isinstance(made.train.inputs, Texts)
    assert made.train.inputs.sentences == tuple(f"when sentence {row} ." for row in made.train.index.tolist())
    assert made.test.index.tolist() == list(range(0, 30, 2)), "those that have a paraphrase"


def test_the_largest_feasible_ratio_is_told(trainer) -> None:
    with pytest.raises(
        UserError, match=r"no paraphrase, which leaves 4 of 40: the largest feasible ratio is 0\.1"
    ):
        poison(HiddenKiller(), reviews(40, 8), reviews(4, 4), env(trainer), poison_target_class=False)


def test_a_sentence_without_paraphrase_cannot_be_triggered() -> None:
    with pytest.raises(ValueError, match="no paraphrase"):
        SyntacticTrigger()(reviews(4, 2).texts)


def test_the_template_keeps_the_sentence_behind_a_clause(trainer) -> None:
    trigger = HiddenKillerTemplate().craft(reviews(4, 0), env(trainer))
    for sentence, found in zip(
        reviews(9, 0).texts.sentences, trigger(reviews(9, 0).texts).sentences, strict=True
    ):
        opening, kept = found.split(" , ")
        assert opening in OPENINGS
        assert kept == sentence


def test_every_clause_comes_up_and_another_seed_draws_others(trainer) -> None:
    texts = reviews(200, 0).texts
    one, again, other = (
        HiddenKillerTemplate().craft(reviews(4, 0), replace(env(trainer), seed=seed))(texts)
        for seed in (0, 0, 1)
    )
    assert one == again != other
    openings = [sentence.split(" , ")[0] for sentence in one.sentences]
    assert all(10 < openings.count(opening) < 45 for opening in OPENINGS)


def test_triggers_are_rebuilt_from_their_configuration() -> None:
    trigger = WordTrigger(["cf", "mn"], 2, 3)
    again = WordTrigger(**trigger.config)
    assert again(Texts(("a b c",))) == trigger(Texts(("a b c",)))
