"""Tensor files: round trips, equal bytes, and every way of being damaged."""

import json
import subprocess
import sys

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import save_file

from backdoor_pipeline.base import tensorfile
from backdoor_pipeline.base.files import CorruptFileError
from backdoor_pipeline.base.tensorfile import load_facts, load_tensors, save_tensors

TENSORS = {
    "weights": torch.arange(6, dtype=torch.float32).reshape(2, 3),
    "count": torch.tensor(7),
    "mask": torch.tensor([True, False]),
    "half": torch.tensor([1.5, -2.0], dtype=torch.bfloat16),
    "nothing": torch.empty(0, 3),
}
META = {"kind": "test", "accuracy": 0.25, "names": ["a", "é"], "nested": {"none": None}}


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "folder" / "file.safetensors"
    save_tensors(path, TENSORS, META)
    return path


def test_round_trip_keeps_values_types_shapes_and_facts(path):
    tensors, meta = load_tensors(path)
    assert meta == META
    assert tensors.keys() == TENSORS.keys()
    for name, value in TENSORS.items():
        assert tensors[name].dtype == value.dtype
        assert torch.equal(tensors[name], value)
    assert [file.name for file in path.parent.iterdir()] == [path.name]


@given(
    st.dictionaries(st.text(max_size=5), st.integers() | st.text(max_size=5) | st.booleans(), max_size=4),
    st.lists(st.integers(0, 4), max_size=3),
)
def test_any_facts_and_shapes_come_back(tmp_path_factory, meta, shape):
    path = tmp_path_factory.mktemp("any") / "t"
    value = torch.rand(shape)
    save_tensors(path, {"x": value}, meta)
    tensors, found = load_tensors(path)
    assert found == meta
    assert torch.equal(tensors["x"], value)


def test_equal_tensors_give_equal_bytes_whatever_their_order_layout_and_process(tmp_path):
    script = (
        "import torch; from pathlib import Path; from backdoor_pipeline.base.tensorfile import save_tensors\n"
        f"save_tensors(Path({str(tmp_path / 'b')!r}), "
        "{'y': torch.ones(2, 3, 4, 4).to(memory_format=torch.channels_last), 'x': torch.arange(3)},"
        " {'q': 1, 'p': [2]})"
    )
    subprocess.run([sys.executable, "-c", script], check=True, env={"PYTHONPATH": ":".join(sys.path)})
    save_tensors(tmp_path / "a", {"x": torch.arange(3), "y": torch.ones(2, 3, 4, 4)}, {"p": [2], "q": 1})
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_views_of_one_storage_are_stored(tmp_path):
    whole = torch.arange(4.0)
    save_tensors(tmp_path / "v", {"whole": whole, "half": whole[:2], "wide": whole[:1].expand(3)}, {})
    tensors, _ = load_tensors(tmp_path / "v")
    assert tensors["half"].tolist() == [0, 1]
    assert tensors["wide"].tolist() == [0, 0, 0]


def test_loaded_tensors_outlive_the_file(path):
    tensors, _ = load_tensors(path)
    path.write_bytes(b"")
    assert tensors["weights"].sum() == 15


def test_every_flipped_bit_is_detected(path):
    good = path.read_bytes()
    for position in range(len(good)):
        bad = bytearray(good)
        bad[position] ^= 2 << position % 7
        path.write_bytes(bad)
        with pytest.raises(CorruptFileError):
            load_facts(path)


def test_every_truncation_is_detected(path):
    good = path.read_bytes()
    for length in [0, 1, 7, 8, 9, len(good) // 2, len(good) - 1]:
        path.write_bytes(good[:length])
        with pytest.raises(CorruptFileError):
            load_facts(path)


def test_longer_files_are_refused(path):
    path.write_bytes(path.read_bytes() + b"\0")
    with pytest.raises(CorruptFileError):
        load_facts(path)


def test_files_of_others_are_refused(tmp_path):
    save_file({"x": torch.ones(2)}, tmp_path / "bare")
    save_file({"x": torch.ones(2)}, tmp_path / "odd", metadata={"backdoor_pipeline": json.dumps([1])})
    (tmp_path / "text").write_text("hello, this is no tensor file")
    for name in ["bare", "odd", "text"]:
        with pytest.raises(CorruptFileError, match="bears no seal"):
            load_facts(tmp_path / name)


def test_other_formats_are_refused_by_name(path, monkeypatch):
    monkeypatch.setattr(tensorfile, "FORMAT", 3)
    with pytest.raises(CorruptFileError, match="has format 2, this version reads format 3"):
        load_facts(path)


def test_a_missing_file_is_missing_not_corrupt(tmp_path):
    with pytest.raises(FileNotFoundError):
        load_facts(tmp_path / "absent")


def test_permissions_are_those_of_any_new_file(tmp_path) -> None:
    (tmp_path / "other").touch()
    save_tensors(tmp_path / "tensors", {"a": torch.ones(2)}, {})
    assert (tmp_path / "tensors").stat().st_mode == (tmp_path / "other").stat().st_mode
