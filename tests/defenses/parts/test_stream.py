from itertools import islice

import torch

from backdoor_pipeline.data.spec import Augmentation
from backdoor_pipeline.defenses.parts.stream import endless, varying
from backdoor_pipeline.training import Engine, Trainer

ENGINE = Engine(device="cpu", precision="fp32", compile=False, checkpoint_every=0, evaluate_every=1)


def test_every_round_shows_every_image_once_with_its_label(make_set, trainer) -> None:
    data = make_set(rows=10)
    stream = endless(data, 4, trainer, seed=0, purpose="test")
    rounds = []
    for _ in range(2):
        batches = list(islice(stream, 3))
        images = torch.cat([images for images, _ in batches])
        labels = torch.cat([labels for _, labels in batches])
        assert images.dtype == torch.float32
        stored = (images * 255).round().to(torch.uint8)
        rows = [next(r for r in range(10) if torch.equal(data.images[r], image)) for image in stored]
        assert sorted(rows) == list(range(10))
        assert torch.equal(labels, data.labels[torch.tensor(rows)])
        rounds.append(rows)
    assert rounds[0] != rounds[1]


def test_batches_are_augmented_as_the_engine_does_and_a_seed_repeats_them(make_set) -> None:
    trainer = Trainer(ENGINE, Augmentation(crop_padding=4, horizontal_flip=True))

    def rounds(seed: int) -> list[torch.Tensor]:
        stream = endless(make_set(rows=10), 10, trainer, seed=seed, purpose="test")
        return [next(stream)[0] for _ in range(2)]

    images = rounds(1)
    borders = torch.cat(images)[:, :, 0].flatten(1).amax(1)
    assert 0 < (borders == 0).float().mean() < 1  # about half of the crops reach over the upper edge
    assert all(torch.equal(one, again) for one, again in zip(images, rounds(1), strict=True))
    assert not torch.equal(images[0], rounds(2)[0])


def test_varying_is_new_each_time_and_keeps_the_type(make_set) -> None:
    vary = varying(
        Trainer(ENGINE, Augmentation(crop_padding=4, horizontal_flip=True)), seed=0, purpose="test"
    )
    images = make_set(rows=10).images
    first, second = vary(images), vary(images)
    assert (first != second).flatten(1).any(1).sum() >= 9
    assert first.dtype == torch.uint8
    assert vary(images.float()).dtype == torch.float32


def test_without_augmentation_varying_changes_nothing(make_set, trainer) -> None:
    images = make_set(rows=4).images
    assert torch.equal(varying(trainer, seed=0, purpose="test")(images), images)
