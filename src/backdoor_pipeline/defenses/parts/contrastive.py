"""SimCLR: a backbone learned without labels (Chen et al., ICML 2020)."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from backdoor_pipeline.defenses.parts.ssl_augment import ViewAugmentation
from backdoor_pipeline.models.classifier import Classifier
from backdoor_pipeline.training import Batch


class Projected(nn.Module):
    """A classifier's features under a small network, which is thrown away afterwards.

    Args:
        classifier: its head is left alone.
        size: of the projection.
    """

    def __init__(self, classifier: Classifier, size: int) -> None:
        super().__init__()
        width = classifier.head.in_features
        self.classifier = classifier
        self.projection = nn.Sequential(nn.Linear(width, width), nn.ReLU(), nn.Linear(width, size))

    def forward(self, images: Tensor) -> Tensor:
        """Projections (N, size), for float images (N, C, H, W) in [0, 1]."""
        projections: Tensor = self.projection(self.classifier.features(images))
        return projections


@dataclass(frozen=True, slots=True)
class SimCLR:
    """Two views of an image shall be alike, and unlike the views of every other image of the batch.

    Attributes:
        views: how they are made.
        mirror: whether they may be mirrored.
        temperature: see `nt_xent`.
    """

    views: ViewAugmentation
    mirror: bool
    temperature: float

    def __call__(self, model: nn.Module, batch: Batch) -> Tensor:
        """See `training.Objective`; the model is `Projected`."""
        pair = [self.views.view(batch.inputs, self.mirror) for _ in range(2)]
        first, second = model(torch.cat(pair)).float().chunk(2)
        return nt_xent(first, second, self.temperature)


def nt_xent(first: Tensor, second: Tensor, temperature: float) -> Tensor:
    """The normalized, temperature-scaled cross-entropy of Chen et al., equation 1, mean over all 2 N views.

    Args:
        first: (N, D): of one view of every image.
        second: (N, D): of the other.
        temperature: divides the cosines.
    """
    n = len(first)
    with torch.autocast(first.device.type, enabled=False):
        both = F.normalize(torch.cat([first, second]).float(), dim=1)
        similarity = both @ both.T / temperature
    similarity.fill_diagonal_(float("-inf"))  # no view is compared with itself
    partner = torch.arange(2 * n, device=first.device).roll(n)
    return F.cross_entropy(similarity, partner)
