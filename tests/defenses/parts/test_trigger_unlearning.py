import torch
from torch import Tensor, nn

from backdoor_pipeline.defenses.parts.trigger_unlearning import StampedCrossEntropy
from backdoor_pipeline.defenses.parts.triggers import Triggers
from backdoor_pipeline.training import Batch

BOTH = Triggers(torch.ones(2, 1, 4, 4), torch.ones(2, 3, 4, 4) * torch.tensor([1.0, 0.9]).view(2, 1, 1, 1),
                torch.ones(2))  # fmt: skip


class Watcher(nn.Module):
    """Keeps what it is shown, and answers class 1 of 2 with odds of 3 to 1."""

    def forward(self, images: Tensor) -> Tensor:
        self.images = images
        return torch.tensor([1.0, 3.0]).log().expand(len(images), 2)


def shown(ratio: float, labels: Tensor) -> tuple[Tensor, Tensor, Batch]:
    batch = Batch(torch.zeros(len(labels), 3, 4, 4), labels, torch.arange(len(labels)), epoch=1, step=0)
    watcher = Watcher()
    loss = StampedCrossEntropy(BOTH, ratio)(watcher, batch)
    return watcher.images, loss, batch


def test_the_share_asked_for_is_stamped_each_with_one_trigger() -> None:
    torch.manual_seed(0)
    images, _, batch = shown(0.2, torch.zeros(100, dtype=torch.int64))
    level = images.flatten(1)
    assert (level == level[:, :1]).all()
    counts = [int((level[:, 0] == torch.tensor(value)).sum()) for value in (0.0, 1.0, 0.9)]
    assert counts[0] == 80
    assert min(counts[1:]) >= 4  # of 20, by chance
    assert (batch.inputs == 0).all()  # the batch itself is not touched


def test_other_images_are_stamped_each_time() -> None:
    torch.manual_seed(0)
    first, second = (shown(0.5, torch.zeros(20, dtype=torch.int64))[0] > 0 for _ in range(2))
    assert not torch.equal(first, second)


def test_labels_stay_true() -> None:
    for label, share in ((0, 0.25), (1, 0.75)):
        _, loss, batch = shown(1.0, torch.full((8,), label))
        torch.testing.assert_close(loss, -torch.tensor(share).log())
        assert batch.correct == 8 * label
