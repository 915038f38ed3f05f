"""The figures of a defense that takes words out: one node each."""

from collections.abc import Callable

from backdoor_pipeline.analysis.figure import Figure
from backdoor_pipeline.analysis.lines import note
from backdoor_pipeline.analysis.purifying import perplexity_figure, words_removed_figure
from backdoor_pipeline.attacks.poisoning import Poisoned
from backdoor_pipeline.data.splits import Splits
from backdoor_pipeline.data.texts import Texts
from backdoor_pipeline.experiment.stages import AnalyzeStage
from backdoor_pipeline.models import Classifier, TextClassifier
from backdoor_pipeline.models.purifier import Purifier, scorer_of
from backdoor_pipeline.pipelines.analyze.shown import pairs, title

Draw = Callable[[dict[str, Texts], Purifier, str], Figure]


def _node(name: str, draw: Draw) -> Callable[..., Figure]:
    """The node that draws such a figure; a note where no defense takes words out.

    Args:
        name: what the figure is called.
        draw: of test sentences, `clean` and perhaps `triggered`, the purifier and the title.
    """

    def node(clean: Splits, poison: Poisoned, defended_model: Classifier, stage: AnalyzeStage) -> Figure:
        heading = title(name, stage.choices)
        purifier = defended_model.purifier if isinstance(defended_model, TextClassifier) else None
        if purifier is None:
            return note(heading, "No defense took words out: there is none to count.")
        found = pairs(clean.test, poison.test, stage.choices, stage.analyzing.feature_images)
        return draw(
            {kind: some for kind, some in found.items() if isinstance(some, Texts)}, purifier, heading
        )

    return node


def _words_removed(texts: dict[str, Texts], purifier: Purifier, heading: str) -> Figure:
    removed = {
        kind: [
            len(before.split()) - len(after.split())
            for before, after in zip(some.sentences, purifier(some).sentences, strict=True)
        ]
        for kind, some in texts.items()
    }
    return words_removed_figure(removed, heading)


def _perplexity(texts: dict[str, Texts], purifier: Purifier, heading: str) -> Figure:
    scorer, last = scorer_of(purifier.language_model), list(texts.values())[-1]
    versions = {**texts, "purified": purifier(last)}
    return perplexity_figure(
        {kind: scorer.perplexities(some.sentences) for kind, some in versions.items()}, heading
    )


draw_words_removed = _node("Words removed", _words_removed)
draw_perplexity = _node("Perplexity of sentences", _perplexity)
