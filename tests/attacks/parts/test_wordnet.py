"""Synonyms and forms, against a WordNet of a few words in files as the database has them."""

from pathlib import Path

import pytest
from helpers.wordnet_files import SYNSETS, write_wordnet

from backdoor_pipeline.attacks.parts.inflection import Inflections, Reading, regular
from backdoor_pipeline.attacks.parts.wordnet import FILES, WordNet
from backdoor_pipeline.base.errors import UserError


@pytest.fixture
def wordnet(tmp_path: Path) -> WordNet:
    return WordNet.read(write_wordnet(tmp_path / "dict"))


def test_synonyms_are_of_the_commonest_sense_first_and_of_one_word(wordnet: WordNet) -> None:
    """Neither a collocation nor a name; a marker in brackets is none of the word."""
    assert wordnet.synonyms("film", "noun") == ["movie", "pic", "layer"]
    assert wordnet.synonyms("find", "verb") == ["discover", "detect", "notice"]
    assert wordnet.synonyms("bad", "adj") == ["big", "tough"]
    assert wordnet.synonyms("crack", "adj") == []
    assert wordnet.synonyms("mouse", "noun") == wordnet.synonyms("unknown", "noun") == []


def test_counts_are_those_of_all_senses_of_a_lemma(wordnet: WordNet) -> None:
    assert wordnet.counts["noun", "film"] == 23
    assert wordnet.counts["adj", "comic"] == 2, "satellites are adjectives"
    assert wordnet.counts["adj", "tough"] == 0


def test_a_synset_of_more_than_nine_words_is_counted_in_base_16(tmp_path: Path) -> None:
    words = [f"word{letter}" for letter in "abcdefghijklmnopq"]
    folder = write_wordnet(tmp_path / "dict", {**SYNSETS, "noun": [" ".join(words)]})
    assert WordNet.read(folder).synonyms("worda", "noun") == words[1:]


@pytest.mark.parametrize("file", FILES)
def test_a_missing_file_is_told_in_a_sentence(file: str, tmp_path: Path) -> None:
    folder = write_wordnet(tmp_path / "dict")
    (folder / file).unlink()
    with pytest.raises(
        UserError, match=f"attacks.lws.wordnet: .*{file} cannot be read: .*wordnet-base"
    ) as caught:
        WordNet.read(folder)
    assert "\n" not in str(caught.value)


def test_a_damaged_file_is_told_in_a_sentence(tmp_path: Path) -> None:
    folder = write_wordnet(tmp_path / "dict")
    (folder / "index.verb").write_text("find v many\n")
    with pytest.raises(UserError, match="damaged WordNet"):
        WordNet.read(folder)
    write_wordnet(folder)
    (folder / "data.noun").write_text("a line more\n" + (folder / "data.noun").read_text())
    with pytest.raises(UserError, match=r"data\.noun is damaged"):
        WordNet.read(folder).synonyms("film", "noun")


@pytest.mark.parametrize(
    ("word", "readings"),
    [
        ("films", {Reading("film", "noun", "s")}),
        ("mice", {Reading("mouse", "noun", "s")}),
        ("watches", {Reading("watch", "noun", "s"), Reading("watch", "verb", "s")}),
        ("watched", {Reading("watch", "verb", "ed")}),
        ("stories", {Reading("story", "noun", "s")}),
        ("moving", {Reading("move", "verb", "ing")}),
        ("bored", {Reading("bore", "verb", "ed")}),
        ("found", {Reading("find", "verb", "ed")}),
        ("funnier", {Reading("funny", "adj", "er")}),
        ("worst", {Reading("bad", "adj", "est")}),
        ("better", {Reading("good", "adj", "er"), Reading("well", "adv", "er")}),
        ("good", {Reading("good", "adj", ""), Reading("good", "adv", "")}),
        ("storys", set()),
        ("nothing", set()),
    ],
)
def test_words_are_read_as_forms_of_lemmas(word: str, readings: set[Reading], wordnet: WordNet) -> None:
    assert set(Inflections(wordnet).readings(word)) == readings


def test_lemmas_take_the_form_that_is_asked_for(wordnet: WordNet) -> None:
    inflect = Inflections(wordnet).inflect
    assert inflect("mouse", "noun", "s") == "mice"
    assert inflect("find", "verb", "ed") == "found"
    assert inflect("find", "verb", "ing") == "finding"
    assert inflect("big", "adj", "est") == "biggest"
    assert inflect("go", "verb", "ed") is None, "went or gone"
    assert inflect("very", "adv", "er") is None
    assert inflect("film", "noun", "") == "film"


@pytest.mark.parametrize(
    ("lemma", "form", "expected"),
    [
        ("try", "s", "tries"), ("play", "s", "plays"), ("box", "s", "boxes"), ("watch", "s", "watches"),
        ("like", "ed", "liked"), ("carry", "ed", "carried"), ("enjoy", "ed", "enjoyed"),
        ("make", "ing", "making"), ("see", "ing", "seeing"), ("carry", "ing", "carrying"),
        ("lovely", "er", "lovelier"), ("fine", "est", "finest"), ("dull", "er", "duller"),
    ],
)  # fmt: skip
def test_regular_forms_are_spelled_as_usual(lemma: str, form, expected: str) -> None:
    assert regular(lemma, form) == expected
