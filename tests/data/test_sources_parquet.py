"""Parquet of encoded pictures, as Hugging Face exports it."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from helpers.source_files import encode, flat, make_spec, write

from backdoor_pipeline.base.errors import UserError
from backdoor_pipeline.data.images import ImageSet
from backdoor_pipeline.data.sources import load_split


def _write(
    path: Path, labels: list[int | None], image: str = "image", label: str = "label", **more: Any
) -> None:
    """One picture of color (label, row, 9) per label, in row groups of two."""
    cells = [
        {"bytes": encode(flat((number or 0, row, 9), more.get("size", 8))), "path": f"{row}.png"}
        for row, number in enumerate(labels)
    ]
    table = pa.table({image: cells, label: pa.array(labels, more.get("type", pa.int64())), "id": labels})
    if names := more.get("names"):
        info = {
            "info": {"features": {image: {"_type": "Image"}, label: {"names": names, "_type": "ClassLabel"}}}
        }
        table = table.replace_schema_metadata({"huggingface": json.dumps(info)})
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table, path, row_group_size=2)


def _load(raw: Path, train: str = "train.parquet", classes: int = 3, **options: str) -> ImageSet:
    spec = make_spec("parquet", 8, classes=classes, train=train, test="test.parquet", **options)
    return load_split(spec, raw, "train")


def test_pixels_labels_and_names(tmp_path: Path):
    _write(tmp_path / "parquet/train.parquet", [2, 0, 1, 2, 2], names=["ant", "bee", "cow"])
    train = _load(tmp_path)
    assert train.labels.tolist() == [2, 0, 1, 2, 2]
    assert train.images[:, :, 3, 3].tolist() == [[2, 0, 9], [0, 1, 9], [1, 2, 9], [2, 3, 9], [2, 4, 9]]
    assert train.classes == ("ant", "bee", "cow")


def test_without_metadata_classes_are_numbers(tmp_path: Path):
    _write(tmp_path / "parquet/train.parquet", [0, 1], type=pa.uint8())
    assert _load(tmp_path).classes == ("0", "1", "2")


def test_shards_are_read_in_the_order_of_their_names(tmp_path: Path):
    _write(tmp_path / "parquet/data/train-00001.parquet", [1, 1, 1])
    _write(tmp_path / "parquet/data/train-00000.parquet", [0, 2])
    assert _load(tmp_path, "data/train-*.parquet").labels.tolist() == [0, 2, 1, 1, 1]


@pytest.mark.parametrize(("image", "label"), [("img", "fine_label"), ("image", "labels"), ("photo", "label")])
def test_usual_columns_are_found(tmp_path: Path, image: str, label: str):
    _write(tmp_path / "parquet/train.parquet", [0, 1], image, label, names=["a", "b", "c"])
    train = _load(tmp_path)
    assert train.labels.tolist() == [0, 1]
    assert train.classes == ("a", "b", "c")


def test_unusual_columns_are_named_by_an_option(tmp_path: Path):
    _write(tmp_path / "parquet/train.parquet", [0, 1], "photo", "kind", names=["a", "b", "c"])
    with pytest.raises(
        UserError, match=r"a column of integer labels \(can be kind, id\): set the option `label`"
    ):
        _load(tmp_path)
    assert _load(tmp_path, label="kind", image="photo").classes == ("a", "b", "c")
    with pytest.raises(UserError, match=r"struct column .*\(can be photo\): set the option `image`"):
        _load(tmp_path, image="picture", label="kind")


def test_pictures_of_another_size_are_resized(tmp_path: Path):
    _write(tmp_path / "parquet/train.parquet", [1], size=20)
    train = _load(tmp_path)
    assert train.images.shape == (1, 3, 8, 8)
    assert train.images[0, :, 0, 0].tolist() == [1, 0, 9]


def test_a_truncated_file_is_named(tmp_path: Path):
    path = tmp_path / "parquet/train.parquet"
    _write(path, [0, 1, 2])
    whole = path.read_bytes()
    for kept in (whole[: len(whole) // 2], b"", whole[:30] + bytes(60) + whole[90:]):
        path.write_bytes(kept)
        with pytest.raises(
            UserError, match=r"train\.parquet is damaged \(.*\): replace it by a whole copy\.$"
        ) as error:
            _load(tmp_path)
        assert "\n" not in str(error.value)


def test_a_broken_picture_is_named_by_row(tmp_path: Path):
    for data in (b"junk", None):
        table = pa.table({"image": [{"bytes": data, "path": "x"}], "label": [0]})
        write(tmp_path / "parquet/x", "")
        pq.write_table(table, tmp_path / "parquet/train.parquet")
        with pytest.raises(UserError, match=r"train\.parquet is damaged \(row 0 .*not a whole picture\)"):
            _load(tmp_path)


def test_shards_of_other_columns_and_absent_labels(tmp_path: Path):
    _write(tmp_path / "parquet/train-0.parquet", [0, 1])
    _write(tmp_path / "parquet/train-1.parquet", [0, 1], label="other")
    with pytest.raises(UserError, match=r"train-1\.parquet is damaged \(.*label"):
        _load(tmp_path, "train-*.parquet")
    _write(tmp_path / "parquet/train.parquet", [0, None])
    with pytest.raises(UserError, match=r"train\.parquet has rows without a label"):
        _load(tmp_path)


def test_where_to_put_a_missing_file(tmp_path: Path):
    with pytest.raises(UserError, match=r"not in .*/parquet: put its Parquet there as train\.parquet"):
        _load(tmp_path)


def test_more_than_memory_is_refused_before_decoding(tmp_path: Path):
    _write(tmp_path / "parquet/train.parquet", [0, 1])
    with pytest.raises(UserError, match=r"the 2 images .*raise its option `in_memory_gib`"):
        _load(tmp_path, in_memory_gib="0")
    assert np.array_equal(_load(tmp_path, in_memory_gib="1").labels, [0, 1])
