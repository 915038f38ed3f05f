"""A read error is not damage: it is tried again, then told; nothing is set aside for it."""

import errno
import logging
from pathlib import Path

import pytest

from backdoor_pipeline.base import reading
from backdoor_pipeline.base.errors import UserError
from backdoor_pipeline.base.files import CorruptFileError
from backdoor_pipeline.base.reading import patiently


@pytest.fixture(autouse=True)
def hurried(monkeypatch) -> None:
    monkeypatch.setattr(reading, "PAUSES", (0.0, 0.0, 0.0))


def failing(times: int, error: OSError):
    """Reads that fail so often, and then do not."""
    left = [error] * times

    def read(path: Path) -> str:
        if left:
            raise left.pop()
        return "content"

    return read


@pytest.mark.parametrize("number", [errno.EIO, errno.ESTALE, errno.ETIMEDOUT, errno.EMFILE])
def test_a_hiccup_costs_nothing(number, caplog) -> None:
    with caplog.at_level(logging.WARNING):
        assert patiently(failing(3, OSError(number, "hiccup")), Path("model")) == "content"
    assert caplog.text.count("model could not be read (hiccup): it is tried again") == 3


def test_what_stays_unreadable_is_a_sentence() -> None:
    with pytest.raises(UserError, match=r"model cannot be read \(Input/output error\): nothing was changed"):
        patiently(failing(4, OSError(errno.EIO, "Input/output error")), Path("model"))


def test_access_that_is_denied_is_not_tried_again(caplog) -> None:
    with pytest.raises(UserError, match=r"model cannot be read \(denied\)"):
        patiently(failing(1, PermissionError(errno.EACCES, "denied")), Path("model"))
    assert not caplog.text


def test_a_decoders_complaint_is_damage() -> None:
    with pytest.raises(CorruptFileError, match="thrift"):
        patiently(failing(1, OSError("Couldn't deserialize thrift")), Path("model"))


def test_folders_and_files_that_are_not_there(tmp_path) -> None:
    with pytest.raises(CorruptFileError, match="folder"):
        patiently(Path.read_bytes, tmp_path)
    (tmp_path / "file").touch()
    for absent in ("absent", "file/below"):
        with pytest.raises(FileNotFoundError, match="no file"):
            patiently(Path.read_bytes, tmp_path / absent)
