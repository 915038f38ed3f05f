"""Calls of the Python API, short where they succeed, and what is told of those that cannot."""

import pytest
import torch
from torch import nn

from backdoor_pipeline import api
from backdoor_pipeline.data.images import ImageSet
from backdoor_pipeline.data.texts import Texts, TextSet

ENGINE = api.engine(device="cpu", precision="fp32", checkpoint_every=0)
SHORT = {"epochs": 1, "batch_size": 16}


def images(rows: int = 40, classes: int = 4, channels: int = 3, size: int = 8) -> ImageSet:
    """Of noise."""
    draws = torch.Generator().manual_seed(0)
    pixels = torch.randint(0, 256, (rows, channels, size, size), dtype=torch.uint8, generator=draws)
    return ImageSet(pixels, torch.arange(rows) % classes, tuple(map(str, range(classes))))


def texts(rows: int = 20) -> TextSet:
    """Good and bad ones."""
    words = ("a good film", "a bad film")
    return TextSet(
        Texts(tuple(words[row % 2] for row in range(rows))), torch.arange(rows) % 2, ("good", "bad")
    )


def network(classes: int = 4) -> nn.Sequential:
    """Of images of any size."""
    return nn.Sequential(
        nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, classes)
    )


class InAList(nn.Module):
    """Puts out a list, as no classifier does."""

    def __init__(self) -> None:
        super().__init__()
        self.network = network()

    def forward(self, given: torch.Tensor) -> list[torch.Tensor]:
        return [self.network(given)]


def of_images():
    return api.wrap(network(), image_size=8)


def of_texts():
    return api.new_model("tiny_bert", texts())


def _or(given, make):
    return make() if given is None else given


def poison(made="badnets", train=None, test=None, **asked):
    return api.poison(made, _or(train, images), _or(test, images), **{"engine": ENGINE, **asked})


def defend(name="ft", model=None, clean=None, train=None, **asked):
    return api.defend(name, _or(model, of_images), _or(clean, images), train, **{"engine": ENGINE, **asked})


def scan(model=None, clean=None, train=None, **asked):
    return api.scan(_or(model, of_images), _or(clean, images), train, **{"engine": ENGINE, **asked})


def evaluate(model=None, test=None, triggered=None, **asked):
    return api.evaluate(_or(model, of_images), _or(test, images), triggered, **{"engine": ENGINE, **asked})


def train(model=None, data=None, **asked):
    return api.train(_or(model, of_images), _or(data, images), **{"engine": ENGINE, **SHORT, **asked})


def told(call, match: str) -> None:
    with pytest.raises(api.UserError, match=match) as caught:
        call()
    sentence = str(caught.value)
    assert sentence.endswith(".")
    assert "\n" not in sentence
