"""A model's shapes without its numbers."""

from typing import Any

from torch import Tensor
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode


class ShapesOnly(TorchFunctionMode):
    """Skips, on the meta device, what changes no shape: drawing weights, and normalizing by batches.

    The meta device spells these out in small steps, which is most of what a model's shapes would cost.
    """

    SAME = frozenset({Tensor.normal_, Tensor.uniform_, F.batch_norm})

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """The first argument in the place of the result, if it is of the same shape."""
        return args[0] if func in self.SAME else func(*args, **(kwargs or {}))
