from itertools import permutations

import pytest
import torch
from helpers.made_models import classifier
from torch import nn

from backdoor_pipeline.analysis import shapley
from backdoor_pipeline.analysis.shapley import shapley_values


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(3)
    layers = nn.Linear(64, 9), nn.Tanh(), nn.Linear(9, 2)
    nn.init.normal_(layers[0].weight)
    nn.init.normal_(layers[2].weight)
    return classifier(nn.Flatten(), *layers, mean=0.3)


IMAGES = torch.rand(3, 1, 8, 8, generator=torch.Generator().manual_seed(2))
CLASSES = torch.tensor([0, 1, 1])


def worth(model, image, label, present):
    """The probability with only these quarters of the image shown."""
    shown = torch.full_like(image, 0.3)
    for cell in present:
        rows, columns = (slice(4 * i, 4 * i + 4) for i in divmod(cell, 2))
        shown[:, rows, columns] = image[:, rows, columns]
    with torch.no_grad():
        return model(shown[None]).softmax(1)[0, label].item()


def test_they_are_the_mean_over_all_orders(model) -> None:
    estimate = shapley_values(model, IMAGES, CLASSES, cells=2, orders=2000, seed=0)
    for image, label, found in zip(IMAGES, CLASSES.tolist(), estimate, strict=True):
        exact = [0.0] * 4
        for order in permutations(range(4)):
            for place, cell in enumerate(order):
                rise = worth(model, image, label, order[: place + 1]) - worth(
                    model, image, label, order[:place]
                )
                exact[cell] += rise / 24
        assert found.flatten().tolist() == pytest.approx(exact, abs=0.015)


def test_they_sum_to_the_probability_less_that_of_the_plain_image(model) -> None:
    values = shapley_values(model, IMAGES, CLASSES, cells=4, orders=2, seed=0)
    for image, label, found in zip(IMAGES, CLASSES.tolist(), values, strict=True):
        whole, plain = worth(model, image, label, range(4)), worth(model, image, label, ())
        assert found.sum().item() == pytest.approx(whole - plain, abs=1e-5)


def test_batches_change_nothing_and_the_seed_does(model, monkeypatch) -> None:
    first = shapley_values(model, IMAGES, CLASSES, cells=4, orders=3, seed=0)
    monkeypatch.setattr(shapley, "BATCH_VALUES", 1)
    torch.rand(5)  # other draws have no say
    assert torch.allclose(shapley_values(model, IMAGES, CLASSES, cells=4, orders=3, seed=0), first, atol=1e-6)
    assert not torch.allclose(
        shapley_values(model, IMAGES, CLASSES, cells=4, orders=3, seed=1), first, atol=1e-3
    )


def test_a_grid_that_does_not_divide_the_image_or_is_finer_than_it(model) -> None:
    for cells, expected in ((3, 3), (20, 8)):
        values = shapley_values(model, IMAGES[:1], CLASSES[:1], cells=cells, orders=1, seed=0)
        assert values.shape == (1, expected, expected)
        whole, plain = worth(model, IMAGES[0], 0, range(4)), worth(model, IMAGES[0], 0, ())
        assert values.sum().item() == pytest.approx(whole - plain, abs=1e-5)
