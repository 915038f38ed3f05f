"""Autocast as it is on GPUs, where other operations are in full precision than on CPUs."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_map_only

# by https://docs.pytorch.org/docs/stable/amp.html
LOWER = {
    "__matmul__", "addbmm", "addmm", "addmv", "addr", "baddbmm", "bmm", "chain_matmul", "conv1d", "conv2d",
    "conv3d", "conv_transpose1d", "conv_transpose2d", "conv_transpose3d", "linear", "matmul", "mm", "mv",
    "prelu", "scaled_dot_product_attention",
}  # fmt: skip
FULL = {
    "__pow__", "__rdiv__", "__rpow__", "__rtruediv__", "acos", "asin",
    "binary_cross_entropy_with_logits", "cdist", "cosh", "cosine_embedding_loss",
    "cosine_similarity", "cross_entropy", "cumprod", "cumsum", "dist", "erfinv", "exp", "expm1",
    "group_norm", "kl_div", "l1_loss", "layer_norm", "log", "log10", "log1p", "log2", "log_softmax",
    "mse_loss", "nll_loss", "norm", "normalize", "pow", "prod", "reciprocal", "renorm", "rsqrt",
    "sinh", "smooth_l1_loss", "softmax", "softmin", "softplus", "sum", "tan",
}  # fmt: skip


class Casting(TorchFunctionMode):
    """Casts what is called from Python with tensors that are not the CPU's, while it is on."""

    on = False

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = getattr(func, "__name__", "")
        dtype = torch.bfloat16 if name in LOWER else torch.float32 if name in FULL else None
        if Casting.on and dtype:
            args, kwargs = tree_map_only(Tensor, partial(_cast, dtype), (args, kwargs or {}))
        return func(*args, **kwargs or {})


def _cast(dtype: torch.dtype, one: Tensor) -> Tensor:
    casts = one.device.type != "cpu" and one.dtype in (torch.float32, torch.bfloat16)
    return one.to(dtype) if casts else one


@contextmanager
def autocast(device: str, *_: object, enabled: bool = True) -> Iterator[None]:
    """In the place of `torch.autocast`."""
    before, Casting.on = Casting.on, enabled
    try:
        yield
    finally:
        Casting.on = before
