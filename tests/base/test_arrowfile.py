import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from backdoor_pipeline.base.arrowfile import load_table, save_table
from backdoor_pipeline.base.files import CorruptFileError
from backdoor_pipeline.base.seals import ANYONES, Seal

TABLE = pa.table({"a": [1, None], "b": ["x", "é"]}).replace_schema_metadata({b"mine": b"yes"})


def test_a_table_comes_back_with_its_own_metadata_only(tmp_path) -> None:
    path = tmp_path / "digits/artefact/file.parquet"
    save_table(path, TABLE, Seal.at(path), compression="zstd")
    read = load_table(path, Seal.at(path))
    assert read.equals(TABLE, check_metadata=True)
    save_table(tmp_path / "again", read)
    assert load_table(tmp_path / "again").equals(TABLE, check_metadata=True)
    assert pq.read_table(path).equals(TABLE), "anybody can read it"


def test_every_flipped_bit_is_noticed(tmp_path) -> None:
    save_table(tmp_path / "file", TABLE)
    good = (tmp_path / "file").read_bytes()
    for place in range(len(good)):
        bad = bytearray(good)
        bad[place] ^= 1 << place % 8
        (tmp_path / "file").write_bytes(bad)
        with pytest.raises(CorruptFileError):
            load_table(tmp_path / "file")


def test_what_is_sealed_but_no_table_is_damaged(tmp_path) -> None:
    (tmp_path / "file").write_text(f"{ANYONES.blank} and no more")
    ANYONES.close(tmp_path / "file")
    with pytest.raises(CorruptFileError, match="no Parquet file"):
        load_table(tmp_path / "file")
