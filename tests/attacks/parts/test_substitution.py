"""Probabilities of candidates and their Gumbel relaxation, against numbers worked out by hand."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from backdoor_pipeline.attacks.parts.substitution import Substitutions, relaxed

TABLE = {7: (3, 9), 3: (7,)}  # token 7 may give way to 3 or 9, token 3 to 7


def wheels() -> Substitutions:
    """The tokens 3, 7 and 9 have e = (1, 0), (0, 0), (0, 2); q and b are 0 at place 0, not at place 1."""
    embeddings = torch.full((10, 2), torch.nan)  # none but these are looked at
    embeddings[[3, 7, 9]] = torch.tensor([[1.0, 0.0], [0.0, 0.0], [0.0, 2.0]])
    made = Substitutions.of(TABLE, embeddings, length=2)
    with torch.no_grad():
        made.q.copy_(torch.tensor([[0.0, 0.0], [math.log(2), math.log(3)]]))
        made.b.copy_(torch.tensor([[0.0, 0.0, 0.0], [math.log(5), 0.0, 0.0]]))
    return made


def probabilities(words: list[int], places: list[int]) -> Tensor:
    return wheels().log_probabilities(torch.tensor(words), torch.tensor(places)).exp().detach()


def test_candidates_are_as_likely_as_worked_out_by_hand() -> None:
    """Of token 7 at place 1 the scores are log 5 (itself), log 2 (e3 q) and 2 log 3 (e9 q): 5, 2, 9 of 16.

    Of token 3: itself log 5, and -log 2 for (e7 - e3) q: 5 and 1/2 of 5 1/2.
    """
    expected = torch.tensor(
        [[1 / 3, 1 / 3, 1 / 3], [5 / 16, 2 / 16, 9 / 16], [1 / 2, 1 / 2, 0], [10 / 11, 1 / 11, 0]]
    )
    torch.testing.assert_close(probabilities([0, 0, 1, 1], [0, 1, 0, 1]), expected)


def test_at_test_the_likeliest_is_taken_whatever_was_drawn() -> None:
    made, words, places = wheels(), torch.tensor([0, 1]), torch.tensor([1, 1])
    for seed in range(5):
        torch.manual_seed(seed)
        assert made.chosen(words, places).tolist() == [9, 3]


def test_the_relaxation_is_as_worked_out_by_hand() -> None:
    """Of p = (1/4, 3/4) and u = (1/e, e^(-1/2)) the noise is (0, log 2): odds 1 to 6; at 1/2, squares."""
    log_p, uniform = torch.tensor([[0.25, 0.75]]).log(), torch.tensor([[-1.0, -0.5]]).exp()
    torch.testing.assert_close(relaxed(log_p, uniform, 1.0), torch.tensor([[1 / 7, 6 / 7]]))
    torch.testing.assert_close(relaxed(log_p, uniform, 0.5), torch.tensor([[1 / 37, 36 / 37]]))


def test_a_candidate_that_is_not_there_is_never_mixed_in_and_gradients_stay_finite() -> None:
    made = wheels()
    log_p = made.log_probabilities(torch.tensor([1]), torch.tensor([1]))
    shares = relaxed(log_p, torch.tensor([[0.0, 0.5, 1 - 2**-24]]), 0.1)
    assert shares[0, 2] == 0
    shares[0, 0].backward()
    assert made.q.grad is not None
    assert made.q.grad.isfinite().all()


@given(st.integers(0, 99))
def test_draws_are_as_frequent_as_probable(seed: int) -> None:
    """Nearly cold, the largest share is a draw from p: 4,000 of them, within four standard deviations."""
    uniform = torch.rand(4000, 3, generator=torch.Generator().manual_seed(seed))
    shares = relaxed(torch.tensor([[0.2, 0.3, 0.5]]).log().expand(4000, 3), uniform, 0.01)
    found = shares.argmax(1).bincount(minlength=3) / 4000
    assert (found - torch.tensor([0.2, 0.3, 0.5])).abs().max() < 4 * math.sqrt(0.25 / 4000)


def test_words_are_mixed_of_their_candidates_embeddings() -> None:
    """Cold, and drawn so that one is certain, a mixture is the embedding of one of the three."""
    torch.manual_seed(0)
    made = wheels()
    mixed = made.mixed(torch.zeros(200, dtype=torch.int64), torch.ones(200, dtype=torch.int64), 1e-4)
    rows = {tuple(row) for row in mixed.detach().round(decimals=3).tolist()}
    assert rows == {(1.0, 0.0), (0.0, 0.0), (0.0, 2.0)}


def test_what_is_learned_is_q_and_b_and_nothing_else() -> None:
    assert {name for name, _ in wheels().named_parameters()} == {"q", "b"}


def test_sizes_rebuild_it() -> None:
    made = wheels()
    again = Substitutions(**made.sizes)
    again.load_state_dict(made.state_dict())
    words = torch.tensor([0, 1])
    assert torch.equal(again.chosen(words, words), made.chosen(words, words))


def test_the_score_of_the_word_itself_is_its_bias_alone() -> None:
    made = wheels()
    with torch.no_grad():
        made.q.fill_(1e4)
    assert made.log_probabilities(torch.tensor([0]), torch.tensor([0]))[0, 0].item() == pytest.approx(-2e4)
