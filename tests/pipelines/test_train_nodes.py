import pandas as pd
import pytest
import torch
from helpers.pipelines import BADNETS, FACTS, TRAINING, engine, poisoned, poisoning, splits

from backdoor_pipeline.attacks.control import Schedule
from backdoor_pipeline.attacks.methods.wanet import WaNet, WarpBatches
from backdoor_pipeline.attacks.networks import NoNetworks
from backdoor_pipeline.attacks.poisoning import Poison, cross_test, poison
from backdoor_pipeline.attacks.trigger import NoTrigger
from backdoor_pipeline.catalog import Folders
from backdoor_pipeline.data.poisoned import PoisonedRows
from backdoor_pipeline.experiment.specs import Watching
from backdoor_pipeline.experiment.stages import VictimStage
from backdoor_pipeline.metrics.accuracy import clean_accuracy
from backdoor_pipeline.pipelines.train.nodes import train_victim

IDLE = {"crop": 0, "crop_share": 0, "rotation": 0, "rotation_share": 0}
WANET = WaNet(
    grid_size=4, strength=0.5, grid_rescale=1, cross_ratio=2, augmentation=IDLE,
    training=Schedule(schedule="constant", milestones=(), gamma=0.1),
)  # fmt: skip


def train(clean, test, train_rows, test_rows, folder, *, attack=BADNETS, trigger=None, asked=None, **changes):
    off = Watching(forgetting=False, gradients=0, every=1)
    told = poisoning(attack, **(asked or {}))
    stage = VictimStage(
        dataset=FACTS, poisoning=told, training=TRAINING, watching=off, engine=engine(**changes)
    )
    made = Poison(train_rows, test_rows, trigger or NoTrigger())
    prepared = NoNetworks(), pd.DataFrame({"epoch": []})
    return train_victim(splits(clean, test), made, *prepared, stage, Folders(folder, folder))


def test_test_sets_are_looked_at_as_often_as_asked_and_at_the_end(make_set, make_env, tmp_path) -> None:
    clean, test, made = poisoned(make_set, make_env)
    model, history, metrics = train(clean, test, made.train, made.test, tmp_path, evaluate_every=2)
    assert history["epoch"].tolist() == [1, 2, 3, 4, 5]
    assert history["clean_accuracy"].notna().tolist() == [False, True, False, True, True]
    assert history["asr"].notna().tolist() == [False, True, False, True, True]
    assert metrics["asr"] == history["asr"].iloc[-1]
    assert metrics["epochs"] == 5
    assert metrics["precision"] == "fp32"
    assert metrics["seconds"] == pytest.approx(history["seconds"].sum())
    assert not list(tmp_path.iterdir()), "checkpoint_every 0 writes none"
    assert model.description.name == "resnet8"


def test_looking_does_not_change_what_is_learned(make_set, make_env, tmp_path) -> None:
    clean, test, made = poisoned(make_set, make_env)
    one, *_ = train(clean, test, made.train, made.test, tmp_path / "a", evaluate_every=1)
    other, *_ = train(
        clean, test, made.train, made.test, tmp_path / "b", evaluate_every=5, checkpoint_every=2
    )
    for a, b in zip(one.state_dict().values(), other.state_dict().values(), strict=True):
        assert torch.equal(a, b)
    assert (tmp_path / "b/train.safetensors").exists()


@pytest.mark.parametrize("spare", [True, False])
def test_an_attacker_who_trains_spares_the_target_class_if_asked_to(
    make_set, make_env, tmp_path, monkeypatch, spare
) -> None:
    """Of 80 rows 20 are poisoned in each epoch: the labels of all change, or but for those of class 0."""
    clean, test, env = make_set(rows=80), make_set(rows=16), make_env()
    made = poison(WANET, clean, test, env, poison_target_class=not spare)
    changed, warp = [], WarpBatches.__call__

    def counting(self, images, labels, *given):
        stamped, wanted = warp(self, images, labels, *given)
        changed.append(int((wanted != labels).sum()))
        return stamped, wanted

    monkeypatch.setattr(WarpBatches, "__call__", counting)
    asked = {"poison_target_class": not spare}
    train(clean, test, made.train, made.test, tmp_path, attack=WANET, trigger=made.trigger, asked=asked)
    epochs = TRAINING.recipe.epochs
    assert sum(changed) == 20 * epochs if spare else sum(changed) < 20 * epochs


def test_a_warp_is_also_judged_by_what_must_not_fire(make_set, make_env, tmp_path) -> None:
    clean, test, env = make_set(rows=80), make_set(rows=16), make_env()
    wanet = WANET
    made = poison(wanet, clean, test, env, poison_target_class=True)
    model, _, metrics = train(
        clean, test, made.train, made.test, tmp_path, attack=wanet, trigger=made.trigger
    )
    trainer = env.trainer
    crossed = trainer.predict(model, cross_test(wanet, test, made.trigger, env))
    assert metrics["cross_accuracy"] == pytest.approx(clean_accuracy(crossed, test.labels))
    others = test.labels != 0
    fired = [
        (trainer.predict(model, rival(test.images[others])) == 0).double().mean().item()
        for rival in wanet.rivals(made.trigger, env)
    ]
    assert metrics["rival_asr"] == pytest.approx(sum(fired) / len(fired))


def test_the_control_has_no_asr(make_set, make_env, tmp_path) -> None:
    clean, test, _ = poisoned(make_set, make_env)
    nothing = PoisonedRows.empty((3, 32, 32))
    _, history, metrics = train(clean, test, nothing, nothing, tmp_path)
    assert "asr" not in history
    assert "asr" not in metrics
    assert 0 <= metrics["clean_accuracy"] <= 1
