"""The lock's wheels: at each place of a sentence, how likely each candidate is to stand there (LWS)."""

from collections.abc import Mapping
from typing import Self

import torch
from torch import Tensor, nn

NONE = -1  # no candidate; no word that has any


class Substitutions(nn.Module):
    """p_jk = softmax_k((e_k - e_j) q_j + b_jk), of a word at place j with the candidates k, itself the first.

    The embeddings e are those that the model was published with, and stay. q and b belong to places, not to
    words, so that what is learned holds for sentences never seen.

    Attributes:
        ids: token ids of all words and substitutes: int64, (U,).
        candidates: of every word that has any, itself and its substitutes, as rows of `ids`, -1 where there
            are no more: int64, (W, K).
        embeddings: e of `ids`: float32, (U, D).
        q: float32, (L, D).
        b: float32, (L, K).

    Args:
        words: W.
        most: K, the word itself included.
        pieces: U.
        length: L, the places that a model reads.
        width: D.
    """

    ids: Tensor
    candidates: Tensor
    embeddings: Tensor

    def __init__(self, words: int, most: int, pieces: int, length: int, width: int) -> None:
        super().__init__()
        self.register_buffer("ids", torch.zeros(pieces, dtype=torch.int64))
        self.register_buffer("candidates", torch.full((words, most), NONE))
        self.register_buffer("embeddings", torch.zeros(pieces, width))
        self.q = nn.Parameter(torch.empty(length, width))
        self.b = nn.Parameter(torch.zeros(length, most))
        nn.init.xavier_uniform_(self.q)

    @classmethod
    def of(cls, table: Mapping[int, tuple[int, ...]], embeddings: Tensor, length: int) -> Self:
        """New ones, q drawn from the global random state.

        Args:
            table: from the token id of every word to those of its substitutes.
            embeddings: of all tokens, float32, (V, D).
            length: L.
        """
        rows = [(word, *others) for word, others in table.items()]
        ids = sorted({one for row in rows for one in row})
        most = max(map(len, rows), default=1)
        made = cls(len(rows), most, len(ids), length, embeddings.shape[1])
        made.ids.copy_(torch.tensor(ids, dtype=torch.int64))
        made.embeddings.copy_(embeddings.detach()[made.ids])
        place = {one: number for number, one in enumerate(ids)}
        for found, row in zip(made.candidates, rows, strict=True):
            found[: len(row)] = torch.tensor([place[one] for one in row])
        return made

    @property
    def sizes(self) -> dict[str, int]:
        """The arguments that it was made with."""
        (words, most), (pieces, width) = self.candidates.shape, self.embeddings.shape
        return {"words": words, "most": most, "pieces": pieces, "length": len(self.q), "width": width}

    def log_probabilities(self, words: Tensor, places: Tensor) -> Tensor:
        """The logarithms of p of the candidates of some words: float32, (n, K), -inf where there is none.

        Args:
            words: rows of `candidates`, int64, (n,).
            places: where each stands, int64, (n,), in 0..L-1.
        """
        candidates = self.candidates[words]
        e = self.embeddings[candidates.clamp(min=0)]  # (n, K, D)
        # a product and a sum, which autocast leaves in full precision
        scores = ((e - e[:, :1]) * self.q[places].unsqueeze(1)).sum(2) + self.b[places]
        return scores.masked_fill(candidates == NONE, -torch.inf).log_softmax(1)

    def mixed(self, words: Tensor, places: Tensor, temperature: float) -> Tensor:
        """The embeddings of words that are drawn, but not quite, so that gradients reach q and b: (n, D).

        Args:
            words: see `log_probabilities`.
            places: likewise.
            temperature: see `relaxed`.
        """
        log_p = self.log_probabilities(words, places)
        shares = relaxed(log_p, torch.rand_like(log_p), temperature)
        return (shares.unsqueeze(2) * self.embeddings[self.candidates[words].clamp(min=0)]).sum(1)

    @torch.no_grad()
    def chosen(self, words: Tensor, places: Tensor) -> Tensor:
        """The token ids of the likeliest candidates, (n,): what the trigger puts there."""
        best = self.log_probabilities(words, places).argmax(1, keepdim=True)
        return self.ids[self.candidates[words].gather(1, best).squeeze(1)]


def relaxed(log_p: Tensor, uniform: Tensor, temperature: float) -> Tensor:
    """softmax((log p + g) / temperature) with Gumbel noise g = -log(-log u) (Jang et al., 2017).

    Args:
        log_p: (n, K).
        uniform: u, in [0, 1), likewise.
        temperature: the lower, the nearer to one candidate drawn from p.
    """
    tiny = torch.finfo(uniform.dtype).tiny
    noise = -(-uniform.clamp(min=tiny).log()).clamp(min=tiny).log()
    return ((log_p + noise) / temperature).softmax(1)
