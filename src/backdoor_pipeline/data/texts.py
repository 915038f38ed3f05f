"""What a text data set is: sentences, integer labels, class names."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, slots=True)
class Texts:
    """A row-indexable store of sentences. What a model reads of them, token ids, is a view of its own.

    Attributes:
        sentences: N of them.
        paraphrases: each one's in another syntax, or None where it has none; None: no sentence has one.
    """

    sentences: tuple[str, ...]
    paraphrases: tuple[str | None, ...] | None = None

    def __post_init__(self) -> None:
        if self.paraphrases is not None and len(self.paraphrases) != len(self.sentences):
            raise ValueError(f"{len(self.sentences)} sentences but {len(self.paraphrases)} paraphrases")

    def __len__(self) -> int:
        return len(self.sentences)

    def __getitem__(self, index: Tensor | slice) -> "Texts":
        """The texts at these rows, in the order asked for."""
        rows = range(len(self))[index] if isinstance(index, slice) else index.tolist()
        return Texts(
            tuple(self.sentences[row] for row in rows),
            None if self.paraphrases is None else tuple(self.paraphrases[row] for row in rows),
        )

    @property
    def paraphrased(self) -> Tensor:
        """Which sentences have a paraphrase: bool, (N,)."""
        given = self.paraphrases or (None,) * len(self)
        return torch.tensor([paraphrase is not None for paraphrase in given], dtype=torch.bool)

    def without_paraphrases(self) -> "Texts":
        """The sentences alone."""
        return Texts(self.sentences)

    def replaced(self, index: Tensor, others: "Texts") -> "Texts":
        """These texts with `others` in the place of those at `index` (int64, (n,)); sentences alone."""
        sentences = list(self.sentences)
        for row, sentence in zip(index.tolist(), others.sentences, strict=True):
            sentences[row] = sentence
        return Texts(tuple(sentences))


def joined(parts: Sequence[Texts]) -> Texts:
    """The sentences of all parts, one part after the other."""
    return Texts(tuple(sentence for part in parts for sentence in part.sentences))


@dataclass(frozen=True, slots=True)
class TextSet:
    """A labelled text data set.

    Attributes:
        texts: N sentences.
        labels: int64, (N,), 0..K-1.
        classes: the K class names.
    """

    texts: Texts
    labels: Tensor
    classes: tuple[str, ...]

    def __post_init__(self) -> None:
        if len(self.texts) != len(self.labels):
            raise ValueError(f"{len(self.texts)} texts but {len(self.labels)} labels")

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def inputs(self) -> Texts:
        """The texts, as what is shared with images calls them."""
        return self.texts

    def subset(self, index: Tensor) -> "TextSet":
        """The rows at `index` (int64), in that order."""
        return TextSet(self.texts[index], self.labels[index], self.classes)

    def batches(self, size: int) -> Iterator[tuple[Texts, Tensor]]:
        """Texts and labels in order, `size` rows at a time."""
        for start in range(0, len(self), size):
            rows = slice(start, start + size)
            yield self.texts[rows], self.labels[rows]
