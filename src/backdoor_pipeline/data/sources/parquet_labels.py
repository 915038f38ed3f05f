"""Labels in Parquet: numbers, with or without a list of class names in the metadata, or the names."""

import json
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import torch
from torch import Tensor

from backdoor_pipeline.base.errors import UserError
from backdoor_pipeline.data.sources.base import class_numbers, unreadable
from backdoor_pipeline.data.sources.listing import natural
from backdoor_pipeline.data.sources.naming import ClassNames, renumbered
from backdoor_pipeline.data.spec import DatasetSpec

LABEL_COLUMNS = ("label", "labels", "fine_label")
Shards = Mapping[Path, pq.ParquetFile]


def label_column(spec: DatasetSpec, schema: pa.Schema) -> str:
    """The column that the option `label` names, else of a usual name, else the only one that can be it.

    Raises:
        UserError: there is none, or no telling which.
    """
    option = spec.options.get("label")
    wanted = (option,) if option else LABEL_COLUMNS
    numbers = [field.name for field in schema if pa.types.is_integer(field.type)]
    texts = [field.name for field in schema if _is_text(field.type)]
    for fits in (numbers, texts):
        named: list[str] = [name for name in wanted if name in fits]
        if named:
            return named[0]
    if unfit := [field for field in schema if field.name in wanted]:
        raise UserError(
            f"the column `{unfit[0].name}` of data set '{spec.name}' holds {unfit[0].type}, no labels: save "
            "it as integers or as class names, or set the option `label` to another column."
        )
    likely: list[str] = numbers or texts
    if len(likely) == 1 and not option:
        return likely[0]
    what = "integer labels" if numbers else "labels"
    has = f"can be {', '.join(numbers + texts)}" if likely else "it has none"
    raise UserError(
        f"the Parquet of data set '{spec.name}' needs a column of {what} ({has}): set the option `label`, or "
        "call the column so."
    )


def class_names(spec: DatasetSpec, shards: Shards, column: str) -> ClassNames:
    """How a split names its classes; written ones are sorted, numbers in them as numbers."""
    schemas = [shard.schema_arrow for shard in shards.values()]
    if _is_text(schemas[0].field(column).type):
        names = {name for path, shard in shards.items() for name in _texts(path, shard, column)}
        return ClassNames(tuple(sorted(names, key=natural)), "written")
    listed = next(filter(None, (_listed(schema, column) for schema in schemas)), None)
    return ClassNames(listed, "listed") if listed else ClassNames(class_numbers(spec.num_classes), "counted")


def label_numbers(
    path: Path, schema: pa.Schema, labels: pa.ChunkedArray, column: str, classes: ClassNames
) -> Tensor:
    """A row group's labels as places in the split's class names: int64, (n,).

    Raises:
        UserError: a row has none, or they are not of the kind that the split's first file has.
    """
    if labels.null_count:
        raise UserError(f"{path} has rows without a label: remove them.")
    if _is_text(labels.type) != (classes.kind == "written"):
        raise UserError(
            f"{path} holds {labels.type} where the first file of its split does not: save them alike."
        )
    if classes.kind == "written":
        places = pc.index_in(labels.cast(pa.string()), value_set=pa.array(classes.names, pa.string()))
        return torch.from_numpy(places.to_numpy().astype(np.int64))
    numbers = torch.from_numpy(labels.to_numpy().astype(np.int64))
    return renumbered(numbers, _listed(schema, column) or classes.names, classes.names, str(path))


def _is_text(kind: pa.DataType) -> bool:
    values = kind.value_type if pa.types.is_dictionary(kind) else kind
    return bool(pa.types.is_string(values) or pa.types.is_large_string(values))


def _texts(path: Path, shard: pq.ParquetFile, column: str) -> set[str]:
    try:
        found = shard.read(columns=[column])[column]
    except (OSError, KeyError, pa.ArrowException) as error:
        raise unreadable(path, error) from error
    return set(found.cast(pa.string()).drop_null().unique().to_pylist())


def _listed(schema: pa.Schema, column: str) -> tuple[str, ...]:
    """The names in the schema's `huggingface` metadata; none if it has none."""
    with suppress(KeyError, TypeError, ValueError):
        info = json.loads((schema.metadata or {})[b"huggingface"])
        return tuple(map(str, info["info"]["features"][column]["names"]))
    return ()
