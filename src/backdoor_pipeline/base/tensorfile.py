"""Named tensors and facts about them in one safetensors file: whole, checked, deterministic (P4, P5)."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from pydantic import JsonValue
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from backdoor_pipeline.base.files import CorruptFileError, replacing
from backdoor_pipeline.base.reading import patiently
from backdoor_pipeline.base.seals import ANYONES, KEY, Seal

FORMAT = 2
_KEY = "backdoor_pipeline"  # one key only: safetensors promises no order between several
_LENGTH = 8  # bytes in which a safetensors file says how long its header is


def save_tensors(
    path: Path, tensors: Mapping[str, Tensor], meta: Mapping[str, JsonValue], seal: Seal = ANYONES
) -> None:
    """Write tensors and JSON facts to `path`; equal tensors, facts and seals give equal bytes.

    Args:
        path: the file, whole or absent.
        tensors: any shapes, dtypes and devices; views of one another are stored separately.
        meta: facts about the tensors, kept in the file's header.
        seal: what the file is to bear.

    Raises:
        UserError: it cannot be written.
    """
    plain = {name: _plain(tensors[name]) for name in sorted(tensors)}
    facts = {"format": FORMAT, "meta": json.dumps(meta, sort_keys=True), KEY: seal.blank}
    content = save(plain, metadata={_KEY: json.dumps(facts, sort_keys=True)})
    with replacing(path) as temporary:
        temporary.write_bytes(content)  # not save_file, which makes files that only their owner may read
        seal.close(temporary)


def load_tensors(path: Path, seal: Seal = ANYONES) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """The tensors, on the CPU, and the facts that `save_tensors` wrote.

    Raises:
        FileNotFoundError: there is no such file.
        CorruptFileError: it is truncated, changed, or not a file of this kind and format.
        UserError: it cannot be read.
    """
    meta = load_facts(path, seal)
    return read_foreign(path), meta


def load_facts(path: Path, seal: Seal = ANYONES) -> dict[str, Any]:
    """The facts alone; the whole file is checked, and raises as it does when it is loaded."""
    seal.check(path)
    header = patiently(_header, path)
    if header["format"] != FORMAT:
        raise CorruptFileError(f"it has format {header['format']}, this version reads format {FORMAT}")
    meta: dict[str, Any] = json.loads(header["meta"])
    return meta


def read_foreign(path: Path) -> dict[str, Tensor]:
    """The tensors of a safetensors file from anywhere: no seal is expected.

    Raises:
        FileNotFoundError: there is no such file.
        CorruptFileError: it is not a safetensors file.
        UserError: it cannot be read.
    """
    content = patiently(
        Path.read_bytes, path
    )  # a mapped file that changes later would crash whoever holds it
    try:
        return load(content)
    except (SafetensorError, ValueError, KeyError) as error:
        raise CorruptFileError(f"it is no whole safetensors file: {error}") from error


def _header(path: Path) -> dict[str, Any]:
    with path.open("rb") as file:
        length = int.from_bytes(file.read(_LENGTH), "little")
        text = file.read(min(length, path.stat().st_size))
    try:
        header: dict[str, Any] = json.loads(json.loads(text)["__metadata__"][_KEY])
        return {name: header[name] for name in ("format", "meta")}
    except (ValueError, KeyError, TypeError) as error:
        raise CorruptFileError("it is no file of tensors that this project wrote") from error


def _plain(tensor: Tensor) -> Tensor:
    """A copy with storage of its own, row-major, on the CPU."""
    return tensor.detach().cpu().clone(memory_format=torch.contiguous_format)
