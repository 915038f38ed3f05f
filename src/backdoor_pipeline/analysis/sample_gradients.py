"""Per-sample gradients: their signal-to-noise ratio, and the size and direction of their mean.

Cost, for n images of each kind: about that of 2 n forward and backward passes of single images, batched; see
docs/dynamics.md. Memory: two numbers per weight and kind, and `CHUNK_BYTES` of gradients.
"""

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations

import torch
from torch import Tensor, nn
from torch.func import functional_call, grad, vmap
from torch.nn import functional as F

CHUNK_BYTES = 2**29  # of per-sample gradients at a time
MOST_IMAGES = 64  # at a time: bounds the activations of small models
TOTAL = "total"  # all kinds, each with its share of the training set


@dataclass(frozen=True, slots=True)
class Samples:
    """Training images of one kind.

    Attributes:
        images: float32, (n, C, H, W), in [0, 1].
        labels: as they are trained on, int64, (n,).
        share: of the training set that this kind makes up, in (0, 1].
    """

    images: Tensor
    labels: Tensor
    share: float


@dataclass(frozen=True, slots=True)
class Moments:
    """Mean and variance (over the samples, not corrected) of every weight's gradient: float32, (P,)."""

    mean: Tensor
    variance: Tensor


def gradient_report(model: nn.Module, kinds: Mapping[str, Samples]) -> dict[str, float]:
    """GSNR and norm of each kind's gradients and of the whole training set's, and cosines of their means.

    The whole set's mean and variance are those of the mixture of the kinds by their shares. The model must be
    in evaluation mode: one sample alone has no batch statistics, and the running ones are not to change.

    Args:
        model: float images to logits; weights with `requires_grad=False` are left out.
        kinds: samples of each kind, such as `clean` and `poisoned`, on the model's device.

    Returns:
        `gsnr_<kind>`, `norm_<kind>` and `cosine_<kind>_<kind>`; a cosine with a zero gradient is NaN.
    """
    each = {kind: gradient_moments(model, some.images, some.labels) for kind, some in kinds.items()}
    moments = {TOTAL: mixture(each, {kind: some.share for kind, some in kinds.items()}), **each}
    report = {f"gsnr_{kind}": gsnr(one) for kind, one in moments.items()}
    report |= {f"norm_{kind}": float(one.mean.norm()) for kind, one in moments.items()}
    for one, other in combinations(moments, 2):
        report[f"cosine_{one}_{other}"] = _cosine(moments[one].mean, moments[other].mean)
    return report


def gradient_moments(model: nn.Module, images: Tensor, labels: Tensor) -> Moments:
    """Mean and variance of the gradients of single samples' cross-entropy.

    Chunks are merged by their means and squared deviations (Chan et al., 1979): sums of squares would lose
    the variance of gradients that agree in nearly all digits.

    Args:
        model: in evaluation mode.
        images: float32, (n, C, H, W).
        labels: int64, (n,).
    """
    size = sum(weight.numel() for weight in model.parameters() if weight.requires_grad)
    chunk = max(1, min(MOST_IMAGES, CHUNK_BYTES // (4 * size)))
    mean, squares = torch.zeros(2, size, device=images.device)
    count = 0
    for some, truth in zip(images.split(chunk), labels.split(chunk), strict=True):
        gradients = sample_gradients(model, some, truth)
        center = gradients.mean(0)
        squares += gradients.sub_(center).square_().sum(0)
        shift, whole = center - mean, count + len(some)
        squares += shift.square() * (count * len(some) / whole)
        mean += shift * (len(some) / whole)
        count = whole
    return Moments(mean, squares / count)


def sample_gradients(model: nn.Module, images: Tensor, labels: Tensor) -> Tensor:
    """Each sample's own gradient of the cross-entropy, all weights in a row: float32, (n, P)."""
    weights = {name: weight.detach() for name, weight in model.named_parameters() if weight.requires_grad}
    frozen = {name: weight.detach() for name, weight in model.named_parameters() if not weight.requires_grad}
    rest = {**frozen, **dict(model.named_buffers())}

    def loss(weights: dict[str, Tensor], image: Tensor, label: Tensor) -> Tensor:
        logits = functional_call(model, {**weights, **rest}, (image[None],))
        return F.cross_entropy(logits.float(), label[None])

    with warnings.catch_warnings():
        warnings.filterwarnings(
            "ignore", "There is a performance drop"
        )  # of layers that vmap has to loop over
        gradients = vmap(grad(loss), in_dims=(None, 0, 0))(weights, images, labels)
    return torch.cat([gradients[name].flatten(1) for name in weights], dim=1)


def mixture(moments: Mapping[str, Moments], shares: Mapping[str, float]) -> Moments:
    """Mean and variance of a set that holds each kind with its share; shares are scaled to sum up to 1."""
    whole = sum(shares.values())
    mean = sum((shares[kind] / whole * one.mean for kind, one in moments.items()), torch.zeros(()))
    spread = [
        shares[kind] / whole * (one.variance + (one.mean - mean).square()) for kind, one in moments.items()
    ]
    return Moments(mean, sum(spread, torch.zeros(())))


def gsnr(moments: Moments) -> float:
    """Squared mean over variance, averaged over the weights (Liu et al., ICLR 2020).

    A weight without any gradient (a dead unit's) counts as 0: there is no signal. One whose gradient is the
    same for all samples, up to float32's precision, is left out: its ratio is infinite.
    """
    signal, noise = moments.mean.double().square(), moments.variance.double()
    same = noise <= 16 * torch.finfo(torch.float32).eps ** 2 * signal
    ratio = torch.where(same, 0, signal / torch.where(same, 1, noise))
    counted = ~same | (signal == 0)
    return float(ratio.sum() / counted.sum()) if counted.any() else float("nan")


def _cosine(one: Tensor, other: Tensor) -> float:
    norms = one.norm() * other.norm()
    return float(one @ other / norms) if norms > 0 else float("nan")
