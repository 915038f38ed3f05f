"""What is no data set, or no file of one, is told in one sentence, before any work."""

import dataclasses

import pytest
import torch
from helpers.refusals import evaluate, images, network, poison, texts, told, train

from backdoor_pipeline import api
from backdoor_pipeline.attacks.files import save_trigger
from backdoor_pipeline.data.images import ImageSet

NAMES = ("ant", "bee", "cat", "dog")


def labelled(labels):
    return ImageSet(images(4).images, torch.as_tensor(labels), NAMES)


@pytest.mark.parametrize(("call", "match"), [
    (lambda: api.image_set(None), "NoneType is no data set of images"),
    (lambda: api.image_set(images().images), "images need labels"),
    (lambda: api.image_set(texts()), "these are texts: images are asked for"),
    (lambda: api.image_set([1, 2]), "list is no data set of images of one size"),
    (lambda: api.image_set([(torch.zeros(3, 8, 8), 0), (torch.zeros(3, 6, 6), 1)]), "images of one size"),
    (lambda: api.image_set([]), "no samples"),
    (lambda: api.image_set(images().images[:0], []), "no samples"),
    (lambda: api.image_set("pictures", [0]), "the images are no array of numbers"),
    (lambda: api.image_set(images(2).images, ["ant", "bee"]), "the labels are no array of numbers"),
    (lambda: api.image_set(images(2).images, [0]), "2 images but 1 labels"),
    (lambda: api.image_set(images(2).images, [0, -1]), "labels are from -1 to 0, not within 0 to 0"),
    (lambda: api.image_set(images(2).images, [0, 0.5]), "labels must be whole numbers"),
    (lambda: api.image_set(images(2).images, [[0], [1]]), "one whole number for each image"),
    (lambda: api.image_set(images(2).images, [0, 3], classes=("a", "b")), "from 0 to 3, not within 0 to 1"),
    (lambda: api.image_set(images(2).images, [0, 1], classes=2), "classes is 2: give a list of names"),
    (lambda: api.image_set(images(2).images, [0, 1], classes="ab"), "classes is 'ab': give a list of names"),
    (lambda: api.image_set(torch.full((2, 3, 8, 8), torch.nan), [0, 1]), "normalized"),
    (lambda: api.image_set(images(2).images.int(), [0, 1]), "uint8, or floats in"),
    (lambda: evaluate(test=labelled([0, 1, 2, 4])), "from 0 to 4, not within 0 to 3"),
    (lambda: evaluate(test=labelled([0, 1, 2, -1])), "from -1 to 2, not within 0 to 3"),
    (lambda: evaluate(test=labelled([0.0, 1, 2, 3])), "labels must be int64"),
    (lambda: evaluate(test=images(0)), "no samples"),
    (lambda: train(data=ImageSet(images(4).images.float(), torch.arange(4), NAMES)), "must be uint8"),
    (lambda: train(data=ImageSet(images(4).images[:, 0], torch.arange(4), NAMES)), r"\(N, C, H, W\)"),
    (lambda: api.new_model("tiny_bert", dataclasses.replace(texts(2), texts=("a", "b"))), "must be Texts"),
    (lambda: evaluate(test=dataclasses.replace(texts(2), labels=torch.tensor([0, 2]))), "from 0 to 2"),
    (lambda: api.load_data("digit"), "did you mean 'digits'"),
    (lambda: api.load_data(["digits"]), "unknown data set"),
    (lambda: api.load_data("digits", raw=3), "3 is no path"),
    (lambda: api.load_data("digits", images=3), "unknown parameter 'datasets.digits.images'"),
    (lambda: api.load_data("mine", source="nothing"), "datasets.mine"),
])  # fmt: skip
def test_of_data(call, match) -> None:
    told(call, match)


def changed(poison_ratio=0.2, **facts):
    return poison(train=images(**facts), test=images(**facts), poison_ratio=poison_ratio).train


@pytest.mark.parametrize(("call", "match"), [
    (lambda: api.PoisonedDataset(poison(poison_ratio=0.2), images()), "Poison has no changed rows"),
    (lambda: api.PoisonedDataset(changed(), texts()), "changed rows are images, the training set texts"),
    (lambda: api.PoisonedDataset(changed(), images(size=6)), "rows are of 3x8x8 .* set of 3x6x6"),
    (lambda: api.PoisonedDataset(changed(), images(8)), r"row \d+ was changed, of a set of 8"),
    (lambda: api.PoisonedDataset(changed(), "digits"), "str is no data set"),
    (lambda: api.poisoned_dataset("nowhere"), "nowhere does not exist"),
    (lambda: api.poisoned_dataset(None), "None is no path"),
    (lambda: api.load_model(None), "None is no path"),
    (lambda: api.load_model("victim"), "victim does not exist"),
    (lambda: api.load_trigger(3), "3 is no path"),
    (lambda: api.save_model(network(), "victim.safetensors"), "Sequential is no Classifier"),
    (lambda: api.save_model(None, "victim.safetensors"), "NoneType is no Classifier"),
    (lambda: api.save_model(api.new_model("resnet8", images()), None), "None is no path"),
    (lambda: api.save_model(api.new_model("resnet8", images()), "victim", seen={1}), "plain values"),
])  # fmt: skip
def test_of_files(call, match, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    told(call, match)
    assert not list(tmp_path.iterdir())


def test_a_file_of_another_kind_is_told(tmp_path) -> None:
    model, trigger = tmp_path / "model.safetensors", tmp_path / "trigger.safetensors"
    api.save_model(api.new_model("resnet8", images()), model)
    save_trigger(trigger, poison(poison_ratio=0.2).trigger, "badnets")
    told(lambda: api.load_trigger(model), "model.safetensors cannot be used: it holds no trigger")
    told(lambda: api.load_model(trigger), "trigger.safetensors cannot be used")
    told(lambda: api.poisoned_dataset(model), "model.safetensors cannot be used")
    model.write_bytes(b"nothing")
    told(lambda: api.load_model(model), "model.safetensors cannot be used")


def test_a_set_in_arrays_is_poisoned_as_one_of_this_project() -> None:
    known = images()
    one, same = (
        api.PoisonedDataset(changed(), data)
        for data in (known, (list(zip(known.images, known.labels, strict=True))))
    )
    assert torch.equal(one.inputs, same.inputs)
    assert torch.equal(one.labels, same.labels)
