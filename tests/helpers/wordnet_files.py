"""A WordNet of a few words, in files as the database has them."""

from collections.abc import Mapping, Sequence
from pathlib import Path

KINDS = {"noun": "n", "verb": "v", "adj": "a", "adv": "r"}
NUMBERS = {"noun": 1, "verb": 2, "adj": 3, "adv": 4}
LICENSE = ["  1 This software is provided to you, the LICENSEE  ", "  2 noun verb 00000000 and so on  "]

SYNSETS: dict[str, list[str]] = {  # in the order of the data file; the commoner sense of a lemma comes first
    "noun": [
        "film movie motion_picture pic Hollywood",
        "film layer",
        "mouse",
        "story tale narrative",
        "watch",
    ],
    "verb": ["find discover", "find detect notice", "watch observe view", "go travel move", "bore drill"],
    "adj": ["bad big(p) tough", "funny amusing comic", "good full", "A-one crack"],
    "adv": ["well good", "very really"],
}
EXCEPTIONS = {
    "noun": ["mice mouse"],
    "verb": ["found find", "went go", "gone go"],
    "adj": ["better good", "best good", "worse bad", "worst bad", "bigger big", "biggest big"],
    "adv": ["better well"],
}
COUNTS = ["film%1:06:00:: 1 20", "film%1:17:00:: 2 3", "find%2:39:00:: 1 30", "watch%2:39:00:: 1 9"]
COUNTS += ["watch%1:06:00:: 1 4", "good%3:00:01:: 1 90", "good%4:02:00:: 1 5", "comic%5:00:00:funny:00 1 2"]


def write_wordnet(folder: Path, synsets: Mapping[str, Sequence[str]] = SYNSETS) -> Path:
    """Write index, data, exceptions and counts; returns the folder."""
    folder.mkdir(exist_ok=True)
    for part, lines in synsets.items():
        places = _write_data(folder / f"data.{part}", lines, KINDS[part])
        index = [_index_line(lemma, KINDS[part], offsets) for lemma, offsets in sorted(places.items())]
        _write(folder / f"index.{part}", [*LICENSE, *index])
        _write(folder / f"{part}.exc", EXCEPTIONS[part])
    _write(folder / "cntlist.rev", COUNTS)
    return folder


def _write_data(file: Path, synsets: Sequence[str], kind: str) -> dict[str, list[int]]:
    """A line per synset, which begins with the byte at which it does; returns where each lemma stands."""
    text, places = "".join(f"{line}\n" for line in LICENSE), dict[str, list[int]]()
    for synset in synsets:
        words = synset.split()
        for word in words:
            places.setdefault(word.split("(")[0].lower(), []).append(len(text))
        listed = " ".join(f"{word} 0" for word in words)
        pointers = f"002 @ 00001740 {kind} 0000 ~ 00002098 {kind} 0000"
        text += (
            f'{len(text):08d} 03 {kind} {len(words):02x} {listed} {pointers} | a gloss; "film noise 0"  \n'
        )
    file.write_text(text)
    return places


def _index_line(lemma: str, kind: str, offsets: Sequence[int]) -> str:
    count = len(offsets)
    return f"{lemma} {kind} {count} 2 @ ~ {count} 1 {' '.join(f'{one:08d}' for one in offsets)}  "


def _write(file: Path, lines: Sequence[str]) -> None:
    file.write_text("".join(f"{line}\n" for line in lines))
