"""How trainings run: device, precision, memory format, compilation. Nothing here decides what is learned."""

import os
import shutil
from dataclasses import dataclass
from typing import Literal, cast

import torch
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor, nn

from backdoor_pipeline.base.errors import UserError
from backdoor_pipeline.training.recipe import Recipe

Precision = Literal["fp32", "bf16"]

COMPILE_FROM_STEPS = 15_000  # on a GPU


class Engine(BaseModel):
    """How to run, never what.

    Attributes:
        device: `auto` (the GPU if there is one), `cpu`, `cuda` or `cuda:N`.
        precision: `auto` (bf16 where the hardware is fast at it), `fp32`, or `bf16`, which means autocast:
            weights, their updates and losses stay in fp32.
        compile: whether to use torch.compile; `auto`: where it pays, see `compiles`.
        checkpoint_every: epochs between checkpoints, or fewer that take five minutes; 0 for none.
        evaluate_every: epochs between evaluations on test sets while the victim trains.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    device: str = Field(pattern=r"^(auto|cpu|cuda(:\d+)?)$")
    precision: Literal["auto", "fp32", "bf16"]
    compile: Literal["auto"] | bool
    checkpoint_every: int = Field(ge=0)
    evaluate_every: int = Field(ge=1)


@dataclass(frozen=True, slots=True)
class Hardware:
    """What `auto` came to: where and in which precision to compute."""

    device: torch.device
    precision: Precision

    @classmethod
    def resolve(cls, engine: Engine) -> "Hardware":
        """The hardware that the engine's choices mean on this machine.

        On a GPU convolutions outside of autocast are in fp32 from now on, not in TF32, PyTorch's default: its
        products have three digits, and what is called fp32 would depend on the GPU.

        Raises:
            UserError: there is no such GPU.
        """
        device = _device(engine.device)
        if device.type == "cuda":
            torch.backends.cudnn.allow_tf32 = False
        if engine.precision != "auto":
            return cls(device, engine.precision)
        return cls(device, "bf16" if _fast_at_bf16(device) else "fp32")

    @property
    def memory_format(self) -> torch.memory_format:
        """Channels innermost with bf16 and on GPUs, where convolutions are faster so.

        With fp32 on CPUs it depends on the CPU: PreAct-ResNet18 was slowed to 0.54 of its speed on one with
        AMX, and sped up by 1.2 on one without; so fp32 leaves the format alone.
        """
        faster = self.precision == "bf16" or self.device.type == "cuda"
        return torch.channels_last if faster else torch.contiguous_format

    def autocast(self) -> torch.autocast:
        """The context in which models compute."""
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.precision == "bf16")

    def as_input(self, stored: Tensor) -> Tensor:
        """What models take: of uint8 images floats, see `as_float`; token ids (int64) as they are."""
        return stored if stored.dtype == torch.int64 else self.as_float(stored)

    def as_float(self, images: Tensor) -> Tensor:
        """Uint8 images (N, C, H, W) as float32 in [0, 1], in the memory format."""
        return images.contiguous(memory_format=self.memory_format).float().div_(255)


def compiles(
    engine: Engine, device: torch.device, recipe: Recipe, images: int, steps: int | None = None
) -> bool:
    """Whether to use torch.compile: a function of the whole planned run, so that resuming decides the same.

    `auto` compiles on GPUs only, from 15,000 steps on: a ResNet's step is bound by kernel launches there,
    CUDA graphs remove them, and compiling takes up to a minute (an estimate). Not on CPUs: without AMX,
    compiling bf16 took 30 to 50 s and sped up PreAct-ResNet18 by -4 to 2 %, a small ResNet not at all once
    memory was kept; with AMX the former gained 30 %, which only runs of many minutes repay: they may ask.

    Args:
        engine: the choices.
        device: where it runs.
        recipe: for epochs and batch size.
        images: in the training set.
        steps: in an epoch, if that is no pass over them.

    Raises:
        UserError: compilation is asked for on a CPU without a C++ compiler.
    """
    if engine.compile == "auto":
        planned = recipe.epochs * (steps or images / recipe.batch_size)
        return device.type == "cuda" and planned >= COMPILE_FROM_STEPS
    if engine.compile and device.type == "cpu" and not _has_compiler():
        raise UserError("engine.compile needs a C++ compiler on the PATH: install g++, or use 'auto'.")
    return engine.compile


def compiled(model: nn.Module) -> nn.Module:
    """The model compiled for one batch size, with CUDA graphs on a GPU; its weights are the model's own."""
    mode = "reduce-overhead" if next(model.parameters()).is_cuda else "default"
    return cast(nn.Module, torch.compile(model, mode=mode, dynamic=False))


def _device(choice: str) -> torch.device:
    available = torch.cuda.is_available()
    if choice == "cpu" or (choice == "auto" and not available):
        return torch.device("cpu")
    count = torch.cuda.device_count() if available else 0
    index = torch.device("cuda" if choice == "auto" else choice).index
    if (index or 0) >= count:
        raise UserError(f"engine.device is '{choice}', but usable GPUs here: {count}; use auto or cpu.")
    return torch.device("cuda", torch.cuda.current_device() if index is None else index)


def _fast_at_bf16(device: torch.device) -> bool:
    """Ampere and later; CPUs with AMX or AVX512-BF16.

    With the latter alone, bf16 with channels last ran at 2.1 times the speed of contiguous fp32 for
    PreAct-ResNet18, 2.5 times for a ResNet of 16 to 64 channels at 32 pixels, 1.3 times at 8 pixels.
    """
    if device.type == "cuda":
        return torch.cuda.get_device_capability(device) >= (8, 0)
    probes = ("_is_amx_tile_supported", "_is_avx512_bf16_supported")  # private names, so they may be gone
    return any(hasattr(torch.cpu, probe) and getattr(torch.cpu, probe)() for probe in probes)


def _has_compiler() -> bool:
    return any(shutil.which(name) for name in (os.environ.get("CXX", ""), "g++", "clang++"))
