"""What `auto` comes to."""

import pytest
import torch
from helpers.training import engine, recipe

from backdoor_pipeline.base.errors import UserError
from backdoor_pipeline.training import hardware as module
from backdoor_pipeline.training.hardware import COMPILE_FROM_STEPS, Hardware, compiles

CPU, GPU = torch.device("cpu"), torch.device("cuda", 0)


def gpus(monkeypatch: pytest.MonkeyPatch, count: int, capability: tuple[int, int] = (9, 0)) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: count > 0)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: count)
    monkeypatch.setattr(torch.cuda, "current_device", lambda: 0)
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda _: capability)


@pytest.mark.parametrize(
    ("choice", "count", "expected"),
    [
        ("auto", 0, "cpu"),
        ("auto", 2, "cuda:0"),
        ("cpu", 2, "cpu"),
        ("cuda", 1, "cuda:0"),
        ("cuda:1", 2, "cuda:1"),
    ],
)
def test_device(monkeypatch: pytest.MonkeyPatch, choice: str, count: int, expected: str) -> None:
    gpus(monkeypatch, count)
    assert Hardware.resolve(engine(device=choice)).device == torch.device(expected)


@pytest.mark.parametrize(("choice", "count"), [("cuda", 0), ("cuda:0", 0), ("cuda:2", 2)])
def test_a_missing_gpu_is_said(monkeypatch: pytest.MonkeyPatch, choice: str, count: int) -> None:
    gpus(monkeypatch, count)
    with pytest.raises(UserError, match=f"'{choice}', but usable GPUs here: {count}"):
        Hardware.resolve(engine(device=choice))


@pytest.mark.parametrize(("capability", "expected"), [((7, 5), "fp32"), ((8, 0), "bf16"), ((9, 0), "bf16")])
def test_gpus_from_ampere_on_use_bf16(
    monkeypatch: pytest.MonkeyPatch, capability: tuple[int, int], expected: str
) -> None:
    gpus(monkeypatch, 1, capability)
    assert Hardware.resolve(engine(device="cuda", precision="auto")).precision == expected


@pytest.mark.parametrize(
    ("amx", "avx", "expected"),
    [(False, False, "fp32"), (True, False, "bf16"), (False, True, "bf16"), (None, None, "fp32")],
)
def test_cpus_with_bf16_instructions_use_it(
    monkeypatch: pytest.MonkeyPatch, amx: bool | None, avx: bool | None, expected: str
) -> None:
    for name, value in {"_is_amx_tile_supported": amx, "_is_avx512_bf16_supported": avx}.items():
        if value is None:
            monkeypatch.delattr(torch.cpu, name, raising=False)
        else:
            monkeypatch.setattr(torch.cpu, name, lambda value=value: value, raising=False)
    assert Hardware.resolve(engine(precision="auto")).precision == expected
    assert Hardware.resolve(engine(precision="fp32")).precision == "fp32"
    assert Hardware.resolve(engine(precision="bf16")).precision == "bf16"


def test_images_come_as_fractions_in_the_fast_format() -> None:
    images = torch.tensor([0, 51, 255], dtype=torch.uint8).view(1, 3, 1, 1).expand(2, 3, 4, 5)
    for hardware, format in (
        (Hardware(CPU, "fp32"), torch.contiguous_format),
        (Hardware(CPU, "bf16"), torch.channels_last),
    ):
        result = hardware.as_float(images)
        assert result.dtype == torch.float32
        assert result.is_contiguous(memory_format=format)
        assert result[0, :, 0, 0].tolist() == pytest.approx([0, 0.2, 1])
    assert Hardware(GPU, "fp32").memory_format == torch.channels_last


def test_auto_compiles_long_runs_on_gpus_only() -> None:
    long, short = recipe(epochs=COMPILE_FROM_STEPS, batch_size=10), recipe(epochs=10, batch_size=10)
    assert compiles(engine(), GPU, long, 10)
    assert not compiles(engine(), GPU, short, 10)
    assert not compiles(engine(), CPU, long, 10)
    assert compiles(engine(), GPU, short, 10, steps=COMPILE_FROM_STEPS // 10), "10 epochs of so many steps"
    assert not compiles(engine(), GPU, short, 1_000_000, steps=9)


def test_fp32_is_fp32_on_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", True)
    Hardware.resolve(engine(device="cpu", precision="fp32"))
    assert torch.backends.cudnn.allow_tf32
    monkeypatch.setattr(module, "_device", lambda _: GPU)
    Hardware.resolve(engine(precision="fp32"))
    assert not torch.backends.cudnn.allow_tf32


def test_compilation_on_demand(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not compiles(engine(compile=False), GPU, recipe(epochs=1_000_000), 100)
    assert compiles(engine(compile=True), GPU, recipe(epochs=1), 1)
    monkeypatch.setattr("shutil.which", lambda _: None)
    with pytest.raises(UserError, match="C\\+\\+ compiler"):
        compiles(engine(compile=True), CPU, recipe(), 100)
