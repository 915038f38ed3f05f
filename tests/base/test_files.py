import errno
import os

import pytest

from backdoor_pipeline.base import files
from backdoor_pipeline.base.errors import UserError
from backdoor_pipeline.base.files import discard_folder, replacing, set_aside, set_aside_if_there
from backdoor_pipeline.base.leftovers import opened_to_write


class Drawn:
    """What stands for a UUID."""

    def __init__(self, hex: str) -> None:
        self.hex = hex


def test_a_failed_write_leaves_what_was_there(tmp_path) -> None:
    path = tmp_path / "folder" / "file"
    with replacing(path) as temporary:
        temporary.write_text("first")
    with pytest.raises(RuntimeError), replacing(path) as temporary:
        temporary.write_text("sec")
        raise RuntimeError
    assert path.read_text() == "first"
    assert [one.name for one in path.parent.iterdir()] == ["file"]


def test_nothing_shows_before_the_end(tmp_path) -> None:
    path = tmp_path / "file"
    with replacing(path) as temporary:
        temporary.write_text("half")
        assert not path.exists()
    assert path.read_text() == "half"


def test_set_aside_keeps_the_evidence(tmp_path, caplog) -> None:
    path = tmp_path / "model.safetensors"
    path.write_text("damaged")
    aside = set_aside(path, "truncated")
    assert not path.exists()
    assert aside.read_text() == "damaged"
    assert "truncated" in caplog.text


def test_what_was_set_aside_before_is_never_written_over(tmp_path, monkeypatch) -> None:
    """Several files of one name may be set aside within a second, and 16 bits be drawn twice."""
    drawn = [*("a" * 4 for _ in range(9)), "b" * 4]
    monkeypatch.setattr(files, "uuid4", lambda: Drawn(drawn.pop(0)))
    monkeypatch.setattr(files.time, "strftime", lambda *_: "20260101-000000")
    path = tmp_path / "file"
    for content in ("first", "second"):
        path.write_text(content)
        set_aside(path, "truncated")
    assert sorted(file.read_text() for file in tmp_path.glob("file.corrupt-*")) == ["first", "second"]


def test_a_folder_in_the_place_of_a_file_is_set_aside(tmp_path) -> None:
    (tmp_path / "file").mkdir()
    (tmp_path / "file/inside").write_text("kept")
    aside = set_aside(tmp_path / "file", "it is a folder")
    assert (aside / "inside").read_text() == "kept"
    assert list(tmp_path.iterdir()) == [aside]


def test_a_file_that_is_gone_cannot_be_set_aside(tmp_path) -> None:
    with pytest.raises(UserError):
        set_aside(tmp_path / "file", "truncated")
    assert not list(tmp_path.iterdir())


def test_a_file_that_another_process_has_set_aside_need_not_be(tmp_path, monkeypatch, caplog) -> None:
    path, free = tmp_path / "file", files._free_name
    path.write_text("damaged")
    with monkeypatch.context() as slow:  # the other is between this one's look and its renaming
        slow.setattr(files, "_free_name", lambda path: (path.unlink(), free(path))[1])
        set_aside_if_there(path, "truncated")
    assert not list(tmp_path.iterdir())
    assert caplog.text == ""
    path.write_text("damaged")
    set_aside_if_there(path, "truncated")
    assert [file.read_text() for file in tmp_path.iterdir()] == ["damaged"]
    path.write_text("damaged")

    def refuse(*_: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(files.os, "replace", refuse)
    with pytest.raises(UserError, match="permission is denied"):
        set_aside_if_there(path, "truncated")


@pytest.mark.parametrize(
    ("number", "advice"),
    [
        (errno.ENOSPC, "the disk is full: make room"),
        (errno.EDQUOT, "quota"),
        (errno.EFBIG, "ulimit -f"),
        (errno.EROFS, "make it writable"),
        (errno.EACCES, "get access to its folder"),
        (errno.EIO, "Input/output error: see to that disk"),
    ],
)
@pytest.mark.parametrize("where", ["open", "write", "fsync", "replace"])
def test_what_cannot_be_written_is_a_sentence_and_leaves_nothing(
    tmp_path, monkeypatch, number, advice, where
) -> None:
    path = tmp_path / "file"
    path.write_text("before")

    def fail(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    if where != "write":
        monkeypatch.setattr(os, where, fail)
    with (
        pytest.raises(UserError, match=f"{path} cannot be written, as .*{advice}"),
        replacing(path) as temporary,
    ):
        temporary.write_text("after")
        if where == "write":
            fail()
    monkeypatch.undo()
    assert path.read_text() == "before"
    assert [one.name for one in tmp_path.iterdir()] == ["file"]


def test_a_librarys_own_error_is_let_through(tmp_path) -> None:
    with pytest.raises(OSError, match="encode"), replacing(tmp_path / "file"):
        raise OSError("cannot encode")


def test_a_folder_that_cannot_be_made(tmp_path) -> None:
    (tmp_path / "file").touch()
    with (
        pytest.raises(UserError, match="below/file cannot be written"),
        replacing(tmp_path / "file/below/file"),
    ):
        pytest.fail("there is nowhere to write")


def test_a_folder_is_discarded_but_for_what_is_being_written(tmp_path) -> None:
    folder = tmp_path / "checkpoints"
    discard_folder(folder)
    folder.mkdir()
    (folder / "train.safetensors").touch()
    (folder / ".train.safetensors.12345678.tmp").touch()
    with opened_to_write(folder / "mask.safetensors") as temporary:
        discard_folder(folder)
        assert list(folder.iterdir()) == [temporary]
    discard_folder(folder)
    assert not folder.exists()
