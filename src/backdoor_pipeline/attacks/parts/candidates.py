"""Which words may stand in for which: each word's substitutes, the most usual first."""

from collections.abc import Collection, Iterable, Mapping
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from backdoor_pipeline.attacks.parts.inflection import Inflections, Reading
from backdoor_pipeline.attacks.parts.stop_words import STOP_WORDS
from backdoor_pipeline.attacks.parts.wordnet import WordNet, is_plain
from backdoor_pipeline.base.errors import UserError
from backdoor_pipeline.data.sources.made_synonyms import SYNONYMS

Substitutes = Mapping[str, tuple[str, ...]]
TABLE: TypeAdapter[dict[str, tuple[str, ...]]] = TypeAdapter(dict[str, tuple[str, ...]])


def known_substitutes(words: Iterable[str], table: Path | None, wordnet: Path | None) -> Substitutes:
    """Those of a table; or else WordNet's of these words; or else those of the made-up reviews."""
    if table is not None:
        return from_file(table)
    return from_wordnet(words, WordNet.read(wordnet)) if wordnet is not None else SYNONYMS


def from_wordnet(words: Iterable[str], wordnet: WordNet) -> Substitutes:
    """The synonyms of these words as WordNet has them, in the form that the word itself has.

    A word counts as the part of speech that its lemma is met most often as: there is no tagger.
    """
    inflections = Inflections(wordnet)
    found = {word: _synonyms(word, inflections) for word in words if is_plain(word)}
    return {word: substitutes for word, substitutes in found.items() if substitutes}


def from_file(file: Path) -> Substitutes:
    """The table in a JSON file, `{"word": ["substitute", ...], ...}`.

    Raises:
        UserError: it cannot be read, or holds something else.
    """
    try:
        return TABLE.validate_json(file.read_bytes())
    except (OSError, ValidationError) as error:
        reason = error.strerror if isinstance(error, OSError) else error.errors()[0]["msg"]
        raise UserError(
            f"attacks.lws.table: {file} is no JSON table of words and lists of their substitutes ({reason})."
        ) from error


def usable(substitutes: Substitutes, vocabulary: Collection[str], most: int) -> dict[str, tuple[str, ...]]:
    """The words that a model reads in one piece with at most so many substitutes that it reads so, too.

    Args:
        substitutes: of all words.
        vocabulary: the model's pieces.
        most: the first so many are kept.

    Raises:
        UserError: there is no such word.
    """
    fits = {word for word in vocabulary if word.isalpha() and word not in STOP_WORDS}
    kept = {
        word: tuple(dict.fromkeys(one for one in others if one in fits and one != word))[:most]
        for word, others in substitutes.items()
        if word in fits
    }
    if not any(kept.values()):
        raise UserError("attacks.lws: of no word that the model reads in one piece is a substitute known.")
    return {word: others for word, others in sorted(kept.items()) if others}


def reading_of(word: str, inflections: Inflections) -> Reading | None:
    """How a word is to be read: as a form of the lemma met most often, or else of most senses."""
    wordnet = inflections.wordnet

    def usual(reading: Reading) -> tuple[int, int]:
        part, lemma = reading.part, reading.lemma
        return wordnet.counts[part, lemma], len(wordnet.senses[part][lemma])

    return max(inflections.readings(word), key=usual, default=None)


def _synonyms(word: str, inflections: Inflections) -> tuple[str, ...]:
    reading = reading_of(word, inflections)
    if reading is None:
        return ()
    lemmas = inflections.wordnet.synonyms(reading.lemma, reading.part)
    forms = (inflections.inflect(lemma, reading.part, reading.form) for lemma in lemmas)
    return tuple(form for form in forms if form is not None)
