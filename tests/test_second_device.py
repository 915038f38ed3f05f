"""No GPU runs these tests: every attack and defense, where tensors refuse those of the CPU as a GPU's do."""

from collections import Counter
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from helpers.parameters import image_methods
from helpers.second_device import DEVICE, Draws, second_device, waits
from torch.nn import functional as F

from backdoor_pipeline.attacks import ATTACKS
from backdoor_pipeline.attacks.control import Victim
from backdoor_pipeline.data.sources import load_split
from backdoor_pipeline.defenses import DEFENSES
from backdoor_pipeline.experiment.resolve import resolve
from backdoor_pipeline.models.shapes import ShapesOnly
from backdoor_pipeline.pipelines.shared.attacking import attack_env, attack_of, new_model
from backdoor_pipeline.training.loop import Loop
from benchmarks.gpu import attacks, defenses
from benchmarks.gpu.job import Job
from benchmarks.gpu.records import Record
from benchmarks.gpu.scene import Scene

WAITS = 3  # in an epoch: for its rows to arrive, and for its loss
OF_STREAM = {"abl-unlearning": 3}  # besides: for a stream to begin


@pytest.fixture(autouse=True)
def waiting(monkeypatch) -> list[tuple[str, int, Counter[str]]]:
    """What each epoch on the second device waited for: what was trained, its batches, the waits."""
    found, run = [], Loop.epoch

    def epoch(loop: Loop, losses, bar):
        before, steps = waits.copy(), 0

        def step(*_: object) -> None:
            nonlocal steps
            steps += 1

        row = run(loop, losses, SimpleNamespace(update=step, set_postfix=bar.set_postfix))
        found.append((loop.purpose, steps, waits - before))
        return row

    monkeypatch.setattr(Loop, "epoch", epoch)
    return found


def see_that_no_batch_is_waited_for(waiting) -> None:
    for purpose, steps, found in waiting:
        assert found.total() <= WAITS + OF_STREAM.get(purpose, 0), (purpose, steps, found)


def job(piece: str, task: str, out: Path) -> Job:
    return Job(Record(piece, task, "smoke", 60, 1), out, out, 1)


def resolved(made: Job, attack: str, defense: str, monkeypatch) -> None:
    scene = Scene.of(made, attack, defense)
    monkeypatch.setattr(Scene, "of", lambda *_: scene)


@pytest.mark.parametrize("attack", image_methods(ATTACKS))
def test_an_attack(tmp_path, attack, waiting, monkeypatch) -> None:
    made = job("attacks", attack, tmp_path)
    resolved(made, attack, "none", monkeypatch)
    with second_device():
        attacks.work(made)
    assert (made.record.result["device"], made.record.result["precision"]) == (DEVICE.type, "bf16")
    see_that_no_batch_is_waited_for(waiting)


@pytest.fixture(scope="module")
def victim(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("victim")
    attacks.work(job("attacks", "badnets", folder))
    return folder


@pytest.mark.parametrize("defense", [name for name in image_methods(DEFENSES) if name != "none"])
def test_a_defense(victim, defense, waiting, monkeypatch) -> None:
    made = job("defenses", defense, victim)
    resolved(made, "badnets", defense, monkeypatch)
    with second_device():
        defenses.work(made)
    assert 0 <= made.record.result["clean_accuracy"] <= 1
    see_that_no_batch_is_waited_for(waiting)


def test_an_attack_on_texts(params, tmp_path, waiting) -> None:
    chosen = {"dataset": "made_reviews", "model": "tiny_bert", "attack": "lws", "target_label": 1}
    experiment = resolve({**params, **chosen})
    spec, data = experiment.poisoning.attack, experiment.dataset
    train = load_split(data, tmp_path, "train").subset(torch.arange(200))
    victim = Victim(
        build=lambda: new_model(data, experiment.training),
        recipe=experiment.training.recipe,
        watch=lambda *_: {},
        checkpoint=tmp_path / "file",
    )
    with second_device():
        env = attack_env(spec, data, experiment.engine)
        prepared = attack_of(spec).prepare_for(train, train, victim, env)
    assert [steps for _, steps, _ in waiting] == [7] * experiment.training.recipe.epochs
    assert prepared.history[-1]["loss"] < prepared.history[0]["loss"]
    for _, steps, found in waiting:
        assert found.total() <= WAITS + steps, "a BERT asks once how many tokens a batch has"


def test_the_device_is_told_from_that_of_structures() -> None:
    with second_device(), pytest.raises(RuntimeError, match="resolve the experiment before"), ShapesOnly():
        pass


MIXED = {
    "a sum": lambda far: far + torch.ones(3),
    "a choice": lambda far: torch.where(far > 0, far, torch.ones(3)),
    "rows of the CPU's": lambda far: torch.ones(3)[far.long()],
    "a part written": lambda far: far.index_copy_(0, torch.tensor([1]), far[:1]),
    "the CPU's random state": lambda far: torch.rand(3, device=DEVICE, generator=torch.Generator()),
    "its random state": lambda far: torch.rand(3, device="cpu", generator=Draws()),
    "NumPy": lambda far: far.numpy(),
}


@pytest.mark.parametrize("mixed", MIXED)
def test_the_device_refuses_what_a_gpu_refuses(mixed) -> None:
    with second_device(), pytest.raises((RuntimeError, TypeError)):
        MIXED[mixed](torch.ones(3, device=DEVICE))


def test_the_device_does_what_a_gpu_does() -> None:
    with second_device():
        far = torch.arange(3.0, device=DEVICE)
        assert (far + torch.tensor(1.0)).tolist() == [1, 2, 3]
        assert far[torch.tensor([2])].cpu().tolist() == [2]
        weight = torch.nn.Parameter(far)
        (weight * far).sum().backward()
        assert weight.grad is not None
        assert weight.grad.tolist() == [0, 1, 2]


def test_autocast_is_that_of_a_gpu() -> None:
    with second_device(), torch.autocast(DEVICE.type, torch.bfloat16):
        far = torch.ones(2, 2, device=DEVICE)
        assert F.linear(far, far).dtype == torch.bfloat16
        assert F.linear(far, far).softmax(1).dtype == torch.float32
        with torch.autocast(DEVICE.type, enabled=False):
            assert F.linear(far, far).dtype == torch.float32
