"""A data set of a user's own, as `conf/local` describes it."""

from typing import Any


def block(**changes: Any) -> dict[str, Any]:
    """A block of `datasets` for folders of pictures, with some of it changed."""
    return {
        "source": "folder",
        "options": {"train": "train", "test": "test"},
        "num_classes": 2,
        "image_size": 32,
        "channels": 3,
        "mean": [0.5, 0.5, 0.5],
        "std": [0.25, 0.25, 0.25],
        "augmentation": {"crop_padding": 0, "horizontal_flip": False},
        **changes,
    }
