"""GPT-2 by its equations, from files as they are published."""

import json
import math
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch.nn import functional as F

from backdoor_pipeline.base.errors import UserError
from backdoor_pipeline.models.gpt2 import Gpt2Scorer, load_gpt2
from backdoor_pipeline.models.purifier import Gpt2Spec, content_of, scorer_of

WIDTH, HEADS, LAYERS, POSITIONS, LETTERS = 128, 2, 2, 32, "abcdef "


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two layers of two heads, random weights; the vocabulary is letters."""
    vocabulary = {("Ġ" if one == " " else one): number for number, one in enumerate(LETTERS)}
    (tmp_path / "vocab.json").write_text(json.dumps(vocabulary))
    (tmp_path / "merges.txt").write_text("#version: 0.2\n")
    torch.manual_seed(0)
    w = WIDTH
    shapes = {
        "wte.weight": (len(LETTERS), w), "wpe.weight": (POSITIONS, w), "ln_f.weight": (w,), "ln_f.bias": (w,),
    }  # fmt: skip
    for layer in range(LAYERS):
        inside = {
            "ln_1.weight": (w,), "ln_1.bias": (w,), "ln_2.weight": (w,), "ln_2.bias": (w,),
            "attn.c_attn.weight": (w, 3 * w), "attn.c_attn.bias": (3 * w,),
            "attn.c_proj.weight": (w, w), "attn.c_proj.bias": (w,),
            "mlp.c_fc.weight": (w, 4 * w), "mlp.c_fc.bias": (4 * w,),
            "mlp.c_proj.weight": (4 * w, w), "mlp.c_proj.bias": (w,),
        }  # fmt: skip
        shapes |= {f"h.{layer}.{name}": shape for name, shape in inside.items()}
    weights = {name: torch.randn(shape) * 0.3 for name, shape in shapes.items()}
    save_file({**weights, "h.0.attn.bias": torch.ones(1, 1, 4, 4)}, tmp_path / "model.safetensors")
    return tmp_path


def by_hand(folder: Path, ids: list[int]) -> torch.Tensor:
    """The logits of one sentence, token by token."""
    w = load_file(folder / "model.safetensors")

    def norm(x: torch.Tensor, name: str) -> torch.Tensor:
        return F.layer_norm(x, (WIDTH,), w[f"{name}.weight"], w[f"{name}.bias"], 1e-5)

    def dense(x: torch.Tensor, name: str) -> torch.Tensor:
        return x @ w[f"{name}.weight"] + w[f"{name}.bias"]

    later = torch.ones(len(ids), len(ids)).triu(1).bool()
    x = w["wte.weight"][ids] + w["wpe.weight"][: len(ids)]
    for layer in (f"h.{number}" for number in range(LAYERS)):
        parts = dense(norm(x, f"{layer}.ln_1"), f"{layer}.attn.c_attn").split(WIDTH, -1)
        heads = []
        for q, k, v in zip(*(part.split(WIDTH // HEADS, -1) for part in parts), strict=True):
            scores = (q @ k.T / (WIDTH // HEADS) ** 0.5).masked_fill(later, -math.inf)
            heads.append(torch.softmax(scores, -1) @ v)
        x = x + dense(torch.cat(heads, -1), f"{layer}.attn.c_proj")
        wide = F.gelu(dense(norm(x, f"{layer}.ln_2"), f"{layer}.mlp.c_fc"), approximate="tanh")
        x = x + dense(wide, f"{layer}.mlp.c_proj")
    return norm(x, "ln_f") @ w["wte.weight"].T


def test_logits_are_those_of_the_equations(folder: Path) -> None:
    ids = [0, 3, 2, 5]
    assert torch.allclose(load_gpt2(folder)(torch.tensor([ids]))[0], by_hand(folder, ids), atol=1e-4)


def test_losses_leave_out_the_first_token_and_padding(folder: Path) -> None:
    scorer = Gpt2Scorer(folder)
    expected = [
        F.cross_entropy(by_hand(folder, ids)[:-1], torch.tensor(ids[1:])).item()
        for ids in ([0, 1, 2, 3], [4, 5])
    ]
    assert scorer.losses(["abcd", "ef", "a"]) == pytest.approx([*expected, 0], abs=1e-4)


def test_a_sentence_may_be_longer_than_the_model_reads_at_once(folder: Path) -> None:
    """Of 2 x 31 + 1 tokens in two windows all but the first are predicted, each once."""
    scorer, text = Gpt2Scorer(folder), "abcdefa" * 9
    first, second = by_hand_loss(folder, text[:POSITIONS]), by_hand_loss(folder, text[POSITIONS - 1 :])
    assert scorer.losses([text, "ab"])[0] == pytest.approx((first + second) / (len(text) - 1), rel=1e-5)


def by_hand_loss(folder: Path, text: str) -> float:
    ids = [LETTERS.index(one) for one in text]
    return float(F.cross_entropy(by_hand(folder, ids)[:-1], torch.tensor(ids[1:]), reduction="sum"))


def test_suspicion_is_a_difference_of_perplexities(folder: Path) -> None:
    scorer = Gpt2Scorer(folder)
    whole, *without = scorer.losses(["ab c fd", "c fd", "ab fd", "ab c"])
    assert scorer.suspicions(["ab", "c", "fd"], log=True) == pytest.approx([whole - one for one in without])
    plain = [math.exp(whole) - math.exp(one) for one in without]
    assert scorer.suspicions(["ab", "c", "fd"], log=False) == pytest.approx(plain)
    assert scorer.suspicions(["ab"], log=False) == [0]


def test_what_is_no_gpt2_is_told(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    with pytest.raises(UserError, match="holds no GPT-2"):
        load_gpt2(tmp_path_factory.mktemp("empty"))
    save_file({"wte.weight": torch.zeros(3, 4)}, folder / "model.safetensors")
    with pytest.raises(UserError, match="is not that of a GPT-2"):
        load_gpt2(folder)


def test_a_folder_that_was_changed_is_read_again_in_the_same_process(folder: Path) -> None:
    """Artefacts are named by what the folder holds by then."""
    scorer = scorer_of(Gpt2Spec(folder=folder))
    assert scorer_of(Gpt2Spec(folder=folder)) is scorer
    weights = load_file(folder / "model.safetensors")
    save_file({**weights, "wte.weight": weights["wte.weight"].flip(0)}, folder / "model.safetensors")
    assert scorer_of(Gpt2Spec(folder=folder)).perplexities(["abc"]) == Gpt2Scorer(folder).perplexities(
        ["abc"]
    )
    assert scorer.perplexities(["abc"]) != Gpt2Scorer(folder).perplexities(["abc"])


def test_another_model_in_its_folder_is_none_that_a_threshold_was_chosen_by(folder: Path) -> None:
    """A defended model names the folder, its artefact what was in there."""
    stored = Gpt2Spec(folder=folder, content=content_of(Gpt2Spec(folder=folder)))
    scorer_of(stored)
    (folder / "notes.txt").write_text("no part of it")
    scorer_of(stored)
    weights = load_file(folder / "model.safetensors")
    save_file({**weights, "wte.weight": weights["wte.weight"].flip(0)}, folder / "model.safetensors")
    with pytest.raises(UserError, match="holds another language model than that which ONION"):
        scorer_of(stored)
    scorer_of(Gpt2Spec(folder=folder))
