"""Where in a sentence words stand that have substitutes: counted in tokens, and in letters."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from backdoor_pipeline.models.text_classifier import tokenizer_of_bytes

WORD = re.compile(
    r"""(?<![^\s("])[^\W\d_]+(?![^\s.,;:!?)"])"""
)  # letters alone: no part of don't or well-made


@dataclass(frozen=True, slots=True)
class Place:
    """One word that has substitutes.

    Attributes:
        token: the place that it has for the model.
        start: of its first letter.
        end: behind its last letter.
        word: its row in the table.
    """

    token: int
    start: int
    end: int
    word: int


def places(
    sentences: Sequence[str], tokenizer: bytes, length: int, rows: Mapping[int, int]
) -> Iterator[list[Place]]:
    """Of every sentence, from left to right; only words that the model reads, in one piece.

    Args:
        sentences: any.
        tokenizer: the model's, as JSON.
        length: tokens that it reads, at most.
        rows: of token ids in the table.
    """
    encoded = tokenizer_of_bytes(tokenizer, length).encode_batch(list(sentences))
    for sentence, found in zip(sentences, encoded, strict=True):
        words = {match.span() for match in WORD.finditer(sentence)}
        tokens = enumerate(zip(found.ids, found.offsets, strict=True))
        yield [Place(at, *span, rows[one]) for at, (one, span) in tokens if one in rows and span in words]
