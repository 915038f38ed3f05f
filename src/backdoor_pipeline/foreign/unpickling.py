"""A program of its own: a PyTorch file in, the tensors in it out, as safetensors.

It runs in a process that does nothing else, imports nothing of this package, and reads with `weights_only`,
which builds tensors and plain containers and calls nothing that the file names.
"""

import sys
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from numpy._core.multiarray import _reconstruct
from safetensors.torch import save_file

ARRAYS: list[Any] = [
    np.ndarray,
    np.dtype,
    _reconstruct,
    *{type(np.dtype(kind)) for kind in "?bBhHiIlLfd"},
]
DEEPEST = 20


def tensors(content: object, name: str = "", depth: int = 0) -> Iterator[tuple[str, torch.Tensor]]:
    """Every tensor, array and list of numbers in nested tables, by its dotted name."""
    if isinstance(content, torch.Tensor):
        yield name, content.detach()
    elif isinstance(content, np.ndarray) and content.dtype.kind in "biuf":
        yield name, torch.from_numpy(content.copy())
    elif isinstance(content, dict) and depth < DEEPEST:
        for key, value in content.items():
            yield from tensors(value, f"{name}.{key}" if name else str(key), depth + 1)
    elif isinstance(content, list) and content and all(isinstance(value, int) for value in content):
        yield name, torch.tensor(content)


def main(source: str, target: str) -> None:
    """Convert a file; what cannot be read without executing code ends with an exception."""
    with torch.serialization.safe_globals(ARRAYS):
        content = torch.load(source, map_location="cpu", weights_only=True)
    found = {name: tensor.contiguous().clone() for name, tensor in tensors(content)}
    save_file(found, target)


if __name__ == "__main__":
    main(*sys.argv[1:])
