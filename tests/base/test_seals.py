"""Seals: whatever happens to a file, it is noticed (P4)."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backdoor_pipeline.base import seals
from backdoor_pipeline.base.files import CorruptFileError
from backdoor_pipeline.base.seals import ANYONES, Seal

NAME = Path("digits/artefact-12345678/file")


def sealed(folder: Path, before: bytes = b"content ", after: bytes = b" more", beside: tuple = ()) -> Path:
    """A file with its seal somewhere in it."""
    path = folder / NAME
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(before + Seal.at(path, beside).blank.encode() + after)
    Seal.at(path, beside).close(path)
    return path


def test_a_sealed_file_is_known_again_wherever_the_data_folder_is(tmp_path) -> None:
    path = sealed(tmp_path / "here")
    Seal.at(path).check(path)
    ANYONES.check(path)
    (tmp_path / "here").rename(tmp_path / "there")
    moved = tmp_path / "there" / NAME
    Seal.at(moved).check(moved)
    assert moved.read_bytes().startswith(b"content sealed:digits/artefact-12345678/file:sha256:")


def test_equal_contents_give_equal_bytes(tmp_path) -> None:
    assert sealed(tmp_path / "a").read_bytes() == sealed(tmp_path / "b").read_bytes()


def test_a_whole_file_in_anothers_place_is_told_by_its_name(tmp_path) -> None:
    path = sealed(tmp_path)
    other = path.parent.with_name("artefact-87654321") / "file"
    other.parent.mkdir()
    path.rename(other)
    with pytest.raises(CorruptFileError, match="it is digits/artefact-12345678/file"):
        Seal.at(other).check(other)
    ANYONES.check(other)


@given(st.data())
def test_any_change_is_noticed(tmp_path_factory, data) -> None:
    path = sealed(
        tmp_path_factory.mktemp("seal"), data.draw(st.binary(max_size=40)), data.draw(st.binary(max_size=40))
    )
    good = bytearray(path.read_bytes())
    how = data.draw(st.sampled_from(["flip", "cut", "insert", "zero"]))
    place = data.draw(st.integers(0, len(good) - 1))
    bad = bytearray(good)
    if how == "flip":
        bad[place] ^= 1 << data.draw(st.integers(0, 7))
    elif how == "cut":
        del bad[place:]
    elif how == "insert":
        bad[place:place] = data.draw(st.binary(min_size=1, max_size=4))
    else:
        bad = bytearray(len(good))
    path.write_bytes(bad)
    if bad != good:
        with pytest.raises(CorruptFileError):
            Seal.at(path).check(path)


def test_every_flipped_bit_is_noticed(tmp_path) -> None:
    path = sealed(tmp_path)
    good = path.read_bytes()
    for bit in range(8 * len(good)):
        bad = bytearray(good)
        bad[bit // 8] ^= 1 << bit % 8
        path.write_bytes(bad)
        with pytest.raises(CorruptFileError):
            Seal.at(path).check(path)


@pytest.mark.parametrize("where", ["begin", "end"])
def test_large_files_bear_it_at_either_end(tmp_path, monkeypatch, where) -> None:
    monkeypatch.setattr(seals, "EDGE", 400)
    monkeypatch.setattr(seals, "BLOCK", 100)
    long, short = b"x" * 2000, b"y"
    path = sealed(tmp_path, *((short, long) if where == "begin" else (long, short)))
    Seal.at(path).check(path)
    content = path.read_bytes()
    path.write_bytes(content[:1000] + b"z" + content[1001:])
    with pytest.raises(CorruptFileError, match="not what was written"):
        Seal.at(path).check(path)


def test_it_answers_for_files_beside_it(tmp_path) -> None:
    one, two = tmp_path / "one.csv", tmp_path / "two.png"
    one.write_bytes(b"1,2")
    two.write_bytes(b"3")
    path = sealed(tmp_path, beside=(one, two))
    seal = Seal.at(path, (one, two))
    seal.check(path)
    one.write_bytes(b"1,")
    two.write_bytes(b"23")
    with pytest.raises(CorruptFileError, match="not what was written"):
        seal.check(path)
    two.unlink()
    with pytest.raises(FileNotFoundError):
        seal.check(path)


def test_what_bears_none_is_foreign(tmp_path) -> None:
    (tmp_path / "file").write_text("sealed::sha256:" + "0" * 63)
    with pytest.raises(CorruptFileError, match="no seal"):
        ANYONES.check(tmp_path / "file")
