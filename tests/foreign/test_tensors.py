"""Files of others: tensors come out, and nothing in them is executed."""

import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from backdoor_pipeline.base.errors import UserError
from backdoor_pipeline.foreign.tensors import read_tensors


class Evil:
    """Writes a file when it is unpickled."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        return Path.touch, (self.marker,)


def test_safetensors_are_read(tmp_path) -> None:
    save_file({"weight": torch.arange(3)}, tmp_path / "a.safetensors")
    assert read_tensors(tmp_path / "a.safetensors")["weight"].tolist() == [0, 1, 2]


def test_nested_tables_of_pytorch_are_read(tmp_path) -> None:
    content = {
        "epoch": 3,
        "state_dict": {"a.weight": torch.ones(2)},
        "y": [1, 2],
        "x": np.zeros((2, 2), np.uint8),
    }
    torch.save(content, tmp_path / "a.pt")
    found = read_tensors(tmp_path / "a.pt")
    assert {name: one.tolist() for name, one in found.items()} == {
        "state_dict.a.weight": [1, 1], "y": [1, 2], "x": [[0, 0], [0, 0]],
    }  # fmt: skip


@pytest.mark.parametrize("old", [False, True])
def test_what_a_file_wants_to_execute_is_not(tmp_path, old) -> None:
    marker = tmp_path / "executed"
    torch.save({"a": Evil(marker)}, tmp_path / "a.pt", _use_new_zipfile_serialization=not old)
    with pytest.raises(UserError, match=r"without executing .*save_file"):
        read_tensors(tmp_path / "a.pt")
    assert not marker.exists()


def test_a_bare_pickle_is_not_executed(tmp_path) -> None:
    marker = tmp_path / "executed"
    (tmp_path / "a.pt").write_bytes(pickle.dumps(Evil(marker)))
    with pytest.raises(UserError, match="without executing"):
        read_tensors(tmp_path / "a.pt")
    assert not marker.exists()


def test_other_files_are_refused(tmp_path) -> None:
    (tmp_path / "a.pt").write_text("weights")
    for file in ("a.pt", "b.pt", "."):
        with pytest.raises(UserError):
            read_tensors(tmp_path / file)
