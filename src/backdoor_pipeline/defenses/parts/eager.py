"""A module that the engine does not compile."""

from typing import Any

import torch
from torch import Tensor, nn


class Eager(nn.Module):
    """Runs a module as it is, for inputs that change in size: each size would be compiled anew."""

    def __init__(self, module: nn.Module) -> None:
        """Wrap a module; it is not copied."""
        super().__init__()
        self.module = module
        self._run = torch.compiler.disable(_run)  # here, because it imports the compiler, which takes seconds

    def forward(self, *inputs: Any) -> Tensor:
        """What the module makes of the inputs."""
        output: Tensor = self._run(self.module, *inputs)
        return output


def _run(module: nn.Module, *inputs: Any) -> Any:
    return module(*inputs)
