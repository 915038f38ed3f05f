"""What cannot be attacked, defended or scanned is told in one sentence, before any work."""

import numpy as np
import pytest
import torch
from helpers.refusals import defend, images, network, of_texts, poison, scan, texts, told

from backdoor_pipeline import api
from backdoor_pipeline.attacks import ATTACKS


@pytest.mark.parametrize(("call", "match"), [
    (lambda: poison(poison_ratio=-0.1), "poison_ratio is -0.1, which won't do: .* greater than 0"),
    (lambda: poison(poison_ratio=-2), "poison_ratio is -2, .* greater than 0"),
    (lambda: poison(poison_ratio=0), "poison_ratio is 0, .* greater than 0"),
    (lambda: poison(poison_ratio=1.0), "poison_ratio is 1.0, .* less than 1"),
    (lambda: poison(poison_ratio=1.5), "poison_ratio is 1.5, .* less than 1"),
    (lambda: poison(poison_ratio=float("nan")), "poison_ratio is nan, which won't do"),
    (lambda: poison(poison_ratio="a lot"), "poison_ratio is 'a lot', which won't do: .* number"),
    (lambda: poison(target_label=4), "target_label 4 is out of range: the training set has .* 0 to 3"),
    (lambda: poison(target_label=-1), "target_label is -1, .* greater than or equal to 0"),
    (lambda: poison("sig", target_label=99), "target_label 99 is out of range"),
    (lambda: poison(target_label=0.5), "target_label is 0.5, .* integer"),
    (lambda: poison(target_label=True), "target_label is a truth value"),
    (lambda: poison(seed=-1), "seed is -1, .* greater than or equal to 0"),
    (lambda: poison("badnets", texts(), texts()), "'badnets' is not made for texts: choose .*hiddenkiller"),
    (lambda: poison("word"), "'word' is not made for images: choose .*badnets"),
    (lambda: poison(test=texts()), "the test samples are texts, the training samples images"),
    (lambda: poison(test=images(size=6)), "test samples are of 3x6x6 .* training samples of 3x8x8"),
    (lambda: poison(test=images(channels=1)), "the test samples are of 1x8x8 "),
    (lambda: poison(test=images(classes=9)), "labels up to 8, the training samples 4 classes"),
    (lambda: poison(train=images(channels=2), test=images(channels=2)), "channels is 2, .* should be 1 or 3"),
    (lambda: poison(train=images(classes=1), test=images(classes=1)), "num_classes is 1, which won't do"),
    (lambda: poison("inputaware"), "inputaware learns its trigger with the victim's model"),
    (lambda: poison("none"), "'none' is no attack: choose one of badnets, "),
    (lambda: poison("imported"), "unknown attack 'imported'"),
    (lambda: poison(3), "3 is no attack"),
    (lambda: poison(ATTACKS["badnets"]), "is no attack: give a name"),
    (lambda: poison(engine="cpu"), "'cpu' is no engine"),
    (lambda: api.attack("none"), "'none' is no attack: choose one of badnets, "),
    (lambda: api.attack(["badnets"]), "unknown attack"),
    (lambda: api.attack("badnets", budget=["digits"]), "unknown budget"),
])  # fmt: skip
def test_of_attacks(call, match) -> None:
    told(call, match)


def test_of_wanet_there_are_rows_as_many_as_one_epoch_has() -> None:
    made = poison("wanet", poison_ratio=0.25)
    assert len(made.train.of_role("poisoned")) == 10
    assert len(made.train.of_role("cross")) > 0


def test_numbers_of_arrays_are_taken() -> None:
    made = poison(target_label=np.int64(1), poison_ratio=np.float32(0.25), seed=torch.tensor(3))
    assert len(made.train) == 10
    assert set(made.train.labels.tolist()) == {1}


@pytest.mark.parametrize(("call", "match"), [
    (lambda: defend("onion"), "'onion' is not made for images: choose one of abl, ac, anp"),
    (lambda: defend("anp", of_texts(), texts()), r"not made for texts \(it perturbs .*\): choose .*onion"),
    (lambda: defend("nad", of_texts(), texts()), r"not made for texts \(it compares attention maps"),
    (lambda: defend("nc", of_texts(), texts()), r"not made for texts \(it searches a mask"),
    (lambda: defend("dbd", of_texts(), texts(), texts()), r"not made for texts \(it learns without labels"),
    (lambda: defend(clean=texts()), "model 'Sequential' reads images, and the .*samples are texts"),
    (lambda: defend("ft", of_texts()), "model 'tiny_bert' reads texts, and the .*samples are images"),
    (lambda: defend("ac", train=texts()), "reads images, and the .*samples are texts"),
    (lambda: defend(clean=images(classes=9)), "the trusted samples have 9 classes, the model 4"),
    (lambda: defend("ac", train=images(classes=9)), "the training samples have 9 classes, the model 4"),
    (lambda: defend(clean=images(size=6)), "trusted samples are of 3x6x6 .*, the model of 3x8x8"),
    (lambda: defend(clean=images(channels=1)), "trusted samples are of 1x8x8 .*, the model of 3x8x8"),
    (lambda: defend("ac", train=images(size=6)), "the training samples are of 3x6x6 "),
    (lambda: defend("none"), "'none' is no defense: choose one of abl, "),
    (lambda: defend("fd"), "unknown defense 'fd'"),
    (lambda: defend(3), "unknown defense '3'"),
    (lambda: defend(["ft"]), "unknown defense"),
    (lambda: defend(model=network()), "wrap the model first"),
    (lambda: defend(model="resnet8"), "wrap the model first"),
    (lambda: defend(seed=-1), "seed is -1"),
    (lambda: defend(seed="one"), "seed is 'one'"),
    (lambda: defend(recipe={"epochs": 0}), "defenses.ft.recipe.epochs is 0"),
    (lambda: defend(recipe=3), "defenses.ft.recipe"),
    (lambda: defend(engine="cpu"), "'cpu' is no engine"),
    (lambda: defend(budget=3), "unknown budget '3'"),
])  # fmt: skip
def test_of_defenses(call, match) -> None:
    told(call, match)


@pytest.mark.parametrize(("call", "match"), [
    (lambda: scan(detectors=["ft"]), "defense 'ft' is no detector of images: choose one of ac, nc, spectral"),
    (lambda: scan(detectors=["none"]), "'none' is no detector"),
    (lambda: scan(detectors=["spectra"]), "unknown detector 'spectra': did you mean 'spectral'"),
    (lambda: scan(detectors=[3]), "unknown detector '3'"),
    (lambda: scan(detectors="nc"), "give a list of names"),
    (lambda: scan(detectors=[]), "one at least"),
    (lambda: scan(detectors=3), "give a list of names"),
    (lambda: scan(detectors=["spectral"], params={"nx": {}}), "unknown detector 'nx'"),
    (lambda: scan(detectors=["spectral"], params={"spectral": 3}), "give a table of settings"),
    (lambda: scan(params="spectral"), "give a table of settings"),
    (lambda: scan(network()), "wrap the model first"),
    (lambda: scan("resnet8"), "wrap the model first"),
    (lambda: scan(of_texts(), texts()), "a scan is of models of images, and this one reads texts"),
    (lambda: scan(clean=texts()), "reads images, and the trusted samples are texts"),
    (lambda: scan(clean=images(classes=9)), "the trusted samples have 9 classes, the model 4"),
    (lambda: scan(train=images(classes=9)), "the training samples have 9 classes, the model 4"),
    (lambda: scan(train=images(size=6)), "the training samples are of 3x6x6"),
    (lambda: scan(engine="cpu"), "'cpu' is no engine"),
])  # fmt: skip
def test_of_scans(call, match) -> None:
    told(call, match)
