"""What cannot be a model, trained or scored, is told in one sentence, before any work."""

import numpy as np
import pytest
import torch
from helpers.refusals import ENGINE, InAList, evaluate, images, network, of_texts, poison, texts, told, train
from torch import nn

from backdoor_pipeline import api
from backdoor_pipeline.data.images import ImageSet

NAMES = ("ant", "bee", "cat", "dog")


@pytest.mark.parametrize(("call", "match"), [
    (lambda: api.new_model("tiny_bert", images()), "'tiny_bert' is not made for images: choose .*resnet8"),
    (lambda: api.new_model("resnet8", texts()), "'resnet8' is not made for texts: choose .*tiny_bert"),
    (lambda: api.new_model("resnet", images()), "unknown model 'resnet'"),
    (lambda: api.new_model(["resnet8"], images()), "unknown model"),
    (lambda: api.new_model("resnet8", images(), seed=-1), "seed is -1"),
    (lambda: api.new_model("resnet8", images(), pretrained="nowhere.safetensors"), "nowhere.safetensors"),
    (lambda: api.new_model("resnet8", images(), stem="large"), "stem"),
    (lambda: api.new_model("resnet8", images(channels=2)), "channels is 2"),
    (lambda: api.new_model("resnet8", images(classes=1)), "num_classes is 1"),
    (lambda: api.new_model("resnet8", ImageSet(images().images[..., :6], images().labels, NAMES)), "square"),
    (lambda: train("resnet8"), "'resnet8' is no model"),
    (lambda: train(of_texts()), "model 'tiny_bert' reads texts"),
    (lambda: train(data=texts()), "model 'Sequential' reads images"),
    (lambda: train(network(), texts()), "Sequential takes no samples such as these"),
    (lambda: train(data=images(classes=9)), "the samples have labels up to 8, the model 4 classes"),
    (lambda: train(network(), images(classes=9)), "the samples have labels up to 8, the model 4 classes"),
    (lambda: train(data=images(channels=1)), "the samples are of 1x8x8 .*, the model of 3x8x8"),
    (lambda: train(nn.Conv2d(3, 4, 3)), r"puts out \(1, 4, 6, 6\) of one sample"),
    (lambda: train(nn.Flatten()), "Flatten has no weights"),
    (lambda: train(InAList()), "InAList takes no samples such as these"),
    (lambda: train(network().requires_grad_(False)), "Sequential has no weights to train"),
    (lambda: train(data=images(size=6)), "the samples are of 3x6x6 .*, the model of 3x8x8"),
    (lambda: train(network(), images(channels=1)), "Sequential takes no samples such as these"),
    (lambda: train(epochs=0), "training.epochs is 0"),
    (lambda: train(seed="one"), "seed is 'one'"),
    (lambda: train(engine="cpu"), "'cpu' is no engine"),
    (lambda: evaluate("resnet8"), "'resnet8' is no model"),
    (lambda: evaluate(of_texts()), "model 'tiny_bert' reads texts"),
    (lambda: evaluate(test=texts()), "model 'Sequential' reads images"),
    (lambda: evaluate(test=images(channels=1)), "the samples are of 1x8x8"),
    (lambda: evaluate(test=images(classes=9)), "labels up to 8, the model 4 classes"),
    (lambda: evaluate(InAList()), "InAList takes no samples such as these"),
    (lambda: evaluate(triggered=poison(poison_ratio=0.2)), "Poison has no changed rows: give the `.train`"),
    (lambda: evaluate(triggered=images()), "ImageSet has no changed rows"),
    (lambda: evaluate(of_texts(), texts(), poison(poison_ratio=0.2).test), "samples are images, the test"),
    (
        lambda: evaluate(triggered=poison(test=images(size=6), train=images(size=6), poison_ratio=0.2).test),
        "the triggered samples are of 3x6x6 ",
    ),
    (lambda: evaluate(engine="cpu"), "'cpu' is no engine"),
    (lambda: api.defense_effectiveness(0.9, 0.1), "0.9 has no scores"),
    (lambda: api.engine(device="tpu"), "engine.device"),
    (lambda: api.engine(speed=3), "unknown parameter 'engine.speed'"),
    (lambda: api.recipe(["digits"]), "unknown budget"),
    (lambda: api.recipe(lr=-1), "training.lr is -1"),
])  # fmt: skip
def test_of_models(call, match) -> None:
    told(call, match)


@pytest.mark.parametrize(("call", "match"), [
    (lambda: api.wrap("resnet8", image_size=8), "'resnet8' is no network"),
    (lambda: api.wrap(network(), image_size=0), "image_size is 0: give a whole number"),
    (lambda: api.wrap(network(), image_size="8"), "image_size is '8'"),
    (lambda: api.wrap(network(), image_size=8, channels=0), "channels is 0"),
    (lambda: api.wrap(network(), image_size=8, channels=1), "takes no images of 1x8x8"),
    (lambda: api.wrap(network(), image_size=8, mean=[0.5]), "one number for each of the 3 channels"),
    (lambda: api.wrap(network(), image_size=8, mean=0.5), "0.5 won't do: give one number for each channel"),
    (lambda: api.wrap(network(), image_size=8, std=[0, 1, 1]), "wrap.std.0 is 0.0, .* greater than 0"),
    (lambda: api.wrap(network(), image_size=8, factory="network"), "give a function"),
    (lambda: api.wrap(network(classes=1), image_size=8), "wrap.num_classes is 1"),
    (lambda: api.wrap(InAList(), image_size=8), "InAList cannot be wrapped"),
])  # fmt: skip
def test_of_wrapping(call, match) -> None:
    told(call, match)


def test_too_little_memory_is_told_as_such() -> None:
    class Large(nn.Linear):
        def forward(self, given: torch.Tensor) -> torch.Tensor:
            raise torch.OutOfMemoryError("CUDA out of memory")

    told(lambda: evaluate(Large(8, 4)), "there is not enough memory")


def test_test_images_at_hand_may_lack_the_target_class() -> None:
    """Their classes are counted by their labels, the triggered images' labels are the attacker's."""
    all_of, some = images(), images(classes=3)
    triggered = poison(train=all_of, test=all_of, poison_ratio=0.2, target_label=3).test
    scores = api.evaluate(network(), some, triggered, engine=ENGINE)
    assert scores.asr is not None
    with pytest.raises(api.UserError, match="labels up to 3, the model 3 classes"):
        api.evaluate(network(classes=3), some, triggered, engine=ENGINE)


def test_changed_rows_may_have_a_class_that_the_others_lack() -> None:
    changed = poison(train=images(), poison_ratio=0.2, target_label=3).train
    assert len(api.PoisonedDataset(changed, images(classes=3))) == 40


def test_sizes_may_be_numpys() -> None:
    assert api.wrap(network(), image_size=np.int64(8), channels=np.int32(3)).description.image_size == 8


def test_too_little_memory_is_told_as_such_wherever_it_shows() -> None:
    class Endless:
        def __len__(self) -> int:
            return 1

        def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
            raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes")

    with pytest.raises(api.UserError, match="memory") as caught:
        api.image_set(Endless())
    assert "is no data set" not in str(caught.value)
