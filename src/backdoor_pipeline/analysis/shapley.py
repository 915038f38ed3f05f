"""Shapley values: what each part of an image adds to the probability of a class (Shapley, 1953)."""

from functools import partial

import torch
from torch import Tensor

from backdoor_pipeline.analysis.gradients import class_logits
from backdoor_pipeline.base.seeds import derive_seed
from backdoor_pipeline.models.classifier import Classifier
from backdoor_pipeline.training.hosting import seeded

BATCH_VALUES = 2**22  # pixel values that the model is shown at a time: 1,365 images of 3 x 32 x 32


def shapley_values(
    model: Classifier, images: Tensor, classes: Tensor, *, cells: int, orders: int, seed: int
) -> Tensor:
    """Estimates by random orders (Castro et al., 2009) for the cells of a grid laid over the image.

    In each order the cells are uncovered one by one, from an image that is nothing but the data set's mean
    color; a cell's value is how much, on average over the orders, the probability rises as it appears. So the
    values of an image sum to the probability of the whole image less that of the plain one.

    Args:
        model: in evaluation mode.
        images: float, (N, C, H, W), in [0, 1].
        classes: int64, (N,), whose probability is explained.
        cells: along a side of the grid; at most one per pixel is used.
        orders: drawn alike for all images. The model is run on `orders * cells ** 2` versions of each.
        seed: the experiment's.

    Returns:
        float, (N, cells, cells), -1..1.
    """
    from captum.attr import ShapleyValueSampling  # here: a second that other figures need not wait

    cells = min(cells, *images.shape[2:])
    all_present = torch.ones(len(images), cells**2, device=images.device)
    fitting = max(1, BATCH_VALUES // images.numel())
    with torch.no_grad(), seeded(derive_seed(seed, "shapley"), images.device):
        values: Tensor = ShapleyValueSampling(partial(_worth, model, _grid(cells, images))).attribute(
            all_present,  # the game is played by cells, not pixels: captum loops over its players
            additional_forward_args=(images, classes),
            n_samples=orders,
            perturbations_per_eval=min(fitting, cells**2),
        )
    return values.reshape(-1, cells, cells)


def _worth(model: Classifier, grid: Tensor, present: Tensor, images: Tensor, classes: Tensor) -> Tensor:
    """Each image's probability of its class when some cells of it are the data set's mean color, (N,).

    Args:
        model: in evaluation mode.
        grid: the cell of each pixel, (H, W).
        present: 1 for the cells that are shown, (N, cells ** 2).
        images: (N, C, H, W).
        classes: (N,).
    """
    shown = torch.where(present[:, grid].unsqueeze(1) > 0, images, model.mean)
    return class_logits(model(shown).softmax(1), classes)


def _grid(cells: int, images: Tensor) -> Tensor:
    """The number of the cell that each pixel is in: int64, (H, W)."""
    rows, columns = (torch.arange(side, device=images.device) * cells // side for side in images.shape[2:])
    return rows[:, None] * cells + columns
