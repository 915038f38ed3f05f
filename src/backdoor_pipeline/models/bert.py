"""BERT (Devlin et al., 2019): a Transformer encoder of word pieces, and its pooled first token."""

from collections.abc import Mapping

import torch
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor, nn
from torch.nn import functional as F

FILLED = 64  # oneDNN compiles and keeps kernels for every height it meets
FROM_PUBLISHED = {  # parts of the names that published files have -> ours
    "embeddings.word_embeddings": "words",
    "embeddings.position_embeddings": "positions",
    "embeddings.token_type_embeddings": "types",
    "embeddings.LayerNorm": "norm",
    "encoder.layer": "layers",
    "attention.self.": "",
    "attention.output.dense": "out",
    "attention.output.LayerNorm": "attention_norm",
    "intermediate.dense": "widen",
    "output.dense": "narrow",
    "output.LayerNorm": "output_norm",
    "pooler.dense": "pooler",
    ".gamma": ".weight",  # old names of LayerNorm's
    ".beta": ".bias",
}


class BertShape(BaseModel):
    """The sizes of an encoder, by the names that `config.json` has for them.

    Attributes:
        vocab_size: word pieces.
        hidden_size: D, of every token.
        num_hidden_layers: blocks.
        num_attention_heads: of each.
        intermediate_size: of each block's inner layer.
        max_position_embeddings: tokens that it can tell the places of.
        type_vocab_size: kinds of segments, of which only the first is used here.
        hidden_dropout_prob: of embeddings, and of what blocks add to them.
        attention_probs_dropout_prob: of the attention's weights.
        layer_norm_eps: of LayerNorm.
    """

    model_config = ConfigDict(extra="ignore", frozen=True)

    vocab_size: int = Field(ge=6)
    hidden_size: int = Field(ge=1)
    num_hidden_layers: int = Field(ge=1)
    num_attention_heads: int = Field(ge=1)
    intermediate_size: int = Field(ge=1)
    max_position_embeddings: int = Field(ge=4)
    type_vocab_size: int = Field(ge=1)
    hidden_dropout_prob: float = Field(ge=0, lt=1)
    attention_probs_dropout_prob: float = Field(ge=0, lt=1)
    layer_norm_eps: float = Field(gt=0)


class Block(nn.Module):
    """norm(x + attention(x)), then norm(x + inner(x)): LayerNorm comes after the sum."""

    def __init__(self, shape: BertShape) -> None:
        super().__init__()
        width = shape.hidden_size
        self.heads = shape.num_attention_heads
        self.query, self.key, self.value = (nn.Linear(width, width) for _ in range(3))
        self.out = nn.Linear(width, width)
        self.attention_norm = nn.LayerNorm(width, shape.layer_norm_eps)
        self.widen = nn.Linear(width, shape.intermediate_size)
        self.narrow = nn.Linear(shape.intermediate_size, width)
        self.output_norm = nn.LayerNorm(width, shape.layer_norm_eps)
        self.dropout = nn.Dropout(shape.hidden_dropout_prob)
        self.attention_dropout = shape.attention_probs_dropout_prob

    def forward(self, x: Tensor, packing: "Packing") -> Tensor:
        """(T, D) to the same, of the tokens of all sentences one after the other."""
        query, key, value = (
            packing.padded(part(x)).unflatten(2, (self.heads, -1)).transpose(1, 2)
            for part in (self.query, self.key, self.value)
        )
        dropout = self.attention_dropout if self.training else 0.0
        heads = F.scaled_dot_product_attention(
            query, key, value, attn_mask=packing.seen[:, None, None, :], dropout_p=dropout
        )
        x = self.attention_norm(x + self.dropout(self.out(packing.packed(heads.transpose(1, 2).flatten(2)))))
        inner = self.narrow(F.gelu(self.widen(x)))
        normed: Tensor = self.output_norm(x + self.dropout(inner))
        return normed


class Packing:
    """The way between sentences padded to one length, (N, L, D), and their tokens alone, (T, D).

    Half of a batch of SST-2 is padding, which only attention needs: all else is computed of tokens alone, and
    of as much padding behind them as fills T up to a multiple of `FILLED`: matrices of few different heights.

    Attributes:
        seen: which are tokens: bool, (N, L), the first of every sentence among them.
        tokens: how many of the T are tokens, the first.
    """

    def __init__(self, seen: Tensor) -> None:
        self.seen = seen
        self.tokens = int(seen.sum())  # asked for once, as a GPU is waited for
        filled = -(-self.tokens // FILLED) * FILLED
        self._rows = seen.flatten().to(torch.uint8).argsort(descending=True, stable=True)[:filled]

    def packed(self, padded: Tensor) -> Tensor:
        """(N, L, D) to (T, D)."""
        return padded.flatten(0, 1).index_select(0, self._rows)

    def padded(self, packed: Tensor) -> Tensor:
        """(T, D) to (N, L, D); what is not of a token means nothing."""
        rows = packed.new_zeros(self.seen.numel(), packed.shape[1])
        return rows.index_copy(0, self._rows, packed).view(*self.seen.shape, -1)

    def firsts(self, packed: Tensor) -> Tensor:
        """(T, D) to (N, D), the first token of every sentence."""
        lengths = self.seen.sum(1)
        return packed.index_select(0, lengths.cumsum(0) - lengths)


class Bert(nn.Module):
    """Token ids, padded with 0, to the pooled first token.

    Attributes:
        width: D.
    """

    def __init__(self, shape: BertShape) -> None:
        super().__init__()
        self.width = shape.hidden_size
        self.words = nn.Embedding(shape.vocab_size, self.width, padding_idx=0)
        self.positions = nn.Embedding(shape.max_position_embeddings, self.width)
        self.types = nn.Embedding(shape.type_vocab_size, self.width)
        self.norm = nn.LayerNorm(self.width, shape.layer_norm_eps)
        self.dropout = nn.Dropout(shape.hidden_dropout_prob)
        self.layers = nn.ModuleList(Block(shape) for _ in range(shape.num_hidden_layers))
        self.pooler = nn.Linear(self.width, self.width)
        self.apply(_initialize)

    def forward(self, ids: Tensor) -> Tensor:
        """(N, L) int64 to (N, D)."""
        return self.pooled(self.words(ids), ids != 0)

    def pooled(self, words: Tensor, seen: Tensor) -> Tensor:
        """What `forward` gives, of word embeddings in place of ids.

        Args:
            words: (N, L, D).
            seen: which are no padding: bool, (N, L).
        """
        places = torch.arange(words.shape[1], device=words.device)
        packing = Packing(seen)
        x = packing.packed(words + self.positions(places) + self.types.weight[0])
        x = self.dropout(self.norm(x))
        for block in self.layers:
            x = block(x, packing)
        return torch.tanh(self.pooler(packing.firsts(x)))


def from_published(found: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The weights of a published file under the names that `Bert` has; of its encoder alone."""
    weights = {}
    for name, value in found.items():
        own = name.removeprefix("bert.")
        if not own.startswith(("embeddings.", "encoder.", "pooler.")) or own.endswith("position_ids"):
            continue
        for part, ours in FROM_PUBLISHED.items():
            own = own.replace(part, ours)
        weights[own] = value
    return weights


def _initialize(module: nn.Module) -> None:
    """As the paper's: normal of deviation 0.02, truncated at two deviations."""
    if isinstance(module, nn.Linear | nn.Embedding):
        nn.init.trunc_normal_(module.weight, std=0.02, a=-0.04, b=0.04)
    if isinstance(module, nn.Linear) and module.bias is not None:
        nn.init.zeros_(module.bias)
    if isinstance(module, nn.Embedding) and module.padding_idx is not None and not module.weight.is_meta:
        with torch.no_grad():
            module.weight[module.padding_idx].zero_()
