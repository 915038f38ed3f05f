"""All detectors that apply, one after the other."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from backdoor_pipeline.base.errors import UserError, unknown
from backdoor_pipeline.base.registry import NONE
from backdoor_pipeline.base.timing import Stopwatch
from backdoor_pipeline.data.images import ImageSet
from backdoor_pipeline.defenses import DEFENSES, DefenderView, Defense, Detector, Finding


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one detector came to.

    Attributes:
        detector: its name.
        finding: None: it does not apply.
        why_not: in that case, why.
        seconds: what it cost.
    """

    detector: str
    finding: Finding | None
    why_not: str = ""
    seconds: float = 0.0

    @property
    def word(self) -> str:
        """`suspicious`, `clean` or `-`."""
        if self.finding is None:
            return "-"
        return "suspicious" if self.finding.suspicious else "clean"


@dataclass(frozen=True, slots=True)
class Scan:
    """What all came to.

    Attributes:
        verdicts: one for each detector.
        train: the training set that was looked at; None: there was none.
    """

    verdicts: Sequence[Verdict]
    train: ImageSet | None

    @property
    def suspicious(self) -> bool:
        """Whether any detector takes the model or its data for backdoored."""
        return any(one.finding is not None and one.finding.suspicious for one in self.verdicts)


def detectors() -> list[str]:
    """The names of all defenses of images that detect."""
    known = [name for name in DEFENSES.names() if name != NONE]
    return [
        name for name in known if issubclass(DEFENSES[name], Detector) and "image" in DEFENSES[name].kinds
    ]


def see_that_they_detect(names: Iterable[Any]) -> None:
    """See that these are detectors of images.

    Raises:
        UserError: one is none; the sentence names those that are.
    """
    known = detectors()
    for name in names:
        if name in DEFENSES.names() and name not in known:
            raise UserError(f"defense '{name}' is no detector of images: choose one of {', '.join(known)}.")
        if name not in known:
            raise unknown("detector", name, known)


def scan(
    view: DefenderView, train: ImageSet | None, chosen: Mapping[str, Defense], significance: float
) -> Scan:
    """Ask every detector.

    Args:
        view: the model, the trusted images and the engine.
        train: the training set; None: detectors that look at it do not apply.
        chosen: detectors by name, with their hyper-parameters.
        significance: see `Detector.detect`; for each of them.

    Raises:
        UserError: a defense is no detector of images.
    """
    see_that_they_detect(chosen)
    return Scan([_ask(name, one, view, train, significance) for name, one in chosen.items()], train)


def _ask(
    name: str, defense: Defense, view: DefenderView, train: ImageSet | None, significance: float
) -> Verdict:
    assert isinstance(defense, Detector)
    if defense.reads_train and train is None:
        return Verdict(name, None, "it looks at the training set, which was not given")
    try:
        with Stopwatch() as clock:
            finding = defense.detect(view, significance)
    except UserError as error:
        return Verdict(name, None, str(error))
    return Verdict(name, finding, seconds=clock.seconds)
