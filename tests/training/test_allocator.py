"""A process that trains asks the kernel for the same pages once."""

import platform
import subprocess
import sys

import pytest

from backdoor_pipeline.training import allocator

CODE = """
import resource, sys, torch
from backdoor_pipeline.training import Engine, Trainer
if sys.argv[1] == "kept":
    Trainer(Engine(device="cpu", precision="fp32", compile=False, checkpoint_every=0, evaluate_every=1), None)

torch.set_num_threads(1)
layers = [(torch.nn.Conv2d(n, 16, 3), torch.nn.BatchNorm2d(16), torch.nn.ReLU()) for n in (3, 16, 16)]
model = torch.nn.Sequential(*(layer for three in layers for layer in three))
images = torch.rand(128, 3, 32, 32)

def work():
    model(images).sum().backward()

def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt

for _ in range(5):
    work()
begun = faults()
for _ in range(10):
    work()
print(faults() - begun)
"""


def faults(how: str) -> int:
    """Pages that a process got in ten training steps, after five."""
    done = subprocess.run([sys.executable, "-c", CODE, how], capture_output=True, text=True, check=True)
    return int(done.stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="the setting is glibc's")
def test_freed_memory_is_not_asked_for_again() -> None:
    assert faults("kept") < faults("handed back") / 4


@pytest.mark.parametrize(("system", "library"), [("win32", None), ("linux", object())])
def test_another_c_library_is_left_alone(
    monkeypatch: pytest.MonkeyPatch, system: str, library: object
) -> None:
    monkeypatch.setattr(allocator.sys, "platform", system)
    monkeypatch.setattr(allocator.ctypes, "CDLL", lambda _: library)
    assert not allocator.keep_freed_memory.__wrapped__()
