"""Watching a training: what is noted, where it is kept, and that nothing else changes."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch
from helpers.pipelines import BADNETS, FACTS, engine, poisoned, poisoning, splits
from torch import Tensor

from backdoor_pipeline.analysis import watching as module
from backdoor_pipeline.analysis.look import Look
from backdoor_pipeline.analysis.sample_gradients import Samples, gradient_report
from backdoor_pipeline.attacks import Attack
from backdoor_pipeline.attacks.control import draw_roles
from backdoor_pipeline.attacks.methods.inputaware import InputAware
from backdoor_pipeline.attacks.methods.wanet import WaNet
from backdoor_pipeline.attacks.networks import Networks, NoNetworks, Prepared
from backdoor_pipeline.attacks.poisoning import Poison, poison
from backdoor_pipeline.attacks.trigger import NoTrigger
from backdoor_pipeline.catalog import Folders
from backdoor_pipeline.data.images import ImageSet
from backdoor_pipeline.data.poisoned import PoisonedRows, overlay
from backdoor_pipeline.experiment.specs import Poisoning, Training, Watching
from backdoor_pipeline.experiment.stages import VictimStage
from backdoor_pipeline.pipelines.prepare.nodes import prepare_attacker
from backdoor_pipeline.pipelines.shared.attacking import attack_env
from backdoor_pipeline.pipelines.shared.notes import NotesFolder
from backdoor_pipeline.pipelines.train.nodes import train_victim
from backdoor_pipeline.pipelines.watch.nodes import watch_training
from backdoor_pipeline.training import Recipe, Trainer

RECIPE = Recipe(
    epochs=4, batch_size=16, optimizer="sgd", lr=0.05, momentum=0.9, betas=(0.9, 0.999), weight_decay=0.0005,
    schedule="cosine", milestones=(), gamma=0.1, patience=1,
)  # fmt: skip
TRAINING = Training(model="resnet8", options={"pretrained": None}, recipe=RECIPE, seed=0)
OFF = Watching(forgetting=False, gradients=0, every=1)
ON = Watching(forgetting=True, gradients=6, every=3)
NOTHING = PoisonedRows.empty((3, 32, 32))
SCHEDULE = {"schedule": "cosine", "milestones": (), "gamma": 0.1}
AUGMENTATION = {"crop": 1, "crop_share": 0.8, "rotation": 10, "rotation_share": 0.5}
WANET = WaNet(
    cross_ratio=1, training=SCHEDULE, grid_size=4, strength=0.5, grid_rescale=1,
    augmentation=AUGMENTATION,
)  # fmt: skip
ADAM = {**SCHEDULE, "lr": 0.01, "betas": (0.5, 0.9)}
INPUTAWARE = InputAware(
    cross_ratio=1, training=SCHEDULE, mask=ADAM, generator=ADAM, mask_epochs=1, mask_density=0.032,
    lambda_norm=100, lambda_div=1, width=4, depth=1,
)  # fmt: skip


@dataclass
class Scene:
    """A tiny experiment, and its stages."""

    clean: ImageSet
    test: ImageSet
    attack: Attack | None
    folder: Path
    networks: Networks = field(default_factory=NoNetworks)
    prepared: pd.DataFrame = field(default_factory=lambda: pd.DataFrame({"epoch": []}))
    made: Poison = field(default_factory=lambda: Poison(NOTHING, NOTHING, NoTrigger()))

    @property
    def spec(self) -> Poisoning:
        return poisoning(self.attack) if self.attack else Poisoning(attack=None)

    def prepare(self, watching: Watching, **changes: Any) -> None:
        """The attacker's networks, and what is poisoned with them."""
        folders = Folders(self.folder / "prepare", self.folder)
        self.networks, self.prepared, _ = prepare_attacker(
            splits(self.clean, self.test), self.stage(watching, **changes), folders
        )
        env = attack_env(self.spec.attack, FACTS, engine(), Prepared(self.networks))
        self.made = poison(self.attack, self.clean, self.test, env, poison_target_class=True)

    def stage(self, watching: Watching, **changes: Any) -> VictimStage:
        return VictimStage(
            dataset=FACTS, poisoning=self.spec, training=TRAINING, watching=watching, engine=engine(**changes)
        )

    @property
    def folders(self) -> Folders:
        return Folders(self.folder / "checkpoints", self.folder)

    def train(self, watching: Watching, **changes: Any) -> Any:
        known = (splits(self.clean, self.test), self.made, self.networks, self.prepared)
        return train_victim(*known, self.stage(watching, **changes), self.folders)

    def watch(self, watching: Watching) -> Any:
        known = (splits(self.clean, self.test), self.made, self.stage(watching), self.folders)
        return watch_training(*known, {"seconds": 1.0})


@pytest.fixture
def scene(make_set, make_env, tmp_path):
    clean, test, made = poisoned(make_set, make_env)
    return Scene(clean, test, BADNETS, tmp_path / "watched", made=made)


@pytest.fixture
def watched(scene, cache={}):  # noqa: B006
    """The scene with its training watched: model, history, notes; trained for the first test that asks."""
    if not cache:
        model, history, metrics = scene.train(ON)
        cache |= {"model": model, "history": history, "metrics": metrics, "notes": scene.watch(ON)}
    else:
        NotesFolder(scene.folder).save(module.Notes(*cache["notes"]))
    return cache


def same(one: Any, other: Any) -> bool:
    left, right = one.state_dict(), other.state_dict()
    return left.keys() == right.keys() and all(torch.equal(left[name], right[name]) for name in left)


def plain(history: pd.DataFrame) -> pd.DataFrame:
    return history.drop(columns="seconds")


def agree(one: tuple[pd.DataFrame, ...], other: tuple[pd.DataFrame, ...]) -> None:
    """The notes are equal, but for the time that they took."""
    for mine, theirs in zip(one, other, strict=True):
        timeless = (notes.drop(columns="gradient_seconds", errors="ignore") for notes in (mine, theirs))
        pd.testing.assert_frame_equal(*timeless)


def test_a_watched_training_is_the_same_to_the_bit(scene, watched) -> None:
    alone, history, metrics = scene.train(OFF)
    assert same(alone, watched["model"])
    pd.testing.assert_frame_equal(plain(history), plain(watched["history"]))
    assert metrics.keys() == watched["metrics"].keys()


def test_nothing_is_made_when_nothing_is_watched(scene, monkeypatch) -> None:
    def refuse(*_: Any) -> None:
        raise AssertionError("made for nothing")

    monkeypatch.setattr(module.SampleRecorder, "__init__", refuse)
    monkeypatch.setattr(module.Watcher, "__init__", refuse)
    scene.train(OFF)
    assert not scene.folder.exists()
    epochs, samples = scene.watch(OFF)
    assert epochs.empty
    assert samples.empty


def test_the_training_leaves_its_notes_and_they_are_taken(scene, watched, monkeypatch) -> None:
    history = watched["history"]
    monkeypatch.setattr(Trainer, "fit", lambda *_: pytest.fail("trained again"))
    epochs, samples = scene.watch(ON)
    assert epochs["epoch"].tolist() == [1, 2, 3, 4]
    assert epochs["train_loss"].tolist() == pytest.approx(history["loss"].tolist(), rel=1e-5)
    assert epochs["train_accuracy"].tolist() == pytest.approx(history["accuracy"].tolist())
    mixed = 0.75 * epochs["clean_train_loss"] + 0.25 * epochs["poisoned_train_loss"]
    assert mixed.tolist() == pytest.approx(epochs["train_loss"].tolist())
    looked = [True, False, True, True]  # the first, every third, the last
    for column in ("clean_test_loss", "poisoned_test_loss", "gsnr_total", "cosine_clean_poisoned"):
        assert epochs[column].notna().tolist() == looked
    assert epochs["clean_test_accuracy"].dropna().iloc[-1] == history["clean_accuracy"].iloc[-1]
    assert epochs["poisoned_test_accuracy"].dropna().iloc[-1] == history["asr"].iloc[-1]
    assert len(samples) == len(scene.clean)
    assert set(samples.loc[samples["role"] == "poisoned", "index"]) == set(scene.made.train.index.tolist())
    assert (samples["shown"] == 4).all()


@pytest.mark.parametrize("damage", ["unwatched", "damaged"])
def test_a_training_without_whole_notes_is_repeated(scene, watched, damage: str) -> None:
    for file in scene.folder.glob("*.parquet"):
        file.write_bytes(file.read_bytes()[:-9]) if damage == "damaged" else file.unlink()
    agree(scene.watch(ON), watched["notes"])


def test_gradients_are_those_of_the_model_and_the_images_as_they_are(scene) -> None:
    every = Watching(forgetting=False, gradients=1000, every=100)
    model, _, _ = scene.train(every)
    epochs, samples = scene.watch(every)
    assert samples.empty
    assert "train_loss" not in epochs
    data, planted = overlay(scene.clean, scene.made.train), scene.made.train.mask(len(scene.clean))
    assert set(epochs["gradient_images"].dropna()) == {20.0}, "as many of each as poisoned"
    all_poisoned = Samples(data.images[planted].float() / 255, data.labels[planted], 1.0)
    expected = gradient_report(model.eval(), {"poisoned": all_poisoned})
    last = epochs.iloc[-1]
    assert last["gsnr_poisoned"] == pytest.approx(expected["gsnr_poisoned"], rel=1e-3)
    assert last["norm_poisoned"] == pytest.approx(expected["norm_poisoned"], rel=1e-3)


def test_the_control_has_clean_notes_only(scene) -> None:
    control = Scene(scene.clean, scene.test, None, scene.folder)
    control.train(ON)
    epochs, samples = control.watch(ON)
    assert set(samples["role"]) == {"clean"}
    assert not [name for name in epochs if "poisoned" in name]
    assert epochs["gsnr_total"].iloc[-1] == epochs["gsnr_clean"].iloc[-1]


class Stream:
    """Images that are read when asked for."""

    def __init__(self, images: Tensor) -> None:
        self._images = images

    @property
    def shape(self) -> torch.Size:
        return self._images.shape

    def __len__(self) -> int:
        return len(self._images)

    def __getitem__(self, index: Tensor | slice) -> Tensor:
        return self._images[index].clone()


def test_streamed_images_are_watched_alike(scene, watched) -> None:
    scene.clean = ImageSet(Stream(scene.clean.images), scene.clean.labels, scene.clean.classes)
    scene.train(ON)
    agree(scene.watch(ON), watched["notes"])


def test_a_killed_training_resumes_with_its_notes(scene, watched, monkeypatch) -> None:
    scene.folder = scene.folder.with_name("other")
    look = Look.__call__

    def die(self: Any, epoch: int, *rest: Any) -> Any:
        if epoch == 3:
            raise KeyboardInterrupt
        return look(self, epoch, *rest)

    with monkeypatch.context() as patch:
        patch.setattr(Look, "__call__", die)
        with pytest.raises(KeyboardInterrupt):
            scene.train(ON, checkpoint_every=1)
    assert not list(scene.folder.glob("*.parquet"))
    scene.train(ON, checkpoint_every=1)
    agree(scene.watch(ON), watched["notes"])


@pytest.mark.parametrize("attack", [WANET, INPUTAWARE])
def test_trainings_that_the_attacker_runs_are_watched_too(scene, attack) -> None:
    alone = Scene(scene.clean, scene.test, attack, scene.folder.with_name("alone"))
    alone.prepare(OFF)
    model, history, _ = alone.train(OFF)
    watched = Scene(scene.clean, scene.test, attack, scene.folder)
    watched.prepare(ON)
    other, noted, _ = watched.train(ON)
    assert same(model, other)
    pd.testing.assert_frame_equal(plain(history), plain(noted))
    epochs, samples = watched.watch(ON)
    kinds = ("clean", "poisoned", "cross")
    for kind in kinds:
        assert epochs[f"{kind}_train_loss"].notna().all()
        assert epochs[f"gsnr_{kind}"].notna().tolist() == [True, False, True, True]
    env = attack_env(watched.spec.attack, FACTS, engine())
    roles = torch.stack([draw_roles(len(scene.clean), env, 1, epoch) for epoch in range(1, 5)])
    for role, kind in enumerate(kinds, -1):
        mine = samples[samples["role"] == kind]
        shown = (roles == role).sum(0)
        assert mine["index"].tolist() == shown.nonzero().squeeze(1).tolist()
        assert mine["shown"].tolist() == shown[shown > 0].tolist()
    # and repeated, if they were not
    agree((epochs, samples), alone.watch(ON))
