"""Shapes without numbers: nothing is computed, and every shape is as it would be."""

import pytest
import torch
from torch.nn import functional as F

from backdoor_pipeline.models.build import skeleton
from backdoor_pipeline.models.classifier import ModelDescription
from backdoor_pipeline.models.shapes import ShapesOnly

FACTS = {"num_classes": 7, "channels": 3, "image_size": 32, "mean": (0.5,) * 3, "std": (0.2,) * 3}


@pytest.mark.parametrize("name", ["preactresnet18", "densenet161"])
def test_shapes_are_those_of_the_whole_computation(name: str) -> None:
    model = skeleton(ModelDescription(name=name, options={"stem": "small"}, **FACTS))
    images = torch.zeros((2, 3, 32, 32), device="meta")
    with torch.inference_mode():
        whole = model.features(images).shape
        with ShapesOnly():
            assert model.features(images).shape == whole
            assert model(images).shape == (2, 7)


def test_nothing_is_normalized_or_drawn() -> None:
    maps = torch.zeros((2, 3, 4, 4), device="meta")
    with ShapesOnly():
        assert F.batch_norm(maps, None, None, training=True) is maps
        assert maps.normal_() is maps
        assert torch.relu(maps) is not maps
