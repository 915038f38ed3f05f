"""A device that no machine lacks: its tensors lie in the CPU's memory, and refuse to meet those of the CPU.

What mixes devices fails on a GPU alone, and the machines that run the tests have none. Tensors here claim to
be on the meta device, which autograd serves as it serves the CPU, but they have numbers.
"""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, ClassVar

import pytest
import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode, return_and_correct_aliasing
from torch.utils._pytree import tree_leaves, tree_map_only

from backdoor_pipeline.base import seeds
from backdoor_pipeline.defenses.parts.trigger_search import PIXELS_AT_ONCE
from backdoor_pipeline.models.shapes import ShapesOnly
from backdoor_pipeline.training import hardware
from helpers.gpu_autocast import Casting, autocast

aten = torch.ops.aten
waits = Counter[str]()  # for the device to end all that it was told to do, by operation
DEVICE = torch.device("meta")
ACROSS = {aten._to_copy.default, aten.copy_.default}  # what goes from one device to another
INDEXING = {aten.index.Tensor, aten.index_put_.default, aten.index_put.default, aten._index_put_impl_.default}
ASKING = {
    aten._local_scalar_dense.default, aten.nonzero.default, aten.masked_select.default, aten._unique2.default,
    aten.bincount.default, aten.equal.default,
}  # fmt: skip


class Far(Tensor):
    """A tensor of the second device; `near` has its numbers."""

    near: Tensor

    @staticmethod
    def __new__(cls, near: Tensor) -> "Far":
        return torch.Tensor._make_wrapper_subclass(  # type: ignore[attr-defined, no-any-return]
            cls, near.shape, strides=near.stride(), storage_offset=near.storage_offset(),
            dtype=near.dtype, layout=near.layout, device=DEVICE, requires_grad=near.requires_grad,
        )  # fmt: skip

    def __init__(self, near: Tensor) -> None:
        self.near = near

    __torch_function__ = torch._C._disabled_torch_function_impl

    def __tensor_flatten__(self) -> tuple[list[str], None]:
        return ["near"], None

    @staticmethod
    def __tensor_unflatten__(parts: dict[str, Tensor], *_: object) -> "Far":
        return Far(parts["near"])

    @classmethod
    def __torch_dispatch__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return compute(func, args, kwargs or {})

    def tolist(self) -> Any:
        waits["tolist"] += 1
        return self.near.tolist()

    def new_tensor(self, data: Any, *, dtype: torch.dtype | None = None) -> Tensor:  # type: ignore[override]
        return torch.tensor(data, dtype=dtype or self.dtype).to(DEVICE)

    def __repr__(self) -> str:  # type: ignore[override]
        return f"Far({self.near})"


class Draws(torch.Generator):
    """A random state of the second device."""

    device = DEVICE
    made: ClassVar[list["Draws"]] = []

    def __init__(self) -> None:
        self.made.append(self)

    @classmethod
    def has(cls, state: torch.Generator) -> bool:
        """Whether it is one of these: operations are given other objects of the same state."""
        return state._cdata in {one._cdata for one in cls.made}


class FromNumbers(TorchFunctionMode):
    """Makes tensors of Python's numbers on the CPU first: PyTorch's own way does not ask `OnBoth`."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        given = kwargs or {}
        if func not in (torch.tensor, torch.as_tensor) or given.get("device") is None:
            return func(*args, **given)
        made: Tensor = func(*args, **{name: value for name, value in given.items() if name != "device"})
        return made.to(given["device"])


class OnBoth(TorchDispatchMode):
    """Makes tensors on either device."""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return compute(func, args, kwargs or {})


def compute(func: Any, args: Any, kwargs: dict[str, Any]) -> Any:
    """Run an operation where its tensors are.

    Raises:
        RuntimeError: they are on both devices, or a random state is on the other one.
    """
    leaves = tree_leaves((args, kwargs))
    target, from_far = kwargs.get("device"), any(isinstance(one, Far) for one in leaves)
    far = from_far if target is None else torch.device(target) == DEVICE
    if func not in ACROSS and (from_far or far):
        _see_that_all_are_far(func, args, leaves)
    if any(isinstance(one, torch.Generator) and Draws.has(one) != far for one in leaves):
        raise RuntimeError(f"{func}: a random state of the other device")
    if from_far or far:
        near = any(isinstance(one, Tensor) and not isinstance(one, Far) for one in leaves)
        waits[str(func)] += _waits(func, args, kwargs, near or not far)
    if "device" in kwargs:
        kwargs = {**kwargs, "device": torch.device("cpu")}
    args_near, kwargs_near = tree_map_only(Far, lambda one: one.near, (args, kwargs))
    out = func(*args_near, **kwargs_near)
    if not far:
        return out
    wrapped = tree_map_only(Tensor, Far, out)
    return return_and_correct_aliasing(func, args, kwargs, wrapped) if from_far else wrapped


def _see_that_all_are_far(func: Any, args: Any, leaves: list[Any]) -> None:
    """But for numbers, and for what tells rows."""
    rows = {id(one) for one in (tree_leaves(args[1]) if func in INDEXING else ())}
    for one in leaves:
        if isinstance(one, Tensor) and not isinstance(one, Far) and one.ndim and id(one) not in rows:
            raise RuntimeError(f"{func}: tensors of both devices, of the CPU one of {tuple(one.shape)}")


def _waits(func: Any, args: Any, kwargs: dict[str, Any], crosses: bool) -> bool:
    if func in ACROSS:
        return crosses and not kwargs.get("non_blocking")
    masks = tree_leaves(args[1]) if func in INDEXING else ()
    return func in ASKING or any(isinstance(one, Far) and one.dtype == torch.bool for one in masks)


@contextmanager
def second_device() -> Iterator[None]:
    """Whatever would be computed on a GPU is computed on the second device meanwhile; `auto` means bf16.

    Experiments are resolved before: a model's mere structure lies on the meta device, too, and is remembered.
    """
    with pytest.MonkeyPatch.context() as patched, Casting(), FromNumbers(), OnBoth():
        patched.setattr(hardware, "_device", lambda _: DEVICE)
        patched.setattr(hardware, "_fast_at_bf16", lambda _: True)
        patched.setitem(PIXELS_AT_ONCE, DEVICE.type, PIXELS_AT_ONCE["cuda"])
        patched.setattr(ShapesOnly, "__enter__", _refuse_structures)
        patched.setattr(seeds, "torch", _Seeding())
        patched.setattr(torch, "autocast", autocast)
        patched.setattr(torch, "inference_mode", torch.no_grad)  # whose tensors cannot be wrapped
        yield


def _refuse_structures(_: ShapesOnly) -> None:
    raise RuntimeError("a structure on the meta device: resolve the experiment before")


class _Seeding:
    """`torch`, whose random states can be of the second device."""

    def __getattr__(self, name: str) -> Any:
        return getattr(torch, name)

    @staticmethod
    def Generator(device: torch.device | str = "cpu") -> torch.Generator:
        return Draws() if torch.device(device) == DEVICE else torch.Generator(device)
