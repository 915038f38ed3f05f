"""Published n-grams, against probabilities worked out by hand; read by the package, as users have it."""

import sys
from pathlib import Path

import pytest

from backdoor_pipeline.base.errors import UserError
from backdoor_pipeline.models import arpa as module
from backdoor_pipeline.models.arpa import Arpa, Mixture, fitted_mixture, likeliest_share
from backdoor_pipeline.models.ngram import NGram
from backdoor_pipeline.models.oddness import START

FILE = """
\\data\\
ngram 1=5
ngram 2=3
ngram 3=1

\\1-grams:
-99 <s> -0.3
-0.6 </s>
-0.5 a -0.2
-0.7 b -0.1
-1.0 c

\\2-grams:
-0.2 <s> a -0.4
-0.3 a b -0.1
-0.4 b </s>

\\3-grams:
-0.1 <s> a b

\\end\\
"""
ROUNDING = 1e-3  # the package keeps logarithms to a base of 1.0001


@pytest.fixture
def arpa(tmp_path: Path) -> Arpa:
    file = tmp_path / "tiny.arpa"
    file.write_text(FILE.lstrip())
    return Arpa(file)


@pytest.mark.parametrize(
    ("gram", "logarithm"),
    [
        (("b",), -0.7),
        (("a", "b"), -0.3),
        (("<s>", "a", "b"), -0.1),
        (("a", "c"), -0.2 - 1.0),  # no such pair: the weight of a, and c alone
        (("<s>", "a", "c"), -0.4 - 0.2 - 1.0),
        (("<s>", "<s>", "a"), -0.2),
        (("b", "a", "b"), -0.3),  # the pair "b a" has no weight
        (("A", "B"), -0.3),
        (("a", "unknown", "b"), -0.7),
        (("b", "</s>"), -0.4),
    ],
)
def test_probabilities_are_those_of_the_file(arpa: Arpa, gram: tuple[str, ...], logarithm: float) -> None:
    assert arpa.probability(gram) == pytest.approx(10**logarithm, rel=ROUNDING)


def test_a_word_that_it_does_not_know_has_none(arpa: Arpa) -> None:
    assert arpa.probability(("a", "unknown")) == 0


def test_a_mixture_weighs_both(arpa: Arpa) -> None:
    own = NGram(("a b", "zz b"), {})
    mixed = Mixture(own, arpa, 0.25)
    assert mixed.probability(("a", "b")) == pytest.approx(
        0.25 * 10**-0.3 + 0.75 * own.probability(("a", "b")), rel=ROUNDING
    )
    assert mixed.probability(("zz",)) == pytest.approx(0.75 * own.probability(("zz",)))


def test_the_share_is_the_one_that_makes_a_text_likeliest() -> None:
    """Of (1 - s) a + s b over the pairs (.2, .4), (.4, .2): (.2 + .2 s)(.4 - .2 s) is largest at s = 1/2."""
    assert likeliest_share([(0.2, 0.4), (0.4, 0.2)]) == pytest.approx(0.5)
    assert likeliest_share([(0.2, 0.4)] * 3) == pytest.approx(1, abs=1e-6)
    # d/ds of 2 log(.1 + .3 s) + log(.4 - .3 s): 2 (.4 - .3 s) = .1 + .3 s
    assert likeliest_share([(0.1, 0.4), (0.1, 0.4), (0.4, 0.1)]) == pytest.approx(7 / 9, abs=1e-3)


def test_a_share_leaves_something_to_the_other_model() -> None:
    """Or a word that only that knows had no probability, of which there is no logarithm."""
    assert 0.999 < likeliest_share([(1e-12, 0.5)] * 9) < 1


def test_words_that_an_open_vocabulary_lumps_together_are_unknown(tmp_path: Path) -> None:
    file = tmp_path / "open.arpa"
    file.write_text(FILE.lstrip().replace("ngram 1=5", "ngram 1=6").replace("-1.0 c", "-1.0 c\n-0.9 <UNK>"))
    opened = Arpa(file)
    assert opened.probability(("cf",)) == 0
    assert opened.probability(("a", "cf")) == 0
    assert opened.probability(("a", "b")) == pytest.approx(10**-0.3, rel=ROUNDING)


def test_sentences_that_the_file_knows_better_than_each_other_give_it_a_larger_share(arpa: Arpa) -> None:
    alike = fitted_mixture(["a b"] * 10, {}, arpa)
    assert alike.share < 0.2, "the others foretell every word, the file only some"
    assert alike.probability((START, START, "a")) > 0.5
    unlike = fitted_mixture(["a b", "c c", "zz"], {}, arpa)
    assert unlike.share > alike.share


def test_sentences_are_judged_by_trigrams_of_others(arpa: Arpa, monkeypatch: pytest.MonkeyPatch) -> None:
    """By themselves, all would be best known to trigrams that have seen them."""
    seen: list[tuple[float, float]] = []
    monkeypatch.setattr(module, "likeliest_share", lambda pairs: seen.extend(pairs) or 0.5)
    sentences = ["a b", "c", "zz", "b", "a"]
    fitted_mixture(sentences, {}, arpa)
    assert len(seen) == 3 + 2 + 2 + 2 + 2, "each word and each end once"
    others = NGram(["a b", "c", "b", "a"], {})
    assert seen[5] == (others.probability((START, START, "zz")), 0)
    assert seen[5][0] < 1e-4 < NGram(sentences, {}).probability((START, START, "zz"))


def test_what_is_no_such_file_is_told(tmp_path: Path) -> None:
    (tmp_path / "prose.arpa").write_text("Once upon a time")
    with pytest.raises(UserError, match="holds no n-grams in ARPA's format"):
        Arpa(tmp_path / "prose.arpa")


def test_without_the_package_it_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pocketsphinx", None)
    with pytest.raises(UserError, match="pip install --no-deps pocketsphinx"):
        Arpa(None)


def test_the_packages_own_know_english() -> None:
    english = Arpa(None)
    assert english.probability(("one", "of", "the")) > 0.1
    assert english.probability(("of", "the")) > english.probability(("of", "of"))
    assert english.probability(("cf",)) == 0
