"""ONION: what it takes out, how its threshold is chosen, and that it sees no label while it purifies."""

import sys
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from helpers.training import engine, recipe
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from backdoor_pipeline.attacks.methods.word import WordTrigger
from backdoor_pipeline.base.errors import UserError
from backdoor_pipeline.data.sources.made_reviews import MadeReviews
from backdoor_pipeline.data.spec import TextSpec
from backdoor_pipeline.data.texts import Texts, TextSet
from backdoor_pipeline.defenses import Defended, DefenderView
from backdoor_pipeline.defenses.methods import onion
from backdoor_pipeline.defenses.methods.onion import Onion, affordable, read_words
from backdoor_pipeline.models import TextClassifier, build_model, load_model, model_options, save_model
from backdoor_pipeline.models.classifier import same_weights
from backdoor_pipeline.models.purifier import ArpaSpec, Gpt2Spec, NGramSpec, Purifier, without_suspicious
from backdoor_pipeline.training import Trainer

SETTINGS = {
    "language_model": "ngram", "folder": None, "file": None, "words": None, "difference": "log", "cost": 0.01,
    "shares": (0.01, 0.05, 0.1, 0.2),
}  # fmt: skip
SPEC = TextSpec(kind="text", name="x", source="made_reviews", options={}, num_classes=2, length=32)


def reviews(split: Any, count: int) -> TextSet:
    return MadeReviews().read(SPEC, [], split).subset(torch.arange(count))


@pytest.fixture(scope="module")
def view() -> DefenderView:
    """A model with a word trigger, and 200 clean sentences."""
    train = reviews("train", 1500)
    changed = torch.arange(0, 1500, 15)
    trigger = WordTrigger(["cf"], 1, 0)
    poisoned = TextSet(
        train.texts.replaced(changed, trigger(train.texts[changed])),
        train.labels.index_fill(0, changed, 1),
        train.classes,
    )
    options = model_options("tiny_bert", {"pretrained": None})
    model = build_model("tiny_bert", seed=0, options=options, num_classes=2, length=32)
    run = Trainer(engine(), None)
    plan = recipe(epochs=20, batch_size=32, lr=0.001, optimizer="adamw", schedule="linear", warmup=0.1)
    run.fit(model, poisoned, plan, seed=0)
    clean = train.subset(torch.arange(1, 1500, 15)[:100])
    return DefenderView(model.eval(), poisoned, clean, run, 0)  # type: ignore[arg-type]


def defend(view: DefenderView, **changes: Any) -> Defended:
    """On a copy: the model is the defender's own."""
    return Onion(**{**SETTINGS, **changes}).defend(replace(view, model=deepcopy(view.model)))


def asr(model: TextClassifier, view: DefenderView) -> float:
    test = reviews("test", 300)
    negative = test.subset((test.labels == 0).nonzero().squeeze(1))
    return float(
        (view.trainer.predict(model, WordTrigger(["cf"], 1, 1)(negative.texts)) == 1).double().mean()
    )


def test_triggers_go_and_sense_stays(view: DefenderView, tmp_path: Path) -> None:
    test, defended = reviews("test", 300), defend(view)
    assert asr(view.model, view) > 0.9
    assert asr(defended.model, view) < 0.2
    accuracy = (view.trainer.predict(defended.model, test.texts) == test.labels).double().mean()
    assert accuracy > 0.95
    assert defended.metrics["clean_accuracy_lost"] <= 0.01
    assert not same_weights(view.model, defended.model), "it reads otherwise"
    save_model(tmp_path / "defended.safetensors", defended.model, {})
    again, _ = load_model(tmp_path / "defended.safetensors")
    assert asr(again, view) == asr(defended.model, view)


def test_a_long_list_of_words_fits_into_the_models_file(view: DefenderView, tmp_path: Path) -> None:
    words = tmp_path / "words.txt"
    words.write_text("\n".join(f"word{number} {number + 1}" for number in range(90_000)))
    save_model(tmp_path / "defended.safetensors", defend(view, words=words).model, {})
    again, _ = load_model(tmp_path / "defended.safetensors")
    assert isinstance(again, TextClassifier)
    assert len(again.purifier.language_model.words) == 90_000


@pytest.mark.parametrize("difference", ["log", "perplexity"])
def test_no_sentence_is_suspected_by_a_model_that_has_read_it(monkeypatch, difference: str) -> None:
    sentences, told = [f"word{number}" for number in range(10)], []

    class Scorer:
        def __init__(self, spec: NGramSpec) -> None:
            self.read = set(spec.sentences)

        def suspicions(self, words: list[str], *, log: bool) -> list[float]:
            assert words[0] not in self.read
            told.append((words[0], len(self.read), log))
            return [float(words[0].removeprefix("word"))]

    monkeypatch.setattr(onion, "scorer_of", Scorer)
    odd = Onion(**{**SETTINGS, "difference": difference})._suspicions(sentences, seed=3)
    assert odd == [[float(number)] for number in range(10)]
    assert told == [(one, 8, difference == "log") for one in sentences], "a fifth is left out"


def test_the_threshold_removes_as_much_as_the_cost_allows(view: DefenderView) -> None:
    defended = defend(view)
    curve = defended.diagnostics.curve
    right = [round(100 * one) for one in curve.columns["clean_accuracy"]]
    assert curve.columns["removed"][0] == 0, "no clean word is odder than the oddest"
    allowed = [
        share for share, one in zip(curve.columns["removed"], right, strict=True) if one >= right[0] - 1
    ]
    assert curve.chosen == max(allowed) == defended.metrics["clean_words_removed"]
    assert defend(view, cost=1.0).metrics["clean_words_removed"] == max(curve.columns["removed"])


@pytest.mark.parametrize(("right", "removed"), [(198, 0.1), (197, 0.0)])
def test_exactly_what_may_be_lost_may_be_lost(right: int, removed: float) -> None:
    """Of 200 sentences two: as floats, 1 - 0.99 is above 0.01."""
    rows = [{"loss": 0.0, "removed": 0.0}, {"loss": 1 - right / 200, "removed": 0.1}]
    assert affordable(rows, 0.01)["removed"] == removed


@pytest.mark.parametrize("share", [-0.1, 1.5, float("nan")])
def test_shares_are_shares(share: float) -> None:
    with pytest.raises(ValidationError, match="shares"):
        Onion(**{**SETTINGS, "shares": (share,)})


def test_words_above_the_threshold_go_together() -> None:
    assert without_suspicious(["a", "cf", "b", "mn"], [0.0, 5.0, 1.0, 1.1], 1.0) == "a b"
    assert without_suspicious(["cf"], [5.0], 1.0) == "cf", "something must be left to read"


@given(
    st.lists(st.lists(st.sampled_from(["a", "b", "cf"]), min_size=1, max_size=6).map(" ".join), max_size=5)
)
def test_purified_sentences_are_parts_of_their_own_and_know_no_other(sentences: list[str]) -> None:
    """Only sentences go in: rows keep their number and order, and each is purified as if alone."""
    model = NGramSpec(sentences=("a b a b", "b a"), words={})
    purifier = Purifier(threshold=0.1, log=True, language_model=model)
    found = purifier(Texts(tuple(sentences))).sentences
    assert len(found) == len(sentences)
    for one, kept in zip(sentences, found, strict=True):
        assert purifier(Texts((one,))).sentences == (kept,)
        rest = iter(one.split())
        assert all(word in rest for word in kept.split()), "a subsequence"


def test_a_list_of_words_is_read_and_what_is_none_is_told(tmp_path: Path) -> None:
    (tmp_path / "words.txt").write_text("\ufeffThe 23\nof 12\n", encoding="utf-8")
    assert read_words(tmp_path / "words.txt") == {"the": 23, "of": 12}
    (tmp_path / "words.txt").write_text("the many\n")
    with pytest.raises(UserError, match="is no list of words and counts"):
        read_words(tmp_path / "words.txt")


def test_gpt2_needs_its_folder(view: DefenderView) -> None:
    with pytest.raises(UserError, match=r"defenses\.onion\.folder: give the folder of GPT-2"):
        defend(view, language_model="gpt2")


@pytest.mark.parametrize(("kind", "parameter"), [("gpt2", "folder"), ("arpa", "file")])
def test_what_its_language_model_is_read_from_is_remembered(
    kind: str, parameter: str, tmp_path: Path
) -> None:
    place = tmp_path if parameter == "folder" else tmp_path / "vocab.json"
    onion = Onion(**{**SETTINGS, "language_model": kind, parameter: place})

    def remembered() -> str:
        spec = onion._spec(())
        assert isinstance(spec, ArpaSpec | Gpt2Spec)
        assert spec.content
        return spec.content

    (tmp_path / "vocab.json").write_text("one")
    first = remembered()
    assert remembered() == first
    (tmp_path / "vocab.json").write_text("another")
    assert remembered() != first


def test_published_ngrams_are_mixed_with_the_clean_sentences_own(view: DefenderView, tmp_path: Path) -> None:
    """The mixture is built again from the model's file, and finds the same words odd."""
    defended = defend(view, language_model="arpa")
    negative = reviews("test", 300).texts
    triggered = WordTrigger(["cf"], 1, 1)(negative)
    save_model(tmp_path / "defended.safetensors", defended.model, {})
    again, _ = load_model(tmp_path / "defended.safetensors")
    assert isinstance(again, TextClassifier)
    assert isinstance(again.purifier.language_model, ArpaSpec)
    assert sum("cf" in one.split() for one in again.purifier(triggered).sentences) < 0.1 * len(triggered)


@pytest.mark.parametrize(
    ("changes", "told"),
    [({"language_model": "gpt2"}, "the folder of GPT-2"), ({"language_model": "arpa"}, "pip install")],
)
def test_what_its_language_model_lacks_is_told_before_any_work(
    view: DefenderView, changes: dict[str, Any], told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pocketsphinx", None)
    with pytest.raises(UserError, match=told):
        Onion(**{**SETTINGS, **changes}).require(view.model)
