"""Neural Cleanse: find, then remove, a backdoor by the size of its trigger (Wang et al., IEEE S&P 2019)."""

from collections.abc import Mapping
from typing import ClassVar, Literal

from pydantic import Field
from torch import Tensor

from backdoor_pipeline.base.errors import UserError
from backdoor_pipeline.defenses.base import Defended, DefenderView, Defense
from backdoor_pipeline.defenses.detecting import Detector, Finding, named
from backdoor_pipeline.defenses.diagnostics import Curve, Diagnostics
from backdoor_pipeline.defenses.parts.anomaly import anomaly_index, log_anomaly_index, median
from backdoor_pipeline.defenses.parts.held_out import see_that_it_can_be_split
from backdoor_pipeline.defenses.parts.trigger_pruning import Pruning
from backdoor_pipeline.defenses.parts.trigger_search import TriggerSearch
from backdoor_pipeline.defenses.parts.trigger_unlearning import Unlearning
from backdoor_pipeline.defenses.parts.triggers import Triggers, success
from backdoor_pipeline.models.classifier import Classifier
from backdoor_pipeline.training import History

LEAST_CLASSES = 3  # of two, neither is nearer to their median
MOST_METRICS, MOST_PICTURES = 20, 12  # classes
METRICS = {"published": "anomaly_index", "log": "log_anomaly_index"}  # what the indices are reported as


class NeuralCleanse(Defense, Detector):
    """Search the smallest trigger of every class; a class whose trigger is far smaller than the others' has a
    backdoor, which is then removed. Without such a class the model stays as it is.

    Attributes:
        search: of the triggers.
        index: which anomaly index decides in `defend`; both are told. `published` is that of the norms, as
            in the paper; `log` is ours, of their logarithms.
        anomaly_threshold: of the published index.
        log_threshold: of the other; chosen on clean models only.
        mitigation: how a backdoor is removed.
        unlearning: its settings.
        pruning: its settings.
    """

    name: ClassVar[str] = "nc"
    why_images: ClassVar[str] = "it searches a mask and a pattern of pixels"

    search: TriggerSearch
    index: Literal["published", "log"]
    anomaly_threshold: float = Field(gt=0)
    log_threshold: float = Field(gt=0)
    mitigation: Literal["unlearn", "prune"]
    unlearning: Unlearning
    pruning: Pruning

    def require(self, model: Classifier) -> None:
        """See `Defense.require`: classes to compare."""
        count = model.description.num_classes
        if count < LEAST_CLASSES:
            raise UserError(f"nc compares classes with each other: it needs {LEAST_CLASSES}, not {count}.")

    def require_images(self, train: int, clean: int) -> None:  # noqa: ARG002
        """See `Defense.require_images`: pruning holds some out."""
        if self.mitigation == "prune":
            see_that_it_can_be_split(clean)

    def defend(self, view: DefenderView) -> Defended:
        """See `Defense.defend`."""
        self.require(view.model)
        triggers, indices, flagged = self._search(view, self.index)
        metrics = _metrics(triggers, indices, self._suspects(triggers), flagged)
        history: History = []
        if len(flagged):
            found = triggers[flagged]
            metrics["reversed_success"] = success(view.trainer, view.model, found, flagged, view.clean)
            if self.mitigation == "unlearn":
                history = self.unlearning.run(view, found)
            else:
                metrics["pruned_neurons"] = float(self.pruning.run(view, found, flagged))
            metrics["reversed_success_after"] = success(view.trainer, view.model, found, flagged, view.clean)
        return Defended(
            view.model, metrics, history, diagnostics=_diagnostics(triggers, indices, self.index, flagged)
        )

    def detect(self, view: DefenderView, significance: float) -> Finding:  # noqa: ARG002
        """See `Detector.detect`: by the logarithms, whose threshold none of ten clean models exceeded.

        How often one would nobody can tell; the published index suspected one of the ten.
        """
        self.require(view.model)
        triggers, indices, flagged = self._search(view, "log")
        log, published = (_highest(indices[name], self._suspects(triggers)) for name in ("log", "published"))
        return Finding(
            suspicious=len(flagged) > 0,
            says=f"{named(flagged.tolist(), view.clean.classes)}: a far smaller trigger than the others'"
            if len(flagged)
            else "no class has a far smaller trigger than the others",
            sure=f"log index {log:.2f}, alarm above {self.log_threshold:g}; "
            f"the paper's {published:.2f}, above {self.anomaly_threshold:g}",
            pictures=_diagnostics(triggers, indices, "log", flagged).pictures,
        )

    def _search(self, view: DefenderView, deciding: str) -> tuple[Triggers, dict[str, Tensor], Tensor]:
        """The triggers of all classes, their indices, and the classes that stand out by one of these."""
        triggers = self.search.run(view.trainer, view.model, view.clean, view.seed)
        indices = both_indices(triggers)
        return triggers, indices, self._flagged(triggers, indices, deciding)

    def _flagged(self, triggers: Triggers, indices: Mapping[str, Tensor], deciding: str) -> Tensor:
        """The suspects with an abnormal index, that with the smallest trigger first: int64, (m,)."""
        threshold = {"published": self.anomaly_threshold, "log": self.log_threshold}[deciding]
        order = triggers.norms.argsort()
        return order[(self._suspects(triggers) & (indices[deciding] > threshold))[order]]

    def _suspects(self, triggers: Triggers) -> Tensor:
        """The classes whose trigger is on the small side, and works: bool, (n,)."""
        return (triggers.norms < median(triggers.norms.double())) & (triggers.success >= self.search.success)


def both_indices(triggers: Triggers) -> dict[str, Tensor]:
    """The anomaly indices of all classes by name, float64, (n,)."""
    return {"published": anomaly_index(triggers.norms), "log": log_anomaly_index(triggers.norms)}


def _highest(index: Tensor, suspects: Tensor) -> float:
    """That of a suspect; 0 if there is none."""
    return index[suspects].max().item() if suspects.any() else 0.0


def _metrics(
    triggers: Triggers, indices: Mapping[str, Tensor], suspects: Tensor, flagged: Tensor
) -> dict[str, float]:
    """What decided: `flagged_<k>` of flagged classes, the highest index of a suspect, 0 without any.

    Norms and indices are of all classes, or of those with the smallest triggers.
    """
    metrics = {"flagged_classes": float(len(flagged))} | {f"flagged_{k}": 1.0 for k in flagged.tolist()}
    shown = triggers.norms.argsort()[:MOST_METRICS].sort().values.tolist()
    metrics |= {f"mask_l1_{k}": triggers.norms[k].item() for k in shown}
    for name, index in indices.items():
        metrics[f"highest_{METRICS[name]}"] = _highest(index, suspects)
        metrics |= {f"{METRICS[name]}_{k}": index[k].item() for k in shown}
    return metrics


def _diagnostics(
    triggers: Triggers, indices: Mapping[str, Tensor], deciding: str, flagged: Tensor
) -> Diagnostics:
    columns = {"class": list(range(len(triggers))), "mask_l1": triggers.norms.tolist()}
    columns |= {METRICS[name]: index.tolist() for name, index in indices.items()}
    shown = (triggers.masks * triggers.patterns).cpu()
    smallest = triggers.norms.argsort()[:MOST_PICTURES].tolist()
    return Diagnostics(
        Curve("class", columns, float(flagged[0]) if len(flagged) else None),
        pictures={f"{k} ({indices[deciding][k]:.1f})": shown[k] for k in smallest},
    )
