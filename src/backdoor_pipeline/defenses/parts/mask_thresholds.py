"""Pruning by the masks of channels: what each threshold removes, and what that costs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from torch import Tensor

from backdoor_pipeline.data.images import ImageSet
from backdoor_pipeline.defenses.diagnostics import Candidates, Curve, Diagnostics
from backdoor_pipeline.defenses.parts.held_out import right_answers
from backdoor_pipeline.defenses.parts.neuron_masks import affine_norms
from backdoor_pipeline.models.classifier import Classifier
from backdoor_pipeline.training import Trainer


@dataclass(frozen=True, slots=True)
class Pruning:
    """What one threshold does.

    Attributes:
        threshold: masks below it are pruned.
        channels: how many those are.
        weights: the entries of the suspect model's state dict that change.
        right: which held-out images are classified correctly then, bool, (N,).
    """

    threshold: float
    channels: int
    weights: Mapping[str, Tensor]
    right: Tensor

    @property
    def accuracy(self) -> float:
        """On the held-out images."""
        return self.right.double().mean().item()


def try_thresholds(
    trainer: Trainer,
    model: Classifier,
    masks: Mapping[str, Tensor],
    held_out: ImageSet,
    thresholds: Sequence[float],
    parts: Sequence[str] = ("weight",),
) -> list[Pruning]:
    """What every threshold does.

    Args:
        trainer: the engine.
        model: ends as the last threshold prunes it.
        masks: of its normalization layers, by name; each (channels of the layer,).
        held_out: clean images that the masks were not learned from.
        thresholds: ascending.
        parts: of a pruned channel's normalization, what becomes zero: its weight, its bias.
    """
    tried: list[Pruning] = []
    for threshold in thresholds:
        channels = sum(int((mask < threshold).sum()) for mask in masks.values())
        if tried and tried[-1].channels == channels:
            tried.append(replace(tried[-1], threshold=threshold))
            continue
        weights = pruned_weights(model, masks, threshold, parts)
        model.load_state_dict(weights, strict=False)  # what a lower threshold pruned is pruned by this too
        tried.append(Pruning(threshold, channels, weights, right_answers(trainer, model, held_out)))
    return tried


def pruned_weights(
    model: Classifier, masks: Mapping[str, Tensor], threshold: float, parts: Sequence[str]
) -> dict[str, Tensor]:
    """The entries of the layers that lose channels, with those of masks below the threshold zero."""
    norms = affine_norms(model)
    return {
        f"{name}.{part}": getattr(norms[name], part).detach().masked_fill(mask < threshold, 0)
        for name, mask in masks.items()
        if (mask < threshold).any()
        for part in parts
    }


def diagnostics(tried: Sequence[Pruning], chosen: Pruning, setting: str = "threshold") -> Diagnostics:
    """The curve over all thresholds; as candidates, of those that prune the same channels the first."""
    first = {one.channels: one for one in reversed(tried)}
    different = list(reversed(first.values()))
    columns = {
        setting: [one.threshold for one in tried],
        "held_out_accuracy": [one.accuracy for one in tried],
        "pruned_channels": [float(one.channels) for one in tried],
    }
    candidates = Candidates(
        setting=setting,
        values=[one.threshold for one in different],
        weights=[one.weights for one in different],
        chosen=[one.channels for one in different].index(chosen.channels),
    )
    return Diagnostics(curve=Curve(setting, columns, chosen.threshold), candidates=candidates)
