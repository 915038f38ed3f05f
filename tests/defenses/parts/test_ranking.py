import torch
from torch import nn

from backdoor_pipeline.data.images import ImageSet
from backdoor_pipeline.defenses.parts.ranking import (
    highest_of_each_class,
    lowest,
    lowest_of_each_class,
    per_image_losses,
)


def test_the_lowest_losses_are_chosen_and_of_equal_ones_the_first() -> None:
    losses = torch.tensor([3.0, 0.0, 2.0, 0.0, 1.0, 0.0])
    assert lowest(losses, 2).tolist() == [False, True, False, True, False, False]
    assert lowest(losses, 4).tolist() == [False, True, False, True, True, True]


class Sure(nn.Module):
    """The logit of class 0 is 20 to 30, by the first pixel; the three others are 0."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.tensor(10.0))

    def forward(self, images):
        sure = images.flatten(1)[:, :1] * self.scale + 20
        return torch.cat([sure, torch.zeros(len(images), 3)], 1)


def test_losses_tell_confident_images_apart(trainer, make_set) -> None:
    data = make_set(rows=8)
    data = ImageSet(data.images, torch.zeros(8, dtype=torch.int64), data.classes)
    losses = per_image_losses(trainer, Sure(), data)
    logit = data.images.flatten(1)[:, 0].double() / 255 * 10 + 20
    assert torch.allclose(losses, torch.log1p(3 * torch.exp(-logit)), rtol=1e-2, atol=0)
    assert len(losses.unique()) == len(logit.unique())  # float32 would make zeros of some


def test_the_given_labels_and_loss_count(trainer, make_set) -> None:
    data = make_set(rows=8)

    def wrong(logits, labels):
        return (logits.argmax(1) != labels).double()

    assert per_image_losses(trainer, Sure(), data, wrong).tolist() == (data.labels != 0).double().tolist()


def test_each_class_trusts_its_own_lowest_and_none_more_than_a_mean_class() -> None:
    losses = torch.tensor([5.0, 1, 4, 2, 3, 9, 0, 8, 7, 6])
    labels = torch.tensor([0, 0, 0, 0, 0, 0, 1, 1, 2, 2])  # a mean class has 10 / 3
    chosen = lowest_of_each_class(losses, labels, 0.5, 3)
    assert chosen.nonzero()[:, 0].tolist() == [1, 3, 6, 9]  # round(10 / 6) of class 0, one of 1 and of 2


def test_each_class_gives_its_own_highest_and_every_class_one() -> None:
    losses = torch.tensor([5.0, 1, 4, 2, 3, 9, 0, 8, 7, 6])
    labels = torch.tensor([0, 0, 0, 0, 0, 0, 1, 1, 2, 2])
    assert highest_of_each_class(losses, labels, 0.5).nonzero()[:, 0].tolist() == [0, 2, 5, 7, 8]
    assert highest_of_each_class(losses, labels, 0.1).nonzero()[:, 0].tolist() == [5, 7, 8]
