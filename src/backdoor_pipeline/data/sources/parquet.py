"""Parquet files of encoded pictures, in the layout that Hugging Face data sets are exported in."""

import json
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch
from torch import Tensor

from backdoor_pipeline.base.errors import UserError
from backdoor_pipeline.data.images import ImageSet
from backdoor_pipeline.data.sources.base import Source, Split, class_numbers, source, unreadable
from backdoor_pipeline.data.sources.pictures import PictureError, decode, decode_into, progress
from backdoor_pipeline.data.sources.streaming import fits_in_memory
from backdoor_pipeline.data.spec import DatasetSpec

IMAGE_COLUMNS = ("image", "img")
LABEL_COLUMNS = ("label", "labels", "fine_label")


@source("parquet")
class Parquet(Source):
    """Shards with a struct column of `bytes` and a column of integer labels.

    Options `train` and `test` name a file, or a pattern of shards; `image` and `label` name the columns where
    they cannot be told.
    """

    required = frozenset({"train", "test"})
    optional = frozenset({"image", "label", "in_memory_gib"})

    def find(self, spec: DatasetSpec, folder: Path, split: Split) -> list[Path]:
        """The shards, sorted by name."""
        pattern = spec.options[split]
        if Path(pattern).is_absolute():
            raise UserError(f"'{pattern}' must be relative to {folder}: set the option `folder` for another.")
        files = sorted(folder.glob(pattern))
        if not files:
            raise UserError(
                f"data set '{spec.name}' is not in {folder}: put its Parquet there as {pattern}, "
                f"or set the option `{split}` to its name."
            )
        return files

    def read(self, spec: DatasetSpec, files: list[Path], split: Split) -> ImageSet:
        """Pictures and labels in the order of the rows."""
        shards = {path: _open(path) for path in files}
        total = sum(shard.metadata.num_rows for shard in shards.values())
        if not fits_in_memory(total, spec.image_shape, spec.options):
            raise UserError(
                f"the {total} images of data set '{spec.name}' would take more memory than allowed: raise "
                "its option `in_memory_gib`, or unpack the pictures for the source `folder`, which streams."
            )
        schema = shards[files[0]].schema_arrow
        columns = _image_column(spec, schema), _label_column(spec, schema)
        images = torch.empty((total, *spec.image_shape), dtype=torch.uint8)
        labels = torch.empty(total, dtype=torch.int64)
        with progress(total, f"{spec.name} {split}") as bar:
            start = 0
            for path, pictures, numbers in _row_groups(shards, columns):
                rows = slice(start, start := start + len(pictures))
                read = partial(_decode, path, spec.image_shape)
                decode_into(images[rows], list(enumerate(pictures)), read, bar)
                labels[rows] = torch.from_numpy(numbers)
        return ImageSet(images, labels, _class_names(schema, columns[1]) or class_numbers(spec.num_classes))

    def labels(self, spec: DatasetSpec, files: list[Path], split: Split) -> tuple[Tensor, tuple[str, ...]]:  # noqa: ARG002
        """See `Source.labels`: no other column is read."""
        shards = {path: _open(path) for path in files}
        schema = shards[files[0]].schema_arrow
        column = _label_column(spec, schema)
        numbers = [_labels(path, table[column]) for path, table in _tables(shards, [column])]
        labels = torch.from_numpy(np.concatenate([np.empty(0, np.int64), *numbers]))
        return labels, _class_names(schema, column) or class_numbers(spec.num_classes)


def _open(path: Path) -> pq.ParquetFile:
    try:
        return pq.ParquetFile(path)
    except (OSError, pa.ArrowException) as error:
        raise unreadable(path, error) from error


def _row_groups(
    shards: dict[Path, pq.ParquetFile], columns: tuple[str, str]
) -> Iterator[tuple[Path, list[bytes | None], np.ndarray]]:
    """The file, the encoded pictures and the labels of each row group: one at a time is in memory."""
    image, label = columns
    for path, table in _tables(shards, [image, label]):
        labels = _labels(path, table[label])
        try:
            encoded = table[image].combine_chunks().field("bytes")
        except (KeyError, pa.ArrowException) as error:
            raise unreadable(path, error) from error
        yield path, encoded.to_pylist(), labels


def _tables(shards: dict[Path, pq.ParquetFile], columns: list[str]) -> Iterator[tuple[Path, pa.Table]]:
    """The file and these columns of each row group."""
    for path, shard in shards.items():
        for group in range(shard.num_row_groups):
            try:
                table = shard.read_row_group(group, columns=columns)
                absent = sorted(set(columns) - set(table.column_names))
                if absent:
                    raise KeyError(absent[0])
            except (OSError, KeyError, pa.ArrowException) as error:
                raise unreadable(path, error) from error
            yield path, table


def _labels(path: Path, column: pa.ChunkedArray) -> np.ndarray:
    if column.null_count:
        raise UserError(f"{path} has rows without a label: remove them.")
    numbers: np.ndarray = column.combine_chunks().to_numpy().astype(np.int64)
    return numbers


def _image_column(spec: DatasetSpec, schema: pa.Schema) -> str:
    fits = [f.name for f in schema if pa.types.is_struct(f.type) and f.type.get_field_index("bytes") >= 0]
    return _choose(spec, "image", fits, IMAGE_COLUMNS, "a struct column of pictures with a field `bytes`")


def _label_column(spec: DatasetSpec, schema: pa.Schema) -> str:
    fits = [f.name for f in schema if pa.types.is_integer(f.type)]
    return _choose(spec, "label", fits, LABEL_COLUMNS, "a column of integer labels")


def _choose(spec: DatasetSpec, option: str, fits: list[str], usual: tuple[str, ...], what: str) -> str:
    """The column that the option names, else the first of the usual names, else the only one that fits."""
    wanted = (spec.options[option],) if option in spec.options else usual
    named = [name for name in wanted if name in fits]
    if not named and option not in spec.options and len(fits) == 1:
        named = fits
    if not named:
        has = f"can be {', '.join(fits)}" if fits else "it has none"
        raise UserError(
            f"the Parquet of data set '{spec.name}' needs {what} ({has}): set the option `{option}`."
        )
    return named[0]


def _decode(path: Path, shape: tuple[int, int, int], row: tuple[int, bytes | None]) -> Tensor:
    number, data = row
    try:
        return decode(data or b"", shape)
    except PictureError as error:
        raise unreadable(path, f"row {number} of a row group: {error}") from error


def _class_names(schema: pa.Schema, label: str) -> tuple[str, ...]:
    """The names in the schema's `huggingface` metadata; none if it has none."""
    with suppress(KeyError, TypeError, ValueError):
        info = json.loads((schema.metadata or {})[b"huggingface"])
        return tuple(map(str, info["info"]["features"][label]["names"]))
    return ()
