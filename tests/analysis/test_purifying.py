"""Histograms of words removed and of perplexities, and that they are of texts with a purifier alone."""

import math

import pytest
import torch
from helpers.parameters import change
from helpers.pipelines import shown, splits

from backdoor_pipeline.analysis.purifying import perplexity_figure, words_removed_figure
from backdoor_pipeline.attacks.poisoning import Poison
from backdoor_pipeline.attacks.trigger import NoTrigger
from backdoor_pipeline.data.poisoned import PoisonedRows
from backdoor_pipeline.data.texts import Texts, TextSet
from backdoor_pipeline.experiment.resolve import resolve
from backdoor_pipeline.models import TextClassifier, build_model, model_options
from backdoor_pipeline.models.ngram import NGram
from backdoor_pipeline.models.oddness import TrigramScorer
from backdoor_pipeline.models.purifier import NGramSpec, Purifier
from backdoor_pipeline.pipelines.analyze.purifying import draw_perplexity, draw_words_removed

CLEAN = ("a b c", "a b c", "a b c d")
TRIGGERED = ("a cf b c", "a b cf c", "a b c cf d")


def test_words_removed_are_counted_for_each_kind_and_many_share_a_place() -> None:
    table = words_removed_figure({"clean": [0, 0, 0, 1], "triggered": [1, 15]}, "a title").table
    assert table["words"].max() == 12
    at = {(kind, words): share for kind, words, share in table[["kind", "words", "share"]].to_numpy()}
    assert (at["clean", 0], at["clean", 1], at["clean", 12]) == (0.75, 0.25, 0)
    assert (at["triggered", 0], at["triggered", 1], at["triggered", 12]) == (0, 0.5, 0.5)


def test_perplexities_fall_into_bins_of_equal_ratios() -> None:
    figure = perplexity_figure({"clean": [1.0, 1.0, 1000.0], "triggered": [1000.0]}, "a title")
    table = figure.table
    assert table.groupby("kind")["sentences"].sum().to_dict() == {"clean": 3, "triggered": 1}
    steps = table.loc[table["kind"] == "clean", "log10_perplexity"].diff().dropna()
    assert steps.tolist() == pytest.approx([0.1] * 29)
    assert table["log10_perplexity"].iloc[0] == pytest.approx(0.05), "the middle of the bin"
    assert table["sentences"].iloc[[0, 29, 59]].tolist() == [2, 1, 1]
    assert [trace["name"] for trace in figure.plotly["data"]] == ["clean (3)", "triggered (1)"]


def test_a_models_perplexity_is_the_geometric_mean_of_odds() -> None:
    model = NGram(["a b"], {})
    scorer = TrigramScorer(model)
    product = 1.0
    for gram in (("<s>", "<s>", "a"), ("<s>", "a", "b"), ("a", "b", "</s>")):
        product *= model.probability(gram)
    (found,) = scorer.perplexities(["a b"])
    assert found == pytest.approx(product ** (-1 / 3))
    assert math.log(found) < math.log(scorer.perplexities(["a cf b"])[0])


@pytest.fixture
def given():
    """Clean and triggered sentences, and a model of texts."""
    labels = torch.tensor([0, 0, 0])
    test = TextSet(Texts(CLEAN), labels, ("no", "yes"))
    rows = PoisonedRows(
        torch.arange(3),
        Texts(TRIGGERED),
        torch.ones(3, dtype=torch.int64),
        labels,
        torch.zeros(3, dtype=torch.int8),
    )
    options = model_options("tiny_bert", {"pretrained": None})
    model = build_model("tiny_bert", seed=0, options=options, num_classes=2, length=32)
    assert isinstance(model, TextClassifier)
    return splits(None, test), Poison(rows, rows, NoTrigger()), model


def test_a_purifier_is_drawn_and_without_one_a_note(given) -> None:
    clean, poison, model = given
    assert "note" in draw_words_removed(clean, poison, model, shown()).table
    assert "note" in draw_perplexity(clean, poison, model, shown()).table
    fitted = NGramSpec(sentences=("a b c", "a b c", "a b c d"), words={})
    odd = fitted.build().suspicions(TRIGGERED[0].split(), log=True)
    assert odd[1] == max(odd)
    model.put_before(Purifier(threshold=0.5, log=True, language_model=fitted))
    removed = draw_words_removed(clean, poison, model, shown()).table
    ones = removed[removed["words"] == 1].set_index("kind")["share"]
    assert ones["triggered"] > ones["clean"]
    found = draw_perplexity(clean, poison, model, shown()).table
    mean = found.assign(part=found["log10_perplexity"] * found["share"]).groupby("kind")["part"].sum()
    assert mean["clean"] < mean["triggered"]
    assert mean["purified"] < mean["triggered"]


def test_images_have_no_such_figures(params) -> None:
    asked = set(resolve(params).analyzing.figures)
    assert not {"words_removed", "perplexity"} & asked
    texts = {"dataset": "made_reviews", "model": "tiny_bert", "attack": "word"}
    assert {"words_removed", "perplexity"} <= set(resolve(change(params, **texts)).analyzing.figures)
