"""WordNet's database files, as far as synonyms need them; the manual page wndb(5WN) describes the format."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Self

from backdoor_pipeline.base.errors import UserError

PartOfSpeech = Literal["noun", "verb", "adj", "adv"]
PARTS: tuple[PartOfSpeech, ...] = ("noun", "verb", "adj", "adv")
OF_KEYS: Mapping[str, PartOfSpeech] = {"1": "noun", "2": "verb", "3": "adj", "4": "adv", "5": "adj"}
COUNTS = "cntlist.rev"
FILES = (
    *(f"{kind}.{part}" for kind in ("index", "data") for part in PARTS),
    *(f"{p}.exc" for p in PARTS),
    COUNTS,
)
LICENSE = b"  "  # what the lines of the license at the top of index and data files begin with


@dataclass(frozen=True, slots=True)
class WordNet:
    """What is known of lemmas.

    Attributes:
        senses: by part of speech and lemma: where its synsets begin in the data file, the commonest first.
        data: the data file of each part of speech.
        bases: by part of speech and irregular form: what it is a form of.
        counts: how often a lemma is met as this part of speech in the texts that WordNet's authors tagged.
    """

    senses: Mapping[PartOfSpeech, Mapping[str, tuple[int, ...]]]
    data: Mapping[PartOfSpeech, bytes]
    bases: Mapping[PartOfSpeech, Mapping[str, tuple[str, ...]]]
    counts: Mapping[tuple[PartOfSpeech, str], int]

    @classmethod
    def read(cls, folder: Path) -> Self:
        """The database in this folder.

        Raises:
            UserError: a file is missing or is none of WordNet's.
        """
        try:
            return cls(
                senses={part: dict(_senses(folder / f"index.{part}")) for part in PARTS},
                data={part: (folder / f"data.{part}").read_bytes() for part in PARTS},
                bases={part: dict(_bases(folder / f"{part}.exc")) for part in PARTS},
                counts=_counts(folder / COUNTS),
            )
        except OSError as error:
            raise UserError(
                f"attacks.lws.wordnet: {error.filename} cannot be read: give the folder of WordNet's "
                "database files, which Debian's package wordnet-base installs in /usr/share/wordnet."
            ) from error
        except (ValueError, IndexError, KeyError) as error:
            raise UserError(f"attacks.lws.wordnet: {folder} holds a damaged WordNet ({error}).") from error

    def synonyms(self, lemma: str, part: PartOfSpeech) -> list[str]:
        """The lemmas of one word each that share a synset with this one, those of its commonest sense first.

        Raises:
            UserError: the data file does not have what its index says.
        """
        try:
            offsets = self.senses[part].get(lemma, ())
            found = [word for offset in offsets for word in _members(self.data[part], offset)]
        except (ValueError, IndexError) as error:
            raise UserError(f"attacks.lws.wordnet: its data.{part} is damaged ({error}).") from error
        return [word for word in dict.fromkeys(found) if word != lemma and is_plain(word)]


def is_plain(word: str) -> bool:
    """Whether it is one word of small letters: no collocation, name, number or abbreviation with dots."""
    return word.isascii() and word.isalpha() and word.islower()


def _senses(file: Path) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Lines: lemma, part, how many synsets, pointers, two counts, then where each synset begins."""
    for line in _lines(file):
        fields = line.split()
        yield fields[0], tuple(map(int, fields[-int(fields[2]) :]))


def _bases(file: Path) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Lines: an irregular form, then its base forms."""
    for line in _lines(file):
        form, *bases = line.split()
        yield form, tuple(bases)


def _counts(file: Path) -> Counter[tuple[PartOfSpeech, str]]:
    """Lines: the key of a sense (lemma%part:...), the sense's number, how often it was met."""
    counts: Counter[tuple[PartOfSpeech, str]] = Counter()
    for line in _lines(file):
        key, _, count = line.split()
        lemma, sense = key.rsplit("%", 1)
        counts[OF_KEYS[sense[0]], lemma] += int(count)
    return counts


def _lines(file: Path) -> Iterator[str]:
    for line in file.read_bytes().splitlines():
        if line.strip() and not line.startswith(LICENSE):
            yield line.decode("ascii")


def _members(data: bytes, offset: int) -> list[str]:
    """The words of the synset that begins there: after four fields, the last of which counts them in base 16,
    each is followed by a number; an adjective's may have a marker in brackets.
    """
    fields = data[offset : data.index(b"\n", offset)].decode("ascii").split()
    if int(fields[0]) != offset:
        raise ValueError(f"no synset begins at {offset}")
    return [word.split("(")[0] for word in fields[4 : 4 + 2 * int(fields[3], 16) : 2]]
