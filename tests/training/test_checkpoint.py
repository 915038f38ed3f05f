"""A killed training goes on to bit-identical weights (P4)."""

import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from helpers.training import data, model, recipe, same, trainer
from torch import nn

from backdoor_pipeline.data.images import ImageSet
from backdoor_pipeline.training import Recipe, checkpoint, cross_entropy, discard

RECIPES = {
    "sgd cosine": recipe(epochs=5),
    "sgd plateau": recipe(epochs=6, schedule="plateau", patience=0, lr=0.5, gamma=0.5),
    "sgd without momentum": recipe(epochs=5, momentum=0, schedule="multistep", milestones=(2, 4)),
    "adam": recipe(epochs=5, optimizer="adam", lr=0.01, schedule="constant"),
}


class Killed(Exception):
    """Stands for the end of the process."""


def timeless(history: list[dict[str, float]]) -> list[dict[str, float]]:
    return [{name: value for name, value in row.items() if name != "seconds"} for row in history]


def watch(epoch: int, net: nn.Module) -> dict[str, float]:
    return {"twice": 2 * epoch, "sum": sum(weight.sum().item() for weight in net.parameters())}


def killed_in(epoch: int, plan: Recipe, path: Path, **changes: object) -> nn.Module:
    """A model whose training ended during this epoch."""

    def watch_and_die(now: int, net: nn.Module) -> dict[str, float]:
        if now == epoch:
            raise Killed
        return watch(now, net)

    net = model()
    with pytest.raises(Killed):
        trainer(**changes).fit(net, data(), plan, seed=1, on_epoch=watch_and_die, checkpoint=path)
    return net


@pytest.mark.parametrize("name", RECIPES)
@pytest.mark.parametrize("changes", [{}, {"precision": "bf16"}, {"checkpoint_every": 2}])
def test_a_resumed_run_ends_as_an_undisturbed_one(
    name: str, changes: dict[str, object], tmp_path: Path
) -> None:
    plan, path = RECIPES[name], tmp_path / "train.safetensors"
    straight = model()
    expected = trainer(**changes).fit(straight, data(), plan, seed=1, on_epoch=watch)
    killed_in(4, plan, path, **changes)
    resumed = model()
    torch.rand(7)  # what happened in between does not matter
    epochs: list[int] = []

    def count(epoch: int, net: nn.Module) -> dict[str, float]:
        epochs.append(epoch)
        return watch(epoch, net)

    history = trainer(**changes).fit(resumed, data(), plan, seed=1, on_epoch=count, checkpoint=path)
    assert epochs[0] == (4 if changes.get("checkpoint_every") != 2 else 3)
    assert same(straight, resumed)
    assert timeless(history) == timeless(expected)
    assert [list(row) for row in history] == [list(row) for row in expected], "columns in the same order"


def test_few_long_epochs_have_checkpoints_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plan, clock = recipe(epochs=9), iter(range(0, 10_000, 120))  # an epoch takes two minutes, by this clock
    monkeypatch.setattr(checkpoint, "time", SimpleNamespace(monotonic=lambda: next(clock)))
    written: list[int] = []
    save = checkpoint.Checkpoint.save

    def count(self: checkpoint.Checkpoint, net: nn.Module, optimizers: Any, history: Any, *more: Any) -> None:
        written.append(len(history))
        save(self, net, optimizers, history, *more)

    monkeypatch.setattr(checkpoint.Checkpoint, "save", count)
    trainer(checkpoint_every=100).fit(
        model(), data(), plan, seed=1, checkpoint=tmp_path / "train.safetensors"
    )
    assert written == [3, 6, 9]


def test_plateau_recipe_really_lowers_its_rate() -> None:
    history = trainer().fit(model(), data(), RECIPES["sgd plateau"], seed=1)
    assert len({row["lr"] for row in history}) > 1


def test_a_finished_run_is_not_trained_again_until_its_checkpoint_is_discarded(tmp_path: Path) -> None:
    path = tmp_path / "train.safetensors"
    first, again = model(), model()
    history = trainer(checkpoint_every=3).fit(first, data(), recipe(), seed=1, checkpoint=path)
    restored = trainer().fit(
        again, data(), recipe(), seed=1, checkpoint=path, on_epoch=lambda *_: pytest.fail("trained again")
    )
    assert restored == history
    assert same(first, again)
    discard(path)
    discard(path)
    assert list(tmp_path.iterdir()) == []


def test_no_checkpoints_if_none_are_wanted(tmp_path: Path) -> None:
    path = tmp_path / "train.safetensors"
    trainer(checkpoint_every=0).fit(model(), data(), recipe(), seed=1, checkpoint=path)
    assert not path.exists()


def other_objective(net: nn.Module, batch: object) -> torch.Tensor:
    return 2 * cross_entropy(net, batch)  # type: ignore[arg-type]


def leave_alone(images: torch.Tensor, labels: torch.Tensor, *_: object) -> tuple[torch.Tensor, torch.Tensor]:
    return images, labels


@pytest.mark.parametrize(
    "what",
    [
        "recipe",
        "seed",
        "purpose",
        "labels",
        "one pixel",
        "model",
        "augment",
        "objective",
        "tamper",
        "parts",
        "steps",
    ],
)
def test_a_checkpoint_of_another_training_is_set_aside(what: str, tmp_path: Path) -> None:
    path, images = tmp_path / "train.safetensors", data()
    killed_in(3, recipe(), path)
    arguments: dict[str, object] = {"recipe": recipe(), "seed": 1}
    net = model(1 if what == "model" else 0)
    if what == "recipe":
        arguments["recipe"] = recipe(lr=0.04)
    elif what == "seed":
        arguments["seed"] = 2
    elif what == "purpose":
        arguments["purpose"] = "surrogate"
    elif what == "labels":
        images = ImageSet(images.images, images.labels.flip(0), images.classes)
    elif what == "one pixel":
        changed = images.images[:].clone()
        changed[7, 0, 0, 0] ^= 1
        images = ImageSet(changed, images.labels, images.classes)
    elif what == "augment":
        arguments["augment"] = False
    elif what == "objective":
        arguments["objective"] = other_objective
    elif what == "tamper":
        arguments["tamper"] = leave_alone
    elif what == "parts":
        arguments["parts"] = {"6": recipe()}
    elif what == "steps":
        arguments["steps"] = 5
    epochs: list[int] = []
    trainer().fit(
        net,
        images,
        **arguments,  # type: ignore[arg-type]
        on_epoch=lambda epoch, _: epochs.append(epoch) or {},
        checkpoint=path,
    )
    assert epochs == [1, 2, 3, 4]
    assert len(list(tmp_path.glob("*.corrupt-*"))) == 1


@pytest.mark.parametrize("damage", ["truncated", "one bit", "empty", "text"])
def test_a_damaged_checkpoint_is_set_aside_and_training_starts_anew(damage: str, tmp_path: Path) -> None:
    path = tmp_path / "train.safetensors"
    killed_in(3, recipe(), path)
    content = bytearray(path.read_bytes())
    content[-9] ^= 1
    damaged = {
        "truncated": path.read_bytes()[:-50],
        "one bit": bytes(content),
        "empty": b"",
        "text": b"not a checkpoint, but long enough to look at",
    }
    path.write_bytes(damaged[damage])
    straight, restarted = model(), model()
    trainer().fit(straight, data(), recipe(), seed=1)
    trainer().fit(restarted, data(), recipe(), seed=1, checkpoint=path)
    assert same(straight, restarted)
    assert len(list(tmp_path.glob("*.corrupt-*"))) == 1


def test_an_objective_with_an_address_in_its_repr_still_resumes(tmp_path: Path) -> None:
    class Doubled:
        def __call__(self, net: nn.Module, batch: object) -> torch.Tensor:
            return other_objective(net, batch)

    path = tmp_path / "train.safetensors"
    kept = Doubled()  # keeps its address, so the second has another
    history = trainer().fit(model(), data(), recipe(), seed=1, objective=kept, checkpoint=path)
    again = trainer().fit(model(), data(), recipe(), seed=1, objective=Doubled(), checkpoint=path)
    assert again == history


def test_killed_for_real(tmp_path: Path) -> None:
    """The process dies by SIGKILL after its third epoch, another one finishes: same weights."""
    path = tmp_path / "train.safetensors"
    program = textwrap.dedent(
        f"""
        import os, signal
        from pathlib import Path
        import torch
        from helpers.training import data, model, recipe, trainer

        torch.set_num_threads({torch.get_num_threads()})  # the last bits depend on it

        def die(epoch, net):
            if epoch == 3:
                os.kill(os.getpid(), signal.SIGKILL)
            return {{}}

        trainer().fit(model(), data(), recipe(), seed=1, on_epoch=die, checkpoint=Path({str(path)!r}))
        """
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, timeout=120)
    assert done.returncode == -signal.SIGKILL, done.stderr
    straight, resumed = model(), model()
    trainer().fit(straight, data(), recipe(), seed=1)
    epochs: list[int] = []
    trainer().fit(
        resumed,
        data(),
        recipe(),
        seed=1,
        on_epoch=lambda epoch, _: epochs.append(epoch) or {},
        checkpoint=path,
    )
    assert epochs == [3, 4]
    assert same(straight, resumed)
