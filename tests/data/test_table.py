import json

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from backdoor_pipeline.base.files import CorruptFileError
from backdoor_pipeline.data import table
from backdoor_pipeline.data.poisoned import PoisonedRows
from backdoor_pipeline.data.table import read_arrays, read_rows, write_rows


def make_rows(count: int = 5, channels: int = 3, height: int = 4, width: int = 6) -> PoisonedRows:
    pixels = torch.arange(count * channels * height * width) % 256
    return PoisonedRows(
        index=torch.arange(count) * 7,
        inputs=pixels.to(torch.uint8).reshape(count, channels, height, width),
        labels=torch.zeros(count, dtype=torch.int64),
        true_labels=torch.arange(count) % 3,
        roles=(torch.arange(count) % 2).to(torch.int8),
    )


def assert_same(one: PoisonedRows, other: PoisonedRows) -> None:
    for name in PoisonedRows.__slots__:
        assert torch.equal(getattr(one, name), getattr(other, name)), name
        assert getattr(one, name).dtype == getattr(other, name).dtype


@given(st.integers(0, 9), st.sampled_from([1, 3]))
@settings(max_examples=20, deadline=None)
def test_rows_come_back(tmp_path_factory: pytest.TempPathFactory, count: int, channels: int) -> None:
    path = tmp_path_factory.mktemp("rows") / "train.parquet"
    write_rows(path, make_rows(count, channels), {"attack": "badnets"})
    rows, facts = read_rows(path)
    assert_same(rows, make_rows(count, channels))
    assert facts["attack"] == "badnets"
    assert facts["shape"] == [4, 6, channels]


def test_plain_pandas_opens_it_and_sees_pixels_row_by_row(tmp_path) -> None:
    write_rows(tmp_path / "train.parquet", make_rows(), {})
    frame = pd.read_parquet(tmp_path / "train.parquet")
    assert list(frame["role"]) == ["poisoned", "cross"] * 2 + ["poisoned"]
    assert list(frame["true_label"]) == [0, 1, 2, 0, 1]
    first = np.frombuffer(frame["image"][0], np.uint8).reshape(4, 6, 3)
    # CHW was counted up: red starts at 0, green 24 = H * W later, blue 48
    assert first[0, 0].tolist() == [0, 24, 48]
    assert first[1, 2].tolist() == [8, 32, 56]
    header = json.loads(pq.read_schema(tmp_path / "train.parquet").metadata[b"backdoor_pipeline"])
    assert header["shape"] == [4, 6, 3]


def test_numpy_in_one_call(tmp_path) -> None:
    write_rows(tmp_path / "train.parquet", make_rows(), {})
    arrays, _ = read_arrays(str(tmp_path / "train.parquet"))  # as docs/architecture.md shows it
    assert arrays["image"].shape == (5, 4, 6, 3)
    assert arrays["image"].flags.writeable
    assert arrays["index"].tolist() == [0, 7, 14, 21, 28]


def test_columns_beyond_a_chunk(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(table, "CHUNK_BYTES", 200)  # two images of 72 bytes a chunk
    write_rows(tmp_path / "train.parquet", make_rows(), {})
    assert_same(read_rows(tmp_path / "train.parquet")[0], make_rows())


def test_same_rows_same_bytes(tmp_path) -> None:
    for name in ("a", "b"):
        write_rows(tmp_path / name, make_rows(), {"attack": "badnets"})
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_truncated(tmp_path) -> None:
    path = tmp_path / "train.parquet"
    write_rows(path, make_rows(), {})
    whole = path.read_bytes()
    for kept in (0, 3, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:kept])
        with pytest.raises(CorruptFileError):
            read_rows(path)


def test_tampered_content(tmp_path) -> None:
    path = tmp_path / "train.parquet"
    write_rows(path, make_rows(), {})
    content = pq.read_table(path)
    labels = content["label"].to_numpy().copy()
    labels[0] = 1
    changed = content.set_column(content.schema.get_field_index("label"), "label", [labels])
    pq.write_table(changed, path)
    with pytest.raises(CorruptFileError, match="no seal"):
        read_rows(path)


def test_a_foreign_table(tmp_path) -> None:
    pd.DataFrame({"a": [1]}).to_parquet(tmp_path / "train.parquet")
    with pytest.raises(CorruptFileError):
        read_rows(tmp_path / "train.parquet")
