"""What the rest of the project handles of texts: a classifier that reads sentences with its own tokenizer."""

from functools import lru_cache
from typing import TYPE_CHECKING

import torch
from pydantic import BaseModel, ConfigDict, Field, JsonValue
from torch import Tensor, nn

from backdoor_pipeline.base.errors import UserError
from backdoor_pipeline.data.texts import Texts
from backdoor_pipeline.models.bert import Bert
from backdoor_pipeline.models.classifier import Classifier, ModelDescription

if TYPE_CHECKING:
    from tokenizers import Tokenizer

    from backdoor_pipeline.models.purifier import Purifier

HEAD_DROPOUT = 0.1  # between the pooled token and the head, as BERT is fine-tuned


class TextDescription(BaseModel):
    """Everything from which an untrained model of texts can be built again.

    Attributes:
        name: the architecture's registered name.
        num_classes: K.
        length: tokens that it reads of a text, at most; the rest is cut off.
        options: its encoder's sizes, `tokenizer_bytes`, that of its tokenizer, and perhaps
            `purifier_bytes`.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    num_classes: int = Field(ge=2)
    length: int = Field(ge=4)
    options: dict[str, JsonValue]


AnyDescription = ModelDescription | TextDescription


class TextClassifier(Classifier):
    """An encoder and a linear head. It holds its tokenizer, so that its file is all that is needed to use it.

    Attributes:
        description: a `TextDescription`.
        backbone: token ids, padded with 0, to features, (N, D).
        head: see `Classifier`.
    """

    backbone: Bert
    tokenizer_json: Tensor

    def __init__(self, description: TextDescription, encoder: Bert) -> None:
        """Put a head on an encoder.

        Args:
            description: of the model.
            encoder: token ids, padded with 0, to features.
        """
        super().__init__()
        self.description = description
        self.backbone = encoder
        self.dropout = nn.Dropout(HEAD_DROPOUT)
        self.head = nn.Linear(encoder.width, description.num_classes)
        nn.init.trunc_normal_(self.head.weight, std=0.02, a=-0.04, b=0.04)
        nn.init.zeros_(self.head.bias)
        for part in ("tokenizer", "purifier"):
            size = description.options.get(f"{part}_bytes")
            if isinstance(size, int):
                self.register_buffer(f"{part}_json", torch.zeros(size, dtype=torch.uint8))

    def features(self, inputs: Tensor) -> Tensor:
        """The head's input (N, D), for token ids (N, L), padded with 0."""
        features: Tensor = self.dropout(self.backbone(inputs))
        return features

    def read(self, words: Tensor, seen: Tensor) -> Tensor:
        """Logits (N, K), of word embeddings in place of token ids; see `Bert.pooled`."""
        logits: Tensor = self.head(self.dropout(self.backbone.pooled(words, seen)))
        return logits

    @property
    def purifier(self) -> "Purifier | None":
        """What a defense has put before the model."""
        from backdoor_pipeline.models.purifier import purifier_of  # here, as it knows this module

        written = getattr(self, "purifier_json", None)
        return None if written is None else purifier_of(written.cpu().numpy().tobytes())

    def put_before(self, purifier: "Purifier") -> None:
        """Have this model read what a purifier leaves of texts; it becomes part of the model's file."""
        written = purifier.model_dump_json().encode()
        options = {**self.description.options, "purifier_bytes": len(written)}
        self.description = self.description.model_copy(update={"options": options})
        self.register_buffer("purifier_json", torch.frombuffer(bytearray(written), dtype=torch.uint8))

    def encode(self, texts: Texts) -> Tensor:
        """Token ids: int64, (N, L), as long as the longest text, at most `length`; padded with 0.

        A model that a defense gave a purifier reads what that leaves of the texts.
        """
        texts = self.purifier(texts) if self.purifier else texts
        tokenizer = tokenizer_of_bytes(self.tokenizer_json.cpu().numpy().tobytes(), self.description.length)
        rows = [found.ids for found in tokenizer.encode_batch(list(texts.sentences))]
        ids = torch.zeros(len(rows), max(map(len, rows), default=1), dtype=torch.int64)
        for row, found in zip(ids, rows, strict=True):
            row[: len(found)] = torch.tensor(found)
        return ids


@lru_cache(maxsize=8)
def tokenizer_of_bytes(written: bytes, length: int) -> "Tokenizer":
    """The tokenizer in a model's file, built once; what is longer than so many tokens it cuts off."""
    tokenizer: Tokenizer = tokenizers_library().Tokenizer.from_str(written.decode())
    tokenizer.no_padding()
    tokenizer.enable_truncation(length)
    return tokenizer


def tokenizers_library():  # type: ignore[no-untyped-def]
    """The library that reads tokenizers, which images do without.

    Raises:
        UserError: it is not installed.
    """
    try:
        import tokenizers
    except ImportError as error:
        raise UserError("models of texts need the library tokenizers: pip install tokenizers.") from error
    return tokenizers
