"""What is measured: the paper's settings on CIFAR-10, or next to nothing to see whether everything runs.

All hyper-parameters are those of `conf/base`, through `experiment.resolve`; here stands only how much.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from backdoor_pipeline.base.nesting import Nested, overlaid
from backdoor_pipeline.experiment.resolve import resolve
from backdoor_pipeline.experiment.specs import Experiment
from backdoor_pipeline.experiment.yaml_text import read_yaml_file

CONF = Path(__file__).parents[2] / "conf/base/parameters"


@dataclass(frozen=True, slots=True)
class Size:
    """How much is measured.

    Attributes:
        changes: laid over the parameters of `conf/base`.
        images: training images of an epoch, where images per second are measured.
        epochs: timed, after one that warms up.
        rounds: how often the sides alternate.
        steps: of training, where a step is looked into.
    """

    changes: Mapping[str, Any]
    images: int
    epochs: int
    rounds: int
    steps: int

    def experiment(self, attack: str, defense: str = "none") -> Experiment:
        """The experiment with this attack and this defense."""
        chosen = {"attack": attack, "defense": defense}
        return resolve(overlaid(overlaid(_base(), self.changes), chosen))


def size_of(name: str, *, eager: bool = False) -> Size:
    """The size called `full` or `smoke`; whether nothing is compiled."""
    uncompiled = {"engine": {"compile": False}} if eager else {}
    if name == "smoke":
        changes = read_yaml_file(Path(__file__).with_name("smoke.yml"))
        return Size(overlaid(changes, uncompiled), images=128, epochs=1, rounds=1, steps=2)
    engine = {"checkpoint_every": 5, "evaluate_every": 5}  # a killed training loses four epochs at most
    changes = {"dataset": "cifar10_jpeg", "model": "preactresnet18", "engine": engine}
    return Size(overlaid(changes, uncompiled), images=25_600, epochs=2, rounds=2, steps=50)


def _base() -> Nested:
    """The parameters of `conf/base`, as Kedro reads them."""
    base: Nested = {}
    for file in sorted(CONF.glob("*.yml")):
        base |= read_yaml_file(file)
    return base
