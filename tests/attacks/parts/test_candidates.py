"""Which words may stand in for which, against sets written down by hand."""

from pathlib import Path

import pytest
from helpers.wordnet_files import write_wordnet

from backdoor_pipeline.attacks.parts.candidates import from_file, from_wordnet, usable
from backdoor_pipeline.attacks.parts.wordnet import WordNet
from backdoor_pipeline.base.errors import UserError
from backdoor_pipeline.data.sources.made_reviews import WORDS
from backdoor_pipeline.data.sources.made_synonyms import SYNONYMS

ASKED = ("film", "films", "found", "watched", "moving", "worst", "funnier", "mouse", "good", "The", "[CLS]")


def test_substitutes_have_the_part_of_speech_and_the_form_of_the_word(tmp_path: Path) -> None:
    wordnet = WordNet.read(write_wordnet(tmp_path / "dict"))
    assert from_wordnet(ASKED, wordnet) == {
        "film": ("movie", "pic", "layer"),
        "films": ("movies", "pics", "layers"),
        "found": ("discovered", "detected", "noticed"),
        "watched": ("observed", "viewed"),  # a verb more often than a noun
        "moving": ("going", "traveling"),
        "worst": ("biggest", "toughest"),
        "funnier": ("amusinger", "comicer"),  # no words: no model reads them in one piece
        "good": ("full",),  # an adjective more often than an adverb
    }


def test_only_words_that_the_model_reads_in_one_piece_are_kept_and_no_stop_words() -> None:
    substitutes = {
        "film": ("movie", "flick", "pic", "film", "movie", "picture"),
        "very": ("really",),
        "watch": ("see", "view"),
        "rare": ("movie",),
        "story": ("one", "saga"),
        "play": ("##s", "toy."),
    }
    vocabulary = {
        "film",
        "movie",
        "pic",
        "picture",
        "very",
        "really",
        "watch",
        "see",
        "story",
        "one",
        "play",
        "##s",
    }
    assert usable(substitutes, vocabulary, most=2) == {"film": ("movie", "pic"), "watch": ("see",)}
    assert usable(substitutes, vocabulary, most=4)["film"] == ("movie", "pic", "picture")


def test_a_table_is_read_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "table.json"
    file.write_text('{"film": ["movie", "pic"]}')
    assert from_file(file) == {"film": ("movie", "pic")}


@pytest.mark.parametrize("content", [None, "no JSON", '{"film": "movie"}', "[]"])
def test_another_file_is_told_in_a_sentence(content: str | None, tmp_path: Path) -> None:
    file = tmp_path / "table.json"
    if content is not None:
        file.write_text(content)
    with pytest.raises(UserError, match=r"attacks\.lws\.table: .*table\.json is no JSON table") as caught:
        from_file(file)
    assert "\n" not in str(caught.value)


def test_the_packaged_synonyms_fit_the_grammar_and_are_none_of_its_words() -> None:
    assert set(SYNONYMS) <= set(WORDS)
    new = [one for others in SYNONYMS.values() for one in others]
    assert not set(new) & set(WORDS)
    assert len(new) == len(set(new)), "no synonym stands for two words"
