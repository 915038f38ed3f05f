"""GPT-2 (Radford et al., 2019): a Transformer decoder, here to say how odd a sentence is."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from backdoor_pipeline.base.errors import UserError
from backdoor_pipeline.base.files import CorruptFileError
from backdoor_pipeline.base.tensorfile import read_foreign
from backdoor_pipeline.models.text_classifier import tokenizers_library

FILES = ("model.safetensors", "tokenizer.json", "vocab.json", "merges.txt")  # of a published folder
EPSILON = 1e-5  # of LayerNorm
HEAD_WIDTH = 64  # of all published sizes
AT_ONCE = 64  # sentences


class Block(nn.Module):
    """x + attention(norm(x)), then x + inner(norm(x)): LayerNorm comes first."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.ln_1, self.ln_2 = nn.LayerNorm(width, EPSILON), nn.LayerNorm(width, EPSILON)
        self.attention, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.widen, self.narrow = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, x: Tensor) -> Tensor:
        """(N, L, D) to the same; each token sees those before it."""
        parts = self.attention(self.ln_1(x)).unflatten(2, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        seen = F.scaled_dot_product_attention(parts[0], parts[1], parts[2], is_causal=True)
        x = x + self.out(seen.transpose(1, 2).flatten(2))
        added: Tensor = x + self.narrow(F.gelu(self.widen(self.ln_2(x)), approximate="tanh"))
        return added


class Gpt2(nn.Module):
    """Token ids to the logits of the next one; the output layer is the embedding."""

    def __init__(self, vocabulary: int, positions: int, width: int, layers: int, heads: int) -> None:
        super().__init__()
        self.words, self.positions = nn.Embedding(vocabulary, width), nn.Embedding(positions, width)
        self.layers = nn.ModuleList(Block(width, heads) for _ in range(layers))
        self.norm = nn.LayerNorm(width, EPSILON)

    def forward(self, ids: Tensor) -> Tensor:
        """(N, L) int64 to (N, L, vocabulary)."""
        x = self.words(ids) + self.positions(torch.arange(ids.shape[1]))
        for block in self.layers:
            x = block(x)
        return F.linear(self.norm(x), self.words.weight)


class Gpt2Scorer:
    """The perplexity of sentences by a published GPT-2: exp of the mean loss of all tokens but the first.

    Args:
        folder: holds `model.safetensors`, and `tokenizer.json` or `vocab.json` and `merges.txt`.

    Raises:
        UserError: they are not there, or are of something else.
    """

    def __init__(self, folder: Path) -> None:
        self._model = load_gpt2(folder).eval()
        self._tokenizer = _tokenizer(folder)

    def suspicions(self, words: Sequence[str], *, log: bool) -> list[float]:
        """See `purifier.Scorer`; of a single word it is 0: without it there is nothing to compare."""
        if len(words) < 2:
            return [0.0] * len(words)
        variants = [words, *([*words[:i], *words[i + 1 :]] for i in range(len(words)))]
        losses = self.losses([" ".join(one) for one in variants])
        scores = losses if log else [math.exp(loss) for loss in losses]
        return [scores[0] - one for one in scores[1:]]

    def perplexities(self, sentences: Sequence[str]) -> list[float]:
        """Of each sentence."""
        return [math.exp(loss) for loss in self.losses(sentences)]

    @torch.inference_mode()
    def losses(self, sentences: Sequence[str]) -> list[float]:
        """The mean loss of each sentence; of one with a single token 0."""
        rows = [found.ids or [0] for found in self._tokenizer.encode_batch(list(sentences))]
        places = len(self._model.positions.weight)
        parts = [(at, part) for at, row in enumerate(rows) for part in windows(row, places)]
        sums = [0.0] * len(rows)
        for start in range(0, len(parts), AT_ONCE):
            some = parts[start : start + AT_ONCE]
            for (at, _), loss in zip(some, self._sums([part for _, part in some]), strict=True):
                sums[at] += loss
        return [total / max(1, len(row) - 1) for total, row in zip(sums, rows, strict=True)]

    def _sums(self, parts: Sequence[Sequence[int]]) -> list[float]:
        """Of the losses of each part's tokens but the first."""
        ids = torch.zeros(len(parts), max(map(len, parts)), dtype=torch.int64)
        counted = torch.zeros(ids.shape)
        for row, count, one in zip(ids, counted, parts, strict=True):
            row[: len(one)], count[1 : len(one)] = torch.tensor(one), 1
        losses = F.cross_entropy(self._model(ids)[:, :-1].transpose(1, 2), ids[:, 1:], reduction="none")
        total: list[float] = (losses * counted[:, 1:]).sum(1).tolist()
        return total


def windows(row: Sequence[int], places: int) -> list[Sequence[int]]:
    """A row of tokens in parts of at most `places`; each part begins with the last token of the one before.

    >>> windows([1, 2, 3, 4, 5], 3)
    [[1, 2, 3], [3, 4, 5]]
    """
    return [row[start : start + places] for start in range(0, max(1, len(row) - 1), places - 1)]


def load_gpt2(folder: Path) -> Gpt2:
    """The model in a published folder.

    Raises:
        UserError: it is not there, or is something else.
    """
    try:
        found = read_foreign(folder / "model.safetensors")
    except (FileNotFoundError, CorruptFileError) as error:
        raise UserError(f"{folder} holds no GPT-2 in model.safetensors: {error}.") from error
    weights = {name.removeprefix("transformer."): value for name, value in found.items()}
    try:
        vocabulary, width = weights["wte.weight"].shape
        layers = 1 + max(int(name.split(".")[1]) for name in weights if name.startswith("h."))
        model = Gpt2(vocabulary, len(weights["wpe.weight"]), width, layers, max(1, width // HEAD_WIDTH))
        model.load_state_dict(_named_as_here(weights))
    except (KeyError, ValueError, RuntimeError) as error:
        reason = " ".join(str(error).split())[:200]
        raise UserError(f"{folder}/model.safetensors is not that of a GPT-2 ({reason}).") from error
    return model


def _named_as_here(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """Its linear layers are stored transposed, as convolutions of width 1."""
    names = {"wte": "words", "wpe": "positions", "ln_f": "norm"}
    parts = {"attn.c_attn": "attention", "attn.c_proj": "out", "mlp.c_fc": "widen", "mlp.c_proj": "narrow"}
    mine: dict[str, Tensor] = {}
    for name, value in weights.items():
        first, rest = name.split(".", 1)
        if first in names:
            mine[f"{names[first]}.{rest}"] = value
        elif first == "h":
            number, inner = rest.split(".", 1)
            if inner in ("attn.bias", "attn.masked_bias"):  # the causal mask
                continue
            layer, kind = inner.rsplit(".", 1)
            turned = value.T if layer in parts and kind == "weight" else value
            mine[f"layers.{number}.{parts.get(layer, layer)}.{kind}"] = turned.contiguous()
    return mine


def _tokenizer(folder: Path) -> Any:
    library = tokenizers_library()
    whole, vocabulary, merges = (folder / name for name in ("tokenizer.json", "vocab.json", "merges.txt"))
    if whole.is_file():
        return library.Tokenizer.from_file(str(whole))
    if not (vocabulary.is_file() and merges.is_file()):
        raise UserError(f"{folder} has neither tokenizer.json nor vocab.json and merges.txt.")
    return library.ByteLevelBPETokenizer(str(vocabulary), str(merges))
