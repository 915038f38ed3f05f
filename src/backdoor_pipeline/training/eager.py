"""A module that the engine does not compile."""

from typing import Any

from torch import Tensor, nn


class Eager(nn.Module):
    """Marks a module to be run as it is, for inputs that change in size: each size would be compiled anew."""

    def __init__(self, module: nn.Module) -> None:
        """Wrap a module; it is not copied."""
        super().__init__()
        self.module = module

    def forward(self, *inputs: Any) -> Tensor:
        """What the module makes of the inputs."""
        output: Tensor = self.module(*inputs)
        return output
