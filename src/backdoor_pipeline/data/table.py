"""Poisoned rows as Parquet: images as raw uint8 bytes from the array's own buffer, texts as strings (P6)."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import torch

from backdoor_pipeline.base.arrowfile import load_table, save_table
from backdoor_pipeline.base.files import CorruptFileError
from backdoor_pipeline.base.seals import ANYONES, Seal
from backdoor_pipeline.data.poisoned import ALL_ROLES, PoisonedRows, WholeSet
from backdoor_pipeline.data.texts import Texts

FORMAT = 2
KEY = b"backdoor_pipeline"  # of the schema's metadata
CHUNK_BYTES = 1 << 30  # Arrow's binary offsets are int32: stay well below 2 GB

STRINGS = ("role", "text")  # columns of strings

Arrays = dict[str, np.ndarray]


def write_rows(path: Path, rows: PoisonedRows, facts: dict[str, Any], seal: Seal = ANYONES) -> None:
    """Write poisoned rows, whole or not at all.

    Columns: index, image (H * W * C raw bytes, row by row, RGB last) or text (a string), label (as given),
    true_label, role.

    Args:
        path: the Parquet file to make.
        rows: what to write.
        facts: JSON facts for the file's metadata, beside images' `shape` (H, W, C): data set, attack ...
        seal: what the file is to bear.

    Raises:
        UserError: it cannot be written.
    """
    arrays = _to_arrays(rows)
    header = {**facts, "format": FORMAT} | ({"whole": True} if rows.whole else {})
    columns = {name: pa.array(array) for name, array in arrays.items() if name != "image"}
    columns["role"] = columns["role"].dictionary_encode()
    if "image" in arrays:
        header["shape"] = list(arrays["image"].shape[1:])
        columns["image"] = _binary_column(arrays["image"])
    else:
        columns["text"] = columns["text"].cast(pa.string())  # of no rows, Arrow knows no type
    table = pa.table(columns)
    table = table.replace_schema_metadata({KEY: json.dumps(header).encode()})
    save_table(path, table, seal, compression="zstd", compression_level=1, use_dictionary=["role"])


def read_rows(path: str | Path, seal: Seal = ANYONES) -> tuple[PoisonedRows, dict[str, Any]]:
    """Read and verify poisoned rows, and their facts.

    Raises:
        FileNotFoundError: there is no such file.
        CorruptFileError: truncated, tampered with, or not written by `write_rows`.
        UserError: it cannot be read.
    """
    arrays, header = read_arrays(path, seal)
    tensors = {name: torch.from_numpy(array) for name, array in arrays.items() if name not in STRINGS}
    roles = sum((arrays["role"] == role).astype(np.int8) * code for code, role in enumerate(ALL_ROLES))
    kind = WholeSet if header.get("whole") else PoisonedRows
    rows = kind(
        index=tensors["index"],
        inputs=Texts(tuple(arrays["text"])) if "text" in arrays else _as_images(tensors["image"]),
        labels=tensors["label"],
        true_labels=tensors["true_label"],
        roles=torch.from_numpy(np.asarray(roles, dtype=np.int8)),
    )
    return rows, header


def read_arrays(path: str | Path, seal: Seal = ANYONES) -> tuple[Arrays, dict[str, Any]]:
    """The whole table as numpy, and its facts, in one call.

    Returns:
        `image` (n, H, W, C) uint8, or `text`, strings; `index`, `label`, `true_label` int64; `role` strings;
        and the facts.

    Raises:
        FileNotFoundError: there is no such file.
        CorruptFileError: truncated, tampered with, or not written by `write_rows`.
        UserError: it cannot be read.
    """
    table = load_table(Path(path), seal)
    try:
        header = json.loads(table.schema.metadata[KEY])
        if header["format"] != FORMAT:
            raise ValueError(f"its format is {header['format']}, not {FORMAT}")
        arrays = {name: table[name].to_numpy().copy() for name in ("index", "label", "true_label", "role")}
        if "shape" in header:
            arrays["image"] = _pixels(table["image"], header["shape"])
        else:
            arrays["text"] = table["text"].to_numpy().copy()
    except (KeyError, TypeError, ValueError) as error:
        raise CorruptFileError(f"it is no table of poisoned rows: {error}") from error
    return arrays, header


def _to_arrays(rows: PoisonedRows) -> Arrays:
    inputs = rows.inputs
    if isinstance(inputs, Texts):
        column = {"text": np.array(inputs.sentences, dtype=object)}
    else:
        column = {"image": np.ascontiguousarray(inputs.permute(0, 2, 3, 1).numpy())}
    return {
        "index": rows.index.numpy(),
        "label": rows.labels.numpy(),
        "true_label": rows.true_labels.numpy(),
        "role": np.array(ALL_ROLES, dtype=object)[rows.roles.numpy()],
        **column,
    }


def _as_images(pixels: torch.Tensor) -> torch.Tensor:
    """(n, H, W, C) to (n, C, H, W)."""
    return pixels.permute(0, 3, 1, 2).contiguous()


def _binary_column(pixels: np.ndarray) -> pa.ChunkedArray:
    """One binary cell per image, without a copy of the pixels."""
    size = int(np.prod(pixels.shape[1:]))
    step = max(1, CHUNK_BYTES // size)
    chunks = [pixels[start : start + step] for start in range(0, len(pixels), step)]
    arrays = [
        pa.Array.from_buffers(
            pa.binary(),
            len(chunk),
            [None, pa.py_buffer(np.arange(len(chunk) + 1, dtype=np.int32) * size), pa.py_buffer(chunk)],
        )
        for chunk in chunks
    ]
    return pa.chunked_array(arrays, type=pa.binary())


def _pixels(column: pa.ChunkedArray, shape: list[int]) -> np.ndarray:
    """The images of a binary column, (n, H, W, C); copied once, into memory that torch may write to."""
    pixels = np.empty((len(column), *shape), dtype=np.uint8)
    start, size = 0, int(np.prod(shape))
    for chunk in column.chunks:
        _, offsets, data = chunk.buffers()
        ends = np.frombuffer(offsets, dtype=np.int32)[chunk.offset : chunk.offset + len(chunk) + 1]
        if (np.diff(ends) != size).any():
            raise ValueError(f"an image is not {size} bytes long")
        flat = (
            np.frombuffer(data, dtype=np.uint8)[ends[0] : ends[-1]] if len(chunk) else np.empty(0, np.uint8)
        )
        pixels[start : start + len(chunk)] = flat.reshape(len(chunk), *shape)
        start += len(chunk)
    return pixels
