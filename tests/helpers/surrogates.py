"""A data set that a small surrogate learns in a second, and that surrogate's settings."""

from typing import Any

import torch

from backdoor_pipeline.data.images import ImageSet

SURROGATE: dict[str, Any] = {
    "model": "resnet8",
    "recipe": {
        "epochs": 6, "batch_size": 16, "optimizer": "sgd", "lr": 0.05, "momentum": 0.9, "betas": (0.9, 0.999),
        "weight_decay": 0.0005, "schedule": "cosine", "milestones": (), "gamma": 0.1, "patience": 1,
    },
    "adversarial": False,
    "perturbation": {"epsilon": 8, "step": 4, "steps": 2},
    "seed": 0,
}  # fmt: skip


def tinted(rows: int, seed: int, size: int = 16) -> ImageSet:
    """Noise, and the label says which color is a little stronger: red, green, blue or none."""
    draws = torch.Generator().manual_seed(seed)
    labels = torch.arange(rows) % 4
    images = torch.randint(90, 150, (rows, 3, size, size), generator=draws)
    images += 40 * torch.eye(4, 3, dtype=torch.int64)[labels][..., None, None]
    return ImageSet(images.to(torch.uint8), labels, ("red", "green", "blue", "gray"))
