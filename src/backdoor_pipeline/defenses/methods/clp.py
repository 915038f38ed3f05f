"""Channel Lipschitzness based pruning (CLP): remove the channels that can amplify most; no data needed."""

from dataclasses import replace
from typing import Annotated, ClassVar, Literal

from pydantic import Field
from torch import Tensor

from backdoor_pipeline.base.errors import UserError
from backdoor_pipeline.defenses.base import Defended, DefenderView, Defense
from backdoor_pipeline.defenses.parts.held_out import right_answers, surely_tolerable
from backdoor_pipeline.defenses.parts.lipschitz import channel_bounds, normalized_convolutions
from backdoor_pipeline.defenses.parts.mask_thresholds import Pruning, diagnostics, try_thresholds
from backdoor_pipeline.models.classifier import Classifier

PARTS = ("weight", "bias")  # of a pruned channel's BatchNorm: it gives nothing


class ChannelLipschitzPruning(Defense):
    """Prune the channels whose bound on the Lipschitz constant is an outlier of its layer.

    (Zheng et al., "Data-free Backdoor Removal based on Channel Lipschitzness", ECCV 2022.) The channels are
    those of the convolutions that BatchNorm follows; see `normalized_convolutions`.

    A layer of n channels has none beyond (n - 1) / sqrt(n) standard deviations: with 16 channels 3.75. So on
    narrow networks the paper's u hardly prunes anything, and `rule: held_out`, ours, looks for another.

    The field's benchmark code takes for a BatchNorm's convolution the one that was made last, which in
    pre-activation networks and at shortcuts is another one, and leaves epsilon out of the variance's root.

    Attributes:
        u: a channel is pruned from so many standard deviations above its layer's mean on.
        rule: fixed, as in the paper; or held_out: the lowest u of those tried that is tolerable on the clean
            images, from which nothing is learned, with one standard error to spare.
        tried: the values of u that rule can choose, and the report on what each would do.
        tolerance: held_out: the fraction of the accuracy that pruning may cost.
    """

    name: ClassVar[str] = "clp"
    why_images: ClassVar[str] = (
        "it prunes the convolutions that BatchNorm follows, of which models of texts have none"
    )

    u: float = Field(gt=0, allow_inf_nan=False)
    rule: Literal["fixed", "held_out"]
    tried: tuple[Annotated[float, Field(gt=0, allow_inf_nan=False)], ...]
    tolerance: float = Field(ge=0, lt=1)

    def require(self, model: Classifier) -> None:
        """See `Defense.require`: convolutions that BatchNorm follows."""
        if not normalized_convolutions(model):
            raise UserError(
                f"clp prunes convolutions by the BatchNorm that follows, and {model.description.name} has "
                "none: set model to one that has, such as resnet20, preactresnet18, vgg19_bn or resnet50."
            )

    def defend(self, view: DefenderView) -> Defended:
        """See `Defense.defend`."""
        model = view.model
        self.require(model)
        layers = normalized_convolutions(model)
        deviations = {name: standardized(channel_bounds(layer)) for name, layer in layers.items()}
        original = {key: tensor.clone() for key, tensor in model.state_dict().items()}
        before = right_answers(view.trainer, model, view.clean)
        tried = self._try(view, deviations)
        chosen = self._chosen(tried, before)
        model.load_state_dict({**original, **chosen.weights})
        metrics = {
            "u": chosen.threshold,
            "pruned": chosen.channels,
            "channels": sum(map(len, deviations.values())),
            "held_out_accuracy": chosen.accuracy,
        }
        return Defended(model, metrics, diagnostics=diagnostics(tried, chosen, "u"))

    def _try(self, view: DefenderView, deviations: dict[str, Tensor]) -> list[Pruning]:
        """What each u does, from one that prunes nothing downwards; the lower it is, the more it prunes."""
        idle = max(float(each.nan_to_num().max()) for each in deviations.values())
        values = sorted({idle, self.u, *self.tried}, reverse=True)
        masks = {name: -each for name, each in deviations.items()}
        found = try_thresholds(
            view.trainer, view.model, masks, view.clean, [-value for value in values], PARTS
        )
        return [replace(one, threshold=-one.threshold) for one in found]

    def _chosen(self, tried: list[Pruning], before: Tensor) -> Pruning:
        if self.rule == "fixed":
            return next(one for one in tried if one.threshold == self.u)
        return [one for one in tried if surely_tolerable(one.right, before, self.tolerance)][-1]


def standardized(bounds: Tensor) -> Tensor:
    """By how many standard deviations each channel exceeds the mean: (channels,); nan if all are alike."""
    return (bounds - bounds.mean()) / bounds.std()
