"""Parquet files of encoded pictures, in the layout that Hugging Face data sets are exported in."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import torch
from torch import Tensor

from backdoor_pipeline.base.errors import UserError
from backdoor_pipeline.data.images import ImageSet
from backdoor_pipeline.data.picture import PictureError, UnclearPictureError
from backdoor_pipeline.data.sources.base import Encoded, Source, Split, source, unclear, unreadable
from backdoor_pipeline.data.sources.naming import ClassNames
from backdoor_pipeline.data.sources.parquet_labels import Shards, class_names, label_column, label_numbers
from backdoor_pipeline.data.sources.pictures import decode, decode_into, progress
from backdoor_pipeline.data.sources.streaming import fits_in_memory
from backdoor_pipeline.data.spec import ImageSpec

IMAGE_COLUMNS = ("image", "img")


@source("parquet")
class Parquet(Source[ImageSpec]):
    """Shards with a struct column of `bytes` and a column of labels: integers, or class names.

    Options `train` and `test` name a file, or a pattern of shards; `image` and `label` name the columns where
    they cannot be told.
    """

    required = frozenset({"train", "test"})
    optional = frozenset({"image", "label", "in_memory_gib"})

    def find(self, spec: ImageSpec, folder: Path, split: Split) -> list[Path]:
        """The shards, sorted by name."""
        pattern = spec.options[split]
        files = sorted(folder.glob(pattern))
        if not files:
            raise UserError(
                f"data set '{spec.name}' is not in {folder}: put its Parquet there as {pattern}, "
                f"or set the option `{split}` to its name."
            )
        return files

    def read(self, spec: ImageSpec, files: list[Path], split: Split) -> ImageSet:
        """Pictures and labels in the order of the rows."""
        shards = {path: _open(path) for path in files}
        total = sum(shard.metadata.num_rows for shard in shards.values())
        if not fits_in_memory(total, spec.image_shape, spec.options):
            raise UserError(
                f"the {total} images of data set '{spec.name}' would take more memory than allowed: raise "
                "its option `in_memory_gib`, or unpack the pictures for the source `folder`, which streams."
            )
        columns = _columns(spec, shards)
        classes = class_names(spec, shards, columns[1])
        images = torch.empty((total, *spec.image_shape), dtype=torch.uint8)
        labels = torch.empty(total, dtype=torch.int64)
        with progress(total, f"{spec.name} {split}") as bar:
            start = 0
            for path, pictures, given in _row_groups(shards, columns):
                rows = slice(start, start := start + len(pictures))
                labels[rows] = label_numbers(path, shards[path].schema_arrow, given, columns[1], classes)
                read = partial(_decode, path, spec.image_shape)
                decode_into(images[rows], list(enumerate(pictures)), read, bar)
        return ImageSet(images, labels, classes.names)

    def encoded(self, spec: ImageSpec, files: list[Path]) -> Iterator[Encoded]:
        """See `Source.encoded`."""
        shards = {path: _open(path) for path in files}
        for path, pictures, _ in _row_groups(shards, _columns(spec, shards)):
            yield from (Encoded(picture or b"", path) for picture in pictures)

    def class_names(self, spec: ImageSpec, files: list[Path]) -> ClassNames:
        """From the metadata, or the labels if they are names; see `Source.class_names`."""
        shards = {path: _open(path) for path in files}
        return class_names(spec, shards, _columns(spec, shards)[1])

    def labels(self, spec: ImageSpec, files: list[Path], split: Split) -> tuple[Tensor, tuple[str, ...]]:  # noqa: ARG002
        """See `Source.labels`: no other column is read."""
        shards = {path: _open(path) for path in files}
        column = label_column(spec, shards[files[0]].schema_arrow)
        classes = class_names(spec, shards, column)
        numbers = [
            label_numbers(path, shards[path].schema_arrow, table[column], column, classes)
            for path, table in _tables(shards, [column])
        ]
        return torch.cat([torch.empty(0, dtype=torch.int64), *numbers]), classes.names


def _columns(spec: ImageSpec, shards: Shards) -> tuple[str, str]:
    """Of the pictures and of the labels, as the first shard has them."""
    schema = next(iter(shards.values())).schema_arrow
    return _image_column(spec, schema), label_column(spec, schema)


def _open(path: Path) -> pq.ParquetFile:
    try:
        return pq.ParquetFile(path)
    except (OSError, pa.ArrowException) as error:
        raise unreadable(path, error) from error


def _row_groups(
    shards: Shards, columns: tuple[str, str]
) -> Iterator[tuple[Path, list[bytes | None], pa.ChunkedArray]]:
    """The file, the encoded pictures and the labels of each row group: one at a time is in memory."""
    image, label = columns
    for path, table in _tables(shards, [image, label]):
        try:
            encoded = table[image].combine_chunks().field("bytes")
        except (KeyError, pa.ArrowException) as error:
            raise unreadable(path, error) from error
        yield path, encoded.to_pylist(), table[label]


def _tables(shards: Shards, columns: list[str]) -> Iterator[tuple[Path, pa.Table]]:
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


def _image_column(spec: ImageSpec, schema: pa.Schema) -> str:
    """The column that the option `image` names, else of a usual name, else the only one that fits."""
    fits = [f.name for f in schema if pa.types.is_struct(f.type) and f.type.get_field_index("bytes") >= 0]
    wanted = (spec.options["image"],) if "image" in spec.options else IMAGE_COLUMNS
    named = [name for name in wanted if name in fits]
    if not named and "image" not in spec.options and len(fits) == 1:
        named = fits
    if not named:
        has = f"can be {', '.join(fits)}" if fits else "it has none"
        raise UserError(
            f"the Parquet of data set '{spec.name}' needs a struct column of pictures with a field `bytes` "
            f"({has}): set the option `image`."
        )
    return named[0]


def _decode(path: Path, shape: tuple[int, int, int], row: tuple[int, bytes | None]) -> Tensor:
    number, data = row
    try:
        return decode(data or b"", shape)
    except UnclearPictureError as error:
        raise unclear(f"{path}, row {number} of a row group,", error) from error
    except PictureError as error:
        raise unreadable(path, f"row {number} of a row group: {error}") from error
