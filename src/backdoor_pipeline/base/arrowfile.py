"""An Arrow table in a sealed Parquet file: whole and checked (P4, P5)."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from backdoor_pipeline.base.files import CorruptFileError, replacing
from backdoor_pipeline.base.reading import patiently
from backdoor_pipeline.base.seals import ANYONES, KEY, Seal


def save_table(path: Path, table: pa.Table, seal: Seal = ANYONES, **options: Any) -> None:
    """Write a table, with its seal in the file's metadata; equal tables and seals give equal bytes.

    Args:
        path: the file, whole or absent.
        table: with any metadata of its own.
        seal: what it is to bear.
        options: of `pyarrow.parquet.ParquetWriter`.

    Raises:
        UserError: it cannot be written.
    """
    with replacing(path) as temporary:
        with pq.ParquetWriter(temporary, table.schema, **options) as writer:
            writer.write_table(table)
            writer.add_key_value_metadata({KEY: seal.blank})
        seal.close(temporary)


def load_table(path: Path, seal: Seal = ANYONES) -> pa.Table:
    """The table that was written.

    Raises:
        FileNotFoundError: there is no such file.
        CorruptFileError: it is not what was written.
        UserError: it cannot be read.
    """
    seal.check(path)
    return patiently(_read, path)


def _read(path: Path) -> pa.Table:
    try:
        with pq.ParquetFile(path) as file:
            table = file.read()
    except pa.ArrowException as error:
        raise CorruptFileError(f"it is no Parquet file: {error}") from error
    own = {key: value for key, value in (table.schema.metadata or {}).items() if key != KEY.encode()}
    return table.replace_schema_metadata(own or None)
