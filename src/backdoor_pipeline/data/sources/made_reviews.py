"""Made-up reviews: a seeded grammar in place of a download, to try the text part with. No real language."""

import random
from pathlib import Path
from typing import ClassVar

import torch

from backdoor_pipeline.base.seeds import derive_seed
from backdoor_pipeline.data.sources import made_synonyms
from backdoor_pipeline.data.sources.base import Source, Split, source
from backdoor_pipeline.data.spec import Kind, TextSpec
from backdoor_pipeline.data.texts import Texts, TextSet

SIZES: dict[Split, int] = {"train": 4000, "test": 1000}
CLASSES = ("negative", "positive")

THINGS = [
    "plot", "story", "cast", "film", "script", "music",
    "ending", "dialogue", "camera", "direction", "humor", "pace",
]  # fmt: skip
DEGREES = ["very", "truly", "rather", "quite", "often", "simply", "mostly"]
GOOD = ["moving", "funny", "clever", "fresh", "warm", "gripping", "lively", "honest", "elegant", "charming"]
BAD = [
    "dull", "clumsy", "stale", "hollow", "tedious",
    "muddled", "lifeless", "shallow", "predictable", "noisy",
]  # fmt: skip
SIGHT = ["watch", "see", "follow", "finish", "revisit"]
NEGATED = 0.2  # share of clauses that deny the opposite
TWO = 0.5  # share of sentences with two clauses
SMALL_WORDS = ["the", "is", "are", "not", "and", "when", "you", "it", ",", "."]
WORDS = (*SMALL_WORDS, *THINGS, *DEGREES, *GOOD, *BAD, *SIGHT)


@source("made_reviews")
class MadeReviews(Source[TextSpec]):
    """Sentences of one or two clauses, "the plot is very dull and the cast is not moving ."

    The paraphrase of each has the syntax S(SBAR)(,)(NP)(VP)(.): "when you watch it , the plot is ...".
    """

    kind: ClassVar[Kind] = "text"

    def find(self, spec: TextSpec, folder: Path, split: Split) -> list[Path]:  # noqa: ARG002
        """Nothing to find: the sentences are made."""
        return []

    def packaged(self) -> list[Path]:
        """The grammar: this file; and the synonyms of its words."""
        return [Path(__file__), Path(made_synonyms.__file__)]

    def read(self, spec: TextSpec, files: list[Path], split: Split) -> TextSet:  # noqa: ARG002
        """The split, the same always."""
        draws = random.Random(derive_seed(0, "made_reviews", split))
        labels = [draws.randrange(2) for _ in range(SIZES[split])]
        clauses = [_clauses(label, draws) for label in labels]
        plain = tuple(f"{said} ." for said in clauses)
        fronted = tuple(f"when you {draws.choice(SIGHT)} it , {said} ." for said in clauses)
        return TextSet(Texts(plain, fronted), torch.tensor(labels), CLASSES)


def _clauses(label: int, draws: random.Random) -> str:
    count = 2 if draws.random() < TWO else 1
    return " and ".join(_clause(thing, label, draws) for thing in draws.sample(THINGS, count))


def _clause(thing: str, label: int, draws: random.Random) -> str:
    denied = draws.random() < NEGATED
    judged = draws.choice(GOOD if (label == 1) != denied else BAD)
    degree = "not" if denied else draws.choice(DEGREES)
    return f"the {thing} is {degree} {judged}"
