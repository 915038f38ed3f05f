"""Borrowing: a model put on a device and in a mode, random state seeded, and all given back as it was."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn


@contextmanager
def hosted(
    model: nn.Module,
    device: torch.device,
    *,
    training: bool,
    memory_format: torch.memory_format = torch.preserve_format,
) -> Iterator[None]:
    """The model on the device, every module in one mode; then back home, each in the mode that it had.

    Args:
        model: any.
        device: where it is needed.
        training: the mode.
        memory_format: of its convolutions while it is there; afterwards they are contiguous again.
    """
    home = next(model.parameters()).device
    modes = [(module, module.training) for module in model.modules()]
    model.to(device).train(training)
    if memory_format != torch.preserve_format:
        model.to(memory_format=memory_format)
    try:
        yield
    finally:
        model.to(home)
        if memory_format != torch.preserve_format:
            model.to(memory_format=torch.contiguous_format)
        for module, mode in modes:
            module.training = mode


@contextmanager
def seeded(seed: int, device: torch.device) -> Iterator[None]:
    """The CPU's and this device's global random state seeded; afterwards as if nothing had been drawn."""
    with torch.random.fork_rng([device] if device.type == "cuda" else []):
        torch.default_generator.manual_seed(seed)
        if device.type == "cuda":
            with torch.cuda.device(device):
                torch.cuda.manual_seed(seed)  # not torch.manual_seed: that reseeds every GPU
        yield
