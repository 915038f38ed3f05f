"""What a purifier's threshold is compared with."""

from backdoor_pipeline.data.texts import Texts
from backdoor_pipeline.models.purifier import NGramSpec, Purifier


def test_a_threshold_is_of_perplexities_or_of_their_logarithms() -> None:
    model = NGramSpec(sentences=("a b", "a b", "c b"), words={})
    scorer, words = model.build(), ["a", "cf", "b"]
    logarithm, plain = (scorer.suspicions(words, log=log)[1] for log in (True, False))
    assert logarithm < 10 < plain
    sentence = Texts(("a cf b",))
    assert Purifier(threshold=10, log=True, language_model=model)(sentence).sentences == ("a cf b",)
    assert Purifier(threshold=10, log=False, language_model=model)(sentence).sentences == ("a b",)
    low = 0.9 * logarithm
    assert Purifier(threshold=low, log=True, language_model=model)(sentence).sentences == ("a b",)
