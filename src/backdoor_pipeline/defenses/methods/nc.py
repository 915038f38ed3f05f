"""Neural Cleanse: find, then remove, a backdoor by the size of its trigger (Wang et al., IEEE S&P 2019)."""

from typing import ClassVar, Literal

from pydantic import Field
from torch import Tensor

from backdoor_pipeline.base.errors import UserError
from backdoor_pipeline.defenses.base import Defended, DefenderView, Defense
from backdoor_pipeline.defenses.diagnostics import Curve, Diagnostics
from backdoor_pipeline.defenses.parts.anomaly import anomaly_index, median
from backdoor_pipeline.defenses.parts.held_out import see_that_it_can_be_split
from backdoor_pipeline.defenses.parts.trigger_pruning import Pruning
from backdoor_pipeline.defenses.parts.trigger_search import TriggerSearch
from backdoor_pipeline.defenses.parts.trigger_unlearning import Unlearning
from backdoor_pipeline.defenses.parts.triggers import Triggers, success
from backdoor_pipeline.models.classifier import Classifier
from backdoor_pipeline.training import History

LEAST_CLASSES = 3  # of two, neither is nearer to their median
MOST_METRICS, MOST_PICTURES = 20, 12  # classes


class NeuralCleanse(Defense):
    """Search the smallest trigger of every class; a class whose trigger is far smaller than the others' has a
    backdoor, which is then removed. Without such a class the model stays as it is.
    """

    name: ClassVar[str] = "nc"

    search: TriggerSearch
    anomaly_threshold: float = Field(gt=0)
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
        triggers = self.search.run(view.trainer, view.model, view.clean, view.seed)
        index = anomaly_index(triggers.norms)
        flagged = self._flagged(triggers, index)
        metrics = _metrics(triggers, index, flagged)
        history: History = []
        if len(flagged):
            found = triggers[flagged]
            metrics["reversed_success"] = success(view.trainer, view.model, found, flagged, view.clean)
            if self.mitigation == "unlearn":
                history = self.unlearning.run(view, found)
            else:
                metrics["pruned_neurons"] = float(self.pruning.run(view, found, flagged))
            metrics["reversed_success_after"] = success(view.trainer, view.model, found, flagged, view.clean)
        return Defended(view.model, metrics, history, diagnostics=_diagnostics(triggers, index, flagged))

    def _flagged(self, triggers: Triggers, index: Tensor) -> Tensor:
        """The classes with abnormally small triggers that work, smallest first: int64, (m,)."""
        small = triggers.norms < median(triggers.norms.double())
        works = triggers.success >= self.search.success
        order = triggers.norms.argsort()
        return order[((index > self.anomaly_threshold) & small & works)[order]]


def _metrics(triggers: Triggers, index: Tensor, flagged: Tensor) -> dict[str, float]:
    """`flagged_<k>` of flagged classes; the others of all classes, or of those with the smallest triggers."""
    metrics = {"flagged_classes": float(len(flagged))} | {f"flagged_{k}": 1.0 for k in flagged.tolist()}
    for k in triggers.norms.argsort()[:MOST_METRICS].sort().values.tolist():
        metrics[f"mask_l1_{k}"] = triggers.norms[k].item()
        metrics[f"anomaly_index_{k}"] = index[k].item()
    return metrics


def _diagnostics(triggers: Triggers, index: Tensor, flagged: Tensor) -> Diagnostics:
    classes = list(range(len(triggers)))
    columns = {"class": classes, "mask_l1": triggers.norms.tolist(), "anomaly_index": index.tolist()}
    shown = (triggers.masks * triggers.patterns).cpu()
    smallest = triggers.norms.argsort()[:MOST_PICTURES].tolist()
    return Diagnostics(
        Curve("class", columns, float(flagged[0]) if len(flagged) else None),
        pictures={f"{k} ({index[k]:.1f})": shown[k] for k in smallest},
    )
