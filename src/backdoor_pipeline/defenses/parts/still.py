"""A module trained as it predicts: its normalization and dropout in evaluation mode."""

from typing import Any, Self

from torch import Tensor, nn


class Still(nn.Module):
    """Keeps a module in evaluation mode while its weights are trained.

    BatchNorm then normalizes by its running statistics and leaves them alone. Batches of few, alike images
    would otherwise move them, and the model would change in ways that its training loss does not show.
    """

    def __init__(self, module: nn.Module) -> None:
        """Wrap a module; it is not copied."""
        super().__init__()
        self.module = module

    def train(self, mode: bool = True) -> Self:  # noqa: ARG002
        """Evaluation mode, whatever is asked for."""
        return super().train(False)

    def forward(self, *inputs: Any) -> Tensor:
        """What the module makes of the inputs."""
        output: Tensor = self.module(*inputs)
        return output
