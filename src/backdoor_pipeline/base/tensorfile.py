"""Named tensors and facts about them in one safetensors file: whole, checked, deterministic (P4, P5)."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from pydantic import JsonValue
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from backdoor_pipeline.base.files import CorruptFileError, replacing

FORMAT = 1
_KEY = "backdoor_pipeline"  # one key only: safetensors promises no order between several


def save_tensors(path: Path, tensors: Mapping[str, Tensor], meta: Mapping[str, JsonValue]) -> None:
    """Write tensors and JSON facts to `path`; equal tensors and facts give equal bytes.

    Args:
        path: the file, whole or absent.
        tensors: any shapes, dtypes and devices; views of one another are stored separately.
        meta: facts about the tensors, kept in the file's header.
    """
    plain = {name: _plain(tensors[name]) for name in sorted(tensors)}
    text = json.dumps(meta, sort_keys=True)
    header = json.dumps({"format": FORMAT, "sha256": _digest(plain, text), "meta": text}, sort_keys=True)
    with replacing(path) as temporary:
        # not save_file, which makes files that only their owner may read
        temporary.write_bytes(save(plain, metadata={_KEY: header}))


def load_tensors(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """The tensors, on the CPU, and the facts that `save_tensors` wrote.

    Raises:
        FileNotFoundError: there is no such file.
        CorruptFileError: it is truncated, changed, or not a file of this kind and format.
    """
    tensors, metadata = _read(path)
    header = _header(path, metadata)
    if header.get("format") != FORMAT:
        raise CorruptFileError(
            f"{path} has format {header.get('format')}, this version reads format {FORMAT}"
        )
    text = header.get("meta")
    if not isinstance(text, str) or header.get("sha256") != _digest(tensors, text):
        raise CorruptFileError(f"{path} does not match its checksum")
    return tensors, json.loads(text)


def check_tensors(path: Path) -> None:
    """Raise as `load_tensors` does if the file is not what was written."""
    load_tensors(path)


def read_foreign(path: Path) -> dict[str, Tensor]:
    """The tensors of a safetensors file from anywhere: no checksum is expected.

    Raises:
        FileNotFoundError: there is no such file.
        CorruptFileError: it is not a safetensors file.
    """
    return _read(path)[0]


def _read(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """All tensors as copies: a mapped file that changes later would change, or crash, whoever holds them."""
    if not path.is_file():
        raise FileNotFoundError(f"no file {path}")
    try:
        with safe_open(path, framework="pt") as file:
            return {name: _copy(file.get_tensor(name)) for name in file.keys()}, file.metadata() or {}  # noqa: SIM118
    except (SafetensorError, OSError, ValueError, KeyError) as error:
        raise CorruptFileError(f"{path} is not a whole safetensors file: {error}") from error


def _header(path: Path, metadata: Mapping[str, str]) -> dict[str, Any]:
    try:
        header = json.loads(metadata[_KEY])
    except (KeyError, ValueError) as error:
        raise CorruptFileError(f"{path} was not written by this project") from error
    if not isinstance(header, dict):
        raise CorruptFileError(f"{path} was not written by this project")
    return header


def _copy(tensor: Tensor) -> Tensor:
    """The same bytes elsewhere; copied as truth values, a damaged one would be mended and pass the check."""
    return tensor.reshape(-1).view(torch.uint8).clone().view(tensor.dtype).reshape(tensor.shape)


def _plain(tensor: Tensor) -> Tensor:
    """A copy with storage of its own, row-major, on the CPU."""
    return tensor.detach().cpu().clone(memory_format=torch.contiguous_format)


def _digest(tensors: Mapping[str, Tensor], meta: str) -> str:
    """The sha256 of names, types, shapes, data and facts; so a change anywhere in the file shows."""
    digest = hashlib.sha256(meta.encode())
    for name in sorted(tensors):
        tensor = tensors[name]
        digest.update(json.dumps([name, str(tensor.dtype), list(tensor.shape)]).encode())
        digest.update(tensor.reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()
