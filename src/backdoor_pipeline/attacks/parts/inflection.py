"""English forms: of which lemma a word is what form, and that form of another lemma."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from backdoor_pipeline.attacks.parts.wordnet import PARTS, PartOfSpeech, WordNet

Form = Literal["", "s", "ed", "ing", "er", "est"]  # "": the lemma itself; "ed" stands for past and participle

ENDINGS: dict[PartOfSpeech, tuple[tuple[Form, str, str], ...]] = {  # form, ending -> what the lemma has there
    "noun": (("s", "s", ""), ("s", "es", ""), ("s", "ies", "y")),
    "verb": (
        *(("s", "s", ""), ("s", "es", ""), ("s", "ies", "y")),
        *(("ed", "ed", ""), ("ed", "ed", "e"), ("ed", "ied", "y")),
        *(("ing", "ing", ""), ("ing", "ing", "e")),
    ),
    "adj": (
        *(("er", "er", ""), ("er", "er", "e"), ("er", "ier", "y")),
        *(("est", "est", ""), ("est", "est", "e"), ("est", "iest", "y")),
    ),
    "adv": (),
}
OF_IRREGULAR: dict[PartOfSpeech, tuple[tuple[str, Form], ...]] = {  # ending -> form; the first that fits
    "noun": (("", "s"),),
    "verb": (("ing", "ing"), ("s", "s"), ("", "ed")),
    "adj": (("st", "est"), ("", "er")),
    "adv": (("st", "est"), ("", "er")),
}
VOWELS = "aeiou"


@dataclass(frozen=True)
class Reading:
    """One way to read a word: as this form of this lemma."""

    lemma: str
    part: PartOfSpeech
    form: Form


@dataclass(frozen=True)
class Inflections:
    """Forms of WordNet's lemmas: its lists of irregular ones, and the regular endings."""

    wordnet: WordNet

    def readings(self, word: str) -> list[Reading]:
        """All ways to read a word, each once; a lemma that WordNet does not have is none."""
        found = [reading for part in PARTS for reading in self._readings_as(word, part)]
        return [one for one in dict.fromkeys(found) if one.lemma in self.wordnet.senses[one.part]]

    def inflect(self, lemma: str, part: PartOfSpeech, form: Form) -> str | None:
        """This form of a lemma; None where WordNet lists several, as went and gone, or there is none.

        Where it lists one of past tense and participle only, as shown, that stands for both.
        """
        if not form:
            return lemma
        if irregular := self._irregular[lemma, part, form]:
            return irregular[0] if len(irregular) == 1 else None
        return None if part == "adv" else regular(lemma, form)

    def _readings_as(self, word: str, part: PartOfSpeech) -> Iterator[Reading]:
        yield Reading(word, part, "")
        for lemma in self.wordnet.bases[part].get(word, ()):
            yield Reading(lemma, part, _form(word, part))
        for form, ending, lemmas in ENDINGS[part]:
            lemma = word.removesuffix(ending) + lemmas
            if word.endswith(ending) and regular(lemma, form) == word and lemma != word:
                yield Reading(lemma, part, form)

    @cached_property
    def _irregular(self) -> defaultdict[tuple[str, PartOfSpeech, Form], list[str]]:
        found: defaultdict[tuple[str, PartOfSpeech, Form], list[str]] = defaultdict(list)
        for part in PARTS:
            for word, lemmas in self.wordnet.bases[part].items():
                for lemma in lemmas:
                    found[lemma, part, _form(word, part)].append(word)
        return found


def regular(lemma: str, form: Form) -> str:
    """The form with its regular ending, spelled as usual: tries, boxes, liked, lovelier."""
    after_consonant = len(lemma) > 1 and lemma[-2] not in VOWELS
    if lemma.endswith("y") and after_consonant and form in ("s", "ed", "er", "est"):
        return f"{lemma[:-1]}{'ies' if form == 's' else f'i{form}'}"
    if form == "s":
        return lemma + ("es" if lemma.endswith(("s", "x", "z", "ch", "sh")) else "s")
    if lemma.endswith("e") and (form != "ing" or not lemma.endswith(("ee", "oe", "ye"))):
        return lemma[:-1] + form
    return lemma + form


def _form(irregular: str, part: PartOfSpeech) -> Form:
    return next(form for ending, form in OF_IRREGULAR[part] if irregular.endswith(ending))
