"""No GPU runs these tests: every attack and defense, where tensors refuse those of the CPU as a GPU's do."""

from pathlib import Path

import pytest
import torch
from helpers.parameters import image_methods
from helpers.second_device import DEVICE, Draws, second_device
from torch.nn import functional as F

from backdoor_pipeline.attacks import ATTACKS
from backdoor_pipeline.defenses import DEFENSES
from benchmarks.gpu import attacks, defenses
from benchmarks.gpu.job import Job
from benchmarks.gpu.records import Record


def job(piece: str, task: str, out: Path) -> Job:
    return Job(Record(piece, task, "smoke", 60, 1), out, out, 1)


@pytest.mark.parametrize("attack", image_methods(ATTACKS))
def test_an_attack(tmp_path, attack) -> None:
    made = job("attacks", attack, tmp_path)
    with second_device():
        attacks.work(made)
    assert (made.record.result["device"], made.record.result["precision"]) == (DEVICE.type, "bf16")


@pytest.fixture(scope="module")
def victim(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("victim")
    attacks.work(job("attacks", "badnets", folder))
    return folder


@pytest.mark.parametrize("defense", [name for name in image_methods(DEFENSES) if name != "none"])
def test_a_defense(victim, defense) -> None:
    made = job("defenses", defense, victim)
    with second_device():
        defenses.work(made)
    assert 0 <= made.record.result["clean_accuracy"] <= 1


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
